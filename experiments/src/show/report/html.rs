//! What pages are made of: headings, paragraphs, tables, figures. It knows of no plan and no
//! results.

use std::fmt::Write as _;

/// Text as part of a page. `<` is escaped everywhere, so no text can end a script or a style.
pub(crate) use unchoke_replay::page::escape;

use crate::findings::verdict::{CANNOT_TELL, NOTHING_TO_SAVE};
use crate::show::figure::{Scene, bare};

const STYLE: &str = include_str!("../../../assets/report.css");

/// Most rows of a table that is not folded away.
const MOST_OPEN_ROWS: usize = 12;
/// Most rows of a table at all: nobody reads more on a page.
const MOST_ROWS: usize = 240;

/// A page, or a part of one, in the making.
#[derive(Debug, Default)]
pub(crate) struct Html {
    text: String,
}

impl Html {
    /// The page up to its first section.
    pub(crate) fn begin(name: &str, question: &str, status: &str) -> Self {
        let mut page = Self::default();
        let name = escape(name);
        page.push("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">");
        page.push("<meta name=\"viewport\" content=\"width=device-width\">");
        page.push(&format!(
            "<title>{name}</title>\n<style>\n{STYLE}</style>\n<main>\n<h1>{name}</h1>"
        ));
        page.push(&format!("<p class=\"question\">{}</p>", escape(question)));
        page.push(&format!("<p class=\"status\">{}</p>", escape(status)));
        page
    }

    /// The whole of a page that [`Html::begin`] began.
    pub(crate) fn page(mut self) -> String {
        self.text.push_str("</main>\n</html>\n");
        self.text
    }

    /// A part of a page.
    pub(crate) fn part(self) -> String {
        self.text
    }

    /// HTML as it is, and the end of a line.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
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

    pub(crate) fn quote(&mut self, text: &str) {
        self.push(&format!("<blockquote>{}</blockquote>", escape(text)));
    }

    /// A table. Verdict words get a class of their own; columns that say nothing in any row are
    /// left out.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let filled = |at: &usize| {
            rows.iter()
                .any(|row| row.get(*at).is_some_and(|it| !it.is_empty() && it != "-"))
        };
        let columns: Vec<usize> = (0..head.len())
            .filter(|it| rows.is_empty() || filled(it))
            .collect();
        let mut text = String::from("<div class=\"wide\"><table>\n<thead><tr>");
        for at in &columns {
            write!(text, "<th>{}</th>", escape(head[*at]))
                .expect("writing to a string does not fail");
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            text.push_str("<tr>");
            for it in columns.iter().filter_map(|at| row.get(*at)) {
                let class = match it.as_str() {
                    "supported" | "saves" | "kept" | "shown" | "PASS" => " class=\"good\"",
                    "refuted" | "costs" | "degraded" | "FAIL" => " class=\"bad\"",
                    "inconclusive"
                    | "no saving shown"
                    | "saves (time not shown)"
                    | "saves but degrades"
                    | "not shown" => " class=\"open\"",
                    it if it == NOTHING_TO_SAVE || it.starts_with(CANNOT_TELL) => " class=\"open\"",
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

    /// A table that is folded away if it is long, and left to `summary.csv`, which has its rows, if
    /// it is longer still.
    pub(crate) fn long(&mut self, summary: &str, head: &[&str], rows: &[Vec<String>]) {
        if rows.len() <= MOST_OPEN_ROWS {
            return self.table(head, rows);
        }
        if rows.len() > MOST_ROWS {
            return self.paragraph(&format!(
                "{summary}: summary.csv has these {} rows.",
                rows.len()
            ));
        }
        let mut table = Self::default();
        table.table(head, rows);
        let summary = format!("{summary} ({} rows)", rows.len());
        self.fold(&summary, &table.part());
    }

    /// HTML that a reader unfolds.
    pub(crate) fn fold(&mut self, summary: &str, html: &str) {
        self.push(&format!(
            "<details><summary>{}</summary>\n{}\n</details>",
            escape(summary),
            html.trim_end()
        ));
    }

    /// A picture with its words below it, which also tell those who cannot see it.
    pub(crate) fn figure(&mut self, caption: &str, scene: &Scene) {
        let (label, drawing) = (escape(caption), bare(scene));
        self.push(&format!(
            "<figure>\n<div class=\"drawing\" role=\"img\" tabindex=\"0\" aria-label=\"{label}\">{drawing}</div>\n\
             <figcaption>{label}</figcaption>\n</figure>"
        ));
    }

    /// What two people compare to know that they have the same results.
    pub(crate) fn provenance(&mut self, hash: &str, engine: &str, reproduce: &str) {
        self.push(&format!(
            "<p>Results hash <code>{}</code><br>Engine <code>{}</code></p>\n<pre>{}</pre>",
            escape(hash),
            escape(engine),
            escape(reproduce)
        ));
    }

    /// The text of a plan, folded away.
    pub(crate) fn plan(&mut self, toml: &str) {
        self.fold("The plan as run", &format!("<pre>{}</pre>", escape(toml)));
    }
}
