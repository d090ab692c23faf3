//! Effects of TCP/IP on the simulated links. All are off by default, so that results of the plain
//! model can be checked by hand.
//!
//! * **Headers** of packets and acknowledgements take capacity.
//! * **Slow start**: a connection starts with an initial window, and restarts with it after it was
//!   idle for longer than the retransmission timeout. The window doubles each round trip until a
//!   link limits the connection.
//! * **Bias**: connections share a link in proportion to 1/rtt instead of evenly.
//! * **Uneven shares**: each connection draws a random weight for its share of a link,
//!   exponentially distributed, and draws a new one after a given time of sending. The reason:
//!   drop-tail queues do not give equal shares to connections with windows of a few packets
//!   (Morris, *TCP behavior with many flows*, ICNP 1997). In the recorded swarms of
//!   `experiments/real_swarms/`, a seed that unchoked sixteen equal peers had sent them 0 to 19
//!   blocks after 3 s, 5.5 on average. Of sixteen exponential shares with this mean, the smallest
//!   is expected at 0.3 and the largest at 18.6.
//! * **Window**: a connection carries at most one window per round trip.
//! * **Loss**: if a share p of the packets is lost, a connection carries at most `1.22 * segment /
//!   (rtt * sqrt(p))` (Mathis, Semke, Mahdavi, Ott 1997). Retransmitted packets are not counted.
//!
//! The round trip counts only the delays of the scenario, not time in queues.

use std::time::Duration;

use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::rng::Rng;

use crate::distribution::exponential;
use crate::units::Share;

/// Settings of the transport below the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportSpec {
    /// Bytes of headers of all layers per packet; 0 if headers take no capacity.
    pub header_bytes: u32,
    /// Bytes of the stream that a full packet carries; at least 1.
    pub segment_bytes: u32,
    /// Packets per acknowledgement; 0 if acknowledgements take no capacity.
    pub packets_per_ack: u32,
    /// Segments that a connection may send in its first round trip; `None` without slow start.
    pub initial_window: Option<u32>,
    /// Most bytes in flight on one connection; `None` for no limit.
    pub window_bytes: Option<u64>,
    /// Share of the packets that is lost.
    pub loss: Share,
    /// Whether connections share a link in proportion to 1/rtt.
    pub rtt_bias: bool,
    /// Time of sending after which a connection draws a new weight; `None` for equal shares.
    pub uneven: Option<Duration>,
    /// Time to set up a connection in addition to its round trips.
    pub connect_time: Duration,
}

/// Smallest part of the retransmission timeout beyond the round trip, ns. Linux `TCP_RTO_MIN`: 200
/// ms.
const RTO_MIN_NS: u64 = 200_000_000;

/// Mean of the random weights.
const MEAN_DRAWN: u32 = 100;

/// Smallest and largest random weight. The smallest is not 0: even a connection in timeout sends
/// now and then.
const DRAWN: (u32, u32) = (2, 1000);

/// Draws a weight: exponentially distributed, limited to the bounds.
#[must_use]
pub fn draw_weight(rng: &mut Rng) -> u32 {
    let mean = Duration::from_nanos(u64::from(MEAN_DRAWN));
    let drawn = exponential(mean, rng).as_nanos();
    u32::try_from(drawn)
        .unwrap_or(DRAWN.1)
        .clamp(DRAWN.0, DRAWN.1)
}

/// Largest weight: that of a round trip of 10 ms. Below 10 ms, the delay of queues, which is not
/// modelled, would dominate.
const MOST_WEIGHT: u64 = 1_000;

const SECOND_NS: u128 = 1_000_000_000;

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

impl TransportSpec {
    /// The plain model. The segment size is that of Ethernet with TCP timestamps: 1500 - 52.
    pub const PLAIN: Self = Self {
        header_bytes: 0,
        segment_bytes: 1448,
        packets_per_ack: 0,
        initial_window: None,
        window_bytes: None,
        loss: Share::NONE,
        rtt_bias: false,
        uneven: None,
        connect_time: Duration::ZERO,
    };

