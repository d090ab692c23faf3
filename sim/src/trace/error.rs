//! Why a trace file cannot be read to its end.

use std::fmt;

use super::SCHEMA;

/// Why a trace file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file starts like neither form.
    #[error("not a trace: give a file that --trace wrote")]
    NotATrace,
    /// Another version of the schema.
    #[error("a trace of schema {0}, and this program reads schema {SCHEMA}: write it again")]
    Schema(u64),
    /// The file ends before its end mark.
    #[error("cut short at {place}, after {events} events: write it again")]
    Cut {
        /// Where the file ends.
        place: Place,
        /// Number of complete events before that.
        events: u64,
    },
    /// Content that no writer produces.
    #[error("damaged at {place}: {what}; write it again")]
    Damaged {
        /// Where.
        place: Place,
        /// What is wrong.
        what: String,
    },
}

/// A position in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the binary form: offset in bytes.
    Byte(u64),
    /// In JSON Lines: line number, from 1.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(at) => write!(f, "byte {at}"),
            Self::Line(at) => write!(f, "line {at}"),
        }
    }
}
