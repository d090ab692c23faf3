//! A policy of one's own in every command of `lab`, and in downloads:
//! `cargo run --release -p unchoke-experiments --example my_policy -- compare loyal`
use std::{env, process::ExitCode, time::Duration};
use unchoke_core::choke::{ChokePolicy, Decision, Entry, Snapshot, Trigger, Triggers};
use unchoke_core::rng::Rng;

/// Serves the four interested peers that sent us most since they connected, and one random peer.
#[derive(Debug)]
struct Loyal;

static LOYAL: Entry = Entry {
    id: "loyal",
    summary: "the four that gave most since they connected, and one at random",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(Loyal),
};

impl ChokePolicy for Loyal {
    fn triggers(&self) -> Triggers {
        Triggers::tick_only(Duration::from_secs(10))
    }
    fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let wants = snapshot.peers.iter().filter(|it| it.peer_interested);
        let mut peers: Vec<_> = wants.collect();
        rng.shuffle(&mut peers); // The sort is stable: ties stay shuffled.
        peers.sort_by_key(|it| std::cmp::Reverse(it.down_bytes));
        let four = peers.len().min(4);
        rng.shuffle(&mut peers[four..]);
        Decision::exactly(peers.iter().take(5).map(|it| it.peer).collect())
    }
}

fn main() -> ExitCode {
    #[cfg(unix)] // The client is for Unix.
    if matches!(env::args().nth(1).as_deref(), Some("download" | "seed")) {
        return unchoke_net::cli::main_with(&[&LOYAL]);
    }
    unchoke_experiments::lab(&[&LOYAL])
}
