//! How long to wait for an answer, by how long answers took so far.
//!
//! A peer answers in the order it was asked, or nearly so. Once a later request is answered, an earlier
//! one is lost, or will come soon. A peer that sends nothing at all may have lost everything, or its
//! link may be slow: so the wait grows with the time its answers took. The first answer of all has
//! [`FIRST_ANSWER_MS`]. To ask too early costs a block sent twice; to ask too late costs the time.

use core::time::Duration;

use super::Torrent;
use crate::time::Instant;

/// Silence after which a peer that owes a block no longer keeps others from being asked for it.
pub(super) const DOUBT: Duration = Duration::from_secs(10);

/// What a peer gets that has not answered anything yet: `piece_timeout` of libtorrent. A link that
/// needs longer for its first block has less than 800 bytes a second for us.
const FIRST_ANSWER_MS: u32 = 20_000;

/// What an overtaken request gets beyond twice the time of an answer: blocks are read from disks, and
/// come a little out of order.
const SLACK_MS: u32 = 2000;

/// A request that was given up is not repeated at the same peer before.
pub(super) const RECENT_MS: u32 = 2000;

/// A pipeline of 500 requests halved so often is one of one request. It is halved when a peer falls
/// silent that owes us something, as the peer's queue may be shorter than it says, and doubled at each
/// upkeep that finds nothing overdue.
pub(super) const MOST_HALVINGS: u8 = 9;

/// How long a piece that failed is left to one peer while others that have it are idle.
pub(super) const EXCLUSIVE_MS: u32 = 30_000;

/// The moment in milliseconds modulo 2^32, which is 49.7 days: differences come out right.
pub(super) fn millis(now: Instant) -> u32 {
    u32::try_from(now.as_millis() & u64::from(u32::MAX)).expect("32 bits")
}

/// The span in milliseconds.
pub(super) fn span_millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

/// Age at which an overtaken request is given up, if answers take `latency`.
pub(super) fn of_overtaken(latency: u32) -> u32 {
    latency.saturating_mul(2).saturating_add(SLACK_MS)
}

/// Silence after which all is given up that is owed, if answers took `latency`, 0 if none came; at
/// most `longest`.
fn of_silent(latency: u32, longest: u32) -> u32 {
    let patience = match latency {
        0 => FIRST_ANSWER_MS,
        known => known.saturating_mul(4).max(span_millis(DOUBT)),
    };
    patience.min(longest)
}

impl Torrent {
    /// Silence after which nothing is expected any more.
    pub(super) fn stall_after(&self, latency: u32) -> u32 {
        of_silent(latency, span_millis(self.config.snub_after))
    }

    /// How long after the last request a peer is asked anew for what was given up, if it has been
    /// silent for `silence`. Each wait is as long as all before it: what is lost is asked for soon,
    /// and of what is on its way over a slow link little comes twice.
    pub(super) fn probe_after(&self, latency: u32, silence: u32) -> u32 {
        let longest = span_millis(self.config.snub_after * 2);
        of_silent(latency, longest).max(longest.min(silence / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::{of_overtaken, of_silent};

    #[test]
    fn the_wait_follows_the_time_of_an_answer_between_bounds() {
        assert_eq!(of_silent(0, 60_000), 20_000, "nothing is known");
        assert_eq!(of_silent(1, 60_000), 10_000);
        assert_eq!(of_silent(4000, 60_000), 16_000);
        assert_eq!(of_silent(90_000, 60_000), 60_000);
        assert_eq!(of_overtaken(0), 2000);
        assert_eq!(of_overtaken(3000), 8000);
        assert_eq!(of_overtaken(u32::MAX), u32::MAX);
    }
}
