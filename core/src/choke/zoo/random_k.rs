//! `random_k`: a new random choice every round.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::policy::{ChokePolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Unchokes `slots` random interested peers every `tick`. A baseline that limits the number of
/// uploads and rewards nobody. A slot that is free between ticks goes to the first peer that
/// becomes interested, so that no upload idles for want of a tick.
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
            ..Triggers::NEVER
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let interested = snapshot.peers.iter().filter(|it| it.peer_interested);
        match trigger {
            Trigger::Tick(_) => {
                let mut chosen: Vec<PeerKey> = interested.map(|it| it.peer).collect();
                rng.shuffle(&mut chosen);
                chosen.truncate(self.slots);
                Decision::exactly(chosen)
            }
            Trigger::Interest(peer) => {
                let wants = snapshot.peer(peer).is_some_and(|it| it.peer_interested);
                let used = interested.filter(|it| !it.am_choking).count();
                if wants && used < self.slots {
                    Decision::unchoke(peer)
                } else {
                    Decision::default()
                }
            }
            _ => Decision::default(),
        }
    }
}
