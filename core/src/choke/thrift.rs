//! `thrift`: pays back what it receives and little more.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::rank::{best_first, draw, first, interested, rate};
use super::registry::{Entry, Parameter, SECOND};
use super::{ChokePolicy, Decision, PeerView, Scope, Snapshot, Trigger, Triggers, weight};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// A policy of our own.
#[derive(Clone, Debug)]
pub struct Thrift {
    slots: usize,
    min_unchoked: usize,
    optimistic_slots: usize,
    tick: Duration,
    optimistic_ticks: u64,
    optimistic_percent: u64,
    return_percent: u64,
    advance: Duration,
    settle: Duration,
    seed_slots: usize,
    optimistic: Vec<PeerKey>,
}

pub(super) const ENTRY: Entry = Entry {
    id: "thrift",
    summary: "ours: pays each partner back what it sends and a little more, probes at a low rate",
    uploads: true,
    parameters: &[
        Parameter::new("slots", 4, 0, "partners: peers that send to us"),
        Parameter::new("min_unchoked", 3, 0, "filled up to"),
        Parameter::new("optimistic_slots", 1, 0, "peers that are probed"),
        Parameter::tick(10),
        Parameter::new("optimistic_ticks", 3, 1, "rechokes for which a probe lasts"),
        Parameter::new(
            "optimistic_percent",
            10,
            0,
            "share of the capacity for probes",
        )
        .at_most(100),
        Parameter::new(
            "return_percent",
            110,
            0,
            "what is paid back of what was received",
        )
        .at_most(10_000),
        Parameter::new("advance_ns", SECOND, 0, "advance"),
        Parameter::new(
            "settle_ns",
            10 * SECOND,
            1_000_000,
            "time in which a debt is settled",
        ),
        Parameter::new("seed_slots", 4, 1, "peers unchoked by a seed"),
    ],
    make: |values| {
        Box::new(Thrift {
            slots: values.count("slots"),
            min_unchoked: values.count("min_unchoked"),
            optimistic_slots: values.count("optimistic_slots"),
            tick: values.span("tick_ns"),
            optimistic_ticks: values.get("optimistic_ticks"),
            optimistic_percent: values.get("optimistic_percent"),
            return_percent: values.get("return_percent"),
            advance: values.span("advance_ns"),
            settle: values.span("settle_ns"),
            seed_slots: values.count("seed_slots"),
            optimistic: Vec::new(),
        })
    },
};

impl Thrift {
    fn cap(&self, peer: &PeerView, capacity: u64) -> u64 {
        let part = |whole: u64, span: Duration| u128::from(whole) * span.as_nanos() / 1_000_000_000;
        let signed = |it: u128| i128::try_from(it).unwrap_or(i128::MAX / 4);
        let owed = |got: u64| u128::from(got) * u128::from(self.return_percent) / 100;
        let advance = signed(part(capacity, self.advance));
        let balance = advance + signed(owed(peer.down_bytes)) - i128::from(peer.up_bytes);
        let settle = signed(self.settle.as_nanos());
        let cap = signed(owed(peer.down_rate)) + balance * 1_000_000_000 / settle;
        u64::try_from(cap.max(1)).unwrap_or(u64::MAX)
    }

    fn leech(&mut self, snapshot: &Snapshot<'_>, tick: u64, rng: &mut Rng) -> Decision {
        let capacity = weight::capacity(snapshot.upload_capacity, snapshot.upload_rate);
        let gives = interested(snapshot).filter(|it| it.down_rate > 0);
        let ranked = best_first(gives, |it| it.down_rate);
        let mut left = capacity;
        let mut partners = Vec::new();
        for it in ranked.iter().take(self.slots) {
            let cap = self.cap(it, capacity);
            if cap > left && partners.len() >= self.min_unchoked {
                break;
            }
            left = left.saturating_sub(cap);
            partners.push(it.peer);
        }
        let free = self.min_unchoked.saturating_sub(partners.len());
        if tick.is_multiple_of(self.optimistic_ticks) {
            self.optimistic.clear();
        }
        let waits = |it: &&PeerView| !partners.contains(&it.peer);
        let mut waiting: Vec<PeerKey> = interested(snapshot)
            .filter(waits)
            .map(|it| it.peer)
            .collect();
        self.optimistic.retain(|it| waiting.contains(it));
        waiting.retain(|it| !self.optimistic.contains(it));
        while self.optimistic.len() < self.optimistic_slots + free
            && let Some(peer) = draw(&mut waiting, rng)
        {
            self.optimistic.push(peer);
        }
        self.optimistic.truncate(self.optimistic_slots + free);
        let mut caps: Vec<(PeerKey, Option<u64>)> = Vec::new();
        for it in partners.iter().filter_map(|it| snapshot.peer(*it)) {
            caps.push((it.peer, Some(self.cap(it, capacity))));
        }
        let low = capacity * self.optimistic_percent / 100;
        for (at, it) in self.optimistic.iter().enumerate() {
            let high = capacity / (self.min_unchoked as u64).max(1);
            caps.push((*it, Some(if at < free { high } else { low }.max(1))));
        }
        let unchoked = caps.iter().map(|it| it.0).collect();
        Decision {
            caps,
            ..Decision::exactly(unchoked)
        }
    }

    fn seed(&mut self, snapshot: &Snapshot<'_>, tick: u64, rng: &mut Rng) -> Decision {
        let ranked = best_first(interested(snapshot), |it| rate(snapshot, it));
        let mut unchoked = first(&ranked, self.seed_slots - 1);
        if tick.is_multiple_of(self.optimistic_ticks) {
            self.optimistic.clear();
        }
        let mut waiting: Vec<PeerKey> = ranked
            .iter()
            .skip(self.seed_slots - 1)
            .map(|it| it.peer)
            .collect();
        self.optimistic.retain(|it| waiting.contains(it));
        self.optimistic.truncate(1);
        if self.optimistic.is_empty() {
            self.optimistic.extend(draw(&mut waiting, rng));
        }
        unchoked.extend(&self.optimistic);
        Decision {
            caps: snapshot.peers.iter().map(|it| (it.peer, None)).collect(),
            ..Decision::exactly(unchoked)
        }
    }
}

impl ChokePolicy for Thrift {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::Never,
            connected: Scope::Never,
            disconnected: Scope::Peer,
            block: Scope::Never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) if snapshot.am_seed => self.seed(snapshot, tick, rng),
            Trigger::Tick(tick) => self.leech(snapshot, tick, rng),
            Trigger::Disconnected(peer) => {
                self.optimistic.retain(|it| *it != peer);
                Decision::default()
            }
            _ => Decision::default(),
        }
    }
}
