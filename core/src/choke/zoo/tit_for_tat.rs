//! `tit_for_tat`: the optimized policy of the original client.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::rank::{best_first, first, interested, rate, rate_name, redraw};
use crate::choke::policy::{
    ChokePolicy, Decision, PeerView, Ranking, Reasons, Scope, Snapshot, Trigger, Triggers,
};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// Every 10 s unchokes the four interested peers with the best download rate (moving average with a
/// time constant of 10 s, sampled every second) and one more, drawn at random every 30 s. Every 60
/// s it closes the slowest connection if that is older than 60 s and slower than a tenth of the
/// median, so that a better one may be found. The original's limit of five connections belongs to
/// the client, not to the policy. It is not recorded what the original does as a seed; here a seed
/// ranks by upload rate, as in BEP 3.
///
/// The original decides only at its rechokes. So a first peer waits up to 10 s for its slot, and
/// the slot of a peer that lost interest or left stays empty as long. `at_once` removes the first
/// of these waits.
#[derive(Clone, Debug)]
pub struct TitForTat {
    slots: usize,
    optimistic_slots: usize,
    tick: Duration,
    optimistic_ticks: u64,
    drop_ticks: u64,
    drop_age: Duration,
    drop_fraction: u64,
    ema_weight: u32,
    at_once: bool,
    optimistic: Vec<PeerKey>,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "tit_for_tat",
    summary: "the original client: best four by download rate, one optimistic, slow ones dropped",
    uploads: true,
    parameters: &[
        Parameter::new("slots", 4, 0, "peers unchoked by rate"),
        Parameter::new("optimistic_slots", 1, 0, "peers unchoked at random on top"),
        Parameter::tick(10),
        Parameter::new(
            "optimistic_ticks",
            3,
            1,
            "rechokes for which an optimistic unchoke lasts",
        ),
        Parameter::new(
            "drop_ticks",
            6,
            0,
            "rechokes between two looks for a slow connection to close; 0 for never",
        ),
        Parameter::new(
            "drop_age_ns",
            60 * SECOND,
            0,
            "younger connections are not closed",
        ),
        Parameter::new(
            "drop_fraction",
            10,
            1,
            "closed if slower than the median divided by this",
        ),
        Parameter::new(
            "ema_weight",
            6237,
            1,
            "weight of a one-second sample in 1/65536; 6237 is a time constant of 10 s",
        )
        .at_most(65_536),
        Parameter::new(
            "at_once",
            0,
            0,
            "1: a free slot goes to the next peer that becomes interested; 0: it waits for a rechoke",
        )
        .at_most(1),
    ],
    make: |values| {
        Box::new(TitForTat {
            slots: values.count("slots"),
            optimistic_slots: values.count("optimistic_slots"),
            tick: values.span("tick_ns"),
            optimistic_ticks: values.get("optimistic_ticks"),
            drop_ticks: values.get("drop_ticks"),
            drop_age: values.span("drop_age_ns"),
            drop_fraction: values.get("drop_fraction"),
            ema_weight: u32::try_from(values.get("ema_weight")).expect("at most 65536"),
            at_once: values.get("at_once") > 0,
            optimistic: Vec::new(),
        })
    },
};

impl TitForTat {
    /// The slowest connection, if it is old and far below the median.
    fn too_slow(&self, snapshot: &Snapshot<'_>) -> Option<PeerKey> {
        let mut rates: Vec<u64> = snapshot.peers.iter().map(|it| it.down_rate).collect();
        rates.sort_unstable();
        let median = *rates.get(rates.len() / 2)?;
        let old = snapshot
            .peers
            .iter()
            .filter(|it| snapshot.now - it.connected_at > self.drop_age);
        let slowest = old.min_by_key(|it| (it.down_rate, it.peer))?;
        let slow = slowest.down_rate.saturating_mul(self.drop_fraction) < median;
        slow.then_some(slowest.peer)
    }

    /// With [`Self::at_once`]: a peer that becomes interested gets a slot if one is free.
    fn on_interest(&self, peer: PeerKey, snapshot: &Snapshot<'_>) -> Decision {
        let waits = |it: &PeerView| it.peer_interested && it.am_choking;
        let used = interested(snapshot).filter(|it| !it.am_choking).count();
        if snapshot.peer(peer).is_some_and(waits) && used < self.slots + self.optimistic_slots {
            Decision::unchoke(peer)
        } else {
            Decision::default()
        }
    }
}

impl ChokePolicy for TitForTat {
    fn triggers(&self) -> Triggers {
        Triggers {
            interest: if self.at_once {
                Scope::All
            } else {
                Scope::Never
            },
            ..Triggers::on_tick(self.tick)
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::Ema {
            weight: self.ema_weight,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let tick = match trigger {
            Trigger::Tick(tick) => tick,
            Trigger::Disconnected(peer) => {
                self.optimistic.retain(|it| *it != peer);
                return Decision::default();
            }
            Trigger::Interest(peer) => return self.on_interest(peer, snapshot),
            Trigger::Connected(_) | Trigger::Block(_) => return Decision::default(),
        };
        let ranked = best_first(interested(snapshot), |it| rate(snapshot, it));
        let (regular, others) = ranked.split_at(ranked.len().min(self.slots));
        let mut unchoked = first(regular, regular.len());
        if tick.is_multiple_of(self.optimistic_ticks) {
            self.optimistic.clear();
        }
        let mut waiting = first(others, others.len());
        waiting.sort_unstable(); // The draw uses positions, so the order must be fixed.
        redraw(&mut self.optimistic, waiting, self.optimistic_slots, rng);
        unchoked.extend(&self.optimistic);
        let look = self.drop_ticks > 0 && tick > 0 && tick.is_multiple_of(self.drop_ticks);
        let disconnect = if look {
            self.too_slow(snapshot).into_iter().collect()
        } else {
            Vec::new()
        };
        Decision {
            disconnect,
            ..Decision::exactly(unchoked)
        }
    }

    fn explain(&self, snapshot: &Snapshot<'_>, decision: &Decision) -> Reasons {
        let name = rate_name(snapshot);
        let rule = format!(
            "{} slots by {name}, {} optimistic drawn every {} rounds; every {} rounds the slowest is \
             dropped if it is below 1/{} of the median",
            self.slots,
            self.optimistic_slots,
            self.optimistic_ticks,
            self.drop_ticks,
            self.drop_fraction
        );
        let ranking = Ranking {
            rule,
            ranked: best_first(interested(snapshot), |it| rate(snapshot, it)),
            optimistic: &self.optimistic,
            words: ["among the fastest that want something", "others are faster"],
        };
        Reasons::ranked(snapshot, decision, ranking, |it| {
            vec![(name, rate(snapshot, it))]
        })
    }
}
