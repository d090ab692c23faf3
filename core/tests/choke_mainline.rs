//! The position at which mainline inserts a new connection into its list.

use unchoke_core::choke::{Parameters, PeerView, Slots, Snapshot, Trigger, build};
use unchoke_core::ids::PeerKey;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;

const RUNS: u32 = 20_000;

/// The number of [`RUNS`] runs in which the last of `connections` peers is at the head of the list.
fn newcomer_at_head(id: &str, parameters: &Parameters, connections: u32) -> u32 {
    let view = |key| PeerView {
        peer: PeerKey(key),
        peer_interested: true,
        am_choking: true,
        ..PeerView::default()
    };
    let peers: Vec<PeerView> = (0..connections).map(view).collect();
    let mut heads = 0;
    for run in 0..RUNS {
        let mut policy = build(id, parameters).expect("a policy");
        let mut rng = Streams::new(1).stream(Purpose::Choke, run);
        // No peer has sent a block, so none is preferred, and the head of the list is unchoked.
        for key in 0..connections {
            let known = &peers[..=key as usize];
            let snapshot = Snapshot {
                now: Instant::from_secs(100),
                am_seed: false,
                upload_capacity: None,
                upload_rate: 0,
                piece_count: 100,
                piece_bytes: 262_144,
                total_bytes: 100 * 262_144,
                left_bytes: 50 * 262_144,
                peers: known,
            };
            let decision = policy.decide(Trigger::Connected(PeerKey(key)), &snapshot, &mut rng);
            let Slots::Exactly(unchoked) = decision.slots else {
                panic!("a rechoke at every connection")
            };
            assert_eq!(unchoked.len(), 1, "one optimistic unchoke");
            let last = PeerKey(connections - 1);
            heads += u32::from(key == last.0 && unchoked == [last]);
        }
    }
    heads
}

#[test]
fn mainline_342_puts_a_new_connection_at_the_head_with_probability_3_in_n_plus_3() {
    let mut parameters = Parameters::new();
    parameters.set("min_uploads", 1);
    // The seventh joins six: 3/9 of 20 000 is 6667, standard deviation 67.
    let heads = newcomer_at_head("mainline_342", &parameters, 7);
    assert!(heads.abs_diff(RUNS / 3) < 340, "{heads} of {RUNS}");
}

#[test]
fn mainline_391_puts_it_anywhere() {
    let mut parameters = Parameters::new();
    parameters.set("min_uploads", 1);
    // One place in seven: 2857, standard deviation 49.
    let heads = newcomer_at_head("mainline_391", &parameters, 7);
    assert!(heads.abs_diff(RUNS / 7) < 250, "{heads} of {RUNS}");
}
