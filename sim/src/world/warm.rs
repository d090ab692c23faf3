//! Memory fetched before it is needed.
//!
//! A swarm is larger than the caches, and each event concerns another node: its core would wait for
//! memory a dozen times, one time after the other. But who is next is known: the events of a delay
//! line are in order. So the next few are looked at together, step by step: what one step reads of
//! one node does not depend on the others, and the processor fetches it for all of them at once.
//! Nothing here changes anything.

use std::hint::black_box;

use unchoke_core::ids::{PeerKey, PieceIndex};

use super::{Event, World};

/// Events looked at together.
pub(super) const AHEAD: u32 = 16;

impl World<'_> {
    /// Looks at what the next [`AHEAD`] events will touch.
    pub(super) fn warm_events(&self) {
        let mut next = [(u32::MAX, PeerKey(0)); AHEAD as usize];
        let mut count = 0;
        for event in self.queue.upcoming().take(AHEAD as usize) {
            if let Event::Message { to, .. } | Event::Requests { to, .. } = event {
                let end = &self.streams[*to];
                next[count] = (end.node, end.key);
                count += 1;
            }
        }
        let next = &next[..count];
        let mut seen = 0;
        for (node, _) in next {
            seen ^= self.access[*node as usize].down_bytes;
            let peer = self.peers[*node as usize].as_deref();
            seen ^= peer.map_or(0, |it| it.armed.as_nanos());
        }
        for (node, key) in next {
            let peer = self.peers[*node as usize].as_deref();
            seen ^= peer.map_or(0, |it| it.torrent.look_at(*key));
        }
        black_box(seen);
    }

    /// Looks at what the next few `have`s will touch.
    pub(super) fn warm_haves(&self, line: usize, piece: PieceIndex, count: u32) {
        let targets = self.have_targets[line].iter().take(count as usize);
        let seen = targets.fold(0_u32, |seen, to| {
            let end = &self.streams[*to];
            let access = &self.access[end.node as usize];
            if access.may_wait(end.key) {
                return seen ^ self.inboxes.look_at(end.node, access.waiting);
            }
            self.peers[end.node as usize].as_ref().map_or(seen, |peer| {
                let has = peer.torrent.peer_has(end.key, piece);
                let copies = peer.torrent.availability()[piece.0 as usize];
                seen ^ u32::from(copies) ^ u32::from(has)
            })
        });
        black_box(seen);
    }
}
