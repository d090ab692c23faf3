//! How much may be in flight: LEDBAT, which yields to other traffic on the line. BEP 29,
//! *congestion control*; figures as in libutp and libtorrent.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Instant;

/// Largest delay that we may add to the line, in microseconds. BEP 29: 100 ms.
const TARGET: i64 = 100_000;
/// Largest growth of the window per round trip, bytes. libutp: 3000.
const GAIN: i64 = 3000;
/// Bounds of the window: [`super::MAX_PAYLOAD`], and what a receiver keeps.
const SMALLEST: i64 = 1360;
const LARGEST: i64 = 1 << 20;
const FIRST: i64 = 4 * SMALLEST;
/// The smallest delay of the last periods counts as that of the empty line. BEP 29: two minutes.
const PERIOD: Duration = Duration::from_mins(1);
const PERIODS: usize = 3;
/// Shortest time between two halvings of the window. libtorrent `utp_cwnd_reduce_timer`: 100 ms.
const HALVED_AGAIN: Duration = Duration::from_millis(100);
/// Bounds of the wait for an acknowledgement.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LEAST_WAIT: Duration = Duration::from_millis(500);
const MOST_WAIT: Duration = Duration::from_mins(1);

/// How much may be in flight, and how long to wait for an acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Window {
    bytes: i64,
    slow_start: bool,
    /// The smallest delay of each period, newest last. These are differences of two clocks: they
    /// wrap.
    least: VecDeque<(Instant, u32)>,
    halved_at: Option<Instant>,
    /// Mean and deviation of round trips.
    round_trip: Option<(Duration, Duration)>,
    timeouts: u32,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            bytes: FIRST,
            slow_start: true,
            least: VecDeque::new(),
            halved_at: None,
            round_trip: None,
            timeouts: 0,
        }
    }

    /// Bytes that may be in flight.
    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).expect("it has bounds")
    }

    /// How much longer than on an empty line a packet took, in microseconds.
    fn queued(&mut self, now: Instant, delay: u32) -> i64 {
        let fresh = |it: &(Instant, u32)| now - it.0 < PERIOD;
        match self.least.back_mut().filter(|it| fresh(it)) {
            Some(newest) => {
                if delay.wrapping_sub(newest.1) > u32::MAX / 2 {
                    newest.1 = delay;
                }
            }
            None => self.least.push_back((now, delay)),
        }
        if self.least.len() > PERIODS {
            self.least.pop_front();
        }
        let later = self.least.iter().map(|it| delay.wrapping_sub(it.1));
        // A value below the smallest delay means that a clock went back.
        let most = later.filter(|it| *it < u32::MAX / 2).max();
        i64::from(most.unwrap_or(0))
    }

    /// `bytes` arrived, with this delay by both clocks; `full`: the window was used up.
    pub(super) fn acked(&mut self, now: Instant, bytes: usize, delay: u32, full: bool) {
        self.timeouts = 0;
        let queued = if delay == 0 {
            0
        } else {
            self.queued(now, delay)
        };
        let off = (TARGET - queued).max(-TARGET);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX).min(LARGEST);
        if off <= 0 {
            self.slow_start = false;
        }
        if off > 0 && !full {
            return;
        }
        self.bytes += if self.slow_start {
            bytes
        } else {
            GAIN * off * bytes / (TARGET * self.bytes)
        };
        self.bytes = self.bytes.clamp(SMALLEST, LARGEST);
    }

    /// A packet was lost.
    pub(super) fn lost(&mut self, now: Instant) {
        self.slow_start = false;
        if self.halved_at.is_none_or(|at| now - at >= HALVED_AGAIN) {
            self.halved_at = Some(now);
            self.bytes = (self.bytes / 2).max(SMALLEST);
        }
    }

    /// No acknowledgement came in time. Returns how often that happened in a row.
    pub(super) fn timed_out(&mut self) -> u32 {
        self.bytes = SMALLEST;
        self.slow_start = true;
        self.timeouts += 1;
        self.timeouts
    }

    /// A packet that was sent once was acknowledged after `took`. Averages of RFC 6298, as in BEP
    /// 29.
    pub(super) fn sample(&mut self, took: Duration) {
        let (mean, deviation) = match self.round_trip {
            None => (took, took / 2),
            Some((mean, deviation)) => (
                (mean * 7 + took) / 8,
                (deviation * 3 + mean.abs_diff(took)) / 4,
            ),
        };
        self.round_trip = Some((mean, deviation));
    }

    /// How long to wait for an acknowledgement.
    pub(super) fn wait(&self) -> Duration {
        let wait = match self.round_trip {
            None => FIRST_WAIT,
            Some((mean, deviation)) => (mean + deviation * 4).max(LEAST_WAIT),
        };
        (wait * 2_u32.saturating_pow(self.timeouts.min(6))).min(MOST_WAIT)
    }

    /// Whether packets should be small, because large ones may be lost for their size.
    pub(super) fn doubts_size(&self) -> bool {
        self.timeouts >= 2
    }
}
