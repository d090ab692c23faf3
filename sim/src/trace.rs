//! The events of a run: always reduced to a digest, and recorded in full on request.
//!
//! A trace is a [`Header`], the [`Happening`]s in order, and an [`End`]. One schema has two forms:
//! JSON Lines for people and scripts, and a compact binary form. [`Writer`] writes both and
//! [`Reader`] reads both; `results/TRACE.md` describes them. [`Watch`] derives the state of each
//! node from the events.

use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

mod binary;
mod error;
mod header;
mod json;
mod raw;
mod read;
mod watch;
mod write;

pub use binary::put_varint;
pub use error::{Place, TraceError};
pub use header::{Client, End, Header, NodeInfo, SCHEMA};
pub use read::Reader;
pub use watch::{Life, RATE_WINDOW, Tie, Watch};
pub use write::{Form, Writer};

/// A significant event. Nodes are indices in [`crate::spec::SwarmSpec::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A node arrived.
    Join {
        /// Who.
        node: u32,
    },
    /// A node left.
    Leave {
        /// Who.
        node: u32,
    },
    /// A connection is open on both sides.
    Connect {
        /// Who opened it.
        node: u32,
        /// Who accepted it.
        other: u32,
    },
    /// A node closed a connection, or learned that it is closed.
    Disconnect {
        /// Who.
        node: u32,
        /// The other side.
        other: u32,
    },
    /// A node sent a choke: it will serve no more requests.
    Choke {
        /// Who.
        node: u32,
        /// Whom.
        other: u32,
    },
    /// A node sent an unchoke: it will serve requests.
    Unchoke {
        /// Who.
        node: u32,
        /// Whom.
        other: u32,
    },
    /// A block arrived.
    Block {
        /// To whom.
        node: u32,
        /// From whom.
        other: u32,
        /// Which.
        block: BlockRef,
    },
    /// A piece was verified and is good.
    Piece {
        /// By whom.
        node: u32,
        /// Which.
        piece: PieceIndex,
    },
    /// A piece was verified and is corrupt.
    Corrupt {
        /// By whom.
        node: u32,
        /// Which.
        piece: PieceIndex,
    },
    /// A leecher has every piece.
    Complete {
        /// Who.
        node: u32,
    },
}

/// Names of the events in JSON Lines. The index is the event's number in the binary form and in the
/// digest. Append only; never reorder.
const WORDS: [&str; 11] = [
    "end",
    "join",
    "leave",
    "connect",
    "disconnect",
    "choke",
    "unchoke",
    "block",
    "piece",
    "corrupt",
    "complete",
];

/// Number of [`Happening::Block`].
const BLOCK: u8 = 7;

/// Whether events of this number involve two nodes.
const fn has_other(number: u8) -> bool {
    matches!(number, 3..=BLOCK)
}

/// Whether events of this number involve a piece.
const fn has_piece(number: u8) -> bool {
    matches!(number, BLOCK..=9)
}

impl Happening {
    /// Whose event it is.
    pub(crate) const fn node(&self) -> u32 {
        self.parts().1
    }

    /// The event's number, node, other node and block. `other` is `node` if the event has only one
    /// node.
    const fn parts(&self) -> (u8, u32, u32, Option<BlockRef>) {
        match *self {
            Self::Join { node } => (1, node, node, None),
            Self::Leave { node } => (2, node, node, None),
            Self::Connect { node, other } => (3, node, other, None),
            Self::Disconnect { node, other } => (4, node, other, None),
            Self::Choke { node, other } => (5, node, other, None),
            Self::Unchoke { node, other } => (6, node, other, None),
            Self::Block { node, other, block } => (7, node, other, Some(block)),
            Self::Piece { node, piece: it } => (8, node, node, Some(whole(it))),
            Self::Corrupt { node, piece: it } => (9, node, node, Some(whole(it))),
            Self::Complete { node } => (10, node, node, None),
        }
    }

    /// The event with this number and these fields; `None` if there is none, or if a field is
    /// missing.
    fn from_parts(
        number: u8,
        node: u32,
        other: Option<u32>,
        block: Option<BlockRef>,
    ) -> Option<Self> {
        let piece = || block.map(|it| it.piece);
        Some(match number {
            1 => Self::Join { node },
            2 => Self::Leave { node },
            3 => Self::Connect {
                node,
                other: other?,
            },
            4 => Self::Disconnect {
                node,
                other: other?,
            },
            5 => Self::Choke {
                node,
                other: other?,
            },
            6 => Self::Unchoke {
                node,
                other: other?,
            },
            7 => Self::Block {
                node,
                other: other?,
                block: block?,
            },
            8 => Self::Piece {
                node,
                piece: piece()?,
            },
            9 => Self::Corrupt {
                node,
                piece: piece()?,
            },
            10 => Self::Complete { node },
            _ => return None,
        })
    }
}

/// A piece in the fields of an event: a block of length 0.
const fn whole(piece: PieceIndex) -> BlockRef {
    BlockRef {
        piece,
        begin: 0,
        length: 0,
    }
}

/// Receives the events of a run in order.
pub trait Sink {
    /// One event.
    fn record(&mut self, at: Instant, happening: &Happening);
}

/// An odd constant without a pattern: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The digest of the events so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }

    pub(crate) fn note(&mut self, at: Instant, happening: &Happening) {
        let (number, node, other, block) = happening.parts();
        self.mix(at.as_nanos());
        self.mix(u64::from(number) << 60 ^ u64::from(node) << 30 ^ u64::from(other));
        if let Some(block) = block {
            self.mix(u64::from(block.piece.0) << 32 | u64::from(block.begin));
        }
    }

    /// Takes in the digest of other events.
    pub(crate) fn add(&mut self, other: Self) {
        self.mix(other.value());
    }

    /// The digest. Equal runs have equal digests; different runs almost surely have different ones.
    pub(crate) fn value(self) -> u64 {
        // Spread the last inputs over all bits.
        let mut value = self.0;
        for _ in 0..3 {
            value = (value ^ value >> 32).wrapping_mul(MULTIPLIER);
        }
        value
    }
}

/// Computes the digest of the events and passes them on to a sink.
pub(crate) struct Trace<'a> {
    digest: Digest,
    sink: Option<&'a mut dyn Sink>,
}

impl<'a> Trace<'a> {
    pub(crate) fn new(sink: Option<&'a mut dyn Sink>) -> Self {
        let digest = Digest::default();
        Self { digest, sink }
    }

    pub(crate) fn note(&mut self, at: Instant, happening: Happening) {
        self.digest.note(at, &happening);
        if let Some(sink) = self.sink.as_mut() {
            sink.record(at, &happening);
        }
    }

    /// Digest of all events so far.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.value()
    }
}

impl std::fmt::Debug for Trace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({:016x})", self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_traces_is_about_this_schema() {
        let page = include_str!("../../results/TRACE.md");
        assert!(page.contains(&format!("**schema {SCHEMA}**")));
        for (number, word) in (0..).zip(WORDS).skip(1) {
            let other = if has_other(number) { "`other`" } else { "" };
            let row = format!("\n| `{word}` | {number} | {other}");
            assert!(page.contains(&row), "{row}");
        }
        let golden = include_str!("../tests/golden/tiny.jsonl");
        let keys = golden.split('"').skip(1).step_by(2);
        // Quoted texts are keys or values; only a key is followed by a colon.
        for key in keys.filter(|it| golden.contains(&format!("\"{it}\":"))) {
            assert!(page.contains(&format!("`{key}`")), "{key}");
        }
    }
}
