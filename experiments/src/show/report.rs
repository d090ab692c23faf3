//! `report.html`: one file that opens offline, needs no script and prints well.
//!
//! Map: `html` is what any page is made of, `page` what the sections share; each other file is a section
//! or two, in the order of [`report`].

mod answer;
mod flows;
pub(crate) mod html;
mod ladder;
mod methods;
pub(crate) mod page;
mod scenarios;
mod time;
mod verdict;

use page::{Page, begin};

use crate::findings::analysis::Analysis;
use crate::plan::Plan;
use crate::show::figure::Picture;

/// What the report says beside the results.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The results hash.
    pub hash: &'a str,
    /// Version of the engine.
    pub engine: &'a str,
    /// The line that makes the same results.
    pub reproduce: &'a str,
    /// Runs.
    pub units: usize,
    /// Sections that others bring, in their order, before the methods.
    pub sections: &'a [Section],
}

/// A section that is not made of the plan's comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Anchor of its heading.
    pub id: String,
    /// Its heading, as text.
    pub heading: String,
    /// What follows, as HTML that is well-formed by itself and loads nothing.
    pub html: String,
}

/// The page.
#[must_use]
pub fn report(
    plan: &Plan,
    analysis: &Analysis,
    pictures: &[Picture],
    context: &Context<'_>,
) -> String {
    let mut page = Page {
        html: begin(plan),
        plan,
        analysis,
        pictures,
    };
    page.answer();
    page.payers();
    page.bytes();
    page.ladder();
    page.time();
    page.tail();
    page.sweeps();
    page.verdicts();
    page.forest();
    page.scenarios();
    for it in context.sections {
        page.html.heading(&it.heading, &it.id);
        page.html.push(&it.html);
    }
    page.methods(context);
    page.html.page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::toy::analysed;

    #[test]
    fn the_page_stands_alone_and_in_order() {
        let (mut plan, analysis) = analysed();
        plan.question = "Is </script><script>alert(1)</script> & so on safe?".to_owned();
        let pictures = crate::show::figure::pictures(&plan, &analysis);
        let sections = [Section {
            id: "extra".to_owned(),
            heading: "More & more".to_owned(),
            html: "<p>of others</p>".to_owned(),
        }];
        let context = Context {
            hash: "ab12",
            engine: "v1",
            reproduce: "lab run toy",
            units: 3,
            sections: &sections,
        };
        let page = report(&plan, &analysis, &pictures, &context);
        assert!(
            !page.contains("<script") && !page.contains("</script"),
            "escaped"
        );
        for link in ["src=\"http", "href=\"http", "@import", "url("] {
            assert!(!page.contains(link), "the page loads nothing: {link}");
        }
        let ids = [
            "answer",
            "matrix",
            "bytes",
            "time",
            "tail",
            "sweeps",
            "verdict",
            "forest",
            "scenarios",
            "extra",
            "methods",
        ];
        let at: Vec<Option<usize>> = ids
            .iter()
            .map(|it| page.find(&format!("id=\"{it}\"")))
            .collect();
        assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?}");
        assert_eq!(page.matches("<svg").count(), 9);
        assert!(page.contains("ab12") && page.contains("As much as it was told to."));
        // A heading without anything below it is left out.
        plan.figures = vec![crate::plan::Figure::Joint];
        let page = report(&plan, &analysis, &[], &context);
        assert!(page.contains("id=\"tail\"") && !page.contains("id=\"time\""));
    }
}
