//! `superseed`: a seed that shows one piece at a time.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::bep3;
use crate::choke::entry::Entry;
use crate::choke::parts::everybody::OpenSeed;
use crate::choke::policy::{
    ChokePolicy, Decision, Disclosure, PeerView, Snapshot, Trigger, Triggers, UploadOrder,
};
use crate::ids::{PeerKey, PieceIndex};
use crate::meter::Estimator;
use crate::rng::Rng;

/// A seed that hides its pieces and reveals them as [`Disclosure`] says. It chokes nobody: what it
/// reveals is what it rations, and a piece kept for a choked peer would go to nobody. It sends one
/// piece after the other, each to whom it has sent least: all at once, the first pieces would take
/// the longer the more neighbours there are, and nobody would have anything to pass on before. As a
/// leecher it is `bep3`, and one that completes shows everything, for it has told what it has already.
///
/// `superseed` is BEP 16: one piece to each peer, the next when another peer has it, so that the
/// seed sends about 1.05 copies before others become seeds.
#[derive(Debug)]
pub struct HidingSeed {
    disclosure: Disclosure,
    choker: OpenSeed,
    /// The piece of which each peer was sent a block last.
    under_way: BTreeMap<PeerKey, PieceIndex>,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "superseed",
    summary: "super-seeding (BEP 16): a seed reveals a piece to each peer once the last was passed on",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(HidingSeed::new(Disclosure::WhenPassedOn)),
};

impl HidingSeed {
    pub(crate) fn new(disclosure: Disclosure) -> Self {
        let choker = OpenSeed::new(bep3::with_defaults());
        Self {
            disclosure,
            choker,
            under_way: BTreeMap::new(),
        }
    }
}

impl ChokePolicy for HidingSeed {
    fn triggers(&self) -> Triggers {
        self.choker.triggers()
    }

    fn estimator(&self) -> Estimator {
        self.choker.estimator()
    }

    fn seed_order(&self) -> UploadOrder {
        UploadOrder::ByPolicy { in_flight: 0 }
    }

    fn disclosure(&self) -> Disclosure {
        self.disclosure
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if let Trigger::Tick(_) = trigger {
            self.under_way.retain(|it, _| snapshot.peer(*it).is_some());
        }
        self.choker.decide(trigger, snapshot, rng)
    }

    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        let goes_on = |it: &&PeerView| {
            let piece = self.under_way.get(&it.peer);
            piece.is_some() && piece.copied() == it.next_piece
        };
        let least = |it: &&PeerView| (it.up_bytes, it.peer);
        let next = ready.iter().find(goes_on);
        let next = next.or_else(|| ready.iter().min_by_key(least))?;
        self.under_way.insert(next.peer, next.next_piece?);
        Some(next.peer)
    }
}
