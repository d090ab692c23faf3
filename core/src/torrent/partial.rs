//! Pieces under way: which of their blocks are asked for, which are there.

use alloc::vec::Vec;

use crate::geometry::Geometry;
use crate::ids::{PeerKey, PieceIndex};

const NONE: u32 = u32::MAX;

/// One block of a piece under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Who sent it, once `received`.
    pub(super) from: PeerKey,
    /// Live requests for it.
    pub(super) asked: u8,
    pub(super) received: bool,
}

const FRESH: Block = Block {
    from: PeerKey(NONE),
    asked: 0,
    received: false,
};

/// A piece that was begun and is not yet verified.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) piece: PieceIndex,
    /// Blocks not received.
    pub(super) missing: u32,
    /// Blocks neither received nor asked for.
    pub(super) free: u32,
    /// Every block before this one is received or asked for.
    first_free: u32,
    /// After a failed verification only this peer may deliver, so that the next failure has one
    /// culprit.
    pub(super) only: Option<PeerKey>,
    /// A block of it was asked of a seed.
    pub(super) of_seed: bool,
    pub(super) blocks: Vec<Block>,
}

impl Partial {
    /// Something of each line of its block table, so that the processor fetches it.
    pub(super) fn look_at(&self) -> u32 {
        let lines = self.blocks.iter().step_by(64 / size_of::<Block>());
        lines.fold(self.missing, |seen, block| seen ^ u32::from(block.asked))
    }
}

/// All pieces under way.
#[derive(Debug)]
pub(super) struct Partials {
    /// Slot of each piece in `all`, or `NONE`.
    slot_of: Vec<u32>,
    all: Vec<Partial>,
    /// Block tables of finished pieces, to be used again.
    spare: Vec<Vec<Block>>,
    /// Sum of `free` over all.
    free_blocks: u32,
}

impl Partials {
    pub(super) fn new(pieces: u32) -> Self {
        let slot_of = alloc::vec![NONE; pieces as usize];
        Self {
            slot_of,
            all: Vec::new(),
            spare: Vec::new(),
            free_blocks: 0,
        }
    }

    /// Blocks that could be asked for without asking twice.
    pub(super) fn free_blocks(&self) -> u32 {
        self.free_blocks
    }

    pub(super) fn slots(&self) -> core::ops::Range<usize> {
        0..self.all.len()
    }

    pub(super) fn at(&self, slot: usize) -> &Partial {
        &self.all[slot]
    }

    pub(super) fn slot_of(&self, piece: PieceIndex) -> Option<usize> {
        let slot = self.slot_of[piece.0 as usize];
        (slot != NONE).then_some(slot as usize)
    }

    pub(super) fn get(&self, piece: PieceIndex) -> Option<&Partial> {
        self.slot_of(piece).map(|slot| &self.all[slot])
    }

    pub(super) fn begin(
        &mut self,
        geometry: &Geometry,
        piece: PieceIndex,
        only: Option<PeerKey>,
    ) -> usize {
        let count = geometry.blocks_in(piece);
        let mut blocks = self.spare.pop().unwrap_or_default();
        blocks.clear();
        blocks.resize(count as usize, FRESH);
        let slot = self.all.len();
        self.slot_of[piece.0 as usize] = u32::try_from(slot).expect("fewer than 2^32 pieces");
        self.all.push(Partial {
            piece,
            missing: count,
            free: count,
            first_free: 0,
            only,
            of_seed: false,
            blocks,
        });
        self.free_blocks += count;
        slot
    }

    /// Who sent the blocks of a piece, in their order.
    pub(super) fn senders(&self, piece: PieceIndex) -> Vec<PeerKey> {
        let blocks = self.get(piece).map_or(&[][..], |partial| &partial.blocks);
        blocks.iter().map(|block| block.from).collect()
    }

    /// Forgets the piece; it is verified or must be begun again.
    pub(super) fn finish(&mut self, piece: PieceIndex) {
        let Some(slot) = self.slot_of(piece) else {
            return;
        };
        let done = self.all.swap_remove(slot);
        self.slot_of[piece.0 as usize] = NONE;
        if let Some(moved) = self.all.get(slot) {
            self.slot_of[moved.piece.0 as usize] = u32::try_from(slot).expect("as before");
        }
        self.free_blocks -= done.free;
        self.spare.push(done.blocks);
    }

    /// The next block of the piece in `slot` that nobody was asked for; it counts as asked now.
    pub(super) fn take_free(&mut self, slot: usize, of_seed: bool) -> Option<u32> {
        let partial = &mut self.all[slot];
        if partial.free == 0 {
            return None;
        }
        let from = partial.first_free as usize;
        let is_free = |block: &Block| block.asked == 0 && !block.received;
        let at = from
            + partial.blocks[from..]
                .iter()
                .position(is_free)
                .expect("free blocks are counted");
        partial.blocks[at].asked = 1;
        partial.of_seed |= of_seed;
        partial.free -= 1;
        self.free_blocks -= 1;
        partial.first_free = u32::try_from(at + 1).expect("fewer than 2^30 blocks");
        Some(partial.first_free - 1)
    }

    /// One more live request for a block that was asked for already.
    pub(super) fn ask_again(&mut self, slot: usize, block: u32) {
        self.all[slot].blocks[block as usize].asked += 1;
    }

    /// A live request will not be answered. True if the block is free again.
    pub(super) fn give_back(&mut self, piece: PieceIndex, block: u32) -> bool {
        let Some(slot) = self.slot_of(piece) else {
            return false;
        };
        let partial = &mut self.all[slot];
        let state = &mut partial.blocks[block as usize];
        if state.asked == 0 {
            return false; // Settled already, in this attempt at the piece or an earlier one.
        }
        state.asked -= 1;
        let free = state.asked == 0 && !state.received;
        if free {
            partial.free += 1;
            partial.first_free = partial.first_free.min(block);
            self.free_blocks += 1;
        }
        free
    }

    /// The block came. Its live requests are all settled; returns how many there were.
    pub(super) fn receive(&mut self, slot: usize, block: u32, from: PeerKey) -> u8 {
        let partial = &mut self.all[slot];
        let state = &mut partial.blocks[block as usize];
        let asked = core::mem::take(&mut state.asked);
        (state.received, state.from) = (true, from);
        partial.missing -= 1;
        if asked == 0 {
            partial.free -= 1;
            self.free_blocks -= 1;
        }
        asked
    }

    /// Frees a piece from the rule that only one peer may deliver it.
    pub(super) fn release(&mut self, peer: PeerKey) {
        for partial in self.all.iter_mut().filter(|it| it.only == Some(peer)) {
            partial.only = None;
        }
    }
}
