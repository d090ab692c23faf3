//! Why a file is not a trace that can be read to its end.

use std::fmt;

use super::SCHEMA;

/// Why a file is not a trace that can be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Neither form begins like this.
    #[error("not a trace: give a file that --trace wrote")]
    NotATrace,
    /// Another version of the schema.
    #[error("a trace of schema {0}, and this program reads schema {SCHEMA}: write it again")]
    Schema(u64),
    /// It ends before its end mark.
    #[error("cut short at {place}, after {events} events: write it again")]
    Cut {
        /// Where it ends.
        place: Place,
        /// Whole events before that.
        events: u64,
    },
    /// Something that no writer writes.
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
    /// In the binary form: bytes before it.
    Byte(u64),
    /// In JSON Lines: number of the line, from 1.
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
