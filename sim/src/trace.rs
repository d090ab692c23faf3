//! What happened in a run: a digest of it always, the whole of it on demand.

use std::io::Write;

use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

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

impl Happening {
    /// The word for it, its number in the digest, and its numbers.
    fn parts(&self) -> (&'static str, u64, u32, u32, Option<BlockRef>) {
        let piece = |piece| {
            Some(BlockRef {
                piece,
                ..BlockRef::default()
            })
        };
        match *self {
            Self::Join { node } => ("join", 1, node, node, None),
            Self::Leave { node } => ("leave", 2, node, node, None),
            Self::Connect { node, other } => ("connect", 3, node, other, None),
            Self::Disconnect { node, other } => ("disconnect", 4, node, other, None),
            Self::Choke { node, other } => ("choke", 5, node, other, None),
            Self::Unchoke { node, other } => ("unchoke", 6, node, other, None),
            Self::Block { node, other, block } => ("block", 7, node, other, Some(block)),
            Self::Piece { node, piece: it } => ("piece", 8, node, node, piece(it)),
            Self::Corrupt { node, piece: it } => ("corrupt", 9, node, node, piece(it)),
            Self::Complete { node } => ("complete", 10, node, node, None),
        }
    }
}

/// Takes the events of a run in order.
pub trait Sink {
    /// One event.
    fn record(&mut self, at: Instant, happening: &Happening);
}

/// Writes one JSON object a line: `t_ns`, `event`, `node`, and where they apply `other`, `piece`,
/// `begin`, `length`.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    failed: Option<std::io::Error>,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out, failed: None }
    }

    /// Ends the log; the first error that writing met.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.out.flush()?;
        self.failed.map_or(Ok(self.out), Err)
    }

    fn write(&mut self, at: Instant, happening: &Happening) -> std::io::Result<()> {
        let (word, _, node, other, block) = happening.parts();
        let at_ns = at.as_nanos();
        write!(
            self.out,
            r#"{{"t_ns":{at_ns},"event":"{word}","node":{node}"#
        )?;
        if other != node {
            write!(self.out, r#","other":{other}"#)?;
        }
        if let Some(block) = block {
            write!(self.out, r#","piece":{}"#, block.piece)?;
            if block.length > 0 {
                write!(
                    self.out,
                    r#","begin":{},"length":{}"#,
                    block.begin, block.length
                )?;
            }
        }
        writeln!(self.out, "}}")
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if self.failed.is_none() {
            self.failed = self.write(at, happening).err();
        }
    }
}

/// The digest of the events so far, and where they go besides.
pub(crate) struct Trace<'a> {
    digest: u64,
    sink: Option<&'a mut dyn Sink>,
}

/// An odd constant without pattern: 2^64 over the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl<'a> Trace<'a> {
    pub(crate) fn new(sink: Option<&'a mut dyn Sink>) -> Self {
        Self { digest: 0, sink }
    }

    fn mix(&mut self, word: u64) {
        self.digest = (self.digest.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }

    pub(crate) fn note(&mut self, at: Instant, happening: Happening) {
        let (_, number, node, other, block) = happening.parts();
        self.mix(at.as_nanos());
        self.mix(number << 60 ^ u64::from(node) << 30 ^ u64::from(other));
        if let Some(block) = block {
            self.mix(u64::from(block.piece.0) << 32 | u64::from(block.begin));
        }
        if let Some(sink) = self.sink.as_mut() {
            sink.record(at, &happening);
        }
    }

    /// Digest of all events: equal runs have equal digests, and others almost surely not.
    pub(crate) fn digest(&self) -> u64 {
        // The last words noted have not spread over all bits yet.
        let mut value = self.digest;
        for _ in 0..3 {
            value = (value ^ value >> 32).wrapping_mul(MULTIPLIER);
        }
        value
    }
}

impl std::fmt::Debug for Trace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({:016x})", self.digest)
    }
}
