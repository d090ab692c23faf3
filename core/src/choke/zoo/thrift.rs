//! `thrift`: returns to each partner what it sends, and little more.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::near::{NEAR, is_near};
use crate::choke::parts::rank::{best_first, first, interested, rate, redraw};
use crate::choke::parts::weight;
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// A policy of our own. Other policies give every unchoked peer an equal part of the uplink. This
/// one keeps an account for each peer: a peer that sends to us gets back 110 % of it, even if the
/// uplink could carry more.
///
/// Every 10 s the interested peers that send to us become partners, fastest first, as long as the
/// rates due to them fit the upload capacity. The rate due is 110 % of the rate at which the
/// partner sends. If the partner has received less so far than 110 % of all it sent plus an advance
/// of 3 s of our capacity, the rest is added over 20 s; if it has received more, the rate is
/// reduced in the same way. Paying a little more than we receive keeps our slot at the partner,
/// like `BitTyrant`'s u. The advance wins the slot, and lets two peers with this policy raise their
/// rates together. One more peer, drawn at random for 30 s, is probed with a tenth of the capacity.
/// With fewer than three partners the missing ones are drawn as well and get a third of the
/// capacity each, as bootstrap.
///
/// Bytes are conserved, which limits the savings. A single peer with this policy saves what other
/// policies give away: their optimistic unchokes and their seeds. In a swarm where all use it, no
/// peer gives more than that, so the mean upload falls only by the waste, and fast peers that hold
/// capacity back cost time. A seed serves as `bep3` does. With `near_ns` no peer is served once the
/// download is nearly complete: what we would still pay then cannot be returned.
#[derive(Clone, Debug)]
pub struct Thrift {
    slots: usize,
    least: usize,
    probes: usize,
    probe_ticks: u64,
    probe_percent: u64,
    return_percent: u64,
    advance: Duration,
    settle: Duration,
    seed_slots: usize,
    tick: Duration,
    near: Duration,
    /// Peers drawn at random.
    drawn: Vec<PeerKey>,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "thrift",
    summary: "ours: pays each partner back 110 % of what it sends and probes others at a low rate",
    uploads: true,
    parameters: &[
        Parameter::tick(10),
        Parameter::new("slots", 8, 0, "partners at most: peers that send to us"),
        Parameter::new(
            "least",
            3,
            0,
            "with fewer partners, others are drawn and served like them",
        ),
        Parameter::new(
            "probes",
            1,
            0,
            "peers drawn on top and served at a low rate",
        ),
        Parameter::new("probe_ticks", 3, 1, "rechokes for which a draw lasts"),
        Parameter::new(
            "probe_percent",
            10,
            0,
            "part of the upload capacity of a probe",
        )
        .at_most(100),
        Parameter::new(
            "return_percent",
            110,
            0,
            "what a partner gets back of what it sent",
        )
        .at_most(10_000),
        Parameter::new(
            "advance_ns",
            3 * SECOND,
            0,
            "span of our upload capacity that a partner gets in advance",
        )
        .at_most(3600 * SECOND),
        Parameter::new(
            "settle_ns",
            20 * SECOND,
            1_000_000,
            "time in which an account is balanced",
        ),
        Parameter::new(
            "seed_slots",
            4,
            1,
            "peers unchoked by a seed, one at random",
        ),
        NEAR,
    ],
    make: |values| {
        Box::new(Thrift {
            slots: values.count("slots"),
            least: values.count("least"),
            probes: values.count("probes"),
            probe_ticks: values.get("probe_ticks"),
            probe_percent: values.get("probe_percent"),
            return_percent: values.get("return_percent"),
            advance: values.span("advance_ns"),
            settle: values.span("settle_ns"),
            seed_slots: values.count("seed_slots"),
            tick: values.span("tick_ns"),
            near: values.span("near_ns"),
            drawn: Vec::new(),
        })
    },
};

/// `percent` per cent of `whole`.
fn percent(whole: u64, percent: u64) -> i128 {
    i128::from(whole) * i128::from(percent) / 100
}

