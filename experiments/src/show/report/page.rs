//! What sections are made of: headings, paragraphs, tables, figures.

use std::fmt::Write as _;

use crate::findings::analysis::{Analysis, Comparison};
use crate::plan::{Figure, Plan};
use crate::show::figure::{Picture, RenderError, svg};
use crate::show::words;

const STYLE: &str = include_str!("../../../assets/report.css");

/// A page in the making.
pub(crate) struct Page<'a> {
    pub(crate) text: String,
    pub(super) plan: &'a Plan,
    pub(super) analysis: &'a Analysis,
    pub(super) pictures: &'a [Picture],
}

/// Text as part of a page. `<` is escaped everywhere, so no text can end a script or a style.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl<'a> Page<'a> {
    pub(crate) fn new(plan: &'a Plan, analysis: &'a Analysis, pictures: &'a [Picture]) -> Self {
        let text = String::new();
        Self {
            text,
            plan,
            analysis,
            pictures,
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// The page up to its first section.
    pub(crate) fn head(&mut self) {
        let name = escape(&self.plan.name);
        self.push("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">");
        self.push("<meta name=\"viewport\" content=\"width=device-width\">");
        self.push(&format!(
            "<title>{name}</title>\n<style>\n{STYLE}</style>\n<main>\n<h1>{name}</h1>"
        ));
        let question = self.plan.question.clone();
        self.push(&format!("<p class=\"question\">{}</p>", escape(&question)));
        let status = if self.plan.registered {
            "Registered plan: estimands, margins and seeds were fixed before the run."
        } else {
            "Exploratory: options changed the registered plan; nothing here is a test of it."
        };
        self.push(&format!("<p class=\"status\">{status}</p>"));
    }

    pub(crate) fn heading(&mut self, text: &str, id: &str) {
        self.push(&format!("<h2 id=\"{id}\">{}</h2>", escape(text)));
    }

    pub(crate) fn subheading(&mut self, text: &str) {
        self.push(&format!("<h3>{}</h3>", escape(text)));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.push(&format!("<p>{}</p>", escape(text)));
    }

    /// A table. Verdict words get a class of their own.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let mut text = String::from("<div class=\"wide\"><table>\n<thead><tr>");
        for it in head {
            write!(text, "<th>{}</th>", escape(it)).expect("writing to a string does not fail");
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            text.push_str("<tr>");
            for it in row {
                let class = match it.as_str() {
                    "supported" | "saves" | "kept" | "PASS" => " class=\"good\"",
                    "refuted" | "no saving shown" | "degraded" | "FAIL" => " class=\"bad\"",
                    "inconclusive"
                    | "saves (time not shown)"
                    | "saves but degrades"
                    | "not shown" => " class=\"open\"",
                    _ => "",
                };
                write!(text, "<td{class}>{}</td>", escape(it))
                    .expect("writing to a string does not fail");
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table></div>");
        self.push(&text);
    }

    /// A table that is folded away: its rows stand in a CSV file too.
    pub(super) fn folded(&mut self, summary: &str, head: &[&str], rows: &[Vec<String>]) {
        self.push(&format!("<details><summary>{}</summary>", escape(summary)));
        self.table(head, rows);
        self.push("</details>");
    }

    /// The pictures of a figure that are about all scenarios, or about `scenario`. Says whether
    /// there were any.
    pub(crate) fn figures(
        &mut self,
        figure: Figure,
        scenario: Option<usize>,
    ) -> Result<bool, RenderError> {
        let pictures = self.pictures;
        let wanted = |it: &&Picture| it.figure == figure && it.scenario == scenario;
        let mut any = false;
        for it in pictures.iter().filter(wanted) {
            any = true;
            let drawing = svg(&it.scene)?;
            let label = escape(&it.caption);
            self.push(&format!(
                "<figure role=\"img\" aria-label=\"{label}\">\n{drawing}\n</figure>"
            ));
        }
        Ok(any)
    }

    /// Rows of [`COMPARISON_HEAD`].
    pub(super) fn comparisons(&self, keep: impl Fn(&Comparison) -> bool) -> Vec<Vec<String>> {
        let plan = self.plan;
        let baseline = |it: &Comparison| {
            it.baseline.map_or("itself (A/A)".to_owned(), |at| {
                plan.baselines[at].name.clone()
            })
        };
        let row = |it: &Comparison| {
            vec![
                plan.scenarios[it.scenario].name.clone(),
                baseline(it),
                it.adoption.label(),
                it.group.name().to_owned(),
                it.quantity.id().to_owned(),
                words::estimate(it),
                it.size
                    .map_or("", crate::findings::verdict::Size::word)
                    .to_owned(),
                it.direction
                    .map_or("", crate::findings::verdict::Direction::word)
                    .to_owned(),
                it.time
                    .map_or("", crate::findings::verdict::Time::word)
                    .to_owned(),
                format!("{:.2}", it.pairing.variance_reduction),
            ]
        };
        let all = self.analysis.comparisons.iter();
        all.filter(|it| keep(it)).map(row).collect()
    }
}

/// Columns of [`Page::comparisons`].
pub(super) const COMPARISON_HEAD: [&str; 10] = [
    "scenario",
    "baseline",
    "adoption",
    "group",
    "quantity",
    "estimate [95 % CI]",
    "size",
    "direction",
    "time",
    "variance removed",
];
