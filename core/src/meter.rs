//! Rate estimators of deployed clients, in integers.

use core::time::Duration;

use crate::time::Instant;

/// How a rate is estimated from the blocks that were transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// Exponential moving average, sampled every second, weight of a sample in 1/65536.
    /// For a time constant of tau seconds the weight is `65536 * (1 - exp(-1/tau))`.
    Ema {
        /// Weight of the newest one-second sample, in 1/65536.
        weight: u32,
    },
    /// Mainline's `Measure`. During the first `window` the rate is the exact mean. Later each
    /// update and each round takes the new rate as a mean: the old rate counts for the part of the
    /// last `window` before the update. So without bytes the rate falls faster if it is updated
    /// more often (BitTorrent 3.4.2 `CurrentRateMeasure`).
    Mainline {
        /// Longest span for which the old rate counts, in milliseconds.
        window_ms: u32,
        /// The meter starts as if this time had passed without a byte: 1 s down, 5 s up in 3.4.2. In
        /// milliseconds.
        fudge_ms: u32,
    },
    /// Bytes of the last `window`, as Transmission (2 s) and aria2 (10 s) measure. They are counted
    /// in two spans of that length; the earlier span counts in proportion to the part of it that is
    /// still in the window. Those clients use finer bins (250 ms and 1 s); a steady rate gives the
    /// same value.
    Window {
        /// Length of the window in milliseconds, at least 1.
        window_ms: u32,
    },
}

impl Estimator {
    /// EMA with a time constant of 10 s: `65536 * (1 - exp(-1/10))`, rounded.
    pub const EMA_10_S: Self = Self::Ema { weight: 6237 };
    /// Mainline's 20 s window.
    pub const MAINLINE_20_S: Self = Self::Mainline {
        window_ms: 20_000,
        fudge_ms: 1000,
    };
}

/// The state of one estimator; 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// EMA and mainline: rate in 1/256 byte/s, because hundreds of roundings add up. Window: bytes
    /// in the previous span.
    rate: u64,
    /// EMA: bytes in the present second. Mainline: start of the averaged span, ms. Window: bytes in
    /// the present span.
    part: u32,
    /// EMA: the present second. Mainline: moment of the last update, ms. Window: start of the
    /// present span, ms.
    at: u32,
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Milliseconds modulo 2^32, which is 49.7 days. Differences are still right.
fn clock(now: Instant) -> u32 {
    u32::try_from(now.as_millis() & u64::from(u32::MAX)).expect("32 bits")
}

/// The span in milliseconds.
pub(crate) fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

impl Meter {
    /// A meter that starts now, at rate 0.
    #[must_use]
    pub fn new(estimator: Estimator, now: Instant) -> Self {
        match estimator {
            Estimator::Ema { .. } => Self {
                rate: 0,
                part: 0,
                at: narrow(now.as_secs()),
            },
            Estimator::Mainline { fudge_ms, .. } => {
                let start = clock(now).wrapping_sub(fudge_ms);
                Self {
                    rate: 0,
                    part: start,
                    at: start,
                }
            }
            Estimator::Window { .. } => Self {
                rate: 0,
                part: 0,
                at: clock(now),
            },
        }
    }

    /// A meter with another estimator that shows the same rate at `now`.
    #[must_use]
    pub fn convert(&self, from: Estimator, to: Estimator, now: Instant) -> Self {
        let rate = self.rate(from, now);
        let new = Self::new(to, now);
        match to {
            Estimator::Ema { .. } => Self {
                rate: rate.saturating_mul(256),
                ..new
            },
            Estimator::Mainline { window_ms, .. } => Self {
                rate: rate.saturating_mul(256),
                part: clock(now).wrapping_sub(window_ms.max(1)),
                at: clock(now),
            },
            Estimator::Window { window_ms } => Self {
                rate: rate.saturating_mul(u64::from(window_ms.max(1))) / 1000,
                ..new
            },
        }
    }

    /// Counts `bytes` that were transferred at `now`.
    pub fn add(&mut self, estimator: Estimator, now: Instant, bytes: u32) {
        match estimator {
            Estimator::Ema { weight } => {
                self.close_seconds(weight, now);
                self.part = self.part.saturating_add(bytes);
            }
            Estimator::Mainline { window_ms, .. } => self.update_mainline(window_ms, now, bytes),
            Estimator::Window { window_ms } => {
                self.close_window(window_ms.max(1), now);
                self.part = self.part.saturating_add(bytes);
            }
        }
    }

    /// The rate at `now`, bytes/s.
    #[must_use]
    pub fn rate(&self, estimator: Estimator, now: Instant) -> u64 {
        let mut copy = *self;
        match estimator {
            Estimator::Ema { weight } => {
                copy.close_seconds(weight, now);
                copy.rate / 256
            }
            Estimator::Mainline { window_ms, .. } => {
                copy.update_mainline(window_ms, now, 0);
                copy.rate / 256
            }
            Estimator::Window { window_ms } => {
                let window = window_ms.max(1);
                copy.close_window(window, now);
                let into = u64::from(clock(now).wrapping_sub(copy.at));
                let still = u64::from(window).saturating_sub(into);
                let bytes = u128::from(copy.rate) * u128::from(still)
                    + u128::from(copy.part) * u128::from(window);
                let rate = bytes * 1000 / (u128::from(window) * u128::from(window));
                u64::try_from(rate).unwrap_or(u64::MAX)
            }
        }
    }

    /// Adds every whole second since the last update to the average; seconds without bytes count as
    /// zeros.
    fn close_seconds(&mut self, weight: u32, now: Instant) {
        let second = narrow(now.as_secs());
        let mut passed = second.saturating_sub(self.at);
        if passed == 0 {
            return;
        }
        let keep = 65_536 - u64::from(weight);
        self.rate = (self.rate * keep + u64::from(self.part) * 256 * u64::from(weight)) >> 16;
        passed -= 1;
        // Decay by keep^passed, by squaring: a long silence costs no more than a short one.
        let (mut factor, mut left) = (keep, passed);
        while left > 0 && self.rate > 0 {
            if left & 1 == 1 {
                self.rate = (self.rate * factor) >> 16;
            }
            factor = (factor * factor) >> 16;
            left >>= 1;
        }
        (self.part, self.at) = (0, second);
    }

    /// Moves on to the span that contains `now`.
    fn close_window(&mut self, window_ms: u32, now: Instant) {
        let spans = clock(now).wrapping_sub(self.at) / window_ms;
        if spans > 0 {
            self.rate = if spans == 1 { u64::from(self.part) } else { 0 };
            self.part = 0;
            self.at = self.at.wrapping_add(spans * window_ms);
        }
    }

    fn update_mainline(&mut self, window_ms: u32, now: Instant, bytes: u32) {
        let now_ms = clock(now);
        let (span, known) = (
            now_ms.wrapping_sub(self.part),
            self.at.wrapping_sub(self.part),
        );
        let seen = self.rate * u64::from(known) + u64::from(bytes) * 256_000;
        self.rate = seen / u64::from(span.max(1));
        self.at = now_ms;
        self.part = now_ms.wrapping_sub(span.min(window_ms));
    }
}
