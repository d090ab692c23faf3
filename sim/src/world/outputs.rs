//! Carries out the outputs of clients.

use std::collections::BTreeMap;

use unchoke_core::client::{Input, Output};
use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::torrent::{self, BlockDigest, Verdict};

use super::World;
use super::engine::Engine;
use crate::node::Peer;
use crate::places::Nodes;
use crate::stream::EndId;
use crate::trace::Happening;

/// The sender of each block of unfinished pieces. Kept only in swarms with corrupting peers.
#[derive(Debug, Default)]
pub(super) struct Corruption {
    /// Key: node and piece. Value: the sender of each stored block.
    senders: BTreeMap<(u32, PieceIndex), BTreeMap<u32, u32>>,
}

impl<E: Engine> World<'_, E> {
    /// Carries out an output of the torrent of `node`.
    #[inline]
    pub(super) fn apply(&mut self, node: u32, peer: &mut Peer, output: torrent::Output) {
        match output {
            torrent::Output::Send { peer: key, message } => {
                self.send(peer, self.end_of(peer, key), message);
            }
            torrent::Output::Broadcast { have } => self.broadcast(node, peer, have),
            torrent::Output::StoreBlock { peer: key, block } => {
                self.store(node, self.end_of(peer, key), block);
            }
            torrent::Output::VerifyPiece { piece, want_blocks } => {
                self.answer_verify(node, piece, want_blocks);
            }
            output => unreachable!("{output:?} is the client's"),
        }
    }

    /// Carries out an output of the client of `node`.
    #[cold]
    pub(super) fn apply_own(&mut self, node: u32, peer: &mut Peer, output: &Output<Nodes>) {
        match *output {
            Output::Dial { door, address } => {
                let target = self.node_at(address).expect("only nodes are named");
                self.dial(node, peer, door, target);
            }
            Output::Answer { door } => self.answer(peer, door),
            Output::Drop { door, .. } => self.drop_door(peer, door),
            Output::Joined { door, peer: key } => self.join(node, peer, door, key),
            Output::Close { peer: key, .. } => self.hang_up(peer, key),
            Output::Announce { tracker, event } => self.announce(node, peer, tracker, event),
            Output::Completed => self.complete(node, peer),
            Output::Banned { .. } | Output::UseWebSeed { .. } | Output::LeftWebSeed { .. } => {}
            Output::Send { .. }
            | Output::Broadcast { .. }
            | Output::StoreBlock { .. }
            | Output::VerifyPiece { .. } => unreachable!("the torrent says so itself"),
        }
    }

    /// A first copy of a block. It counts as useful unless its piece turns out to be corrupt.
    fn store(&mut self, node: u32, end: EndId, block: BlockRef) {
        let from = self.streams[end.other()].node;
        self.credit(from, node, i64::from(block.length));
        if self.corruption.is_some() {
            self.note_sender(from, node, block);
        }
    }

    #[cold]
    fn note_sender(&mut self, from: u32, to: u32, block: BlockRef) {
        if let Some(corruption) = self.corruption.as_mut() {
            let senders = corruption.senders.entry((to, block.piece)).or_default();
            senders.insert(block.begin / BLOCK_BYTES, from);
        }
    }

    fn credit(&mut self, from: u32, to: u32, bytes: i64) {
        let (from, to) = (self.groups[from as usize], self.groups[to as usize]);
        let class = usize::from(from.class) * self.spec.classes.len() + usize::from(to.class);
        let client = usize::from(from.client) * self.spec.clients.len() + usize::from(to.client);
        for cell in [
            &mut self.class_matrix[class],
            &mut self.client_matrix[client],
        ] {
            *cell = cell
                .checked_add_signed(bytes)
                .expect("taken back at most once");
        }
    }

    #[inline(never)]
    fn answer_verify(&mut self, node: u32, piece: PieceIndex, want_blocks: bool) {
        let verdict = self.verify(node, piece, want_blocks);
        let input = torrent::Input::PieceVerified { piece, verdict };
        self.replies.push_back(Input::Torrent(input));
    }

    fn verify(&mut self, node: u32, piece: PieceIndex, want_blocks: bool) -> Verdict {
        let stored = self.corruption.as_mut();
        let senders = stored
            .and_then(|it| it.senders.remove(&(node, piece)))
            .unwrap_or_default();
        let corrupts = |from: u32| self.spec.nodes[from as usize].corrupts;
        let bad = senders.values().any(|from| corrupts(*from));
        let digest = |(block, from): (&u32, &u32)| {
            let block = u64::from(piece.0) << 32 | u64::from(*block);
            // Digests of wrong blocks differ from the right one, and between senders.
            let fault = if corrupts(*from) {
                u64::from(*from) + 1
            } else {
                0
            };
            BlockDigest(block.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ fault)
        };
        let blocks = if bad || want_blocks {
            senders.iter().map(digest).collect()
        } else {
            Vec::new()
        };
        if !bad {
            let it = &mut self.nodes[self.engine.at(node)];
            it.first_piece_at = it.first_piece_at.or(Some(self.now));
            self.note(Happening::Piece { node, piece });
            return Verdict::Good { blocks };
        }
        for (block, from) in senders {
            let bytes = self.spec.geometry.block(piece, block).length;
            self.credit(from, node, -i64::from(bytes));
        }
        self.note(Happening::Corrupt { node, piece });
        Verdict::Bad { blocks }
    }
}
