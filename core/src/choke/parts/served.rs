//! Remembers which peers have a slot, because a snapshot does not show closed connections.

use alloc::vec::Vec;

use super::rank::interested;
use crate::choke::policy::Snapshot;
use crate::ids::PeerKey;

/// The interested peers that are unchoked. If one of them leaves, a slot is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served(Vec<PeerKey>);

impl Served {
    /// Records that exactly these peers are unchoked now.
    pub(crate) fn note(&mut self, snapshot: &Snapshot<'_>, unchoked: &[PeerKey]) {
        self.0.clear();
        let peers = interested(snapshot).map(|it| it.peer);
        self.0.extend(peers.filter(|it| unchoked.contains(it)));
    }

    /// Records that this interested peer is unchoked too.
    pub(crate) fn add(&mut self, peer: PeerKey) {
        if !self.0.contains(&peer) {
            self.0.push(peer);
        }
    }

    /// Forgets a peer. Returns whether it had a slot.
    pub(crate) fn lose(&mut self, peer: PeerKey) -> bool {
        let had = self.0.len();
        self.0.retain(|it| *it != peer);
        self.0.len() < had
    }
}
