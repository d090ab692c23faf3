//! `seed_pf`: a seed with proportional-fair scheduling of pieces.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::cmp::Ordering;

use super::bep3;
use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::everybody::OpenSeed;
use crate::choke::parts::rank::owed_most;
use crate::choke::policy::{
    ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers, UploadOrder,
};
use crate::ids::{PeerKey, PieceIndex};
use crate::meter::Estimator;
use crate::rng::Rng;

/// Proportional-fair seed scheduling (Michiardi, Ramachandran and Sikdar, NETWORKING 2007; Esposito
/// et al., NCA 2009, `BUTorrent`). Of the requested pieces, a seed serves the one with the highest
/// r/T: r is the number of peers that ask for the piece and can be served now, and T is a moving
/// average of how often the piece was served.
///
/// Left open and chosen here: demand is taken from the oldest request of each peer. For equal
/// pieces, the peer to which we sent least is served. The newest block has a weight of 1/50 in T.
/// The seed chokes no peer, because it would not see the requests of choked peers. As a leecher it
/// is `bep3`, except that blocks go to the unchoked peers one by one, first to the peer we owe
/// most.
#[derive(Debug)]
pub struct SeedPf {
    weight: u64,
    in_flight: u32,
    choker: OpenSeed,
    /// Whether the last snapshot was that of a seed.
    am_seed: bool,
    /// Blocks served.
    served: u64,
    service: BTreeMap<PieceIndex, Service>,
}

/// How often a piece was served.
#[derive(Clone, Copy, Debug, Default)]
struct Service {
    /// The moving average after the block numbered `at`, in 1/65536.
    average: u64,
    at: u64,
}

const ONE: u64 = 1 << 16;

pub(crate) const ENTRY: Entry = Entry {
    id: "seed_pf",
    summary: "proportional-fair seed: serves the piece with most demand per past service",
    uploads: true,
    parameters: &[
        Parameter::new(
            "weight",
            ONE / 50,
            1,
            "weight of the newest block in the average service of a piece, in 1/65536",
        )
        .at_most(ONE),
        Parameter::IN_FLIGHT,
    ],
    make: |values| {
        Box::new(SeedPf {
            weight: values.get("weight"),
            in_flight: values.in_flight(),
            choker: OpenSeed::new(bep3::with_defaults()),
            am_seed: false,
            served: 0,
            service: BTreeMap::new(),
        })
    },
};

impl SeedPf {
    /// The average service of a piece now, in 1/65536.
    fn service(&self, piece: PieceIndex) -> u64 {
        let Some(service) = self.service.get(&piece) else {
            return 0;
        };
        // keep^blocks by squaring, so that a long absence costs no more than a short one.
        let (mut average, mut left) = (service.average, self.served - service.at);
        let mut keep = ONE - self.weight;
        while left > 0 && average > 0 {
            if left & 1 == 1 {
                average = (average * keep) >> 16;
            }
            keep = (keep * keep) >> 16;
            left >>= 1;
        }
        average
    }

    fn note_service(&mut self, piece: PieceIndex) {
        let before = (self.service(piece) * (ONE - self.weight)) >> 16;
        self.served += 1;
        let service = Service {
            average: before + self.weight,
            at: self.served,
        };
        self.service.insert(piece, service);
    }

    /// The ready peer whose next block belongs to the piece with the highest r/T.
    fn fairest<'a>(&self, ready: &'a [PeerView]) -> Option<&'a PeerView> {
        let mut demand = BTreeMap::<PieceIndex, u64>::new();
        for piece in ready.iter().filter_map(|it| it.next_piece) {
            *demand.entry(piece).or_default() += 1;
        }
        let scored = ready.iter().filter_map(|it| {
            let piece = it.next_piece?;
            Some((it, demand[&piece], self.service(piece)))
        });
        // Compare r/T with r'/T' without division: r T' with r' T. Ties: more demand, then the peer
        // to which we sent least, then the lower key.
        let order = |a: &(&PeerView, u64, u64), b: &(&PeerView, u64, u64)| -> Ordering {
            (a.1 * b.2)
                .cmp(&(b.1 * a.2))
                .then(a.1.cmp(&b.1))
                .then(b.0.up_bytes.cmp(&a.0.up_bytes))
                .then(b.0.peer.cmp(&a.0.peer))
        };
        scored.max_by(order).map(|it| it.0)
    }
}

impl ChokePolicy for SeedPf {
    fn triggers(&self) -> Triggers {
        self.choker.triggers()
    }

    fn estimator(&self) -> Estimator {
        self.choker.estimator()
    }

    fn upload_order(&self) -> UploadOrder {
        UploadOrder::ByPolicy {
            in_flight: self.in_flight,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        self.am_seed = snapshot.am_seed;
        self.choker.decide(trigger, snapshot, rng)
    }

    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        if !self.am_seed {
            return owed_most(ready);
        }
        let next = self.fairest(ready)?;
        self.note_service(next.next_piece?);
        Some(next.peer)
    }
}
