//! Long-run shares of the random choices of policies.

use unchoke_core::choke::{Parameters, PeerView, Slots, Snapshot, Trigger, build};
use unchoke_core::ids::PeerKey;
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;

fn views(count: u32) -> Vec<PeerView> {
    let view = |key| PeerView {
        peer: PeerKey(key),
        peer_interested: true,
        am_choking: true,
        ..PeerView::default()
    };
    (0..count).map(view).collect()
}

fn snapshot(peers: &[PeerView]) -> Snapshot<'_> {
    Snapshot {
        now: Instant::from_secs(100),
        am_seed: false,
        upload_capacity: None,
        upload_rate: 0,
        piece_count: 100,
        piece_bytes: 262_144,
        total_bytes: 100 * 262_144,
        left_bytes: 50 * 262_144,
        peers,
    }
}

#[test]
fn random_k_gives_everybody_the_same_share() {
    const ROUNDS: u64 = 20_000;
    let mut policy = build("random_k", &Parameters::new()).expect("a policy");
    let mut rng = Streams::new(1).stream(Purpose::Choke, 0);
    let peers = views(10);
    let mut times = [0_u64; 10];
    for round in 0..ROUNDS {
        let decision = policy.decide(Trigger::Tick(round), &snapshot(&peers), &mut rng);
        let Slots::Exactly(unchoked) = decision.slots else {
            panic!("a full choice")
        };
        assert_eq!(unchoked.len(), 4);
        for it in &unchoked {
            times[it.0 as usize] += 1;
        }
    }
    // 4 of 10 in each round: 8000 each, standard deviation 69.
    assert!(
        times.iter().all(|it| it.abs_diff(ROUNDS * 4 / 10) < 350),
        "{times:?}"
    );
}

#[test]
fn tit_for_tat_shares_the_optimistic_unchoke_evenly() {
    const TURNS: u64 = 10_000;
    let mut policy = build("tit_for_tat", &Parameters::new()).expect("a policy");
    let mut rng = Streams::new(1).stream(Purpose::Choke, 0);
    let mut peers = views(9);
    peers.iter_mut().take(4).for_each(|it| it.down_rate = 1000);
    let mut times = [0_u64; 9];
    for turn in 0..TURNS {
        let decision = policy.decide(Trigger::Tick(turn * 3), &snapshot(&peers), &mut rng);
        let Slots::Exactly(unchoked) = decision.slots else {
            panic!("a full choice")
        };
        for it in &unchoked {
            times[it.0 as usize] += 1;
        }
    }
    // One of five in each turn: 2000 each, standard deviation 40.
    assert!(times[..4].iter().all(|it| *it == TURNS), "{times:?}");
    assert!(
        times[4..].iter().all(|it| it.abs_diff(TURNS / 5) < 200),
        "{times:?}"
    );
}

/// Mainline 3.4.2 inserts at `max(0, uniform{-2..n})`: the head with probability 3/(n+3).
#[test]
fn a_new_connection_is_three_times_as_likely_to_be_the_next_optimistic_unchoke() {
    const RUNS: u32 = 20_000;
    let others = 6;
    let mut first = 0;
    for run in 0..RUNS {
        let mut policy = build("bep3", &Parameters::new()).expect("a policy");
        let mut rng = Streams::new(1).stream(Purpose::Choke, run);
        // No peer is interested yet, so none is unchoked. Later, all become interested at once.
        let mut peers = views(others + 1);
        for it in &mut peers {
            it.peer_interested = false;
        }
        for key in 0..=others {
            let one = &peers[key as usize..=key as usize];
            policy.decide(Trigger::Connected(PeerKey(key)), &snapshot(one), &mut rng);
        }
        // The fastest peers get three regular slots. The new peer competes with six others for the
        // last.
        for it in &mut peers {
            it.peer_interested = true;
        }
        let fast = (100..103).map(|key| PeerView {
            peer: PeerKey(key),
            peer_interested: true,
            down_rate: 9,
            ..PeerView::default()
        });
        peers.extend(fast);
        let decision = policy.decide(Trigger::Tick(0), &snapshot(&peers), &mut rng);
        let Slots::Exactly(unchoked) = decision.slots else {
            panic!("a full choice")
        };
        first += u32::from(unchoked.contains(&PeerKey(others)));
    }
    // 3/(6+3) of 20 000 is 6667, standard deviation 67.
    assert!(first.abs_diff(RUNS / 3) < 340, "{first} of {RUNS}");
}
