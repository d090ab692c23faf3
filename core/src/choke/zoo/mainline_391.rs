//! `mainline_391`: BitTorrent 3.9.1 with the "new" choker of the seed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::mainline::{self, Order};
use crate::choke::parts::rank::{best_first, first, interested};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// BitTorrent 3.9.1 (`BitTorrent/Choker.py`), whose seed rule Legout, Urvoy-Keller and Michiardi
/// (IMC 2006) studied as "the new algorithm in seed state".
///
/// A leecher prefers the best `slots - 1` interested peers by download rate that sent a block in
/// the last 30 s. It unchokes `max(1, min_uploads - preferred)` more in the order of a list that
/// rotates every third rechoke. New connections are put at any place of the list with equal
/// probability.
///
/// A seed keeps most of its unchoked peers. First come those unchoked within the last three
/// rechokes, the latest first, together with peers that wait for a block on an empty link; the
/// others follow by upload rate. `floor((slots + 2) / 3)` places change hands in 30 s. With four
/// slots these are one, one and none in three successive rechokes: three kept and one new, three
/// and one, four kept. Places that a disconnect freed in between count as changed.
///
/// The source gives up a place even if no peer waits for it; here the peer then keeps its place.
#[derive(Clone, Debug)]
pub struct Mainline391 {
    slots: usize,
    min_uploads: usize,
    tick: Duration,
    rotate_ticks: u64,
    snub: Duration,
    order: Order,
    /// Peers that a seed unchoked since the last tick.
    early: usize,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "mainline_391",
    summary: "BitTorrent 3.9.1: slots by upload cap; a seed keeps 3 and takes 1, 3 and 1, keeps 4",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            0,
            0,
            "uploads; 0 derives them from the upload cap, 7 without one",
        ),
        Parameter::new(
            "min_uploads",
            2,
            1,
            "interested peers unchoked at least; 3.9.1 `min_uploads`",
        ),
        Parameter::tick(10),
        Parameter::new(
            "rotate_ticks",
            3,
            1,
            "rechokes between two turns of the list",
        ),
        Parameter::new(
            "snub_ns",
            30 * SECOND,
            0,
            "a peer without a block for longer is not preferred; 3.9.1 `snub_time`",
        ),
    ],
    make: |values| {
        Box::new(Mainline391 {
            slots: values.count("slots"),
            min_uploads: values.count("min_uploads"),
            tick: values.span("tick_ns"),
            rotate_ticks: values.get("rotate_ticks"),
            snub: values.span("snub_ns"),
            order: Order::default(),
            early: 0,
        })
    },
};

/// Rechokes for which a newly unchoked peer is not ranked by rate. 3.9.1: `count - 3`.
const RECENT_TICKS: u128 = 3;

impl Mainline391 {
    fn slots(&self, snapshot: &Snapshot<'_>) -> usize {
        if self.slots > 0 {
            self.slots
        } else {
            mainline::slots_for(snapshot.upload_capacity)
        }
    }

    fn leech(&mut self, snapshot: &Snapshot<'_>) -> Vec<PeerKey> {
        let counts = interested(snapshot).filter(|it| !mainline::snubbed(snapshot, it, self.snub));
        let ranked = best_first(counts, |it| it.down_rate);
        let preferred = first(&ranked, self.slots(snapshot) - 1);
        let optimistic = self.min_uploads.saturating_sub(preferred.len()).max(1);
        self.order.fill(snapshot, &preferred, optimistic)
    }

    /// Whether the peer was unchoked within the last three rechokes, plus half a period for late
    /// timers.
    fn is_recent(&self, snapshot: &Snapshot<'_>, peer: &PeerView) -> bool {
        let Some(at) = peer.unchoked_at else {
            return false;
        };
        let (tick, past) = (self.tick.as_nanos(), (snapshot.now - at).as_nanos());
        (past + tick / 2) / tick < RECENT_TICKS
    }

    /// The unchoked peers of a seed. At a tick `forced` places change hands; otherwise only empty
    /// ones are filled.
    fn seed(&mut self, snapshot: &Snapshot<'_>, forced: usize) -> Vec<PeerKey> {
        let slots = self.slots(snapshot);
        let served = interested(snapshot).filter(|it| !it.am_choking);
        // In this order `Some` is greater than `None`, and a later moment greater than an earlier
        // one.
        let ranked = best_first(served, |it| {
            let starving = it.queued_requests > 0 && it.unflushed_blocks == 0;
            let protected = self.is_recent(snapshot, it) || starving;
            let since = protected.then_some(it.unchoked_at);
            (since, it.up_rate)
        });
        let waits = |it: &&PeerView| it.am_choking && it.peer_interested;
        let waiting: Vec<PeerKey> = self
            .order
            .walk(snapshot)
            .filter(waits)
            .map(|it| it.peer)
            .collect();
        let keep = ranked.len().min(slots - forced);
        let new = waiting.len().min(slots - keep);
        if let Some(last) = waiting[..new].last() {
            self.order.rotate_past(*last);
        }
        self.early += new;
        let mut unchoked = first(&ranked, slots - new);
        unchoked.extend(&waiting[..new]);
        unchoked
    }
}

impl ChokePolicy for Mainline391 {
    fn triggers(&self) -> Triggers {
        mainline::triggers(self.tick)
    }

    fn estimator(&self) -> Estimator {
        Estimator::MAINLINE_20_S
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if !self.order.note(trigger, snapshot, 1, rng) {
            return Decision::default();
        }
        let mut forced = 0;
        if let Trigger::Tick(tick) = trigger {
            let counter = tick + 1;
            if counter.is_multiple_of(self.rotate_ticks) && !snapshot.am_seed {
                self.order.rotate(snapshot);
            }
            let in_30_s = self.slots(snapshot).div_ceil(3);
            let turn = usize::try_from(counter % 3).expect("below 3");
            forced = ((in_30_s + turn) / 3).saturating_sub(self.early);
        }
        let unchoked = if snapshot.am_seed {
            self.seed(snapshot, forced)
        } else {
            self.leech(snapshot)
        };
        if let Trigger::Tick(_) = trigger {
            self.early = 0;
        }
        self.order.serve(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }
}
