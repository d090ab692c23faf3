//! One connection: the four flags, queues, counters.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::bucket::Bucket;
use super::io::PeerLink;
use crate::ids::BlockRef;
use crate::ledger::{Ledger, Waste};
use crate::meter::{Estimator, Meter};
use crate::time::Instant;

/// How fast a peer delivers, for the depth of the pipeline: time constant 2 s, so that it follows
/// the first seconds after an unchoke. `65536 * (1 - exp(-1/2))`.
pub(super) const PIPELINE: Estimator = Estimator::Ema { weight: 25_787 };

/// Requests that BEP 10 lets us assume a peer queues if it does not say.
pub(super) const DEFAULT_REQUEST_QUEUE: u16 = 250;

/// State of one connection. At most 256 bytes beside the peer's bitfield, so that a hundred
/// thousand simulated peers fit in memory. In the order of use: a `have` touches the first cache
/// line, a block that comes the first three, a block that goes the first and the last two.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Conn {
    pub(super) open: bool,
    /// We asked the driver to close it.
    pub(super) closing: bool,
    pub(super) am_choking: bool,
    pub(super) am_interested: bool,
    pub(super) peer_choking: bool,
    pub(super) peer_interested: bool,
    /// The peer said that it only uploads. BEP 21.
    pub(super) upload_only: bool,
    pub(super) snubbed: bool,
    /// It is on the list of peers that have run out of work.
    pub(super) starving: bool,
    pub(super) fast: bool,
    pub(super) extended: bool,
    /// Outstanding requests that still count: not timed out, not cancelled.
    pub(super) live: u16,
    pub(super) unrequested: u16,
    pub(super) down_round: u32,
    /// Pieces the peer has beyond those it told us of with `have`; wraps below zero.
    pub(super) had_before: u32,
    /// When a message came that was no `have`.
    pub(super) last_heard_at: Instant,
    /// When we sent it something that we did not send to all.
    pub(super) last_sent_at: Instant,
    pub(super) ledger: Option<Box<Ledger>>,
    /// Blocks handed to the link and not yet reported as sent.
    pub(super) unflushed: u16,
    /// Blocks the link can take.
    pub(super) credit: u16,
    /// Requests the peer queues (`reqq`).
    pub(super) request_queue: u16,
    pub(super) invalid_requests: u16,

    /// Our outstanding requests, oldest first.
    pub(super) pending: VecDeque<Pending>,
    pub(super) pipeline_meter: Meter,
    pub(super) down_meter: Meter,
    pub(super) down_bytes: u64,
    /// When a block last came; `NEVER` if none did.
    pub(super) last_block_at: Instant,
    /// Since when the peer has owed us a block without interruption.
    pub(super) owing_since: Instant,

    /// Blocks the peer asked for, oldest first.
    pub(super) queue: VecDeque<BlockRef>,
    pub(super) up_bytes: u64,
    pub(super) up_meter: Meter,
    pub(super) cap: Option<Box<Bucket>>,
    /// Stride scheduling: where the peer stands.
    pub(super) pass: u64,
    pub(super) weight: u32,
    pub(super) up_round: u32,
    pub(super) up_at_unchoke: u64,
    /// When we last unchoked the peer; `NEVER` if we never did.
    pub(super) unchoked_at: Instant,
    pub(super) connected_at: Instant,
}

/// An outstanding request: the number of the block and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending(u32);

/// What became of an outstanding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The only copy we asked for, as far as it knows.
    Ordinary,
    /// A second copy, asked for in the endgame.
    EndgameCopy,
    /// Too late: the block was given back to be asked for elsewhere.
    TimedOut,
    /// The peer choked us and will not answer, unless the block was on its way.
    Choked,
    /// Cancelled: another copy of the endgame came first.
    EndgameLost,
    /// Cancelled: the peer that was given up answered after all, and first.
    TimeoutLost,
}

impl Mark {
    const ALL: [Self; 6] = [
        Self::Ordinary,
        Self::EndgameCopy,
        Self::TimedOut,
        Self::Choked,
        Self::EndgameLost,
        Self::TimeoutLost,
    ];

    /// Why a block that answers such a request is in vain, if it is.
    pub(super) fn waste(self) -> Waste {
        match self {
            Self::Ordinary | Self::EndgameCopy | Self::EndgameLost => Waste::Endgame,
            Self::TimedOut | Self::TimeoutLost => Waste::Timeout,
            Self::Choked => Waste::Late,
        }
    }

    /// What the other requests for a block become when one with this mark is answered.
    pub(super) fn of_losers(self) -> Self {
        match self {
            Self::TimedOut => Self::TimeoutLost,
            _ => Self::EndgameLost,
        }
    }
}

impl Pending {
    /// Block numbers leave three bits for the mark.
    const SHIFT: u32 = 29;
    const NUMBER: u32 = (1 << Self::SHIFT) - 1;

    pub(super) fn new(number: u32, mark: Mark) -> Self {
        assert!(
            number <= Self::NUMBER,
            "the geometry bounds the number of blocks"
        );
        Self(number | (mark as u32) << Self::SHIFT)
    }

    pub(super) fn number(self) -> u32 {
        self.0 & Self::NUMBER
    }

    pub(super) fn mark(self) -> Mark {
        Mark::ALL[(self.0 >> Self::SHIFT) as usize]
    }

    /// Whether the block is counted as under way because of this request.
    pub(super) fn is_live(self) -> bool {
        self.0 >> Self::SHIFT <= Mark::EndgameCopy as u32
    }
}

impl Conn {
    /// A slot without a connection.
    pub(super) fn closed() -> Self {
        let mut conn = Self::opened(Instant::START, PeerLink::default(), Estimator::EMA_10_S);
        conn.open = false;
        conn
    }

    /// Something of each of its cache lines, so that the processor fetches them.
    pub(super) fn look_at(&self) -> u64 {
        self.down_bytes ^ self.up_bytes ^ self.up_at_unchoke ^ u64::from(self.live)
    }

    /// Something of what its queues point to.
    pub(super) fn look_at_queues(&self) -> u64 {
        let pending = self.pending.front().map_or(0, |it| it.0);
        let asked = self.queue.front().map_or(0, |it| it.begin);
        u64::from(pending ^ asked)
    }

    pub(super) fn opened(now: Instant, link: PeerLink, estimator: Estimator) -> Self {
        Self {
            open: true,
            closing: false,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            upload_only: false,
            snubbed: false,
            starving: false,
            fast: link.fast,
            extended: link.extended,
            invalid_requests: 0,
            unrequested: 0,
            request_queue: DEFAULT_REQUEST_QUEUE,
            had_before: 0,
            pending: VecDeque::new(),
            live: 0,
            unflushed: 0,
            credit: 0,
            down_bytes: 0,
            down_round: 0,
            up_round: 0,
            up_bytes: 0,
            up_at_unchoke: 0,
            down_meter: Meter::new(estimator, now),
            up_meter: Meter::new(estimator, now),
            pipeline_meter: Meter::new(PIPELINE, now),
            last_block_at: Instant::NEVER,
            owing_since: now,
            queue: VecDeque::new(),
            unchoked_at: Instant::NEVER,
            weight: 1,
            pass: 0,
            cap: None,
            connected_at: now,
            last_heard_at: now,
            last_sent_at: now,
            ledger: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Conn;

    #[test]
    fn a_connection_fits_in_256_bytes() {
        assert!(size_of::<Conn>() <= 256, "{} bytes", size_of::<Conn>());
    }
}
