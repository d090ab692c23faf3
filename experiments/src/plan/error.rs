//! Errors in plans: one sentence with file, line and key.

use std::fmt;

use toml::de::{DeTable, DeValue};

/// Where an error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// In this line of the file, from 1.
    Line(usize),
    /// In this command-line option.
    Option(String),
    /// In the file as a whole.
    Whole,
}

/// Why a plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The plan file.
    pub file: String,
    /// Where in the file.
    pub at: Where,
    /// Dotted path of the key; empty if the file as a whole is wrong. List elements are numbered
    /// from 0.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        match &self.at {
            Where::Line(line) => write!(f, ", line {line}")?,
            Where::Option(option) => write!(f, ", {option}")?,
            Where::Whole => {}
        }
        if !self.key.is_empty() {
            write!(f, ", key {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The text of a plan file, for finding the line of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// An error at a dotted path such as `baseline.1.policy`.
    pub(super) fn error(&self, key: &str, message: impl Into<String>) -> PlanError {
        PlanError {
            file: self.file.to_owned(),
            at: self.find(key).map_or(Where::Whole, Where::Line),
            key: key.to_owned(),
            message: message.into(),
        }
    }

    /// An error from the TOML parser.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> PlanError {
        let line = error.span().map(|span| self.line(span.start));
        PlanError {
            file: self.file.to_owned(),
            at: line.map_or(Where::Whole, Where::Line),
            key: String::new(),
            message: error.message().lines().collect::<Vec<_>>().join("; "),
        }
    }

    fn line(&self, offset: usize) -> usize {
        let ends = self.text.match_indices('\n');
        ends.take_while(|end| end.0 < offset).count() + 1
    }

    /// Line of the deepest part of the path that the file contains.
    fn find(&self, path: &str) -> Option<usize> {
        let root = DeTable::parse(self.text).ok()?;
        let mut offset = None;
        let mut parts = path.split('.');
        let (key, value) = root.get_ref().get_key_value(parts.next()?)?;
        offset = Some(key.span().start).or(offset);
        let mut value = value;
        for part in parts {
            let next = match value.get_ref() {
                DeValue::Table(table) => {
                    table.get_key_value(part).map(|(key, it)| (key.span(), it))
                }
                DeValue::Array(items) => {
                    let item = part.parse::<usize>().ok().and_then(|it| items.get(it));
                    item.map(|it| (it.span(), it))
                }
                _ => None,
            };
            let Some((span, it)) = next else { break };
            offset = Some(span.start);
            value = it;
        }
        offset.map(|it| self.line(it))
    }
}