fn nanos(span: Duration) -> i128 {
    i128::try_from(span.as_nanos()).expect("64-bit seconds are below 2^127 ns")
}

impl Thrift {
    /// The rate due to a partner, bytes/s: at least 1, because a cap of 0 would have the effect of
    /// a choke.
    fn due(&self, peer: &PeerView, capacity: u64) -> u64 {
        let second = i128::from(SECOND);
        let advance = i128::from(capacity) * nanos(self.advance) / second;
        let earned = percent(peer.down_bytes, self.return_percent);
        let balance = (advance + earned - i128::from(peer.up_bytes)).min(i128::from(u64::MAX));
        let catch_up = balance * second / nanos(self.settle);
        let rate = percent(peer.down_rate, self.return_percent) + catch_up;
        u64::try_from(rate.max(1)).unwrap_or(u64::MAX)
    }

    /// Partners with the rates due to them, fastest first, while they fit the capacity. The first
    /// ones are taken in any case; otherwise a client with little capacity would have no partner.
    fn partners(&self, snapshot: &Snapshot<'_>, capacity: u64) -> Vec<(PeerKey, u64)> {
        let senders = interested(snapshot).filter(|it| it.down_rate > 0);
        let mut left = capacity;
        let mut partners = Vec::new();
        for peer in best_first(senders, |it| it.down_rate)
            .iter()
            .take(self.slots)
        {
            let due = self.due(peer, capacity);
            if due > left && partners.len() >= self.least {
                break;
            }
            left = left.saturating_sub(due);
            partners.push((peer.peer, due));
        }
        partners
    }

    fn draw(&mut self, tick: u64, waiting: Vec<PeerKey>, count: usize, rng: &mut Rng) {
        if tick.is_multiple_of(self.probe_ticks) {
            self.drawn.clear();
        }
        redraw(&mut self.drawn, waiting, count, rng);
    }

    fn leech(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let capacity = weight::capacity(snapshot.upload_capacity, snapshot.upload_rate);
        let mut served = self.partners(snapshot, capacity);
        let missing = self.least.saturating_sub(served.len());
        let waits = |it: &PeerKey| served.iter().all(|(partner, _)| partner != it);
        let waiting = interested(snapshot).map(|it| it.peer).filter(waits);
        self.draw(tick, waiting.collect(), missing + self.probes, rng);
        let share = capacity / u64::try_from(self.least.max(1)).expect("a count");
        let probe = u128::from(capacity) * u128::from(self.probe_percent) / 100;
        let probe = u64::try_from(probe).expect("at most the capacity");
        let rates = core::iter::repeat_n(share, missing).chain(core::iter::repeat(probe));
        served.extend(self.drawn.iter().copied().zip(rates));
        let cap = |(peer, rate): &(PeerKey, u64)| (*peer, Some((*rate).max(1)));
        Decision {
            caps: served.iter().map(cap).collect(),
            ..Decision::exactly(served.iter().map(|it| it.0).collect())
        }
    }

    fn seed(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let ranked = best_first(interested(snapshot), |it| rate(snapshot, it));
        let (regular, others) = ranked.split_at(ranked.len().min(self.seed_slots - 1));
        self.draw(tick, first(others, others.len()), 1, rng);
        let mut unchoked = first(regular, regular.len());
        unchoked.extend(&self.drawn);
        Decision {
            caps: snapshot.peers.iter().map(|it| (it.peer, None)).collect(),
            ..Decision::exactly(unchoked)
        }
    }
}

impl ChokePolicy for Thrift {
    fn triggers(&self) -> Triggers {
        Triggers::on_tick(self.tick)
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) if snapshot.am_seed => self.seed(tick, snapshot, rng),
            Trigger::Tick(_) if is_near(snapshot, self.near) => Decision::exactly(Vec::new()),
            Trigger::Tick(tick) => self.leech(tick, snapshot, rng),
            Trigger::Disconnected(peer) => {
                self.drawn.retain(|it| *it != peer);
                Decision::default()
            }
            _ => Decision::default(),
        }
    }
}
