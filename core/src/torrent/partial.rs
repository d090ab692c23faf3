//! Pieces under way: which of their blocks are asked for, which are there.

use alloc::vec::Vec;

use crate::geometry::Geometry;
use crate::ids::{PeerKey, PieceIndex};

const NONE: u32 = u32::MAX;

/// One block of a piece under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Who sent it, once `received`: a [`PeerKey`]. Connections are counted in 16 bits
    /// ([`crate::connector::Limits`]).
    from: u16,
    /// Live requests for it.
    pub(super) asked: u8,
    pub(super) received: bool,
}

const FRESH: Block = Block {
    from: u16::MAX,
    asked: 0,
    received: false,
};

/// A piece that was begun and is not yet verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial {
    pub(super) piece: PieceIndex,
    /// Blocks of it.
    count: u32,
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
}

/// Pieces that memory is taken for at a time.
const STEP: usize = 4;

/// All pieces under way.
#[derive(Debug)]
pub(super) struct Partials {
    /// Slot of each piece in `all`, or `NONE`.
    slot_of: Vec<u32>,
    all: Vec<Partial>,
    /// The blocks of each of them: `width` places a slot, of which the last piece may need fewer.
    blocks: Vec<Block>,
    width: usize,
    /// Sum of `free` over all.
    free_blocks: u32,
}

impl Partials {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let slot_of = alloc::vec![NONE; geometry.piece_count() as usize];
        Self {
            slot_of,
            all: Vec::new(),
            blocks: Vec::new(),
            width: geometry.blocks_per_piece() as usize,
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

    /// The blocks of the piece in `slot`.
    pub(super) fn blocks(&self, slot: usize) -> &[Block] {
        let start = slot * self.width;
        &self.blocks[start..start + self.all[slot].count as usize]
    }

    fn block(&mut self, slot: usize, block: u32) -> &mut Block {
        &mut self.blocks[slot * self.width + block as usize]
    }

    /// Something of each line of the blocks of a piece, so that the processor fetches them.
    pub(super) fn look_at(&self, piece: PieceIndex) -> u32 {
        self.slot_of(piece).map_or(0, |slot| {
            let lines = self.blocks(slot).iter().step_by(64 / size_of::<Block>());
            let missing = self.all[slot].missing;
            lines.fold(missing, |seen, block| seen ^ u32::from(block.asked))
        })
    }

    pub(super) fn begin(
        &mut self,
        geometry: &Geometry,
        piece: PieceIndex,
        only: Option<PeerKey>,
    ) -> usize {
        let count = geometry.blocks_in(piece);
        let slot = self.all.len();
        if slot == self.all.capacity() {
            self.all.reserve_exact(STEP);
            self.blocks.reserve_exact(STEP * self.width);
        }
        self.blocks.resize((slot + 1) * self.width, FRESH);
        self.slot_of[piece.0 as usize] = u32::try_from(slot).expect("fewer than 2^32 pieces");
        self.all.push(Partial {
            piece,
            count,
            missing: count,
            free: count,
            first_free: 0,
            only,
            of_seed: false,
        });
        self.free_blocks += count;
        slot
    }

    /// Who sent the blocks of a piece, in their order.
    pub(super) fn senders(&self, piece: PieceIndex) -> Vec<PeerKey> {
        let slot = self.slot_of(piece);
        let blocks = slot.map_or(&[][..], |slot| self.blocks(slot));
        blocks
            .iter()
            .map(|it| PeerKey(u32::from(it.from)))
            .collect()
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
        let last = self.all.len() * self.width;
        self.blocks.copy_within(last.., slot * self.width);
        self.blocks.truncate(last);
        self.free_blocks -= done.free;
    }

    /// The next block of the piece in `slot` that nobody was asked for; it counts as asked now.
    pub(super) fn take_free(&mut self, slot: usize, of_seed: bool) -> Option<u32> {
        let partial = self.all[slot];
        if partial.free == 0 {
            return None;
        }
        let is_free = |block: &Block| block.asked == 0 && !block.received;
        let later = &self.blocks(slot)[partial.first_free as usize..];
        let skipped = later.iter().position(is_free);
        let skipped = u32::try_from(skipped.expect("free blocks are counted"));
        let at = partial.first_free + skipped.expect("fewer than 2^30 blocks");
        self.block(slot, at).asked = 1;
        let partial = &mut self.all[slot];
        partial.of_seed |= of_seed;
        partial.free -= 1;
        self.free_blocks -= 1;
        partial.first_free = at + 1;
        Some(at)
    }

    /// One more live request for a block that was asked for already.
    pub(super) fn ask_again(&mut self, slot: usize, block: u32) {
        self.block(slot, block).asked += 1;
    }

    /// A live request will not be answered. True if the block is free again.
    pub(super) fn give_back(&mut self, piece: PieceIndex, block: u32) -> bool {
        let Some(slot) = self.slot_of(piece) else {
            return false;
        };
        let state = self.block(slot, block);
        if state.asked == 0 {
            return false; // Settled already, in this attempt at the piece or an earlier one.
        }
        state.asked -= 1;
        let free = state.asked == 0 && !state.received;
        if free {
            let partial = &mut self.all[slot];
            partial.free += 1;
            partial.first_free = partial.first_free.min(block);
            self.free_blocks += 1;
        }
        free
    }

    /// The block came. Its live requests are all settled; returns how many there were.
    pub(super) fn receive(&mut self, slot: usize, block: u32, from: PeerKey) -> u8 {
        let state = self.block(slot, block);
        let asked = core::mem::take(&mut state.asked);
        state.received = true;
        state.from = u16::try_from(from.0).expect("fewer than 2^16 connections");
        let partial = &mut self.all[slot];
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
