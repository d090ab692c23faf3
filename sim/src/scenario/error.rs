//! What is wrong with a scenario, in one sentence.

use std::borrow::Cow;
use std::fmt;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This line of the file, from 1.
    Line(usize),
    /// This override, as given.
    Override(String),
    /// The file as a whole, or a scenario that a program has changed.
    Whole,
}

/// Why a text is not a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// File, or name of the built-in scenario.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// Dotted path of the key; empty for the file as a whole. Elements of lists are numbered
    /// from 0.
    pub key: String,
    /// What belongs there.
    pub expected: String,
    /// What is there.
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

/// What is wrong with a scenario as a whole: the key, what belongs there, what is there.
pub(super) type Fault = (String, String, String);

/// A [`ScenarioError`] before it is known which file it is in.
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

/// Text that stands for itself: as it is, unless it would break the line or the sentence.
fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= MOST && !text.contains(char::is_control) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(quoted(text))
    }
}

/// Most characters of a text of the user's that a sentence repeats.
const MOST: usize = 80;

/// Text of the user's as part of a sentence: in quotes, on one line, not endless.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= MOST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start:?}…")
}
