//! How long to wait for an answer, derived from the time of earlier answers.
//!
//! A peer answers requests nearly in the order in which they were sent. Once a later request is
//! answered, an earlier one is either lost or answered soon. A peer that sends nothing at all may
//! have lost all requests, or its link may be slow; so the wait grows with the time its earlier
//! answers took. For the first answer we wait [`FIRST_ANSWER_MS`]. Asking another peer too early
//! costs a block sent twice; asking too late costs time.

use core::time::Duration;

use super::Torrent;
use crate::time::Instant;

/// A peer that owes a block and is silent for this long is in doubt: other peers may be asked for
/// the same block.
pub(super) const DOUBT: Duration = Duration::from_secs(10);

/// Wait for a peer that has not answered anything yet: `piece_timeout` of libtorrent. A link that
/// needs longer for its first block gives us less than 820 bytes/s.
const FIRST_ANSWER_MS: u32 = 20_000;

/// Wait for an overtaken request, in addition to twice the time of an answer. Blocks are read from
/// disks and come a little out of order.
const SLACK_MS: u32 = 2000;

/// A request that was given up is not repeated at the same peer within this time.
pub(super) const RECENT_MS: u32 = 2000;

/// Most halvings of a pipeline: 2^9 is enough to reduce 500 requests to one. The pipeline is halved
/// when a peer that owes us blocks falls silent, because its queue may be shorter than it says. It
/// is doubled at each upkeep that finds no overdue request.
pub(super) const MOST_HALVINGS: u8 = 9;

/// How long a piece that failed is reserved for one peer while other peers that have it are idle.
pub(super) const EXCLUSIVE_MS: u32 = 30_000;

/// The moment in milliseconds modulo 2^32, which is 49.7 days. Differences are still right.
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

/// Silence after which all requests to a peer are given up, at most `longest`. `latency` is the
/// time of its answers, 0 if none came.
fn of_silent(latency: u32, longest: u32) -> u32 {
    let patience = match latency {
        0 => FIRST_ANSWER_MS,
        known => known.saturating_mul(4).max(span_millis(DOUBT)),
    };
    patience.min(longest)
}

impl Torrent {
    /// Silence after which no answer is expected any more.
    pub(super) fn stall_after(&self, latency: u32) -> u32 {
        of_silent(latency, span_millis(self.config.snub_after))
    }

    /// Time since the last request after which a peer that has been silent for `silence` is asked
    /// again for blocks that were given up. Each wait is as long as all waits before it. So lost
    /// requests are repeated soon, and on a slow link few blocks are sent twice.
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
