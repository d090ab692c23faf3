//! Requests in both directions, and the rule that each has one answer.

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::time::Instant;

/// A request is repeated at the same peer no sooner.
const REPEAT_AFTER: Duration = Duration::from_secs(2);

/// Most requests outstanding at a peer: `Pipeline::max` and as many that were given up and then
/// counted on again.
const MOST_ASKED: usize = 1000;

#[derive(Debug)]
struct Request {
    block: BlockRef,
    at: Instant,
    /// The peer choked us and cannot know of it any more.
    void: bool,
    /// We took it back. The block may be on its way already.
    cancelled: bool,
}

/// Our requests at one peer.
#[derive(Debug, Default)]
pub struct Asked {
    /// Those that have no answer yet.
    open: Vec<Request>,
    /// How often each block was asked for, without those that were taken back.
    standing: BTreeMap<BlockRef, u32>,
}

impl Asked {
    pub fn ask(&mut self, now: Instant, block: BlockRef) -> Result<(), String> {
        let same = |it: &&Request| it.block == block && !it.void && !it.cancelled;
        let same = self.open.iter().rev().find(same);
        if same.is_some_and(|it| now - it.at < REPEAT_AFTER) {
            return Err(format!("asks for {block:?} again at once"));
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

    /// An answer settles the last request for the block that still counts.
    fn take(&mut self, block: BlockRef) -> bool {
        let counts = |it: &Request| it.block == block && !it.void && !it.cancelled;
        let any = |it: &Request| it.block == block;
        let at = self.open.iter().rposition(counts);
        let at = at.or_else(|| self.open.iter().position(any));
        at.map(|at| self.open.remove(at)).is_some()
    }

    /// The block came; whether it had been asked for.
    pub fn answer(&mut self, block: BlockRef) -> bool {
        self.take(block)
    }

    pub fn reject(&mut self, block: BlockRef) {
        self.take(block);
    }

    /// Whether there was such a request; it may have been answered. Its answer may still come.
    pub fn cancel(&mut self, block: BlockRef) -> bool {
        let same = self.open.iter_mut().filter(|it| it.block == block);
        same.for_each(|it| it.cancelled = true);
        let standing = self.standing.get_mut(&block).filter(|it| **it > 0);
        standing.map(|it| *it -= 1).is_some()
    }

    /// The peer chokes without BEP 6. What it has sent already may still come.
    pub fn void(&mut self) {
        self.open.iter_mut().for_each(|it| it.void = true);
    }

    /// It unchokes: what was void will not come any more.
    pub fn forget_void(&mut self) {
        self.open.retain(|it| !it.void);
    }

    /// The request that came so many before the last.
    pub fn nth_last(&self, back: usize) -> Option<BlockRef> {
        let at = self.open.len().checked_sub(1 + back)?;
        Some(self.open[at].block)
    }
}

/// Pieces that a peer may ask for while we choke it, and how many blocks of each it has asked for then.
#[derive(Debug, Default)]
pub struct Grants(BTreeMap<PieceIndex, u32>);

impl Grants {
    /// Whether it was not allowed before.
    pub fn add(&mut self, piece: PieceIndex) -> bool {
        self.0.insert(piece, 0).is_none()
    }

    pub fn has(&self, piece: PieceIndex) -> bool {
        self.0.contains_key(&piece)
    }

    /// The peer asks for a block of a piece of so many: whether it may.
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
    /// It waits for its turn.
    Block,
    /// Because it cannot be served, was cancelled, or we choke.
    Reject,
}

/// Requests of one peer that we have not answered.
#[derive(Debug, Default)]
pub struct Owed(Vec<(BlockRef, Due)>);

/// `Limits::queued_requests`.
const MOST_QUEUED: usize = 2000;

impl Owed {
    /// The peer asks. Without BEP 6 a refusal is silent.
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

    /// We choke the peer, but for blocks of pieces that it is allowed all the same.
    pub fn choked(&mut self, fast: bool, allowed: impl Fn(PieceIndex) -> bool) {
        let refused = self.0.iter_mut().filter(|it| !allowed(it.0.piece));
        refused.for_each(|it| it.1 = Due::Reject);
        self.0.retain(|it| fast || it.1 == Due::Block);
    }

    /// A block could not be sent after all.
    pub fn refuse(&mut self, block: BlockRef) {
        self.0.push((block, Due::Reject));
    }

    /// We lack the piece from now on.
    pub fn lost(&mut self, piece: PieceIndex, fast: bool) {
        let lost = |it: &&mut (BlockRef, Due)| it.0.piece == piece;
        self.0
            .iter_mut()
            .filter(lost)
            .for_each(|it| it.1 = Due::Reject);
        self.0.retain(|it| fast || it.1 == Due::Block);
    }

    /// Whether the block was due.
    pub fn serve(&mut self, block: BlockRef) -> bool {
        self.take((block, Due::Block))
    }

    /// Whether a reject was due.
    pub fn reject(&mut self, block: BlockRef) -> bool {
        self.take((block, Due::Reject))
    }

    fn take(&mut self, entry: (BlockRef, Due)) -> bool {
        let at = self.0.iter().position(|it| *it == entry);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// Requests that wait for their turn.
    pub fn queued(&self) -> usize {
        self.0.iter().filter(|it| it.1 == Due::Block).count()
    }

    /// Every refusal has been said.
    pub fn check(&self, closing: bool) -> Result<(), String> {
        let unsaid = self.0.iter().find(|it| it.1 == Due::Reject);
        match unsaid {
            Some((block, _)) if !closing => Err(format!("no answer to the request for {block:?}")),
            _ => Ok(()),
        }
    }
}
