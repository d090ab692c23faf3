//! `azureus_2x`: Azureus 2.5, the control of the BitTyrant paper.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::azureus;
use crate::choke::parts::rank::{best_first, interested};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Azureus 2.5 (`DownloadingUnchoker`, `SeedingUnchoker`).
///
/// A leecher decides every 10 s. Current optimistic peers stay, at most `floor((slots - 1) / 10) +
/// 1` of them. The other slots go to peers that have pieces we need and do not snub us: first those
/// that send more than 256 bytes/s, by rate; then, by total bytes received, those that got less
/// than three times what they gave (16 KiB - 1 for free). Every 30 s the optimistic slots are
/// emptied and drawn again, with a bias against peers that owe us much.
///
/// A seed changes its uploads only every 30 s: peers with a high rate that have received little
/// stay.
///
/// The optimistic choice fills empty slots every second. A peer that loses interest keeps its slot
/// until the next rechoke of 10 s; the slot of a peer that leaves is filled within a second.
///
/// Whether a peer is snubbed is decided by the connection, not here. Azureus does not document the
/// time over which it smooths rates; here it is 10 s.
#[derive(Clone, Debug)]
pub struct Azureus2x {
    slots: usize,
    tick: Duration,
    main_ticks: u64,
    refresh_ticks: u64,
    min_rate: u64,
    max_ratio: u64,
    optimistic: Vec<PeerKey>,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "azureus_2x",
    summary: "Azureus 2.5: by rate, then by bytes while the ratio is below 3, then a biased draw",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            4,
            1,
            "peers unchoked, optimistic ones included; typical setting in NSDI 2007",
        ),
        Parameter::tick(1),
        Parameter::new(
            "main_ticks",
            10,
            1,
            "ticks between two rechokes of a leecher",
        ),
        Parameter::new(
            "refresh_ticks",
            30,
            1,
            "ticks between two changes of the optimistic peers, and of a seed's uploads",
        ),
        Parameter::new(
            "min_rate",
            256,
            0,
            "bytes/s that a peer must exceed to be ranked by rate",
        ),
        Parameter::new(
            "max_ratio",
            3,
            1,
            "bytes sent per byte received from which a peer is not ranked by bytes",
        ),
    ],
    make: |values| {
        Box::new(Azureus2x {
            slots: values.count("slots"),
            tick: values.span("tick_ns"),
            main_ticks: values.get("main_ticks"),
            refresh_ticks: values.get("refresh_ticks"),
            min_rate: values.get("min_rate"),
            max_ratio: values.get("max_ratio"),
            optimistic: Vec::new(),
        })
    },
};

impl Azureus2x {
    fn most_optimistic(&self) -> usize {
        (self.slots - 1) / 10 + 1
    }

    /// Whether a peer has sent enough to be ranked by bytes received.
    fn in_ratio(&self, peer: &PeerView) -> bool {
        let free = u128::from(BLOCK_BYTES - 1);
        let paid = (u128::from(peer.down_bytes) + free) * u128::from(self.max_ratio);
        u128::from(peer.up_bytes) < paid
    }

    fn leech(&mut self, snapshot: &Snapshot<'_>, refresh: bool, rng: &mut Rng) -> Vec<PeerKey> {
        let may_stay = |it: &PeerView| it.peer_interested && !it.snubbed;
        if refresh {
            self.optimistic.clear();
        }
        self.optimistic
            .retain(|it| snapshot.peer(*it).is_some_and(may_stay));
        self.optimistic.truncate(self.most_optimistic());
        let candidates = || {
            interested(snapshot)
                .filter(|it| it.am_interested && !it.snubbed && !self.optimistic.contains(&it.peer))
        };
        let fast = |it: &&PeerView| it.down_rate > self.min_rate;
        let by_rate = best_first(candidates().filter(fast), |it| it.down_rate);
        let slow = candidates().filter(|it| !fast(it) && self.in_ratio(it));
        let by_bytes = best_first(slow, |it| it.down_bytes);
        let room = if refresh { self.most_optimistic() } else { 0 };
        let regular = self.slots.saturating_sub(self.optimistic.len() + room);
        let ranked = by_rate.iter().chain(&by_bytes);
        let mut unchoked: Vec<PeerKey> = ranked.map(|it| it.peer).take(regular).collect();
        let empty = self.slots - unchoked.len() - self.optimistic.len();
        let new = azureus::optimistic(snapshot, self.slots, rng);
        let new = new.into_iter().filter(|it| !unchoked.contains(it));
        self.optimistic.extend(new.take(empty));
        unchoked.extend(&self.optimistic);
        unchoked
    }
}

impl ChokePolicy for Azureus2x {
    fn triggers(&self) -> Triggers {
        Triggers::on_tick(self.tick)
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        let tick = match trigger {
            Trigger::Tick(tick) => tick,
            Trigger::Disconnected(peer) => {
                self.optimistic.retain(|it| *it != peer);
                return Decision::default();
            }
            _ => return Decision::default(),
        };
        let refresh = tick.is_multiple_of(self.refresh_ticks);
        let main = tick.is_multiple_of(self.main_ticks);
        let unchoked = match (snapshot.am_seed, refresh, main) {
            (true, true, _) => azureus::refresh(snapshot, self.slots, rng),
            (false, true, _) | (false, _, true) => self.leech(snapshot, refresh, rng),
            _ => azureus::fill(snapshot, self.slots, main, rng),
        };
        let new = |it: &&PeerKey| snapshot.peer(**it).is_some_and(|view| view.am_choking);
        if !main && !refresh && !snapshot.am_seed {
            self.optimistic.extend(unchoked.iter().filter(new));
        }
        Decision::exactly(unchoked)
    }
}
