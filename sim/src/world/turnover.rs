//! Room for others: a peer that is full exchanges some of its connections now and then.
//!
//! Without it swarms of full peers can lock: every leecher is full of leechers that lack the same
//! last pieces, and the origin that has them finds nobody with a free slot. When and how many is as in
//! libtorrent 2.0: `peer_turnover_interval` 300 s, `peer_turnover` 4 %, `peer_turnover_cutoff` 90 %, no
//! more than there are candidates, and the least useful first. Which those are is said in
//! [`unchoke_core::client::turnover`].

use std::time::Duration;

use unchoke_core::client::redial::Ended;
use unchoke_core::client::turnover::least_useful;
use unchoke_core::ids::PeerKey;

use super::World;
use crate::stream::{EndId, EndState};

/// Time between two exchanges.
pub(super) const INTERVAL: Duration = Duration::from_mins(5);

/// Share of the connections that is exchanged, in percent; at least one.
const SHARE: usize = 4;

/// Only who has at least this share of the connections it may have, in percent.
const CUTOFF: usize = 90;

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
        let closed = least_useful(&mut views, peer.torrent.is_complete(), count, |_| false);
        let end =
            |key: PeerKey| peer.ends[key.0 as usize].expect("the core knows who is connected");
        let closed: Vec<EndId> = closed.into_iter().map(end).collect();
        self.peers[node as usize] = Some(peer);
        for end in closed {
            // One by one: as its core hears of one, it may serve, or close, another.
            if self.streams[end].state == EndState::Open {
                self.lose(end, Ended::Turnover);
            }
        }
    }
}
