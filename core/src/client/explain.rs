//! What keeps a torrent from moving: what became of the addresses that are known, and what those who
//! are connected give.

use alloc::vec::Vec;

use super::source::Source;
use crate::torrent::Connections;

/// Why an attempt to connect failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way leads there.
    Unreachable,
    /// The two sides do not agree on encryption.
    Encryption,
    /// It closed the connection at the handshake, or what it said was none.
    HungUp,
    /// It speaks of another torrent.
    OtherTorrent,
}

impl Unmet {
    /// All of them, in the order of [`Candidates::failed`].
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::Encryption,
        Self::HungUp,
        Self::OtherTorrent,
    ];
}

/// What became of the addresses of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Who named them.
    pub source: Source,
    /// Addresses that are known now.
    pub known: u32,
    /// Of these: never tried.
    pub untried: u32,
    /// Attempts under way.
    pub trying: u32,
    /// Connected.
    pub connected: u32,
    /// Was connected, and may be again.
    pub parted: u32,
    /// The last attempt failed, by the reason, as in [`Unmet::ALL`].
    pub failed: [u32; Unmet::ALL.len()],
    /// Tried often in vain, and forgotten since.
    pub forgotten: u32,
}

impl Candidates {
    pub(super) fn of(source: Source) -> Self {
        Self {
            source,
            known: 0,
            untried: 0,
            trying: 0,
            connected: 0,
            parted: 0,
            failed: [0; Unmet::ALL.len()],
            forgotten: 0,
        }
    }

    /// How many attempts failed for this reason.
    #[must_use]
    pub fn failed_by(&self, why: Unmet) -> u32 {
        self.failed[why as usize]
    }
}

/// What keeps a torrent from moving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// By source; those of which no address was ever known are left out.
    pub candidates: Vec<Candidates>,
    /// Those who are connected.
    pub connections: Connections,
}

/// What is most in the way, from the first step to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// No address is known.
    NobodyKnown,
    /// Addresses are known, and attempts under way or to come.
    Trying,
    /// No attempt has led to a connection that stands.
    NobodyMet,
    /// Those who are connected have nothing that we lack.
    NothingNeeded,
    /// All who have something choke us.
    Choked,
    /// Those who let us ask are silent.
    Silence,
    /// Somebody lets us ask.
    Nothing,
}

impl Explanation {
    /// The sum of a figure over all sources.
    #[must_use]
    pub fn sum(&self, figure: impl Fn(&Candidates) -> u32) -> u32 {
        self.candidates.iter().map(figure).sum()
    }

    /// What is most in the way.
    #[must_use]
    pub fn hindrance(&self) -> Hindrance {
        let connections = &self.connections;
        if connections.open > 0 {
            Hindrance::Nothing
        } else if connections.silent > 0 {
            Hindrance::Silence
        } else if connections.choking > 0 {
            Hindrance::Choked
        } else if connections.all > 0 {
            Hindrance::NothingNeeded
        } else if self.sum(|it| it.known + it.forgotten) == 0 {
            Hindrance::NobodyKnown
        } else if self.sum(|it| it.failed.iter().sum::<u32>() + it.forgotten + it.parted) == 0 {
            Hindrance::Trying
        } else {
            Hindrance::NobodyMet
        }
    }
}
