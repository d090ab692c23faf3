//! What TCP/IP adds to the plain model, worked out by hand on one seed and one leecher: 256 blocks
//! of 16 KiB at 1 MB/s, 20 ms one way, so 40 ms a round trip.

mod common;

use std::time::Duration;

use common::{run, star};
use unchoke_sim::result::RunResult;
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
    // Each block of 16 397 bytes has 748 of headers: 191.5 ms more for all of them. The few other
    // messages of the seed add less than 10 ms.
    let more = seconds(&result) - seconds(&plain);
    let headers = u64::from(748 * BLOCKS);
    assert!((0.191..0.202).contains(&more), "{more}");
    let seed = result.nodes[0].transport_sent;
    assert!((headers..headers + 100 * 66).contains(&seed), "{seed}");
    // The leecher answers every second packet, and each of its messages is a packet.
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
    // 2896 bytes in the first round trip, then twice, four times, eight times as many: 43 440 bytes
    // in 160 ms that would have carried 160 000. Sixteen times is more than the link.
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
