//! Room for others: a peer that is full exchanges some of its connections now and then.
//!
//! Without it swarms of full peers can lock: every leecher is full of leechers that lack the same
//! last pieces, and the origin that has them finds nobody with a free slot. When and how many is as in
//! libtorrent 2.0: `peer_turnover_interval` 300 s, `peer_turnover` 4 %, `peer_turnover_cutoff` 90 %, no
//! more than there are candidates, and the least useful first. Which those are is our own, shorter
//! rule (its `torrent::disconnect_peers` weighs rates over the life of a connection, and spares seeds).

use std::cmp::Reverse;
use std::time::Duration;

use unchoke_core::choke::PeerView;
use unchoke_core::ids::PeerKey;

use super::World;
use crate::stream::{EndId, EndState};

/// Time between two exchanges.
pub(super) const INTERVAL: Duration = Duration::from_mins(5);

/// Share of the connections that is exchanged, in percent; at least one.
const SHARE: usize = 4;

/// Only who has at least this share of the connections it may have, in percent.
const CUTOFF: usize = 90;

/// A connection that was closed to make room is not opened again for so long.
const WAIT: Duration = Duration::from_mins(5);

/// The `count` least useful connections: neither side interested, then those we want nothing of,
/// then those that moved the fewest bytes in our direction since they were made.
fn least_useful(views: &mut [PeerView], am_seed: bool, count: usize) -> Vec<PeerKey> {
    views.sort_by_key(|it| {
        let (useful, bytes) = if am_seed {
            (it.peer_interested, it.up_bytes)
        } else {
            (it.am_interested, it.down_bytes)
        };
        let either = it.am_interested || it.peer_interested;
        (either, useful, bytes, Reverse(it.connected_at), it.peer)
    });
    views.iter().take(count).map(|it| it.peer).collect()
}

impl World<'_> {
    /// Closes a few connections of `node`, if it is full and knows others.
    pub(super) fn turn_over(&mut self, node: u32) {
        let client = usize::from(self.spec.nodes[node as usize].client);
        let most = usize::from(self.spec.clients[client].max_connections);
        let Some(peer) = self.peers[node as usize].as_mut() else {
            return;
        };
        peer.next_turnover = self.now.after(INTERVAL);
        let standing = usize::from(peer.connector.connections());
        if standing == 0 || standing * 100 < most * CUTOFF {
            return;
        }
        if peer.connector.due(self.now) == 0 {
            self.on_announce(node);
        }
        let Some(mut peer) = self.peers[node as usize].take() else {
            return;
        };
        self.hand_over(node, &mut peer);
        let share = (standing * SHARE / 100).max(1);
        let count = share.min(peer.connector.due(self.now));
        let mut views = peer.torrent.peer_views(self.now);
        let closed = least_useful(&mut views, peer.torrent.is_complete(), count);
        let end =
            |key: PeerKey| peer.ends[key.0 as usize].expect("the core knows who is connected");
        let closed: Vec<EndId> = closed.into_iter().map(end).collect();
        self.peers[node as usize] = Some(peer);
        for end in closed {
            // One by one: as its core hears of one, it may serve, or close, another.
            if self.streams[end].state == EndState::Open {
                self.lose(end, WAIT);
            }
        }
    }
}