    /// Whether a setting depends on round trips.
    #[must_use]
    pub const fn needs_round_trips(&self) -> bool {
        self.initial_window.is_some()
            || self.window_bytes.is_some()
            || self.loss.millionths() > 0
            || self.rtt_bias
    }

    /// Whether headers take capacity.
    #[must_use]
    pub const fn has_headers(&self) -> bool {
        self.header_bytes > 0
    }

    /// Header bytes for `bytes` in the middle of a stream.
    #[must_use]
    pub fn headers_of(&self, bytes: u64) -> u64 {
        (bytes * u64::from(self.header_bytes)).div_ceil(u64::from(self.segment_bytes))
    }

    /// Acknowledgement bytes for `bytes` of a stream.
    #[must_use]
    pub fn acks_of(&self, bytes: u64) -> u64 {
        if self.packets_per_ack == 0 {
            return 0;
        }
        let answered = u64::from(self.segment_bytes) * u64::from(self.packets_per_ack);
        (bytes * u64::from(self.header_bytes)).div_ceil(answered)
    }

    /// Upper limit on a connection with this round trip, bytes/s; `None` if there is none.
    #[must_use]
    pub fn ceiling(&self, rtt_ns: u64) -> Option<u64> {
        if rtt_ns == 0 {
            return None;
        }
        let window = self.window_bytes.map(|it| per_round_trip(it, rtt_ns));
        let lost = u128::from(self.loss.millionths());
        let mathis = (lost > 0).then(|| {
            // sqrt(3/2) = 1.22. Calculated in 1/1000 byte/s, so that slow paths keep enough digits.
            let segment = u128::from(self.segment_bytes) * 1000 * SECOND_NS / u128::from(rtt_ns);
            narrow((segment * segment * 1_500_000 / lost).isqrt() / 1000).max(1)
        });
        window.into_iter().chain(mathis).min()
    }

    /// Rate of a connection with this round trip in its first round trip, bytes/s; `None` without
    /// slow start.
    #[must_use]
    pub fn initial_rate(&self, rtt_ns: u64) -> Option<u64> {
        let window = u64::from(self.initial_window?) * u64::from(self.segment_bytes);
        (rtt_ns > 0).then(|| per_round_trip(window, rtt_ns))
    }

    /// Weight of a connection with this round trip: 1/rtt in tenths of a hertz. Round trips from 10
    /// ms to one second then keep two digits.
    #[must_use]
    pub fn weight(&self, rtt_ns: u64) -> u32 {
        if !self.rtt_bias {
            return 1;
        }
        let rounded = (10 * 1_000_000_000 + rtt_ns / 2) / rtt_ns.max(1);
        u32::try_from(rounded.clamp(1, MOST_WEIGHT)).expect("clamped")
    }

    /// Weight of a connection with this round trip and this random weight.
    #[must_use]
    pub fn uneven_weight(&self, rtt_ns: u64, drawn: u32) -> u32 {
        let weight = u64::from(self.weight(rtt_ns)) * u64::from(drawn);
        let scaled = if self.rtt_bias {
            weight / u64::from(MEAN_DRAWN)
        } else {
            weight
        };
        u32::try_from(scaled.max(1)).expect("both are at most some thousands")
    }

    /// After this idle time a connection starts slowly again, ns. RFC 5681 §4.1.
    #[must_use]
    pub fn forgets_after_ns(&self, rtt_ns: u64) -> u64 {
        rtt_ns + RTO_MIN_NS
    }
}

/// `bytes` per round trip as a rate in bytes/s; at least 1, so that every connection makes
/// progress.
fn per_round_trip(bytes: u64, rtt_ns: u64) -> u64 {
    narrow(u128::from(bytes) * SECOND_NS / u128::from(rtt_ns)).max(1)
}

/// Largest header size that a scenario may set: the payload of a block.
pub const MAX_HEADER_BYTES: u32 = BLOCK_BYTES;

#[cfg(test)]
mod tests {
    use unchoke_core::rng::{Purpose, Streams};

    use super::*;

    const MS: u64 = 1_000_000;
    const ETHERNET: TransportSpec = TransportSpec {
        header_bytes: 66,
        packets_per_ack: 2,
        ..TransportSpec::PLAIN
    };

