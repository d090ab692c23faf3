//! One connection: its flags and moments, and what became of a request.

use super::io::PeerLink;
use super::traffic::TrafficId;
use crate::ledger::Waste;
use crate::time::Instant;

/// State of one connection, as far as every connection has it: a cache line, so that a hundred
/// thousand simulated peers fit in memory. Pieces are in [`super::Remotes`]; what was transferred
/// is in [`super::Traffic`], for the few connections over which something was.
#[derive(Debug)]
#[repr(align(64))]
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
    /// It may owe blocks that were given up on, and for which others may have been asked since.
    pub(super) overdue: bool,
    /// It is on the list of peers that have run out of work.
    pub(super) starving: bool,
    pub(super) fast: bool,
    pub(super) extended: bool,
    /// Outstanding requests that still count: not timed out, not cancelled.
    pub(super) live: u16,
    /// Blocks the link can take.
    pub(super) credit: u16,
    /// Blocks handed to the link and not yet reported as sent.
    pub(super) unflushed: u16,
    /// Requests the peer queues (`reqq`).
    pub(super) request_queue: u16,
    pub(super) unrequested: u16,
    pub(super) invalid_requests: u16,
    /// Pieces the peer has beyond those it told us of with `have`; wraps below zero.
    pub(super) had_before: u32,
    pub(super) traffic: TrafficId,
    /// When a message came that was no `have`.
    pub(super) last_heard_at: Instant,
    /// When we sent it something that we did not send to all.
    pub(super) last_sent_at: Instant,
    pub(super) connected_at: Instant,
    /// When we last unchoked the peer; `NEVER` if we never did.
    pub(super) unchoked_at: Instant,
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
    /// No answer came in time: the block was given back to be asked for elsewhere.
    Overdue,
    /// The peer choked us and will not answer, unless the block was on its way.
    Choked,
    /// Cancelled: another copy of the endgame came first.
    EndgameLost,
    /// Cancelled: the peer that was given up answered after all, and first.
    OverdueLost,
}

impl Mark {
    const ALL: [Self; 6] = [
        Self::Ordinary,
        Self::EndgameCopy,
        Self::Overdue,
        Self::Choked,
        Self::EndgameLost,
        Self::OverdueLost,
    ];

    /// Why a block that answers such a request is in vain, if it is.
    pub(super) fn waste(self) -> Waste {
        match self {
            Self::Ordinary | Self::EndgameCopy | Self::EndgameLost => Waste::Endgame,
            Self::Overdue | Self::OverdueLost => Waste::Timeout,
            Self::Choked => Waste::AfterChoke,
        }
    }

    /// What the other requests for a block become when one with this mark is answered.
    pub(super) fn of_losers(self) -> Self {
        match self {
            Self::Overdue => Self::OverdueLost,
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

    /// Whether it was given up because no answer came.
    pub(super) fn is_overdue(self) -> bool {
        self.mark() == Mark::Overdue
    }

    /// Whether the block is counted as under way because of this request.
    pub(super) fn is_live(self) -> bool {
        self.0 >> Self::SHIFT <= Mark::EndgameCopy as u32
    }
}

impl Conn {
    /// A slot without a connection.
    pub(super) fn closed() -> Self {
        let mut conn = Self::opened(Instant::START, PeerLink::default());
        conn.open = false;
        conn
    }

    pub(super) fn opened(now: Instant, link: PeerLink) -> Self {
        Self {
            open: true,
            closing: false,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            upload_only: false,
            snubbed: false,
            overdue: false,
            starving: false,
            fast: link.fast,
            extended: link.extended,
            live: 0,
            credit: 0,
            unflushed: 0,
            request_queue: 0,
            unrequested: 0,
            invalid_requests: 0,
            had_before: 0,
            traffic: TrafficId::NONE,
            last_heard_at: now,
            last_sent_at: now,
            connected_at: now,
            unchoked_at: Instant::NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Conn;

    #[test]
    fn a_connection_fits_in_a_cache_line() {
        assert_eq!(size_of::<Conn>(), 64);
    }
}
