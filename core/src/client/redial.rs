//! When to try an address again: one table for all ends of connections and attempts.

use core::time::Duration;

use super::source::Source;
use crate::torrent::Reason;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer or the network closed it.
    ByPeer,
    /// The peer sent bytes that are not valid messages.
    Garbage,
    /// The peer does not read what we send.
    Unread,
    /// The driver closed it for a reason of its own, for example a failed disk.
    ByDriver,
    /// See [`Reason::Violation`].
    Violation,
    /// See [`Reason::Corrupt`].
    Corrupt,
    /// The choking policy dropped it.
    Policy,
    /// Both sides are seeds.
    BothSeeds,
    /// The peer was silent for too long.
    Idle,
    /// The regular turnover closed it to make room.
    Turnover,
    /// It was closed for a new connection, or after its trial.
    Useless,
    /// Another connection to the same peer stays.
    Twice,
    /// A web seed is overloaded and asks us to come back after this time, in seconds.
    Busy(u16),
    /// Another host delivers under the same peer id.
    Claimed,
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

/// What happens to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may be dialled again after this time, and after all other waiting addresses.
    Again(Duration),
    /// It is a seed: not dialled while we are one.
    Seed,
    /// It is removed.
    Forgotten,
}

/// libtorrent `min_reconnect_time`: 60 s after the last connection.
const RECONNECT: Duration = Duration::from_mins(1);

/// The user wants this peer, so we should not miss its restart for a minute.
const RECONNECT_NAMED: Duration = Duration::from_secs(15);

/// A peer that misbehaved, or did not read our messages, is left alone for ten minutes.
const RECONNECT_BAD: Duration = Duration::from_mins(10);

/// A peer that was closed to make room must not come back before other addresses had their turn:
/// the interval of the turnover.
const RECONNECT_TURNED: Duration = Duration::from_mins(5);

/// Wait after the first failed attempt; doubled with each further one. rqbit: 10 s, times 6.
const RETRY: Duration = Duration::from_secs(15);

/// An address that the user named is tried for ever, at least once in this time.
const RETRY_NAMED: Duration = Duration::from_mins(1);

/// No source names an address of a link again, so it is tried for ever as well, but seldom.
const RETRY_OF_LINK: Duration = Duration::from_mins(10);

/// Failed attempts after which other addresses are removed. libtorrent `max_failcount`: 3. A
/// tracker that still knows the peer names it again.
const FAILURES: u8 = 5;

/// What happens to the address of a connection that ended.
#[must_use]
pub fn after(ended: Ended, source: Source) -> Fate {
    let named = source == Source::User;
    Fate::Again(match ended {
        Ended::BothSeeds => return Fate::Seed,
        Ended::ByPeer | Ended::ByDriver | Ended::Idle if named => RECONNECT_NAMED,
        // Mainline 3.4.2 does not drop peers; libtorrent waits as after any other end.
        // Of two hosts with one peer id, the one that delivers may be the liar, and stop.
        Ended::ByPeer
        | Ended::ByDriver
        | Ended::Idle
        | Ended::Policy
        | Ended::Busy(_)
        | Ended::Claimed => RECONNECT,
        Ended::Turnover | Ended::Useless => RECONNECT_TURNED,
        Ended::Garbage | Ended::Unread | Ended::Violation | Ended::Corrupt | Ended::Twice => {
            RECONNECT_BAD
        }
    })
}

/// What happens to an address after `failures` failed attempts in a row.
#[must_use]
pub fn after_failure(failures: u8, source: Source) -> Fate {
    let doubled = RETRY * 2_u32.saturating_pow(u32::from(failures.clamp(1, 10)) - 1);
    match source {
        Source::User => Fate::Again(doubled.min(RETRY_NAMED)),
        Source::Link => Fate::Again(doubled.min(RETRY_OF_LINK)),
        _ if failures >= FAILURES => Fate::Forgotten,
        _ => Fate::Again(doubled),
    }
}
