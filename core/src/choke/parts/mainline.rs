//! Shared by the versions of mainline: an ordered list of connections, and the number of slots
//! derived from the upload cap. The optimistic unchoke is implicit: the first eligible peer in list
//! order.

use alloc::vec::Vec;

use super::served::Served;
use crate::choke::policy::{PeerView, Scope, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::rng::Rng;
use core::time::Duration;

/// Every tick, and each event that can leave a slot empty or with the wrong peer.
pub(crate) const fn triggers(tick: Duration) -> Triggers {
    Triggers {
        tick: Some(tick),
        interest: Scope::Unchoked,
        connected: Scope::All,
        disconnected: Scope::All,
        ..Triggers::NEVER
    }
}

/// The connections in the order of mainline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    peers: Vec<PeerKey>,
    served: Served,
}

impl Order {
    /// Records an event. Returns whether mainline rechokes now: at a tick, after a new connection,
    /// when an unchoked peer changes its interest, and when an unchoked interested peer
    /// disconnects. A new connection is put at the head with probability `new_weight / (n +
    /// new_weight)`.
    pub(crate) fn note(
        &mut self,
        trigger: Trigger,
        snapshot: &Snapshot<'_>,
        new_weight: u64,
        rng: &mut Rng,
    ) -> bool {
        match trigger {
            Trigger::Tick(_) => true,
            Trigger::Interest(peer) => snapshot.peer(peer).is_some_and(|it| !it.am_choking),
            Trigger::Connected(peer) => {
                let places = self.peers.len() as u64 + new_weight;
                let at = rng.below(places).saturating_sub(new_weight - 1);
                let at = usize::try_from(at).expect("at most the length");
                self.peers.insert(at, peer);
                true
            }
            Trigger::Disconnected(peer) => {
                self.peers.retain(|it| *it != peer);
                self.served.lose(peer)
            }
            Trigger::Block(_) => false,
        }
    }

    /// Rotates the list so that the first interested and choked peer becomes the head.
    pub(crate) fn rotate(&mut self, snapshot: &Snapshot<'_>) {
        let waits = |it: &PeerView| it.am_choking && it.peer_interested;
        let at = self
            .peers
            .iter()
            .position(|it| snapshot.peer(*it).is_some_and(waits));
        self.peers.rotate_left(at.unwrap_or(0));
    }

    /// Rotates the list so that the peer behind `last` becomes the head.
    pub(crate) fn rotate_past(&mut self, last: PeerKey) {
        if let Some(at) = self.peers.iter().position(|it| *it == last) {
            self.peers.rotate_left(at + 1);
        }
    }

    /// The peers in list order.
    pub(crate) fn walk<'a>(&self, snapshot: &Snapshot<'a>) -> impl Iterator<Item = &'a PeerView> {
        let snapshot = *snapshot;
        let view = move |it: &PeerKey| {
            let at = snapshot.peers.binary_search_by_key(it, |it| it.peer).ok()?;
            Some(&snapshot.peers[at])
        };
        self.peers.iter().filter_map(view)
    }

    /// The preferred peers, plus others in list order until `optimistic` interested ones are among
    /// them. Peers without interest that come before the last of these are unchoked too and use no
    /// slot.
    pub(crate) fn fill(
        &self,
        snapshot: &Snapshot<'_>,
        preferred: &[PeerKey],
        mut optimistic: usize,
    ) -> Vec<PeerKey> {
        let mut unchoked = preferred.to_vec();
        for peer in self.walk(snapshot) {
            if optimistic == 0 {
                break;
            }
            if !preferred.contains(&peer.peer) {
                unchoked.push(peer.peer);
                optimistic -= usize::from(peer.peer_interested);
            }
        }
        unchoked
    }

    /// Remembers which unchoked peers are interested.
    pub(crate) fn serve(&mut self, snapshot: &Snapshot<'_>, unchoked: &[PeerKey]) {
        self.served.note(snapshot, unchoked);
    }
}

/// Whether the last block is older than `snub`. Mainline starts with "never", so a peer that has
/// sent nothing is snubbed and can only be unchoked optimistically.
pub(crate) fn snubbed(snapshot: &Snapshot<'_>, peer: &PeerView, snub: Duration) -> bool {
    peer.last_block_at.is_none_or(|at| snapshot.now - at > snub)
}

/// Slots by upload cap: in KiB/s none → 7, below 9 → 2, below 15 → 3, below 42 → 4, otherwise
/// `floor(sqrt(0.6 r))`. Mainline 3.9.1 `_set_auto_uploads`, 4.x and 5.x `_max_uploads`.
pub(crate) fn slots_for(capacity: Option<u64>) -> usize {
    let Some(bytes) = capacity.filter(|it| *it > 0) else {
        return 7;
    };
    match bytes / 1024 {
        0..9 => 2,
        9..15 => 3,
        15..42 => 4,
        _ => {
            let root = (u128::from(bytes) * 6 / 10_240).isqrt();
            usize::try_from(root).expect("a root of a 64-bit number")
        }
    }
}
