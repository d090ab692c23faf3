//! `random_k`: a new random choice every round.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::rank::{interested, redraw};
use crate::choke::policy::{ChokePolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Unchokes `slots` random interested peers every `tick`. It is a baseline that limits the number
/// of uploads and rewards no peer. Slots do not stay empty between ticks: when a peer loses
/// interest it is choked, and its slot goes to an interested peer, drawn at random. The same
/// happens when a peer leaves.
#[derive(Clone, Copy, Debug)]
pub struct RandomK {
    slots: usize,
    tick: Duration,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "random_k",
    summary: "unchokes k random interested peers every 10 s",
    uploads: true,
    parameters: &[
        Parameter::new("slots", 4, 1, "peers unchoked at a time"),
        Parameter::tick(10),
    ],
    make: |values| {
        Box::new(RandomK {
            slots: values.count("slots"),
            tick: values.span("tick_ns"),
        })
    },
};

impl ChokePolicy for RandomK {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::All,
            disconnected: Scope::All,
            ..Triggers::NEVER
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let mut waiting: Vec<PeerKey> = interested(snapshot).map(|it| it.peer).collect();
        match trigger {
            Trigger::Tick(_) => {
                rng.shuffle(&mut waiting);
                waiting.truncate(self.slots);
                Decision::exactly(waiting)
            }
            Trigger::Interest(_) | Trigger::Disconnected(_) => {
                let served = interested(snapshot).filter(|it| !it.am_choking);
                let mut chosen: Vec<PeerKey> = served.map(|it| it.peer).collect();
                redraw(&mut chosen, waiting, self.slots, rng);
                Decision::exactly(chosen)
            }
            Trigger::Connected(_) | Trigger::Block(_) => Decision::default(),
        }
    }
}
