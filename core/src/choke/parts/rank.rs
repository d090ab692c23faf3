//! What many policies do: rank, draw, list keys.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::choke::policy::{PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// The peers with the highest score first, equals in ascending key order, which makes it total.
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

/// The rate that BEP 3 ranks by: what a leecher receives, what a seed sends.
pub(crate) fn rate(snapshot: &Snapshot<'_>, peer: &PeerView) -> u64 {
    if snapshot.am_seed {
        peer.up_rate
    } else {
        peer.down_rate
    }
}

/// What [`rate`] is called in a view.
pub(crate) fn rate_name(snapshot: &Snapshot<'_>) -> &'static str {
    if snapshot.am_seed {
        "up_rate"
    } else {
        "down_rate"
    }
}

/// Bytes that we sent a peer beyond those it sent us.
pub(crate) fn deficit(peer: &PeerView) -> i128 {
    i128::from(peer.up_bytes) - i128::from(peer.down_bytes)
}

/// The peer that we owe most, or took least from: the one with the least deficit.
pub(crate) fn owed_most<'a>(peers: impl IntoIterator<Item = &'a PeerView>) -> Option<PeerKey> {
    let owed = peers.into_iter().min_by_key(|it| (deficit(it), it.peer));
    owed.map(|it| it.peer)
}

/// The keys of the first `count` peers.
pub(crate) fn first(peers: &[&PeerView], count: usize) -> Vec<PeerKey> {
    peers.iter().take(count).map(|it| it.peer).collect()
}

/// Keeps those of `chosen` that are still waiting, at most `count`, and draws the missing ones.
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

/// Moves one of the waiting peers out, each equally likely.
pub(crate) fn draw(waiting: &mut Vec<PeerKey>, rng: &mut Rng) -> Option<PeerKey> {
    let some = !waiting.is_empty();
    some.then(|| waiting.swap_remove(rng.index(waiting.len())))
}
