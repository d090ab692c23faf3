//! Why swarms start on one piece: `experiments/real_swarms/README.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::ids::PieceIndex;
use unchoke_core::time::Instant;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::world;

/// Every recorded peer.
const PEERS: &str = include_str!("../real_swarms/peers.csv");

const HOMOG: &str = include_str!("../real_swarms/homog.toml");

/// The first piece of each peer, in order of time.
#[derive(Default)]
struct Firsts(BTreeMap<u32, (Instant, PieceIndex)>);

impl Sink for Firsts {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if let Happening::Piece { node, piece } = happening {
            self.0.entry(*node).or_insert((at, *piece));
        }
    }
}

/// How many peers begin with the piece that the swarm has first.
fn on_one_piece<T: Ord + Copy, P: PartialEq>(firsts: &[(T, P)]) -> usize {
    let earliest = firsts.iter().min_by_key(|it| it.0).expect("a peer");
    firsts.iter().filter(|it| it.1 == earliest.1).count()
}

/// Mean of that over ten simulated swarms in which one peer arrives before the others.
fn simulated(head_start: Duration) -> f64 {
    let scenario = Scenario::from_toml(HOMOG, "homog.toml", None, &[]).expect("a scenario");
    let count = |seed| {
        let mut spec = expand(&scenario, seed);
        let others = spec.nodes.iter_mut().filter(|it| !it.origin).skip(1);
        others.for_each(|it| it.arrives_at = it.arrives_at.after(head_start));
        spec.horizon = Instant::START.after(Duration::from_secs(30));
        let mut firsts = Firsts::default();
        world::run(&spec, Some(&mut firsts)).expect("a swarm");
        let firsts: Vec<_> = firsts.0.into_values().collect();
        assert_eq!(firsts.len(), 16, "every peer has a piece after 30 s");
        on_one_piece(&firsts)
    };
    let sum: usize = (1..=10).map(count).sum();
    f64::from(u32::try_from(sum).expect("at most 160")) / 10.0
}

#[test]
fn a_swarm_starts_on_one_piece_if_one_peer_is_ahead() {
    let together = simulated(Duration::ZERO);
    let ahead = simulated(Duration::from_millis(600));
    assert!(together < 6.5, "{together} of 16 peers");
    assert!(ahead > 9.5, "{ahead} of 16 peers");
}

#[test]
fn in_recorded_swarms_too() {
    let mut runs = BTreeMap::<(&str, &str), Vec<(u64, &str)>>::new();
    for line in PEERS.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if let Ok(at) = fields[7].parse::<f64>() {
            let millis = Duration::from_secs_f64(at).as_millis();
            let first = (u64::try_from(millis).expect("seconds"), fields[8]);
            runs.entry((fields[0], fields[1])).or_default().push(first);
        }
    }
    assert_eq!(runs.len(), 15);
    for (run, firsts) in runs {
        assert_eq!(firsts.len(), 16, "{run:?}");
        let earliest = firsts.iter().map(|it| it.0).min().expect("a peer");
        let expected = if earliest < 2_500 { 12..=16 } else { 1..=7 };
        let count = on_one_piece(&firsts);
        assert!(
            expected.contains(&count),
            "{run:?}: {count} after {earliest} ms"
        );
    }
}
