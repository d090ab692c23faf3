//! Helpers of many policies: rank, draw, list keys.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::choke::policy::{PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// The peers sorted by score, highest first. Equal scores are sorted by key, so the order is total.
pub(crate) fn best_first<'a, S: Ord>(
    peers: impl IntoIterator<Item = &'a PeerView>,
    score: impl Fn(&PeerView) -> S,
) -> Vec<&'a PeerView> {
    let mut ranked: Vec<&PeerView> = peers.into_iter().collect();
    ranked.sort_by_cached_key(|it| (Reverse(score(it)), it.peer));
    ranked
}

/// The peers that want pieces of ours.
pub(crate) fn interested<'a>(snapshot: &Snapshot<'a>) -> impl Iterator<Item = &'a PeerView> {
    snapshot.peers.iter().filter(|it| it.peer_interested)
}

/// The rate by which BEP 3 ranks: a leecher by what it receives, a seed by what it sends.
pub(crate) fn rate(snapshot: &Snapshot<'_>, peer: &PeerView) -> u64 {
    if snapshot.am_seed {
        peer.up_rate
    } else {
        peer.down_rate
    }
}

/// The name of [`rate`] in a view.
pub(crate) fn rate_name(snapshot: &Snapshot<'_>) -> &'static str {
    if snapshot.am_seed {
        "up_rate"
    } else {
        "down_rate"
    }
}

/// Bytes that we sent to a peer minus bytes that it sent us.
pub(crate) fn deficit(peer: &PeerView) -> i128 {
    i128::from(peer.up_bytes) - i128::from(peer.down_bytes)
}

/// The peer with the smallest deficit: the one we owe most, or to which we sent least beyond what
/// it gave.
pub(crate) fn owed_most<'a>(peers: impl IntoIterator<Item = &'a PeerView>) -> Option<PeerKey> {
    let owed = peers.into_iter().min_by_key(|it| (deficit(it), it.peer));
    owed.map(|it| it.peer)
}

/// The keys of the first `count` peers.
pub(crate) fn first(peers: &[&PeerView], count: usize) -> Vec<PeerKey> {
    peers.iter().take(count).map(|it| it.peer).collect()
}

/// Keeps the peers of `chosen` that still wait, at most `count`, and draws the missing ones.
pub(crate) fn redraw(
    chosen: &mut Vec<PeerKey>,
    mut waiting: Vec<PeerKey>,
    count: usize,
    rng: &mut Rng,
) {
    chosen.retain(|it| waiting.contains(it));
    chosen.truncate(count);
    waiting.retain(|it| !chosen.contains(it));
    while chosen.len() < count
        && let Some(peer) = draw(&mut waiting, rng)
    {
        chosen.push(peer);
    }
}

/// Removes and returns one of the waiting peers, each with equal probability.
pub(crate) fn draw(waiting: &mut Vec<PeerKey>, rng: &mut Rng) -> Option<PeerKey> {
    let some = !waiting.is_empty();
    some.then(|| waiting.swap_remove(rng.index(waiting.len())))
}
