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

/// Number of rounds in the history of a peer: 60 s.
const HISTORY: usize = 6;

/// `BitTyrant`'s `JarUnchoker`, which differs from its paper. Each peer has an allocation in bytes
/// per 10 s, 120 000 at first. Every 10 s the allocation of each unchoked peer is reduced by a
/// third of the unused part, but not below 30 000.
///
/// Then the upload capacity of 10 s is given out in passes, until nothing is left:
///
/// 1. peers that sent us more in 60 s than we sent them (allocation x 0.98);
/// 2. peers that sent less, but over 1.5 kB/s: they may be at their limit (x 0.98);
/// 3. peers that sent more since they connected (x 1.1);
/// 4. the rest (x 1.1).
///
/// Each pass goes over its peers best first. Snubbing peers come after all others, in the same
/// passes. An allocation is a weight and not a cap, as in the client's last version.
///
/// Left open: which peer is best; here the one that sent most in 60 s. Not modelled: peers that
/// recognise each other as `BitTyrant` by peer id (served up to 1.25 times what they sent). As a
/// seed it is Azureus. An unknown capacity is found by growing.
#[derive(Clone, Debug)]
pub struct BittyrantShipped {
    tick: Duration,
    initial_bytes: u64,
    min_bytes: u64,
    active_bytes: u64,
    seed_slots: usize,
    known: BTreeMap<PeerKey, Account>,
}

/// The account of a peer.
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
    /// Reduces the allocation by a third of the unused part, and updates the totals.
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

    /// The pass in which a peer gets its allocation, and the percentage by which the allocation is
    /// multiplied before.
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
        // The sort is stable: within a pass the best stay first.
        ranked.sort_by_key(|it| (it.snubbed, self.pass(it).0));
        let (mut spent, mut shares) = (0_u128, Vec::new());
        for peer in ranked {
            if spent >= round.max(1) {
                break;
            }
            let percent = self.pass(peer).1;
            let account = self.known.get_mut(&peer.peer).expect("settled");
            // An allocation that was never given out is not changed.
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
