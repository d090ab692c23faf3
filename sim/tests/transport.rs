//! TCP/IP effects, worked out by hand for one seed and one leecher: 256 blocks of 16 KiB at 1 MB/s
//! with a round trip of 40 ms.

use std::time::Duration;

use crate::common::{run, star};
use unchoke_core::time::Instant;
use unchoke_sim::result::RunResult;
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::transport::TransportSpec;
use unchoke_sim::units::Share;

const BLOCKS: u32 = 256;
const BLOCK_AND_HEADER: u32 = 16_384 + 13;

fn with(transport: TransportSpec) -> RunResult {
    let mut spec = star("unchoke_all", 1);
    spec.network.transport = transport;
    run(&spec)
}

fn seconds(result: &RunResult) -> f64 {
    let time = result.nodes[1].download_time();
    time.expect("it completes").as_secs_f64()
}

#[test]
fn the_plain_model_has_no_transport() {
    let result = with(TransportSpec::PLAIN);
    assert_eq!(result.nodes[0].transport_sent, 0);
    assert_eq!(result.nodes[1].transport_sent, 0);
}

#[test]
fn headers_take_their_share_of_the_link() {
    let plain = with(TransportSpec::PLAIN);
    let result = with(TransportSpec {
        header_bytes: 66,
        packets_per_ack: 2,
        ..TransportSpec::PLAIN
    });
    // Each block of 16 397 bytes has 748 header bytes: 191.5 ms more in all. The few other messages
    // of the seed add less than 10 ms.
    let more = seconds(&result) - seconds(&plain);
    let headers = u64::from(748 * BLOCKS);
    assert!((0.191..0.202).contains(&more), "{more}");
    let seed = result.nodes[0].transport_sent;
    assert!((headers..headers + 100 * 66).contains(&seed), "{seed}");
    // The leecher acknowledges every second packet, and each of its own messages is one packet.
    let answers = u64::from(374 * BLOCKS);
    let leecher = result.nodes[1].transport_sent;
    let messages = 400 * 66;
    assert!(
        (answers..answers + messages).contains(&leecher),
        "{leecher}"
    );
    assert_eq!(BLOCK_AND_HEADER * 66 / 1448, 747, "rounded up: 748");
}

#[test]
fn a_window_is_all_that_a_round_trip_carries() {
    let result = with(TransportSpec {
        window_bytes: Some(8192),
        ..TransportSpec::PLAIN
    });
    // 8192 bytes in 40 ms are 204 800 bytes/s.
    let sending = f64::from(BLOCKS * BLOCK_AND_HEADER) / 204_800.0;
    let time = seconds(&result);
    assert!(
        (sending..sending + 0.5).contains(&time),
        "{time} against {sending}"
    );
}

#[test]
fn loss_holds_a_connection_back() {
    let result = with(TransportSpec {
        loss: Share::from_millionths(10_000).expect("a share"),
        ..TransportSpec::PLAIN
    });
    // 1.2247 * 1448 / (0.04 * 0.1) = 443 358 bytes/s.
    let sending = f64::from(BLOCKS * BLOCK_AND_HEADER) / 443_358.0;
    let time = seconds(&result);
    assert!(
        (sending..sending + 0.5).contains(&time),
        "{time} against {sending}"
    );
}

#[test]
fn slow_start_doubles_until_the_link_holds_it_back() {
    let plain = with(TransportSpec::PLAIN);
    let result = with(TransportSpec {
        initial_window: Some(2),
        ..TransportSpec::PLAIN
    });
    // 2896 bytes in the first round trip, then 2, 4 and 8 times as many: 43 440 bytes in 160 ms, in
    // which the link would have carried 160 000. 16 times would exceed the link.
    let more = seconds(&result) - seconds(&plain);
    assert!((0.110..0.120).contains(&more), "{more}");
    let wide = with(TransportSpec {
        initial_window: Some(1000),
        ..TransportSpec::PLAIN
    });
    assert_eq!(
        wide.digest, plain.digest,
        "the link is the limit from the start"
    );
}

/// When each block arrived, ns.
#[derive(Default)]
struct Arrivals(Vec<u64>);

impl Sink for Arrivals {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if let Happening::Block { .. } = happening {
            self.0.push(at.as_nanos());
        }
    }
}

/// Arrival times of blocks from a seed capped at `cap` bytes/s: two at once, because its allowance
/// is full, then one every 16 384 / `cap` seconds.
fn arrivals(cap: u64, transport: TransportSpec) -> Vec<u64> {
    let mut spec = star("unchoke_all", 1);
    spec.clients[0].upload_cap = Some(cap);
    spec.network.transport = transport;
    let mut arrivals = Arrivals::default();
    unchoke_sim::world::run(&spec, Some(&mut arrivals)).expect("a spec that can be run");
    assert_eq!(arrivals.0.len(), BLOCKS as usize, "each block once");
    arrivals.0
}

/// By how many ns each block arrives later with slow start from `segments` segments than without.
/// The cap makes every block leave at the same time in both runs.
fn later_with_slow_start(segments: u32, cap: u64) -> Vec<u64> {
    let plain = arrivals(cap, TransportSpec::PLAIN);
    let slow = TransportSpec {
        initial_window: Some(segments),
        ..TransportSpec::PLAIN
    };
    let slow = arrivals(cap, slow);
    slow.iter().zip(&plain).map(|it| it.0 - it.1).collect()
}

/// Time of a block without slow start, ns.
const AT_LINK_RATE: u64 = 16_397_000;

/// Time of a block at 868 800 bytes/s: 18.873 ms. Two blocks at once reach this rate from three
/// segments, after 30 408 bytes and three round trips. 18.873 ms is less than half a round trip, so
/// the window did not limit the stream and does not grow.
const WARM: u64 = 16_397 * 1_000_000_000 / 868_800 - AT_LINK_RATE;

