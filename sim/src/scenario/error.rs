//! Errors in scenarios, each as one sentence.

use std::borrow::Cow;
use std::fmt;

/// Where a wrong value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this line of the file, from 1.
    Line(usize),
    /// In this override, quoted as given.
    Override(String),
    /// In the file as a whole, or in a scenario that a program changed.
    Whole,
}

/// Why a text is not a valid scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// File name, or name of the built-in scenario.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// Dotted path of the key; empty if the file as a whole is wrong. List elements are numbered
    /// from 0.
    pub key: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        match &self.place {
            Place::Line(line) => write!(f, ", line {line}")?,
            Place::Override(text) => write!(f, ", --set {}", shown(text))?,
            Place::Whole => {}
        }
        if !self.key.is_empty() {
            write!(f, ", key {}", shown(&self.key))?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

/// An error in a scenario as a whole: the key, what was expected, what was found.
pub(super) type Fault = (String, String, String);

/// A [`ScenarioError`] without the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Problem {
    pub(super) fn new(
        place: &Place,
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            place: place.clone(),
            key: key.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(super) fn in_file(self, file: &str) -> ScenarioError {
        ScenarioError {
            file: file.to_owned(),
            place: self.place,
            key: self.key,
            expected: self.expected,
            found: self.found,
        }
    }
}

/// Text to print unquoted. It is quoted after all if it would break the line or the sentence.
fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= MOST && !text.contains(char::is_control) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(quoted(text))
    }
}

/// Longest text from the user that an error repeats, in characters.
const MOST: usize = 80;

/// Text from the user as part of a sentence: quoted, on one line, and cut if too long.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= MOST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start:?}…")
}
