//! An outstanding request, and what became of it.

use super::patience::millis;
use crate::ledger::Waste;
use crate::time::Instant;

/// An outstanding request: the number of the block, what became of it, and when it went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The number of the block, and the mark.
    what: u32,
    /// Milliseconds, with the lowest bit set if a request that went out later was answered.
    when: u32,
}

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

    /// Milliseconds since it went out.
    pub(super) fn age(self, now: Instant) -> u32 {
        millis(now).wrapping_sub(self.when & !1)
    }

    /// A request that went out later was answered.
    pub(super) fn overtake(&mut self) {
        self.when |= 1;
    }

    pub(super) fn is_overtaken(self) -> bool {
        self.when & 1 == 1
    }

    /// Whether it was given up because no answer came.
    pub(super) fn is_overdue(self) -> bool {
        self.mark() == Mark::Overdue
    }

    /// Whether the block is counted as under way because of this request.
    pub(super) fn is_live(self) -> bool {
        self.what >> Self::SHIFT <= Mark::EndgameCopy as u32
    }
}