/// Time of a block from two segments: 2896 bytes in 40 ms, 5792 in the next, and 7709 at 289 600
/// bytes/s, together 106.620 ms.
const COLD: u64 = 80_000_000 + 7709 * 1_000_000_000 / 289_600 - AT_LINK_RATE;

/// Whether `later` is `expected`, with a tolerance for rates that are rounded down.
fn is(later: u64, expected: u64) -> bool {
    (expected..expected + 100).contains(&later)
}

#[test]
fn a_stream_that_idles_longer_than_the_timeout_starts_slowly_again() {
    // One block every 347.605 ms. The timeout is the round trip plus 200 ms: 240 ms. The first two
    // blocks take 141.619 ms, so the stream has not timed out when the next one comes; that block
    // then leaves it idle for 331 ms. Every later block takes 106.620 ms, which leaves 240.985 ms.
    let later = later_with_slow_start(2, 47_134);
    assert!(is(later[2], 0), "block 2: {}", later[2]);
    for (block, later) in later.iter().enumerate().skip(3) {
        assert!(is(*later, COLD), "block {block}: {later}");
    }
}

#[test]
fn a_stream_that_idles_less_goes_on_at_the_rate_it_had() {
    // One block every 247.302 ms takes 18.873 ms of them, so the stream idles for 228.429 ms.
    let later = later_with_slow_start(3, 66_251);
    for (block, later) in later.iter().enumerate().skip(2) {
        assert!(is(*later, WARM), "block {block}: {later}");
    }
}

#[test]
fn a_window_that_is_used_doubles_over_a_gap_too() {
    // From two segments the first two blocks reach 579 200 bytes/s after three round trips. They
    // complete 21.619 ms into the fourth, which is more than half of it. Doubled again, the rate
    // exceeds the link.
    let later = later_with_slow_start(2, 66_251);
    for (block, later) in later.iter().enumerate().skip(2) {
        assert!(is(*later, 0), "block {block}: {later}");
    }
}

#[test]
fn a_warm_stream_keeps_to_its_window() {
    // 8192 bytes in 40 ms are 204 800 bytes/s, reached in the second round trip. One block each
    // 267.302 ms takes 80.063 ms of them and leaves the stream idle for less than the timeout.
    let window = |initial_window| TransportSpec {
        initial_window,
        window_bytes: Some(8192),
        ..TransportSpec::PLAIN
    };
    let (at_once, slow) = (window(None), window(Some(2)));
    let (at_once, slow) = (arrivals(61_294, at_once), arrivals(61_294, slow));
    assert_eq!(slow[2..], at_once[2..]);
}

#[test]
fn far_connections_get_less_of_a_link() {
    // A seed of 1 MB/s has leechers at round trips of 20 and 200 ms. They share its uplink 10 to 1
    // until the near leecher completes. With equal shares, both would complete at about the same
    // time.
    let time = |rtt_bias| {
        let mut spec = star("unchoke_all", 2);
        spec.network.base_delay_ns = 0;
        spec.network.transport.rtt_bias = rtt_bias;
        for (node, ms) in spec.nodes.iter_mut().zip([0, 10, 100]) {
            node.delay_ns = ms * 1_000_000;
        }
        let result = run(&spec);
        [1, 2].map(|it: usize| {
            result.nodes[it]
                .download_time()
                .expect("it completes")
                .as_secs_f64()
        })
    };
    let (even, biased) = (time(false), time(true));
    assert!(even[1] - even[0] < 1.0, "{even:?}");
    assert!(biased[1] - biased[0] > 1.0, "{biased:?}");
}

#[test]
fn setting_up_takes_the_time_it_is_given() {
    let plain = with(TransportSpec::PLAIN);
    let result = with(TransportSpec {
        connect_time: Duration::from_millis(100),
        ..TransportSpec::PLAIN
    });
    let more = seconds(&result) - seconds(&plain);
    assert!((0.099..0.101).contains(&more), "{more}");
}

/// The number of blocks that each leecher of a star had when the first had `first`.
struct Early {
    first: u32,
    blocks: Vec<u32>,
    done: bool,
}

impl Sink for Early {
    fn record(&mut self, _: Instant, happening: &Happening) {
        if let Happening::Block { node, other: 0, .. } = *happening
            && !self.done
        {
            self.blocks[node as usize] += 1;
            self.done = self.blocks[node as usize] == self.first;
        }
    }
}

#[test]
fn uneven_shares_part_equals_and_are_the_same_each_time() {
    let early = |uneven| {
        let mut spec = star("unchoke_all", 16);
        spec.network.transport = TransportSpec {
            uneven,
            ..TransportSpec::PLAIN
        };
        let mut early = Early {
            first: 10,
            blocks: vec![0; spec.nodes.len()],
            done: false,
        };
        let result = unchoke_sim::world::run(&spec, Some(&mut early)).expect("it can be run");
        let completed = result.nodes.iter().filter(|it| it.completed_at.is_some());
        assert_eq!(completed.count(), 16);
        let least = early.blocks[1..].iter().min().copied();
        (least.expect("sixteen"), result.digest)
    };
    let lasts = Some(Duration::from_secs(2));
    let (even, uneven) = (early(None), early(lasts));
    assert!(
        even.0 >= 8,
        "with equal shares, all make progress: {}",
        even.0
    );
    assert!(
        uneven.0 <= 4,
        "with uneven shares, some make little progress: {}",
        uneven.0
    );
    assert_eq!(early(lasts).1, uneven.1);
    assert_ne!(even.1, uneven.1);
}
