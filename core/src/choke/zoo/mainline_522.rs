//! `mainline_522`: BitTorrent 5.2.2, the last mainline in Python.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::mainline::{self, Order};
use crate::choke::parts::rank::{best_first, first, interested};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// BitTorrent 5.2.2 (`BitTorrent/Choker.py`). Every 5 s the best peers by download rate are
/// preferred, as many as the upload cap allows. Complete peers and peers that sent no block for 30
/// s are not preferred. In addition `max(min_uploads, slots - preferred)` peers are unchoked
/// optimistically, at least two, in the order of a list that rotates every 30 s. (4.26 subtracts
/// the preferred peers from this number, so it may have no optimistic one.) A seed prefers the
/// interested peers with the *lowest* upload rate. Complete peers are choked.
///
/// The client shares its slots among its torrents, 70 % for those it downloads and 30 % for those
/// it seeds, and an unused share goes to the other kind. With one torrent that is all slots, as
/// here. When it seeds, it puts encrypted connections behind plain ones; here all count as plain.
#[derive(Clone, Debug)]
pub struct Mainline522 {
    slots: usize,
    min_uploads: usize,
    tick: Duration,
    rotate_ticks: u64,
    snub: Duration,
    order: Order,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "mainline_522",
    summary: "BitTorrent 5.2.2: every 5 s, slots by upload cap, two or more optimistic on top",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            0,
            0,
            "preferred peers; 0 derives them from the upload cap, 7 without one",
        ),
        Parameter::new(
            "min_uploads",
            2,
            1,
            "optimistic peers at least; 5.2.2 `min_uploads`",
        ),
        Parameter::tick(5),
        Parameter::new(
            "rotate_ticks",
            6,
            1,
            "rechokes between two turns of the list",
        ),
        Parameter::new(
            "snub_ns",
            30 * SECOND,
            0,
            "a peer without a block for longer is not preferred",
        ),
    ],
    make: |values| {
        Box::new(Mainline522 {
            slots: values.count("slots"),
            min_uploads: values.count("min_uploads"),
            tick: values.span("tick_ns"),
            rotate_ticks: values.get("rotate_ticks"),
            snub: values.span("snub_ns"),
            order: Order::default(),
        })
    },
};

impl Mainline522 {
    fn preferred(&self, snapshot: &Snapshot<'_>, slots: usize) -> Vec<PeerKey> {
        let leechers = interested(snapshot).filter(|it| !it.is_seed);
        let ranked = if snapshot.am_seed {
            best_first(leechers, |it| Reverse(it.up_rate))
        } else {
            let active = leechers.filter(|it| !mainline::snubbed(snapshot, it, self.snub));
            best_first(active, |it| it.down_rate)
        };
        first(&ranked, slots)
    }
}

impl ChokePolicy for Mainline522 {
    fn triggers(&self) -> Triggers {
        mainline::triggers(self.tick)
    }

    fn estimator(&self) -> Estimator {
        Estimator::Mainline {
            window_ms: 20_000,
            fudge_ms: 5000,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if !self.order.note(trigger, snapshot, 1, rng) {
            return Decision::default();
        }
        if let Trigger::Tick(tick) = trigger
            && (tick + 1).is_multiple_of(self.rotate_ticks)
        {
            self.order.rotate(snapshot);
        }
        let slots = if self.slots > 0 {
            self.slots
        } else {
            mainline::slots_for(snapshot.upload_capacity)
        };
        let preferred = self.preferred(snapshot, slots);
        let optimistic = slots.saturating_sub(preferred.len()).max(self.min_uploads);
        let mut unchoked = self.order.fill(snapshot, &preferred, optimistic);
        let complete = |it: &PeerView| it.is_seed;
        unchoked.retain(|it| !snapshot.peer(*it).is_some_and(complete));
        self.order.serve(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }
}
