//! `bittyrant_paper`: the strategic client as the paper describes it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::weight::{Divide, Divided};
use crate::choke::parts::{azureus, weight};
use crate::choke::policy::{Decision, PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// `BitTyrant` (Piatek et al., NSDI 2007, fig. 9 and §4.1). For each peer it estimates d, the rate
/// it can receive, and u, the upload rate that this takes. Every 10 s it unchokes peers by d/u,
/// best first, while the sum of u fits the upload capacity. If an unchoked peer did not
/// reciprocate, its u rises by 20 %. If a peer reciprocated for three rounds, its u falls by 10 %.
/// The d of a peer that reciprocated is the rate at which it sent. The d of a peer that never
/// unchoked us is its download rate, known from its `have` messages, divided by the size of an
/// active set.
///
/// Left open by the paper and chosen here: the first u is 12 kB/s as in the client's source, and so
/// is d of a peer without `have` messages. The active set is 4, which is typical for Azureus in the
/// paper. A peer that has nothing we need has d = 0. At least one peer is unchoked, however small
/// the capacity. Upload beyond the sum of u is shared in proportion to u, or withheld (`selfish`),
/// as in the paper's selfish variant. An unknown capacity is found by growing. As a seed it is
/// Azureus. `BitTyrant` peers do not recognise each other.
#[derive(Clone, Debug)]
pub struct BittyrantPaper {
    tick: Duration,
    increase_percent: u64,
    decrease_percent: u64,
    rounds: u64,
    initial_rate: u64,
    active_set: u64,
    selfish: bool,
    seed_slots: usize,
    known: BTreeMap<PeerKey, Bargain>,
}

/// The estimates for a peer, bytes/s.
#[derive(Clone, Copy, Debug)]
struct Bargain {
    /// The rate it sends when it reciprocates: d of the paper. `None` until it did.
    gives: Option<u64>,
    /// The rate that makes it reciprocate: u of the paper.
    needs: u64,
    /// Rounds in a row in which it reciprocated.
    rounds: u64,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "bittyrant_paper",
    summary: "BitTyrant as published: best expected download per upload while the capacity lasts",
    uploads: true,
    parameters: &[
        Parameter::tick(10),
        Parameter::new(
            "increase_percent",
            20,
            0,
            "how much more a peer needs that did not reciprocate; delta of the paper",
        ),
        Parameter::new(
            "decrease_percent",
            10,
            0,
            "how much less a peer needs that did; gamma of the paper",
        )
        .at_most(99),
        Parameter::new(
            "rounds",
            3,
            1,
            "rounds of reciprocation before it is sent less; r of the paper",
        ),
        Parameter::new(
            "initial_rate",
            12_000,
            1,
            "bytes/s that an unknown peer is thought to need, and to give if it tells nothing",
        ),
        Parameter::new(
            "active_set",
            4,
            1,
            "peers among which others are thought to share",
        ),
        Parameter::new("selfish", 0, 0, "1 withholds upload that nobody needs").at_most(1),
        Parameter::new("seed_slots", 4, 1, "peers unchoked as a seed"),
        Parameter::IN_FLIGHT,
    ],
    make: |values| {
        let policy = BittyrantPaper {
            tick: values.span("tick_ns"),
            increase_percent: values.get("increase_percent"),
            decrease_percent: values.get("decrease_percent"),
            rounds: values.get("rounds"),
            initial_rate: values.get("initial_rate"),
            active_set: values.get("active_set"),
            selfish: values.get("selfish") == 1,
            seed_slots: values.count("seed_slots"),
            known: BTreeMap::new(),
        };
        Divided::boxed(values, policy)
    },
};

fn percent_of(value: u64, percent: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(percent) / 100;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

impl BittyrantPaper {
    /// Updates the estimates from the round that ends.
    fn learn(&mut self, peer: &PeerView) {
        let bargain = self.known.entry(peer.peer).or_insert(Bargain {
            gives: None,
            needs: self.initial_rate,
            rounds: 0,
        });
        let reciprocates = !peer.peer_choking || peer.down_bytes_round > 0;
        if reciprocates {
            // A peer that unchoked us only just now may have sent nothing measurable yet.
            if peer.down_bytes_round > 0 {
                let rate = u128::from(peer.down_bytes_round) * 1_000_000_000 / self.tick.as_nanos();
                bargain.gives = Some(u64::try_from(rate).unwrap_or(u64::MAX));
            }
            bargain.rounds += 1;
            if bargain.rounds >= self.rounds {
                bargain.needs = percent_of(bargain.needs, 100 - self.decrease_percent).max(1);
            }
        } else {
            bargain.rounds = 0;
            if !peer.am_choking && peer.am_interested {
                let more = self.increase_percent.saturating_add(100);
                bargain.needs = percent_of(bargain.needs, more);
            }
        }
    }

    /// d and u of a peer.
    fn bargain(&self, snapshot: &Snapshot<'_>, peer: &PeerView) -> (u64, u64) {
        let known = self.known[&peer.peer];
        if !peer.am_interested {
            return (0, known.needs);
        }
        let age_ns = (snapshot.now - peer.connected_at).as_nanos();
        let told = u128::from(peer.have_messages) * u128::from(snapshot.piece_bytes);
        let guess = told * 1_000_000_000 / age_ns.max(1) / u128::from(self.active_set);
        let guess = match u64::try_from(guess).unwrap_or(u64::MAX) {
            0 => self.initial_rate,
            rate => rate,
        };
        (known.gives.unwrap_or(guess), known.needs)
    }

    /// Unchokes by d/u while the capacity lasts.
    fn bid(&self, snapshot: &Snapshot<'_>) -> Decision {
        let wanting = snapshot.peers.iter().filter(|it| it.peer_interested);
        let mut ranked: Vec<(PeerKey, u64, u64)> = wanting
            .map(|it| {
                let (gives, needs) = self.bargain(snapshot, it);
                (it.peer, gives, needs)
            })
            .collect();
        // d/u against d'/u' without division: d u' against d' u.
        ranked.sort_by(|a, b| {
            let (ours, theirs) = (
                u128::from(a.1) * u128::from(b.2),
                u128::from(b.1) * u128::from(a.2),
            );
            theirs.cmp(&ours).then(a.0.cmp(&b.0))
        });
        let mut left = weight::capacity(snapshot.upload_capacity, snapshot.upload_rate);
        let mut shares: Vec<(PeerKey, u64)> = Vec::new();
        for (peer, _, needs) in ranked {
            if needs > left && !shares.is_empty() {
                break;
            }
            left = left.saturating_sub(needs);
            shares.push((peer, needs));
        }
        let cap = |(peer, needs): &(PeerKey, u64)| (*peer, self.selfish.then_some(*needs));
        Decision {
            caps: shares.iter().map(cap).collect(),
            ..weight::divide(&shares)
        }
    }
}

impl Divide for BittyrantPaper {
    fn leech(&mut self, _: u64, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        snapshot.peers.iter().for_each(|it| self.learn(it));
        self.bid(snapshot)
    }

    fn seed(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        Decision {
            caps: snapshot.peers.iter().map(|it| (it.peer, None)).collect(),
            ..azureus::seed(tick, snapshot, self.seed_slots, rng)
        }
    }

    fn forget(&mut self, peer: PeerKey) {
        self.known.remove(&peer);
    }
}
