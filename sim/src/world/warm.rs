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
use unchoke_core::torrent::ManyTorrents as _;

use super::World;
use super::engine::Engine;
use crate::stream::EndId;

/// The memory that an input will use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concern {
    pub(super) node: u32,
    /// The node at the other end of the connection.
    pub(super) other: u32,
    pub(super) peer: PeerKey,
    /// Piece of the block that arrives, if the input is a block.
    pub(super) piece: Option<PieceIndex>,
}

impl Concern {
    pub(super) const NOBODY: Self = Self {
        node: u32::MAX,
        other: u32::MAX,
        peer: PeerKey(0),
        piece: None,
    };
}

impl<E: Engine> World<'_, E> {
    /// The memory that an input at `end` will use.
    pub(super) fn concern(&self, end: EndId, piece: Option<PieceIndex>) -> Concern {
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
    pub(super) fn warm_inputs(&self, next: &[Concern]) {
        let mut seen = 0;
        let present = || {
            let peers = next
                .iter()
                .map(|it| (it, &self.peers[self.engine.at(it.node)]));
            peers.filter_map(|(it, peer)| Some((it, peer.as_deref()?)))
        };
        for (it, peer) in present() {
            let near = &self.access[self.engine.at(it.node)];
            seen ^= u64::from(near.up_debt) ^ near.down_bytes;
            if !E::IS_SPLIT {
                seen ^= u64::from(self.access[self.engine.at(it.other)].down_debt);
            }
            seen ^= peer.client.look_at_head(it.piece.is_some());
        }
        for (it, peer) in present() {
            seen ^= peer.client.look_at_conn(it.peer, it.piece);
            // The `have`s that wait are handed over before a block that comes.
            if let Some(piece) = it.piece {
                seen ^= peer.client.look_at_have(it.peer, piece);
                for (_, sender, piece) in self.access[self.engine.at(it.node)].waiting() {
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
}
