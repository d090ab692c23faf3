//! `bittyrant_shipped`: the strategic client as its source does it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::rank::{best_first, interested};
use crate::choke::parts::weight::{Divide, Divided};
use crate::choke::parts::{azureus, weight};
use crate::choke::policy::{Decision, PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Rounds that the history of a peer spans: 60 s.
const HISTORY: usize = 6;

/// `BitTyrant`'s `JarUnchoker`, which differs from its paper. Each peer has an allocation in bytes
/// for 10 s, 120 000 at first. Every 10 s a third of what it did not take is taken back, not below
/// 30 000. Then the upload capacity of 10 s is given out in passes, each over the peers best first
/// until nothing is left: those that sent us more in 60 s than we sent them (allocation x 0.98);
/// those that sent less, but over 1.5 kB/s: they may be at their limit (x 0.98); those that sent
/// more in all (x 1.1); the rest (x 1.1). Snubbing peers come after all others, in the same passes.
/// Nobody is capped at its allocation: allocations are weights, as in the client's last version.
///
/// Left open: which peer is best, here who sent most in 60 s. Not modelled: peers that recognise
/// each other as `BitTyrant` by peer id (served up to 1.25 times what they sent). It is Azureus
/// when it seeds. An unknown capacity is found by growing.
#[derive(Clone, Debug)]
pub struct BittyrantShipped {
    tick: Duration,
    initial_bytes: u64,
    min_bytes: u64,
    active_bytes: u64,
    seed_slots: usize,
    known: BTreeMap<PeerKey, Account>,
}

/// What is known of a peer.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Bytes for the coming round.
    allocation: u64,
    /// Bytes received and sent in all, at each of the last ticks.
    totals: [(u64, u64); HISTORY],
    /// Bytes received and sent in the last 60 s.
    recent: (u64, u64),
}

pub(crate) const ENTRY: Entry = Entry {
    id: "bittyrant_shipped",
    summary: "BitTyrant's source: allocations that shrink for who pays and grow for who does not",
    uploads: true,
    parameters: &[
        Parameter::tick(10),
        Parameter::new(
            "initial_bytes",
            120_000,
            1,
            "allocation of an unknown peer for a round; `fallbackAllocation`",
        ),
        Parameter::new(
            "min_bytes",
            30_000,
            1,
            "least allocation after taking back; `ABSOLUTE_MINIMUM_ALLOCATION_PER_PEER`",
        ),
        Parameter::new(
            "active_bytes",
            90_000,
            0,
            "bytes in six rounds above which a peer counts as reciprocating: 1.5 kB/s for 60 s",
        ),
        Parameter::new("seed_slots", 4, 1, "peers unchoked as a seed"),
        Parameter::IN_FLIGHT,
    ],
    make: |values| {
        let policy = BittyrantShipped {
            tick: values.span("tick_ns"),
            initial_bytes: values.get("initial_bytes"),
            min_bytes: values.get("min_bytes"),
            active_bytes: values.get("active_bytes"),
            seed_slots: values.count("seed_slots"),
            known: BTreeMap::new(),
        };
        Divided::boxed(values, policy)
    },
};

fn scale(allocation: u64, percent: u64) -> u64 {
    let scaled = u128::from(allocation) * u128::from(percent) / 100;
    u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
}

impl BittyrantShipped {
    /// Takes back a third of what was not used, and notes the totals.
    fn settle(&mut self, tick: u64, peer: &PeerView) {
        let account = self.known.entry(peer.peer).or_insert(Account {
            allocation: self.initial_bytes,
            totals: [(0, 0); HISTORY],
            recent: (0, 0),
        });
        if !peer.am_choking {
            let unused = account.allocation.saturating_sub(peer.up_bytes_round);
            account.allocation = (account.allocation - unused / 3).max(self.min_bytes);
        }
        let at = usize::try_from(tick % HISTORY as u64).expect("below six");
        let (down, up) = account.totals[at];
        let past = |now: u64, then: u64| now.saturating_sub(then);
        account.recent = (past(peer.down_bytes, down), past(peer.up_bytes, up));
        account.totals[at] = (peer.down_bytes, peer.up_bytes);
    }

    /// The pass in which a peer gets its allocation, and by how many percent that changes first.
    fn pass(&self, peer: &PeerView) -> (u8, u64) {
        let (received, sent) = self.known[&peer.peer].recent;
        if received > sent {
            (0, 98)
        } else if received < sent && received > self.active_bytes {
            (1, 98)
        } else if peer.up_bytes > 0 && peer.down_bytes > peer.up_bytes {
            (2, 110)
        } else {
            (3, 110)
        }
    }

    /// Gives out the capacity of a round in passes.
    fn allocate(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        let capacity = weight::capacity(snapshot.upload_capacity, snapshot.upload_rate);
        let round = u128::from(capacity) * self.tick.as_nanos() / 1_000_000_000;
        let mut ranked = best_first(interested(snapshot), |it| self.known[&it.peer].recent.0);
        // Stable: within a pass the best stay first.
        ranked.sort_by_key(|it| (it.snubbed, self.pass(it).0));
        let (mut spent, mut shares) = (0_u128, Vec::new());
        for peer in ranked {
            if spent >= round.max(1) {
                break;
            }
            let percent = self.pass(peer).1;
            let account = self.known.get_mut(&peer.peer).expect("settled");
            // An allocation that was never given out starts as it is.
            if peer.unchoked_at.is_some() {
                account.allocation = scale(account.allocation, percent);
            }
            spent += u128::from(account.allocation);
            shares.push((peer.peer, account.allocation));
        }
        weight::divide(&shares)
    }
}

impl Divide for BittyrantShipped {
    fn leech(&mut self, tick: u64, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        snapshot.peers.iter().for_each(|it| self.settle(tick, it));
        self.allocate(snapshot)
    }

    fn seed(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        azureus::seed(tick, snapshot, self.seed_slots, rng)
    }

    fn forget(&mut self, peer: PeerKey) {
        self.known.remove(&peer);
    }
}
