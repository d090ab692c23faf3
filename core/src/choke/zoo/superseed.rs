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

/// A seed that hides its pieces and reveals them as [`Disclosure`] says. It does not choke: hidden
/// pieces already limit what peers can request, and a piece revealed to a choked peer would reach
/// no peer. It sends one piece after the other, the next one to the peer to which it has sent
/// least. If it sent all at once, the first pieces would take longer with every further neighbour,
/// and until then no peer could pass one on. As a leecher it is `bep3`. A leecher that completes
/// shows all its pieces, because it has announced them already.
///
/// `superseed` is BEP 16: one piece to each peer, the next when another peer has it. So the seed
/// sends about 1.05 copies before other seeds exist.
#[derive(Debug)]
pub struct HidingSeed {
    disclosure: Disclosure,
    choker: OpenSeed,
    /// For each peer the piece of the last block sent to it.
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
