//! Reads the table of claims.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::super::Failure;
use super::super::args;
use crate::plan::Source;

/// A sentence with numbers that come from a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    pub(super) claim: String,
    /// Its place in README.md, for readers.
    #[serde(rename = "where")]
    pub(super) place: String,
    /// The sentence, with `{min}` and `{max}` for the numbers, `{count}` for the selected rows and
    /// `{all}` for all rows of the table.
    pub(super) says: String,
    /// A text that precedes it in the same paragraph or row.
    #[serde(default)]
    pub(super) after: String,
    pub(super) file: String,
    pub(super) column: String,
    /// Divide by this column, if there is one.
    #[serde(default)]
    pub(super) per: Option<String>,
    /// Subtract this, before the number is scaled.
    #[serde(default)]
    pub(super) minus: f64,
    /// Selects rows: columns and their required values; `!text` means any other value.
    pub(super) rows: BTreeMap<String, String>,
    pub(super) scale: f64,
    pub(super) digits: usize,
}

/// A plan whose runs are repeated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rerun {
    pub(super) claim: String,
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) plan: String,
    /// Duration of the whole plan on two cores, minutes.
    pub(super) minutes: u32,
    pub(super) memory_mb: u32,
}

/// The whole table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    #[serde(default, rename = "figure")]
    pub(super) figures: Vec<Figure>,
    #[serde(default, rename = "rerun")]
    pub(super) reruns: Vec<Rerun>,
}

impl Claims {
    /// Reads the table, and keeps the claims whose name contains `only`.
    pub(super) fn read(file: &Path, only: Option<&str>) -> Result<Self, Failure> {
        let text = args::read(file).map_err(|it| Failure {
            message: format!("{}; run this in the folder of the repository", it.message),
            ..it
        })?;
        let name = file.display().to_string();
        let source = Source {
            file: &name,
            text: &text,
        };
        let mut read: Self = toml::from_str(&text).map_err(|it| source.toml_error(&it))?;
        let wanted = |claim: &str| only.is_none_or(|it| claim.contains(it));
        read.figures.retain(|it| wanted(&it.claim));
        read.reruns.retain(|it| wanted(&it.claim));
        if read.figures.is_empty() && read.reruns.is_empty() {
            let only = only.unwrap_or_default();
            return Err(Failure::usage(format!(
                "{}: no claim has {only:?} in its name",
                file.display()
            )));
        }
        Ok(read)
    }

    /// One row per claim, for people.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "| claim | command | expected | tolerance | minutes | memory | where |\n\
             |---|---|---|---|---|---|---|\n",
        );
        let mut row =
            |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
        for it in &self.figures {
            row(format!(
                "| {} | `lab repro --only '{}'` | {} in {} | as rounded | 0 | | {} |",
                it.claim, it.claim, it.column, it.file, it.place
            ));
        }
        for it in &self.reruns {
            row(format!(
                "| {} | `lab repro --full --only '{}'` | results/{} | none: to the byte | {} | {} MB | {} |",
                it.claim, it.claim, it.plan, it.minutes, it.memory_mb, it.place
            ));
        }
        text
    }
}
