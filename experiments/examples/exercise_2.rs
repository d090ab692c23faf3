//! Solution of exercise 2 of the book: upload in proportion to what each peer sent in the last round.
//! `cargo run --release -p unchoke-experiments --example exercise_2 -- compare proportional --against propshare --seeds 10`
use std::{process::ExitCode, time::Duration};

use unchoke_core::choke::{
    ChokePolicy, Decision, Entry, PeerView, Slots, Snapshot, Trigger, Triggers, UploadOrder,
};
use unchoke_core::{meter::Estimator, rng::Rng};

/// Gives four fifths of the upload to peers in proportion to what they sent in the last round, and
/// one fifth to a random peer. As a seed, or if no peer sent anything, four random peers get equal
/// shares.
#[derive(Debug)]
struct Proportional;

static PROPORTIONAL: Entry = Entry {
    id: "proportional",
    summary: "upload in proportion to the last round, a fifth of it at random",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(Proportional),
};

/// Shares are fractions of 1000; this is four fifths.
const FOUR_FIFTHS: u64 = 800;
const FIFTH: u32 = 200;

impl ChokePolicy for Proportional {
    fn triggers(&self) -> Triggers {
        Triggers::tick_only(Duration::from_secs(10))
    }
    /// Without this, weights have no effect.
    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Weighted { in_flight: 0 }
    }
    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }
    fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let wants = snapshot.peers.iter().filter(|it| it.peer_interested);
        let (gave, mut others): (Vec<&PeerView>, Vec<&PeerView>) =
            wants.partition(|it| !snapshot.am_seed && it.down_bytes_round > 0);
        rng.shuffle(&mut others);
        let drawn = if gave.is_empty() { 4 } else { 1 };
        let all: u64 = gave.iter().map(|it| it.down_bytes_round).sum();
        let share = |bytes: u64| u32::try_from(bytes * FOUR_FIFTHS / all).unwrap_or(u32::MAX);
        let mut weights: Vec<_> = gave
            .iter()
            .map(|it| (it.peer, share(it.down_bytes_round).max(1)))
            .collect();
        weights.extend(others.iter().take(drawn).map(|it| (it.peer, FIFTH)));
        Decision {
            slots: Slots::Exactly(weights.iter().map(|it| it.0).collect()),
            weights,
            ..Decision::default()
        }
    }
}

fn main() -> ExitCode {
    unchoke_experiments::lab(&[&PROPORTIONAL])
}
