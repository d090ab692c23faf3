//! Solution of exercise 3 of the book: pay each peer as little as keeps it serving us.
//! `cargo run --release -p unchoke-experiments --example exercise_3 -- compare haggle --against bep3 --seeds 10`
use std::{cmp::Reverse, collections::BTreeMap, process::ExitCode, time::Duration};

use unchoke_core::choke::{
    ChokePolicy, Decision, Entry, PeerView, Slots, Snapshot, Trigger, Triggers, UploadOrder,
};
use unchoke_core::{ids::PeerKey, rng::Rng};

/// Offers each peer a price, bytes a round. The price rises by a fifth if the peer took it and kept
/// us choked, and falls by a tenth if it served us. Serves the peers that send most for their price,
/// while the uplink lasts. A seed serves four peers at random.
#[derive(Debug, Default)]
struct Haggle {
    prices: BTreeMap<PeerKey, u64>,
}

static HAGGLE: Entry = Entry {
    id: "haggle",
    summary: "best return for the price first; prices fall for peers that serve us, rise for others",
    uploads: true,
    parameters: &[],
    make: |_| Box::<Haggle>::default(),
};

const ROUND: Duration = Duration::from_secs(10);

/// First price, bytes a round.
const FIRST: u64 = 120_000;

impl Haggle {
    /// What a peer sent in the last round, thousandths of its price, and the new price. A peer that never
    /// sent counts as fair: what it gets is what it gives.
    fn offer(&mut self, peer: &PeerView) -> (u64, u64) {
        let price = self.prices.entry(peer.peer).or_insert(FIRST);
        if !peer.peer_choking || peer.down_bytes_round > 0 {
            *price = (*price * 9 / 10).max(1);
        } else if !peer.am_choking {
            *price = price.saturating_mul(6) / 5;
        }
        let sent = match peer.down_bytes_round {
            0 if peer.down_bytes == 0 => *price,
            sent => sent,
        };
        (sent.saturating_mul(1000) / *price, *price)
    }
}

impl ChokePolicy for Haggle {
    fn triggers(&self) -> Triggers {
        // Also tells of closed connections, whose keys may belong to other peers later.
        Triggers::on_tick(ROUND)
    }
    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Weighted { in_flight: 0 }
    }
    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Disconnected(peer) => {
                self.prices.remove(&peer);
                return Decision::default();
            }
            Trigger::Tick(_) => {}
            _ => return Decision::default(),
        }
        let wants = snapshot.peers.iter().filter(|it| it.peer_interested);
        let mut offers: Vec<(PeerKey, (u64, u64))> =
            wants.map(|it| (it.peer, self.offer(it))).collect();
        rng.shuffle(&mut offers);
        let uplink = snapshot.upload_capacity.unwrap_or(snapshot.upload_rate);
        let mut left = uplink * ROUND.as_secs();
        if snapshot.am_seed {
            offers.truncate(4);
            for it in &mut offers {
                it.1.1 = left / 4;
            }
        }
        offers.sort_by_key(|(_, (returned, _))| Reverse(*returned));
        let mut weights = Vec::new();
        for (peer, (_, price)) in offers {
            if price > left && !weights.is_empty() {
                break;
            }
            left = left.saturating_sub(price);
            // Kilobytes, so that weights stay small.
            weights.push((peer, u32::try_from(price / 1000).unwrap_or(u32::MAX).max(1)));
        }
        Decision {
            slots: Slots::Exactly(weights.iter().map(|it| it.0).collect()),
            weights,
            ..Decision::default()
        }
    }
}

fn main() -> ExitCode {
    unchoke_experiments::lab(&[&HAGGLE])
}
