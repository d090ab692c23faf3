//! What happened in a run: a digest of it always, the whole of it on demand.
//!
//! A trace is a [`Header`], the [`Happening`]s in order, and an [`End`]. It has two forms of one
//! schema: JSON Lines for people and scripts, and a compact binary one. [`Writer`] writes either,
//! [`Reader`] reads either; `results/TRACE.md` describes both. [`Watch`] follows what the events
//! say of each node.

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

/// A significant event. Nodes are positions in [`crate::spec::SwarmSpec::nodes`].
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
    /// A connection stands on both sides.
    Connect {
        /// Who opened it.
        node: u32,
        /// Who accepted it.
        other: u32,
    },
    /// A node learned that, or decided that, a connection is gone.
    Disconnect {
        /// Who.
        node: u32,
        /// The other side.
        other: u32,
    },
    /// A node said that it will serve no more requests.
    Choke {
        /// Who.
        node: u32,
        /// Whom.
        other: u32,
    },
    /// A node said that it will serve requests.
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
    /// A piece was verified and found good.
    Piece {
        /// By whom.
        node: u32,
        /// Which.
        piece: PieceIndex,
    },
    /// A piece was verified and found corrupt.
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

/// Words of the events in JSON Lines; the position is the number in the binary form and in the
/// digest. Appended to, never reordered.
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

/// Whether events of this number are about two nodes.
const fn has_other(number: u8) -> bool {
    matches!(number, 3..=BLOCK)
}

/// Whether events of this number are about a piece.
const fn has_piece(number: u8) -> bool {
    matches!(number, BLOCK..=9)
}

impl Happening {
    /// Its number, and its numbers; `other` is `node` where there is no other.
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

    /// The event of this number, if there is one and the numbers it needs are there.
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

/// A piece as far as the numbers of an event go: a block of no length.
const fn whole(piece: PieceIndex) -> BlockRef {
    BlockRef {
        piece,
        begin: 0,
        length: 0,
    }
}

/// Takes the events of a run in order.
pub trait Sink {
    /// One event.
    fn record(&mut self, at: Instant, happening: &Happening);
}

/// An odd constant without pattern: 2^64 over the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The digest of the events so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }

    fn note(&mut self, at: Instant, happening: &Happening) {
        let (number, node, other, block) = happening.parts();
        self.mix(at.as_nanos());
        self.mix(u64::from(number) << 60 ^ u64::from(node) << 30 ^ u64::from(other));
        if let Some(block) = block {
            self.mix(u64::from(block.piece.0) << 32 | u64::from(block.begin));
        }
    }

    /// Equal runs have equal digests, and others almost surely not.
    fn value(self) -> u64 {
        // The last words noted have not spread over all bits yet.
        let mut value = self.0;
        for _ in 0..3 {
            value = (value ^ value >> 32).wrapping_mul(MULTIPLIER);
        }
        value
    }
}

/// The digest of the events so far, and where they go besides.
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

    /// Digest of all events.
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
        // Between quotes stand keys and texts; a colon follows a key.
        for key in keys.filter(|it| golden.contains(&format!("\"{it}\":"))) {
            assert!(page.contains(&format!("`{key}`")), "{key}");
        }
    }
}
