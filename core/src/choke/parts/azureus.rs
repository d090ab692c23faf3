//! Shared by Azureus and the BitTyrant clients, which are built on it: the optimistic choice and
//! the choker of a seed.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::rank::{best_first, deficit, draw, first, interested};
use crate::choke::policy::{Decision, PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Choked peers that are interested; snubbing ones only if there are no others.
fn waiting<'a>(snapshot: &Snapshot<'a>) -> Vec<&'a PeerView> {
    let choked = || interested(snapshot).filter(|it| it.am_choking);
    let mut waiting: Vec<&PeerView> = choked().filter(|it| !it.snubbed).collect();
    if waiting.is_empty() {
        waiting = choked().collect();
    }
    waiting
}

/// Picks up to `count` choked peers. A leecher orders the candidates by what they owe us, the
/// greatest debt first, and takes the one at `floor(n / (0.8 + 0.2 / u))`, u uniform: mostly one
/// near the end, which owes us little or nothing. A seed draws evenly. Azureus 2.5 `UnchokerUtil`.
pub(crate) fn optimistic(snapshot: &Snapshot<'_>, count: usize, rng: &mut Rng) -> Vec<PeerKey> {
    const ONE: u64 = 1 << 32;
    let ranked = best_first(waiting(snapshot), deficit);
    let mut ranked = first(&ranked, ranked.len());
    let next = || {
        if snapshot.am_seed {
            return draw(&mut ranked, rng);
        }
        // With u = k / 2^32: n / (0.8 + 0.2 / u) = 10 n k / (8 k + 2 * 2^32).
        let k = rng.below(ONE);
        let at = 10 * u128::from(k) * ranked.len() as u128 / u128::from(8 * k + 2 * ONE);
        let at = usize::try_from(at).expect("below the length");
        (at < ranked.len()).then(|| ranked.remove(at))
    };
    core::iter::from_fn(next).take(count).collect()
}

/// The unchoked peers, plus new ones in the empty slots. At a rechoke (`main`) a peer that lost
/// interest is choked; between two rechokes it keeps its slot. Azureus 2.5 `getImmediateUnchokes`
/// and `calculateUnchokes`.
pub(crate) fn fill(
    snapshot: &Snapshot<'_>,
    slots: usize,
    main: bool,
    rng: &mut Rng,
) -> Vec<PeerKey> {
    let stays = |it: &&PeerView| !it.am_choking && (it.peer_interested || !main);
    let served = snapshot.peers.iter().filter(stays);
    let mut unchoked: Vec<PeerKey> = served.map(|it| it.peer).collect();
    let empty = slots.saturating_sub(unchoked.len());
    unchoked.extend(optimistic(snapshot, empty, rng));
    unchoked
}

/// The unchoked peers of a seed after a refresh: up to `floor((slots - 1) / 5) + 1` served peers
/// make room for waiting ones. Served peers are ranked by upload rate (highest first) and by bytes
/// received from us (fewest first); those with the largest sum of ranks make room. Azureus 2.5
/// `SeedingUnchoker`, which makes room even if no peer waits, and fills the slots a second later.
pub(crate) fn refresh(snapshot: &Snapshot<'_>, slots: usize, rng: &mut Rng) -> Vec<PeerKey> {
    let served = || interested(snapshot).filter(|it| !it.am_choking);
    let by_rate = best_first(served(), |it| it.up_rate);
    let by_bytes = best_first(served(), |it| Reverse(it.up_bytes));
    let place = |order: &[&PeerView], peer: PeerKey| order.iter().position(|it| it.peer == peer);
    let ranked = best_first(served(), |it| {
        Reverse((
            place(&by_rate, it.peer).unwrap_or(0) + place(&by_bytes, it.peer).unwrap_or(0),
            place(&by_rate, it.peer),
        ))
    });
    let room = (slots.saturating_sub(1)) / 5 + 1;
    let kept = ranked.len().min(slots.saturating_sub(room));
    let new = optimistic(snapshot, slots.saturating_sub(kept), rng);
    let mut unchoked = first(&ranked, slots.saturating_sub(new.len()));
    unchoked.extend(new);
    unchoked
}

/// The seed of clients that divide their upload by weight: all unchoked peers have the same weight.
/// Azureus refreshes every 30 s.
pub(crate) fn seed(tick: u64, snapshot: &Snapshot<'_>, slots: usize, rng: &mut Rng) -> Decision {
    let unchoked = if tick.is_multiple_of(3) {
        refresh(snapshot, slots, rng)
    } else {
        fill(snapshot, slots, true, rng)
    };
    Decision {
        weights: snapshot.peers.iter().map(|it| (it.peer, 1)).collect(),
        ..Decision::exactly(unchoked)
    }
}
