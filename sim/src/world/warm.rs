//! Loads memory into the processor's cache before it is needed.
//!
//! A swarm is larger than the caches, and each event concerns another node. Without this module the
//! core would wait for memory a dozen times per event, one load after the other. But the next
//! events are known: a delay line holds them in order, and flows know when they will complete. So
//! the next few events are processed together, in steps. Within a step, the reads for different
//! nodes do not depend on each other, and the processor can load them all at once. Nothing here
//! changes any state.

use std::hint::black_box;

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;
use unchoke_core::torrent::ManyTorrents as _;

use super::{Event, World};
use crate::access::Target;
use crate::link::FlowId;
use crate::stream::EndId;

/// Whether a swarm of so many nodes is larger than the caches: a smaller one is slower for it.
pub(super) fn is_worth_it(nodes: usize) -> bool {
    nodes >= 200
}

/// Number of events that are looked at together.
pub(super) const AHEAD: u32 = 16;

/// Prediction of the blocks that leave next.
#[derive(Clone, Debug, Default)]
pub(super) struct Departures {
    /// Departures until the next prediction.
    left: u32,
    looked_at: Instant,
    soon: Vec<FlowId>,
}

/// The memory that an input will use.
#[derive(Clone, Copy)]
struct Concern {
    node: u32,
    /// The node at the other end of the connection.
    other: u32,
    peer: PeerKey,
    /// Piece of the block that arrives, if the input is a block.
    piece: Option<PieceIndex>,
}

impl Concern {
    const NOBODY: Self = Self {
        node: u32::MAX,
        other: u32::MAX,
        peer: PeerKey(0),
        piece: None,
    };
}

impl World<'_> {
    /// Reads the memory that the next [`AHEAD`] events will use.
    pub(super) fn warm_events(&self) {
        let mut next = [Concern::NOBODY; AHEAD as usize];
        let mut count = 0;
        for event in self.queue.upcoming().take(AHEAD as usize) {
            let (to, piece) = match event {
                Event::Block { to, block } => (to, Some(block.piece)),
                Event::Requests { to, .. } | Event::Message { to, .. } => (to, None),
                _ => continue,
            };
            next[count] = self.concern(*to, piece);
            count += 1;
        }
        self.warm_inputs(&next[..count]);
    }

    /// Reads the memory that the next blocks to leave will use, once for every [`AHEAD`]
    /// departures.
    pub(super) fn warm_departures(&mut self) {
        if self.departures.left > 0 {
            self.departures.left -= 1;
            return;
        }
        // Assume that blocks keep leaving at the rate seen since the last prediction.
        let ahead = self.now - self.departures.looked_at;
        self.departures.left = AHEAD - 1;
        self.departures.looked_at = self.now;
        let mut soon = std::mem::take(&mut self.departures.soon);
        let most = 2 * AHEAD as usize;
        self.links.soon(self.now.after(ahead), most, &mut soon);
        let mut next = [Concern::NOBODY; 2 * AHEAD as usize];
        for (concern, flow) in next.iter_mut().zip(&soon) {
            *concern = self.concern(self.flows.of(*flow).0, None);
        }
        let mut seen = 0;
        for flow in &soon {
            let first = self.streams.look_at_first(self.flows.of(*flow).0);
            seen ^= first ^ self.links.look_at(*flow);
        }
        for flow in &soon {
            seen ^= self.streams.look_at_second(self.flows.of(*flow).0);
        }
        black_box(seen);
        self.warm_inputs(&next[..soon.len()]);
        self.departures.soon = soon;
    }

    fn concern(&self, end: EndId, piece: Option<PieceIndex>) -> Concern {
        let it = &self.streams[end];
        Concern {
            node: it.node,
            other: self.streams[end.other()].node,
            peer: it.key(),
            piece,
        }
    }

    /// Reads in steps. No branch depends on a value that is still being loaded: after a wrong guess
    /// of the branch, the processor would wait for it.
    fn warm_inputs(&self, next: &[Concern]) {
        let mut seen = 0;
        let present = || {
            let peers = next.iter().map(|it| (it, &self.peers[it.node as usize]));
            peers.filter_map(|(it, peer)| Some((it, peer.as_deref()?)))
        };
        for (it, peer) in present() {
            let [near, far] = [it.node, it.other].map(|it| &self.access[it as usize]);
            let access = u64::from(near.up_debt ^ far.down_debt) ^ near.down_bytes;
            seen ^= access ^ peer.client.look_at_head(it.piece.is_some());
        }
        for (it, peer) in present() {
            seen ^= peer.client.look_at_conn(it.peer, it.piece);
            // The `have`s that wait are handed over before a block that comes.
            if let Some(piece) = it.piece {
                seen ^= peer.client.look_at_have(it.peer, piece);
                for (_, sender, piece) in self.access[it.node as usize].waiting() {
                    seen ^= peer.client.look_at_have(sender, piece);
                }
            }
        }
        for (it, peer) in present() {
            seen ^= peer.client.look_at_traffic(it.peer, it.piece);
        }
        for (it, peer) in present() {
            seen ^= u64::from(peer.client.look_at_queue(it.peer, it.piece.is_some()));
        }
        black_box(seen);
    }

    /// Reads the memory that a few `have`s will use.
    pub(super) fn warm_haves(&self, targets: &[Target], piece: PieceIndex) {
        let access = |to: &Target| &self.access[to.node as usize];
        let seen = targets.iter().map(|to| access(to).waiting_count());
        black_box(seen.fold(0, |seen, it| seen ^ it));
        let direct = || targets.iter().filter(|to| !access(to).may_wait(to.key));
        let ends = direct().map(|to| self.streams[to.end].node);
        black_box(ends.fold(0, |seen, it| seen ^ it));
        let seen = direct().map(|to| {
            let peer = self.peers[to.node as usize].as_ref();
            let key = self.streams[to.end].key();
            peer.is_some_and(|it| it.torrent().peer_has(key, piece))
        });
        black_box(seen.fold(false, |seen, it| seen ^ it));
    }
}
