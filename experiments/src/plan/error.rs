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
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
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
    pub(crate) fn toml_error(&self, error: &toml::de::Error) -> PlanError {
        let start = error.span().map(|span| span.start);
        let line = start.map(|it| self.line(it));
        PlanError {
            file: self.file.to_owned(),
            at: line.map_or(Where::Whole, Where::Line),
            key: start.map_or_else(String::new, |it| self.key_before(it)),
            message: in_words(error.message()),
        }
    }

    /// The key whose value begins at this offset; empty if no value does.
    fn key_before(&self, offset: usize) -> String {
        let before = self.text.get(..offset).map(str::trim_end);
        let Some(before) = before.and_then(|it| it.strip_suffix('=')) else {
            return String::new();
        };
        let part = |it: char| it.is_alphanumeric() || "_-.".contains(it);
        let key = before.trim_end().rsplit(|it| !part(it)).next();
        key.unwrap_or_default().to_owned()
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

/// What a parser says of a value, in words of somebody who writes a file and not the program that reads it.
#[must_use]
pub fn in_words(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join("; ");
    let kind = ["invalid type: ", "invalid value: "];
    let mut kinds = kind.iter().filter_map(|it| message.strip_prefix(it));
    if let Some((found, wanted)) = kinds.next().and_then(|it| it.split_once(", expected ")) {
        return format!(
            "is {}; give {}",
            found_in_words(found),
            wanted_in_words(wanted)
        );
    }
    if message.starts_with("invalid length") {
        return "is a list; give a table of keys".to_owned();
    }
    match message.strip_prefix("missing field ") {
        Some(key) => format!("the key {key} is missing; add it"),
        None => message,
    }
}

fn found_in_words(found: &str) -> String {
    match found.split_once(' ') {
        _ if found == "sequence" => "a list".to_owned(),
        _ if found == "map" => "a table".to_owned(),
        Some(("integer" | "float", number)) => format!("the number {}", number.replace('`', "")),
        Some(("floating", rest)) => {
            format!(
                "the number {}",
                rest.trim_start_matches("point ").replace('`', "")
            )
        }
        Some(("string", text)) => format!("the text {text}"),
        Some(("boolean", truth)) => truth.replace('`', ""),
        _ => found.to_owned(),
    }
}

fn wanted_in_words(wanted: &str) -> String {
    let number = wanted.strip_prefix(['u', 'i']);
    let whole = number.is_some_and(|it| it.parse::<u8>().is_ok() || it == "size");
    match wanted {
        "a string" => "text in quotes, a share for example as \"40 %\"".to_owned(),
        "a sequence" => "a list in brackets".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "f64" => "a number".to_owned(),
        _ if whole => "a whole number that is not negative".to_owned(),
        "a map" => "a table of keys".to_owned(),
        _ if wanted.starts_with("struct ") => "a table of keys".to_owned(),
        _ => wanted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_type_is_told_without_words_of_the_parser() {
        for (said, told) in [
            (
                "invalid type: integer `1`, expected a string",
                "is the number 1; give text in quotes, a share for example as \"40 %\"",
            ),
            (
                "invalid type: string \"x\", expected u32",
                "is the text \"x\"; give a whole number that is not negative",
            ),
            (
                "invalid type: floating point `1.5`, expected struct SeedsFile",
                "is the number 1.5; give a table of keys",
            ),
            (
                "invalid type: boolean `true`, expected a sequence",
                "is true; give a list in brackets",
            ),
            (
                "invalid length 0, expected struct Bench with 4 elements",
                "is a list; give a table of keys",
            ),
            ("missing field `name`", "the key `name` is missing; add it"),
            (
                "unknown field `a`,\nexpected `b`",
                "unknown field `a`,; expected `b`",
            ),
        ] {
            assert_eq!(in_words(said), told);
        }
    }

    #[test]
    fn the_key_of_a_wrong_value_is_named() {
        let text = "name = \"a\"\nmargins = { time = \"5 %\", claim = 1 }";
        let source = Source { file: "p", text };
        let key = |value: &str| source.key_before(text.find(value).expect("there"));
        assert_eq!(
            [key("1 }"), key("{"), key("name")],
            ["claim", "margins", ""]
        );
    }
}
