//! Explains why a torrent makes no progress: the state of the known addresses, and what the
//! connected peers deliver.

use alloc::vec::Vec;

use super::source::Source;
use crate::torrent::Connections;

/// Why an attempt to connect failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmet {
    /// The connection was refused.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The network says that there is no route.
    Unreachable,
    /// The two sides do not agree on encryption.
    Encryption,
    /// The peer closed the connection during the handshake, or sent no valid handshake.
    HungUp,
    /// The peer's handshake names another torrent.
    OtherTorrent,
}

impl Unmet {
    /// All reasons, in the order of [`Candidates::failed`].
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::Encryption,
        Self::HungUp,
        Self::OtherTorrent,
    ];
}

/// State of the addresses of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The source.
    pub source: Source,
    /// Addresses known now.
    pub known: u32,
    /// Of these: never tried.
    pub untried: u32,
    /// Of these: an attempt is under way.
    pub trying: u32,
    /// Of these: connected.
    pub connected: u32,
    /// Of these: was connected, and may be dialled again.
    pub parted: u32,
    /// Of these: the last attempt failed. Indexed by reason, as in [`Unmet::ALL`].
    pub failed: [u32; Unmet::ALL.len()],
    /// Addresses dropped after many failed attempts.
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

    /// Number of addresses whose last attempt failed for this reason.
    #[must_use]
    pub fn failed_by(&self, why: Unmet) -> u32 {
        self.failed[why as usize]
    }
}

/// Figures that explain why a torrent makes no progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// By source; sources that never named an address are left out.
    pub candidates: Vec<Candidates>,
    /// The connected peers.
    pub connections: Connections,
}

/// The main obstacle: the first step that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// No address is known.
    NobodyKnown,
    /// Addresses are known, and attempts are under way or will follow.
    Trying,
    /// No attempt has led to a connection that lasts.
    NobodyMet,
    /// The connected peers have no piece that we need.
    NothingNeeded,
    /// All peers that have a piece we need choke us.
    Choked,
    /// The peers that unchoked us do not answer.
    Silence,
    /// No obstacle: a peer unchoked us and may deliver.
    Nothing,
}

impl Explanation {
    /// The sum of a figure over all sources.
    #[must_use]
    pub fn sum(&self, figure: impl Fn(&Candidates) -> u32) -> u32 {
        self.candidates.iter().map(figure).sum()
    }

    /// The main obstacle.
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
