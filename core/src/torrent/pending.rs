//! An outstanding request and its state.

use super::patience::millis;
use crate::ledger::Waste;
use crate::time::Instant;

/// An outstanding request: the number of the block, the state of the request, and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The number of the block, and the mark in the three upper bits.
    what: u32,
    /// Milliseconds; the lowest bit is set if a request that was sent later has been answered.
    when: u32,
}

/// State of an outstanding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The only request for the block when it was sent.
    Ordinary,
    /// A second request for the block, sent in the endgame.
    EndgameCopy,
    /// No answer came in time: the block may be requested from other peers.
    Overdue,
    /// The peer choked us and will not answer, unless the block was already on its way.
    Choked,
    /// Cancelled: the block came from another peer of the endgame.
    EndgameLost,
    /// Cancelled: the block came from a peer whose request had been given up.
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

    /// Why a block that answers this request is wasted, if it is.
    pub(super) fn waste(self) -> Waste {
        match self {
            Self::Ordinary | Self::EndgameCopy | Self::EndgameLost => Waste::Endgame,
            Self::Overdue | Self::OverdueLost => Waste::Timeout,
            Self::Choked => Waste::AfterChoke,
        }
    }

    /// The mark for the other requests for a block when a request with this mark is answered.
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

    pub(super) fn new(now: Instant, number: u32, mark: Mark) -> Self {
        assert!(
            number <= Self::NUMBER,
            "the geometry bounds the number of blocks"
        );
        Self {
            what: number | (mark as u32) << Self::SHIFT,
            when: millis(now) & !1,
        }
    }

    pub(super) fn number(self) -> u32 {
        self.what & Self::NUMBER
    }

    pub(super) fn mark(self) -> Mark {
        Mark::ALL[(self.what >> Self::SHIFT) as usize]
    }

    pub(super) fn set_mark(&mut self, mark: Mark) {
        self.what = self.number() | (mark as u32) << Self::SHIFT;
    }

    /// Milliseconds since the request was sent.
    pub(super) fn age(self, now: Instant) -> u32 {
        millis(now).wrapping_sub(self.when & !1)
    }

    /// A request that was sent later has been answered.
    pub(super) fn overtake(&mut self) {
        self.when |= 1;
    }

    pub(super) fn is_overtaken(self) -> bool {
        self.when & 1 == 1
    }

    /// Whether the request was given up because no answer came.
    pub(super) fn is_overdue(self) -> bool {
        self.mark() == Mark::Overdue
    }

    /// Whether the block counts as requested because of this request.
    pub(super) fn is_live(self) -> bool {
        self.what >> Self::SHIFT <= Mark::EndgameCopy as u32
    }
}
