//! When to try an address again: one table for whatever became of a connection or an attempt.

use core::time::Duration;

use super::source::Source;
use crate::torrent::Reason;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed it, or the network did.
    ByPeer,
    /// The peer sent bytes that are no messages.
    Garbage,
    /// The peer does not read what we send.
    Unread,
    /// The driver closed it for a reason of its own, a failed disk for example.
    ByDriver,
    /// See [`Reason::Violation`].
    Violation,
    /// See [`Reason::Corrupt`].
    Corrupt,
    /// The choking policy dropped it.
    Policy,
    /// Both sides have everything.
    BothSeeds,
    /// The peer was silent for too long.
    Idle,
    /// It was exchanged for another in the regular turnover.
    Turnover,
    /// It made room for a newcomer.
    Useless,
    /// Another connection to the same peer stays.
    Twice,
}

impl From<&Reason> for Ended {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Violation(_) => Self::Violation,
            Reason::Corrupt { .. } => Self::Corrupt,
            Reason::Policy => Self::Policy,
            Reason::BothSeeds => Self::BothSeeds,
            Reason::Idle => Self::Idle,
            Reason::ByClient => Self::ByDriver,
        }
    }
}

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may be dialled again after this long, and after all others that wait.
    Again(Duration),
    /// It is a seed: not to be dialled while we are one.
    Seed,
    /// It is forgotten.
    Forgotten,
}

/// libtorrent `min_reconnect_time`: 60 s after the last connection.
const RECONNECT: Duration = Duration::from_mins(1);

/// The user wants this peer: one that restarts should not be missed for a minute.
const RECONNECT_NAMED: Duration = Duration::from_secs(15);

/// What misbehaved, or did not even read, is left alone for as long as a tracker's answer lasts.
const RECONNECT_BAD: Duration = Duration::from_mins(10);

/// Who made room must not take it again before others had their turn: the interval of the turnover.
const RECONNECT_TURNED: Duration = Duration::from_mins(5);

/// Wait after the first failed attempt; doubled with each further one. rqbit: 10 s, times 6.
const RETRY: Duration = Duration::from_secs(15);

/// An address of the user is tried without end, this far apart at most.
const RETRY_NAMED: Duration = Duration::from_mins(1);

/// Failed attempts after which another address is forgotten. libtorrent `max_failcount`: 3; a tracker
/// that still knows the peer names it again.
const FAILURES: u8 = 5;

/// What becomes of the address of a connection that ended.
#[must_use]
pub fn after(ended: Ended, source: Source) -> Fate {
    let named = source == Source::User;
    Fate::Again(match ended {
        Ended::BothSeeds => return Fate::Seed,
        Ended::ByPeer | Ended::ByDriver | Ended::Idle if named => RECONNECT_NAMED,
        // Mainline 3.4.2 drops nobody; libtorrent waits as after any other end.
        Ended::ByPeer | Ended::ByDriver | Ended::Idle | Ended::Policy => RECONNECT,
        Ended::Turnover | Ended::Useless => RECONNECT_TURNED,
        Ended::Garbage | Ended::Unread | Ended::Violation | Ended::Corrupt | Ended::Twice => {
            RECONNECT_BAD
        }
    })
}

/// What becomes of an address to which `failures` attempts in a row have failed.
#[must_use]
pub fn after_failure(failures: u8, source: Source) -> Fate {
    let doubled = RETRY * 2_u32.saturating_pow(u32::from(failures.clamp(1, 10)) - 1);
    if source == Source::User {
        Fate::Again(doubled.min(RETRY_NAMED))
    } else if failures >= FAILURES {
        Fate::Forgotten
    } else {
        Fate::Again(doubled)
    }
}
