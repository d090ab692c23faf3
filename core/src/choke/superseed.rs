//! `superseed`: a seed that shows one piece at a time.

use alloc::boxed::Box;

use super::registry::{Entry, Parameters, build};
use super::{BoxedPolicy, ChokePolicy, Decision, Disclosure, Slots, Snapshot, Trigger, Triggers};
use crate::meter::Estimator;
use crate::rng::Rng;

/// A seed that hides its pieces and reveals them as [`Disclosure`] says. It chokes nobody: what it
/// reveals is what it rations, and a piece kept for a choked peer would go to nobody. As a leecher
/// it is `bep3`, and one that completes shows everything, for it has told what it has already.
///
/// `superseed` is BEP 16: one piece to each peer, the next when another peer has it, so that the
/// seed sends about 1.05 copies before others become seeds.
#[derive(Debug)]
pub struct HidingSeed {
    disclosure: Disclosure,
    leecher: BoxedPolicy,
}

pub(super) const ENTRY: Entry = Entry {
    id: "superseed",
    summary: "super-seeding (BEP 16): a seed reveals a piece to each peer once the last was passed on",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(HidingSeed::new(Disclosure::WhenPassedOn)),
};

impl HidingSeed {
    pub(super) fn new(disclosure: Disclosure) -> Self {
        let leecher = build("bep3", &Parameters::new()).expect("bep3 is registered");
        Self {
            disclosure,
            leecher,
        }
    }
}

impl ChokePolicy for HidingSeed {
    fn triggers(&self) -> Triggers {
        self.leecher.triggers()
    }

    fn estimator(&self) -> Estimator {
        self.leecher.estimator()
    }

    fn disclosure(&self) -> Disclosure {
        self.disclosure
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        // The leecher's memory of connections is kept up to date whatever comes of it.
        let decision = self.leecher.decide(trigger, snapshot, rng);
        if !snapshot.am_seed {
            return decision;
        }
        match trigger {
            Trigger::Tick(_) => {
                Decision::exactly(snapshot.peers.iter().map(|it| it.peer).collect())
            }
            Trigger::Connected(peer) => Decision {
                slots: Slots::Unchoke(peer),
                ..Decision::default()
            },
            _ => Decision::default(),
        }
    }
}