    #[test]
    fn headers_by_hand() {
        // 1448 bytes travel as a packet of 1514; two such packets have one answer of 66.
        assert_eq!(ETHERNET.headers_of(1448), 66);
        assert_eq!(ETHERNET.headers_of(2 * 1448), 132);
        assert_eq!(ETHERNET.acks_of(2 * 1448), 66);
        // A block with its header: 16 397 / 1448 = 11.32 packets.
        assert_eq!(ETHERNET.headers_of(16_397), 748);
        assert_eq!(ETHERNET.acks_of(16_397), 374);
        assert_eq!(TransportSpec::PLAIN.headers_of(16_397), 0);
        assert_eq!(TransportSpec::PLAIN.acks_of(16_397), 0);
    }

    #[test]
    fn a_window_each_round_trip() {
        let spec = TransportSpec {
            window_bytes: Some(65_536),
            ..TransportSpec::PLAIN
        };
        assert_eq!(spec.ceiling(100 * MS), Some(655_360));
        assert_eq!(spec.ceiling(200 * MS), Some(327_680), "twice as far");
        assert_eq!(spec.ceiling(0), None, "no delay, no limit");
        assert_eq!(TransportSpec::PLAIN.ceiling(100 * MS), None);
    }

    #[test]
    fn loss_by_the_formula_of_mathis() {
        let spec = |millionths| TransportSpec {
            loss: Share::from_millionths(millionths).expect("a share"),
            ..TransportSpec::PLAIN
        };
        // p = 1 %: 1.2247 * 1448 / (0.1 * 0.1) = 177 343 bytes/s.
        assert_eq!(spec(10_000).ceiling(100 * MS), Some(177_343));
        // A quarter of the loss, twice the rate; twice the round trip, half.
        assert_eq!(spec(2_500).ceiling(100 * MS), Some(354_686));
        assert_eq!(spec(2_500).ceiling(200 * MS), Some(177_343));
        let both = TransportSpec {
            window_bytes: Some(1000),
            ..spec(10_000)
        };
        assert_eq!(
            both.ceiling(100 * MS),
            Some(10_000),
            "the lesser of the two"
        );
    }

    #[test]
    fn weights_fall_as_the_round_trip_rises() {
        let spec = TransportSpec {
            rtt_bias: true,
            ..TransportSpec::PLAIN
        };
        let weights = [0, 10, 40, 80, 400, 60_000].map(|it| spec.weight(it * MS));
        assert_eq!(weights, [1_000, 1_000, 250, 125, 25, 1]);
        assert_eq!(TransportSpec::PLAIN.weight(40 * MS), 1);
    }

    #[test]
    fn shares_are_exponential() {
        let mut rng = Streams::new(1).stream(Purpose::Share, 0);
        let drawn: Vec<u32> = (0..4000).map(|_| draw_weight(&mut rng)).collect();
        let mean = drawn.iter().sum::<u32>() / 4000;
        assert!((95..=105).contains(&mean), "{mean}");
        let median = drawn.iter().filter(|it| **it <= 69).count();
        assert!(
            (1900..=2100).contains(&median),
            "ln 2 of the mean: {median}"
        );
        assert!(drawn.iter().all(|it| (2..=1000).contains(it)));
        let biased = TransportSpec {
            rtt_bias: true,
            ..TransportSpec::PLAIN
        };
        let weights = [50, 100, 200].map(|it| biased.uneven_weight(40 * MS, it));
        assert_eq!(weights, [125, 250, 500]);
        assert_eq!(TransportSpec::PLAIN.uneven_weight(0, 50), 50);
    }

    #[test]
    fn ten_segments_in_the_first_round_trip() {
        let spec = TransportSpec {
            initial_window: Some(10),
            ..TransportSpec::PLAIN
        };
        assert_eq!(spec.initial_rate(100 * MS), Some(144_800));
        assert_eq!(spec.initial_rate(0), None);
        assert_eq!(TransportSpec::PLAIN.initial_rate(100 * MS), None);
        assert_eq!(spec.forgets_after_ns(100 * MS), 300 * MS);
    }
}
