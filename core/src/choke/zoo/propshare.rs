//! `propshare`: upload in proportion to what each peer gave.

use alloc::vec::Vec;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::rank::{interested, redraw};
use crate::choke::parts::weight::{Divide, Divided, WHOLE, proportional};
use crate::choke::policy::{Decision, PeerView, Slots, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// `PropShare` (Levin et al., SIGCOMM 2008, "`BitTorrent` is an Auction"). Every 10 s the upload is
/// divided among the interested peers in proportion to the bytes each sent in the last round. A
/// fixed share goes to optimistic peers, drawn at random for 30 s, so that newcomers can begin. A
/// peer gains nothing by splitting its upload among identities or by aiming at a threshold.
///
/// Sources disagree about the fixed share, 20 % or 10 %; it is 20 % here. Left open and chosen
/// here: one optimistic peer. While no peer has sent anything, and as a seed, `start_slots` peers
/// drawn at random for 30 s share the upload evenly.
#[derive(Clone, Debug)]
pub struct PropShare {
    optimistic_percent: u64,
    optimistic_slots: usize,
    optimistic_ticks: u64,
    start_slots: usize,
    optimistic: Vec<PeerKey>,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "propshare",
    summary: "PropShare: upload in proportion to the bytes each peer sent in the last round",
    uploads: true,
    parameters: &[
        Parameter::tick(10),
        Parameter::new(
            "optimistic_percent",
            20,
            0,
            "share of the upload for optimistic peers",
        )
        .at_most(100),
        Parameter::new("optimistic_slots", 1, 1, "optimistic peers"),
        Parameter::new(
            "optimistic_ticks",
            3,
            1,
            "rechokes for which an optimistic unchoke lasts",
        ),
        Parameter::new(
            "start_slots",
            4,
            1,
            "optimistic peers while nobody gave anything, and as a seed",
        ),
        Parameter::IN_FLIGHT,
    ],
    make: |values| {
        let policy = PropShare {
            optimistic_percent: values.get("optimistic_percent"),
            optimistic_slots: values.count("optimistic_slots"),
            optimistic_ticks: values.get("optimistic_ticks"),
            start_slots: values.count("start_slots"),
            optimistic: Vec::new(),
        };
        Divided::boxed(values, policy)
    },
};

impl Divide for PropShare {
    fn leech(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if tick.is_multiple_of(self.optimistic_ticks) {
            self.optimistic.clear();
        }
        let gave = |it: &PeerView| !snapshot.am_seed && it.down_bytes_round > 0;
        let shares: Vec<(PeerKey, u64)> = interested(snapshot)
            .filter(|it| gave(it))
            .map(|it| (it.peer, it.down_bytes_round))
            .collect();
        let waiting = interested(snapshot).filter(|it| !gave(it));
        let waiting: Vec<PeerKey> = waiting.map(|it| it.peer).collect();
        let count = if shares.is_empty() {
            self.start_slots
        } else {
            self.optimistic_slots
        };
        redraw(&mut self.optimistic, waiting, count, rng);
        let whole = u64::from(WHOLE);
        let for_optimistic = match (shares.is_empty(), self.optimistic.is_empty()) {
            (true, _) => whole,
            (false, true) => 0,
            (false, false) => whole * self.optimistic_percent / 100,
        };
        let narrow = |share: u64| u32::try_from(share).expect("at most the whole");
        let even: Vec<(PeerKey, u64)> = self.optimistic.iter().map(|it| (*it, 1)).collect();
        let mut weights = proportional(&shares, narrow(whole - for_optimistic));
        weights.extend(proportional(&even, narrow(for_optimistic)));
        Decision {
            slots: Slots::Exactly(weights.iter().map(|it| it.0).collect()),
            weights,
            ..Decision::default()
        }
    }

    /// The same rule: a seed receives nothing, so all its peers are drawn.
    fn seed(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        self.leech(tick, snapshot, rng)
    }

    fn forget(&mut self, peer: PeerKey) {
        self.optimistic.retain(|it| *it != peer);
    }
}
