//! Requests in both directions. Each request must get exactly one answer.

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

/// A request may be repeated at the same peer only after this time.
const REPEAT_AFTER: Duration = Duration::from_secs(2);

/// Most requests outstanding at a peer: `Pipeline::max`, and the same number that timed out but may
/// still be answered.
const MOST_ASKED: usize = 1000;

#[derive(Debug)]
struct Request {
    block: BlockRef,
    at: Instant,
    /// The peer choked us, and this request no longer counts.
    void: bool,
    /// We cancelled it. The block may be on its way already.
    cancelled: bool,
}

/// Our requests at one peer.
#[derive(Debug, Default)]
pub struct Asked {
    /// Requests without an answer.
    open: Vec<Request>,
    /// Number of requests for each block, without cancelled ones.
    standing: BTreeMap<BlockRef, u32>,
}

impl Asked {
    pub fn ask(&mut self, now: Instant, block: BlockRef) -> Result<(), String> {
        let same = |it: &&Request| it.block == block && !it.void && !it.cancelled;
        let same = self.open.iter().rev().find(same);
        if same.is_some_and(|it| now - it.at < REPEAT_AFTER) {
            return Err(format!("requests {block:?} again too soon"));
        }
        self.open.push(Request {
            block,
            at: now,
            void: false,
            cancelled: false,
        });
        *self.standing.entry(block).or_default() += 1;
        if self.open.len() > MOST_ASKED {
            return Err(format!("{} requests without an answer", self.open.len()));
        }
        Ok(())
    }

    /// Settles the last request for the block that still counts.
    fn take(&mut self, block: BlockRef) -> bool {
        let counts = |it: &Request| it.block == block && !it.void && !it.cancelled;
        let any = |it: &Request| it.block == block;
        let at = self.open.iter().rposition(counts);
        let at = at.or_else(|| self.open.iter().position(any));
        at.map(|at| self.open.remove(at)).is_some()
    }

    /// A block arrived. Returns whether we had requested it.
    pub fn answer(&mut self, block: BlockRef) -> bool {
        self.take(block)
    }

    pub fn reject(&mut self, block: BlockRef) {
        self.take(block);
    }

    /// Returns whether we had requested the block, answered or not. An answer may still arrive.
    pub fn cancel(&mut self, block: BlockRef) -> bool {
        let same = self.open.iter_mut().filter(|it| it.block == block);
        same.for_each(|it| it.cancelled = true);
        let standing = self.standing.get_mut(&block).filter(|it| **it > 0);
        standing.map(|it| *it -= 1).is_some()
    }

    /// The peer chokes without BEP 6. Blocks that it sent before may still arrive.
    pub fn void(&mut self) {
        self.open.iter_mut().for_each(|it| it.void = true);
    }

    /// The peer unchokes. Void requests will no longer be answered.
    pub fn forget_void(&mut self) {
        self.open.retain(|it| !it.void);
    }

    /// The request `back` places before the last one.
    pub fn nth_last(&self, back: usize) -> Option<BlockRef> {
        let at = self.open.len().checked_sub(1 + back)?;
        Some(self.open[at].block)
    }
}

/// Pieces that a peer may request while we choke it, and the number of blocks requested of each.
#[derive(Debug, Default)]
pub struct Grants(BTreeMap<PieceIndex, u32>);

impl Grants {
    /// Returns whether the piece is new.
    pub fn add(&mut self, piece: PieceIndex) -> bool {
        self.0.insert(piece, 0).is_none()
    }

    pub fn has(&self, piece: PieceIndex) -> bool {
        self.0.contains_key(&piece)
    }

    /// Counts a request for a block of a piece with `blocks` blocks. Returns whether it is allowed.
    pub fn use_up(&mut self, piece: PieceIndex, blocks: u32) -> bool {
        let used = self.0.get_mut(&piece);
        used.is_some_and(|used| {
            *used += 1;
            *used <= 3 * blocks
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The request waits for its turn.
    Block,
    /// It cannot be served, was cancelled, or we choke the peer.
    Reject,
}

/// Requests of one peer that we have not answered.
#[derive(Debug, Default)]
pub struct Owed(Vec<(BlockRef, Due)>);

/// `Limits::queued_requests`.
const MOST_QUEUED: usize = 2000;

impl Owed {
    /// The peer requests a block. Without BEP 6, a refusal is silent.
    pub fn ask(&mut self, block: BlockRef, servable: bool, fast: bool) {
        if servable && self.queued() < MOST_QUEUED {
            self.0.push((block, Due::Block));
        } else if fast {
            self.0.push((block, Due::Reject));
        }
    }

    pub fn cancel(&mut self, block: BlockRef, fast: bool) {
        let Some(at) = self.0.iter().position(|it| *it == (block, Due::Block)) else {
            return;
        };
        self.0.remove(at);
        if fast {
            self.0.push((block, Due::Reject));
        }
    }

    /// We choke the peer. Requests for allowed pieces remain.
    pub fn choked(&mut self, fast: bool, allowed: impl Fn(PieceIndex) -> bool) {
        let refused = self.0.iter_mut().filter(|it| !allowed(it.0.piece));
        refused.for_each(|it| it.1 = Due::Reject);
        self.0.retain(|it| fast || it.1 == Due::Block);
    }

    /// A block could not be sent.
    pub fn refuse(&mut self, block: BlockRef) {
        self.0.push((block, Due::Reject));
    }

    /// The piece was lost.
    pub fn lost(&mut self, piece: PieceIndex, fast: bool) {
        let lost = |it: &&mut (BlockRef, Due)| it.0.piece == piece;
        self.0
            .iter_mut()
            .filter(lost)
            .for_each(|it| it.1 = Due::Reject);
        self.0.retain(|it| fast || it.1 == Due::Block);
    }

    /// Returns whether the block was due.
    pub fn serve(&mut self, block: BlockRef) -> bool {
        self.take((block, Due::Block))
    }

    /// Returns whether a reject was due.
    pub fn reject(&mut self, block: BlockRef) -> bool {
        self.take((block, Due::Reject))
    }

    fn take(&mut self, entry: (BlockRef, Due)) -> bool {
        let at = self.0.iter().position(|it| *it == entry);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// Number of requests that wait for their turn.
    pub fn queued(&self) -> usize {
        self.0.iter().filter(|it| it.1 == Due::Block).count()
    }

    /// Fails if a reject is still due.
    pub fn check(&self, closing: bool) -> Result<(), String> {
        let unsaid = self.0.iter().find(|it| it.1 == Due::Reject);
        match unsaid {
            Some((block, _)) if !closing => Err(format!("no answer to the request for {block:?}")),
            _ => Ok(()),
        }
    }
}
