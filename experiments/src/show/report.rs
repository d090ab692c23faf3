//! `report.html`: one file that opens offline, needs no script and prints well.
//!
//! Map: `html` is what any page is made of, `page` what the sections share; each other file is a
//! section or two, in the order of [`report`].

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
    use crate::findings::toy::{analysed, analysis_of};
    use crate::plan::{Changes, Status, load};
    use crate::run::toy::{PLAN, Toy};

    const CONTEXT: Context<'_> = Context {
        hash: "ab12",
        engine: "v1",
        reproduce: "lab run toy",
        units: 3,
        sections: &[],
    };

    fn section<'a>(page: &'a str, id: &str) -> &'a str {
        let from = page.split_once(&format!("id=\"{id}\"")).expect(id).1;
        from.split("<h2").next().expect("a part")
    }

    #[test]
    fn a_long_question_leaves_the_whole_answer() {
        let (mut plan, analysis) = analysed();
        plan.question = "word ".repeat(80) + "? More.";
        plan.contrasts[0].name = "a_name_that_leaves_no_room_for_anything_else".to_owned();
        let page = report(&plan, &analysis, &[], &CONTEXT);
        let answer = section(&page, "answer");
        assert!(answer.contains("50 % of peers adopt):</p>"), "{answer}");
        for name in ["a_name_that_leaves_no_room_for_anything_else", "vs bep3"] {
            assert!(answer.to_lowercase().contains(name), "{name}: {answer}");
        }
        assert!(!answer.contains("..."), "nothing is cut: {answer}");
        assert!(
            answer.matches("<p class=\"part\">").count() >= 3,
            "{answer}"
        );
    }

    #[test]
    fn one_seed_has_no_intervals() {
        let text = PLAN.replace("count = 24", "count = 1");
        let plan = load("toy.toml", &text, &Changes::default()).expect("right");
        let toy = Toy {
            upload: 40,
            time: 108,
            noise: 5,
        };
        let page = report(&plan, &analysis_of(&plan, toy), &[], &CONTEXT);
        assert!(
            page.contains("[?]: one seed gives no interval."),
            "unknown intervals are marked"
        );
        for wrong in ["inf", "NaN", "1 seeds", "1 paired seeds"] {
            assert!(!page.contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn every_contrast_has_a_bound_of_its_own() {
        let (plan, analysis) = analysed();
        let page = report(&plan, &analysis, &[], &CONTEXT);
        let bound = section(&page, "bytes");
        assert!(bound.contains("<th>waste needed</th>"), "{bound}");
        let rows = plan.scenarios.len() * plan.contrasts.len();
        assert_eq!(bound.matches("<td>no</td>").count(), rows, "{bound}");
    }

    #[test]
    fn a_changed_plan_says_what_stood_there_before() {
        let (mut plan, analysis) = analysed();
        plan.status = Status::Amended {
            after_runs: 9,
            changed: vec!["margins.time: \"5 %\" -> \"8 %\"".to_owned()],
        };
        plan.amendments = Some("2026-11-29: 5 % was too strict.".to_owned());
        let reworded = "question: \"It is. Does it save?\" -> \"It is. Does it not save?\"";
        plan.reworded = vec![reworded.to_owned()];
        let page = report(&plan, &analysis, &[], &CONTEXT);
        let top = page.split("<h2").next().expect("a part");
        for part in [
            "amended after 9 runs",
            "<blockquote>2026-11-29: 5 % was too strict.</blockquote>",
            "<summary>Before and after (1 change)</summary>",
            "<dt><code>margins.time</code></dt>\n<dd><b>Before:</b> 5 %</dd>\n<dd><b>Now:</b> 8 %</dd>",
            "<dd><b>Before:</b> Does it save?</dd>\n<dd><b>Now:</b> Does it not save?</dd>",
        ] {
            assert!(top.contains(part), "{part}\n{top}");
        }
    }

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
            sections: &sections,
            ..CONTEXT
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
