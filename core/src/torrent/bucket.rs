//! Token bucket for rate caps, in integers.

use core::time::Duration;

use crate::geometry::BLOCK_BYTES;
use crate::time::Instant;

const SECOND_NS: u128 = 1_000_000_000;

/// Lets `rate` bytes per second through, in bursts of 50 ms or one block, whichever is more.
/// Shorter bursts make no sense: timers of a real client are no finer than a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    rate: u64,
    /// Bytes that may pass now, times 10^9. Negative after a block that was larger than what was
    /// left.
    tokens: i128,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: u64, now: Instant) -> Self {
        let mut bucket = Self {
            rate: rate.max(1),
            tokens: 0,
            at: now,
        };
        bucket.tokens = bucket.burst();
        bucket
    }

    /// Changes the rate. Saved or overdrawn tokens stay.
    pub(super) fn set_rate(&mut self, rate: u64, now: Instant) {
        self.refill(now);
        self.rate = rate.max(1);
    }

    fn burst(&self) -> i128 {
        i128::from((self.rate / 20).max(u64::from(BLOCK_BYTES))) * SECOND_NS.cast_signed()
    }

    fn refill(&mut self, now: Instant) {
        let gained = (now - self.at).as_nanos() * u128::from(self.rate);
        let gained = i128::try_from(gained).unwrap_or(i128::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.burst());
        self.at = now;
    }

    /// Whether bytes may pass now.
    pub(super) fn is_open(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens > 0
    }

    /// Takes `bytes`, if bytes may pass now.
    pub(super) fn take(&mut self, now: Instant, bytes: u32) -> bool {
        let open = self.is_open(now);
        if open {
            self.tokens -= i128::from(bytes) * SECOND_NS.cast_signed();
        }
        open
    }

    /// Returns tokens for bytes that were not sent after all.
    pub(super) fn put_back(&mut self, bytes: u32) {
        let bytes = i128::from(bytes) * SECOND_NS.cast_signed();
        self.tokens = self.tokens.saturating_add(bytes).min(self.burst());
    }

    /// When bytes may pass again.
    pub(super) fn opens_at(&self) -> Instant {
        let missing = (1 - self.tokens).max(0).unsigned_abs();
        let wait = missing.div_ceil(u128::from(self.rate));
        self.at.after(Duration::from_nanos(
            u64::try_from(wait).unwrap_or(u64::MAX),
        ))
    }
}
