//! Solution of exercise 1 of the book: serve the three peers that send fastest, and one at random.
//! `cargo run --release -p unchoke-experiments --example exercise_1 -- compare best_three --against bep3`
use std::{cmp::Reverse, process::ExitCode, time::Duration};

use unchoke_core::choke::{ChokePolicy, Decision, Entry, PeerView, Snapshot, Trigger, Triggers};
use unchoke_core::{ids::PeerKey, rng::Rng};

/// Serves the three interested peers that sent most in the last round, and one drawn at random for
/// three rounds. A seed serves four at random.
#[derive(Debug, Default)]
struct BestThree {
    drawn: Option<PeerKey>,
}

static BEST_THREE: Entry = Entry {
    id: "best_three",
    summary: "the three that sent most in the last round, and one at random for three rounds",
    uploads: true,
    parameters: &[],
    make: |_| Box::<BestThree>::default(),
};

impl ChokePolicy for BestThree {
    fn triggers(&self) -> Triggers {
        Triggers::tick_only(Duration::from_secs(10))
    }
    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let wants = snapshot.peers.iter().filter(|it| it.peer_interested);
        let mut peers: Vec<&PeerView> = wants.collect();
        rng.shuffle(&mut peers); // The sort is stable: ties stay shuffled.
        if !snapshot.am_seed {
            peers.sort_by_key(|it| Reverse(it.down_bytes_round));
        }
        let three = peers.len().min(3);
        let (best, others) = peers.split_at_mut(three);
        rng.shuffle(others);
        let stays = others.iter().any(|it| Some(it.peer) == self.drawn);
        if !stays || matches!(trigger, Trigger::Tick(tick) if tick % 3 == 0) {
            self.drawn = others.first().map(|it| it.peer);
        }
        Decision::exactly(best.iter().map(|it| it.peer).chain(self.drawn).collect())
    }
}

fn main() -> ExitCode {
    unchoke_experiments::lab(&[&BEST_THREE])
}
