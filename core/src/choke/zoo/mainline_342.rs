//! `mainline_342`: BitTorrent 3.4.2, the client whose choker became BEP 3.

use alloc::boxed::Box;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::mainline::{self, Order};
use crate::choke::parts::rank::{best_first, first, interested, rate};
use crate::choke::policy::{ChokePolicy, Decision, Snapshot, Trigger, Triggers};
use crate::meter::Estimator;
use crate::rng::Rng;

/// BitTorrent 3.4.2 (`BitTorrent/Choker.py`). The connections form a list. The best six interested
/// peers by rate are preferred; a leecher prefers only peers that sent a block in the last 30 s.
/// All preferred peers are unchoked. Of the others, in list order, as many are unchoked as it takes
/// to have four interested peers unchoked, at least one. A new connection is put at the head with
/// probability 3/(n+3) and at any other place with 1/(n+3). Every third rechoke the first choked
/// and interested peer becomes the head. A seed ranks by its own upload rate.
///
/// The client starts its upload meter 5 s and its download meter 1 s before the connection; here
/// both start 1 s before.
#[derive(Clone, Debug)]
pub struct Mainline342 {
    max_uploads: usize,
    min_uploads: usize,
    tick: Duration,
    rotate_ticks: u64,
    snub: Duration,
    new_weight: u64,
    order: Order,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "mainline_342",
    summary: "BitTorrent 3.4.2: best six by rate, at least four in all, first of a rotating list",
    uploads: true,
    parameters: &[
        Parameter::new(
            "max_uploads",
            7,
            1,
            "peers unchoked by rate, plus one; 3.4.2 `max_uploads`",
        ),
        Parameter::new(
            "min_uploads",
            4,
            1,
            "interested peers unchoked at least; 3.4.2 `min_uploads`",
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
            "a peer without a block for longer is not preferred; 3.4.2 `snub_time`",
        ),
        Parameter::new(
            "new_weight",
            3,
            1,
            "how much likelier a new connection stands at the head than anywhere else",
        )
        .at_most(u32::MAX as u64),
    ],
    make: |values| {
        Box::new(Mainline342 {
            max_uploads: values.count("max_uploads"),
            min_uploads: values.count("min_uploads"),
            tick: values.span("tick_ns"),
            rotate_ticks: values.get("rotate_ticks"),
            snub: values.span("snub_ns"),
            new_weight: values.get("new_weight"),
            order: Order::default(),
        })
    },
};

impl ChokePolicy for Mainline342 {
    fn triggers(&self) -> Triggers {
        mainline::triggers(self.tick)
    }

    fn estimator(&self) -> Estimator {
        Estimator::MAINLINE_20_S
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if !self.order.note(trigger, snapshot, self.new_weight, rng) {
            return Decision::default();
        }
        if let Trigger::Tick(tick) = trigger
            && (tick + 1).is_multiple_of(self.rotate_ticks)
        {
            self.order.rotate(snapshot);
        }
        let counts = interested(snapshot)
            .filter(|it| snapshot.am_seed || !mainline::snubbed(snapshot, it, self.snub));
        let ranked = best_first(counts, |it| rate(snapshot, it));
        let preferred = first(&ranked, self.max_uploads - 1);
        let optimistic = self.min_uploads.saturating_sub(preferred.len()).max(1);
        let unchoked = self.order.fill(snapshot, &preferred, optimistic);
        self.order.serve(snapshot, &unchoked);
        Decision::exactly(unchoked)
    }
}
