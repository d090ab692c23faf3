//! Pieces under way: which of their blocks are requested or here.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::bitfield::{clear_bit, set_bit, word_count};
use crate::geometry::Geometry;
use crate::ids::{PeerKey, PieceIndex};

/// Not under way.
const NONE: u32 = u32::MAX;

/// Not under way, but a peer may still answer a request for it that was given up.
const LATE: u32 = NONE - 1;

/// Stands for "no sender", or a sender that disconnected.
const NOBODY: u16 = u16::MAX;

/// The same, and a request for the block was given up. A peer may still answer it.
const OVERDUE: u16 = NOBODY - 1;

/// State of one block of a piece under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The sender, once `received`: a [`PeerKey`], or [`NOBODY`]. Before, [`NOBODY`] or [`OVERDUE`].
    from: u16,
    /// Number of live requests for it.
    asked: u8,
    /// How many of these are at peers that may never answer; [`RECEIVED`] once the block came.
    doubtful: u8,
}

/// Greater than any number of requests.
const RECEIVED: u8 = u8::MAX;

impl Block {
    pub(super) fn is_received(self) -> bool {
        self.doubtful == RECEIVED
    }

    /// Number of live requests for it.
    pub(super) fn asked(self) -> u8 {
        self.asked
    }

    /// Number of live requests at peers that deliver.
    pub(super) fn firmly_asked(self) -> u8 {
        self.asked.saturating_sub(self.doubtful)
    }

    fn is_free(self) -> bool {
        self.asked == 0 && !self.is_received()
    }

    fn ask(&mut self, doubtful: bool) {
        self.asked += 1;
        self.doubtful += u8::from(doubtful);
    }
}

const FRESH: Block = Block {
    from: NOBODY,
    asked: 0,
    doubtful: 0,
};

/// A piece that was begun and is not yet verified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial {
    pub(super) piece: PieceIndex,
    /// Number of its blocks.
    count: u32,
    /// Number of blocks not received.
    pub(super) missing: u32,
    /// Number of blocks neither received nor requested.
    pub(super) free: u32,
    /// All blocks before this one are received or requested.
    first_free: u32,
    /// The only peer that may deliver, after a failed verification, so that a second failure has
    /// one culprit.
    pub(super) only: Option<PeerKey>,
    /// The only peer that is asked for its free blocks, because the peer is fast enough for the
    /// whole piece.
    pub(super) kept_for: Option<PeerKey>,
    /// When it was begun, in milliseconds.
    pub(super) since: u32,
    /// A block of it was requested from a seed.
    pub(super) of_seed: bool,
    /// A request for a block of it was given up.
    overdue: bool,
}

/// Number of pieces to allocate memory for at a time.
const STEP: usize = 4;

/// All pieces under way.
#[derive(Debug)]
pub(super) struct Partials {
    /// Slot of each piece in `all`, or `NONE` or `LATE`.
    slot_of: Box<[u32]>,
    all: Vec<Partial>,
    /// The blocks of all pieces: `width` places per slot, as many as the longest piece needs.
    blocks: Vec<Block>,
    width: u32,
    /// Sum of `free` over all.
    free_blocks: u32,
    /// Set of the pieces under way with free blocks, in 64-bit words.
    with_free: Box<[u64]>,
    /// Sum of [`Block::doubtful`] over the blocks that are not received.
    doubtful: u32,
}

impl Partials {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let slot_of = alloc::vec![NONE; geometry.piece_count() as usize];
        let with_free = alloc::vec![0; word_count(geometry.piece_count())];
        Self {
            slot_of: slot_of.into_boxed_slice(),
            all: Vec::new(),
            blocks: Vec::new(),
            width: geometry.most_blocks(),
            free_blocks: 0,
            with_free: with_free.into_boxed_slice(),
            doubtful: 0,
        }
    }

    /// Number of free blocks, neither received nor requested.
    pub(super) fn free_blocks(&self) -> u32 {
        self.free_blocks
    }

    /// Set of the pieces under way with free blocks, in 64-bit words.
    pub(super) fn with_free(&self) -> &[u64] {
        &self.with_free
    }

    /// Counts `blocks` of the piece in `slot` as no longer free.
    fn use_up(&mut self, slot: usize, blocks: u32) {
        let partial = &mut self.all[slot];
        partial.free -= blocks;
        self.free_blocks -= blocks;
        if partial.free == 0 {
            clear_bit(&mut self.with_free, partial.piece);
        }
    }

    /// Number of live requests, for blocks that are not here, at peers that may never answer.
    pub(super) fn doubtful(&self) -> u32 {
        self.doubtful
    }

    pub(super) fn slots(&self) -> core::ops::Range<usize> {
        0..self.all.len()
    }

    pub(super) fn at(&self, slot: usize) -> &Partial {
        &self.all[slot]
    }

    pub(super) fn slot_of(&self, piece: PieceIndex) -> Option<usize> {
        let slot = self.slot_of[piece.0 as usize];
        (slot < LATE).then_some(slot as usize)
    }

    pub(super) fn get(&self, piece: PieceIndex) -> Option<&Partial> {
        self.slot_of(piece).map(|slot| &self.all[slot])
    }

    /// Index of the first block of the piece in `slot`.
    fn place(&self, slot: usize) -> usize {
        slot * self.width as usize
    }

    /// The blocks of the piece in `slot`.
    pub(super) fn blocks(&self, slot: usize) -> &[Block] {
        let start = self.place(slot);
        &self.blocks[start..start + self.all[slot].count as usize]
    }

    fn block(&mut self, slot: usize, block: u32) -> &mut Block {
        let place = self.place(slot) + block as usize;
        &mut self.blocks[place]
    }

    /// Reads where the state of a piece is, so that the processor fetches it early.
    pub(super) fn look_at_slot(&self, piece: PieceIndex) -> u32 {
        let slot = self.slot_of.get(piece.0 as usize);
        slot.copied().unwrap_or_default()
    }

    /// Reads that state for the same purpose: a word from each cache line of its blocks.
    pub(super) fn look_at(&self, piece: PieceIndex) -> u32 {
        self.slot_of(piece).map_or(0, |slot| {
            let places = self.place(slot)..self.place(slot + 1);
            let lines = self.blocks[places].iter().step_by(64 / size_of::<Block>());
            let missing = self.all[slot].missing;
            lines.fold(missing, |seen, block| seen ^ u32::from(block.asked))
        })
    }

    pub(super) fn begin(
        &mut self,
        geometry: &Geometry,
        piece: PieceIndex,
        only: Option<PeerKey>,
        since: u32,
    ) -> usize {
        let count = geometry.blocks_in(piece);
        let slot = self.all.len();
        if slot == self.all.capacity() {
            let room = STEP.min(self.slot_of.len() - slot);
            self.all.reserve_exact(room);
            self.blocks.reserve_exact(self.place(room));
        }
        let place = &mut self.slot_of[piece.0 as usize];
        let overdue = *place == LATE;
        *place = u32::try_from(slot).expect("fewer than 2^30 pieces");
        let fresh = Block {
            from: if overdue { OVERDUE } else { NOBODY },
            ..FRESH
        };
        self.blocks.resize(self.place(slot + 1), fresh);
        self.all.push(Partial {
            piece,
            count,
            missing: count,
            free: count,
            first_free: 0,
            only,
            kept_for: None,
            since,
            of_seed: false,
            overdue,
        });
        self.free_blocks += count;
        set_bit(&mut self.with_free, piece);
        slot
    }

    /// The senders of the blocks of a piece, in order; `None` for peers that disconnected.
    pub(super) fn senders(&self, piece: PieceIndex) -> Vec<Option<PeerKey>> {
        let slot = self.slot_of(piece);
        let blocks = slot.map_or(&[][..], |slot| self.blocks(slot));
        let known = |it: &Block| (it.from < OVERDUE).then_some(PeerKey(u32::from(it.from)));
        blocks.iter().map(known).collect()
    }

    /// Whether this peer sent a block of a piece that is not verified yet.
    pub(super) fn names(&self, peer: PeerKey) -> bool {
        self.blocks.iter().any(|it| u32::from(it.from) == peer.0)
    }

    /// Forgets the peer as a sender: its key now belongs to another peer.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        let sent = |it: &&mut Block| u32::from(it.from) == peer.0;
        self.blocks
            .iter_mut()
            .filter(sent)
            .for_each(|it| it.from = NOBODY);
    }

    /// Removes the piece, which is verified or must be begun again.
    pub(super) fn finish(&mut self, piece: PieceIndex) {
        let Some(slot) = self.slot_of(piece) else {
            return;
        };
        let unsettled = self.blocks(slot).iter().filter(|it| !it.is_received());
        let doubtful: u32 = unsettled.map(|it| u32::from(it.doubtful)).sum();
        self.doubtful -= doubtful;
        let done = self.all.swap_remove(slot);
        self.slot_of[piece.0 as usize] = if done.overdue { LATE } else { NONE };
        if let Some(moved) = self.all.get(slot) {
            self.slot_of[moved.piece.0 as usize] = u32::try_from(slot).expect("as before");
        }
        let (last, hole) = (self.place(self.all.len()), self.place(slot));
        self.blocks.copy_within(last.., hole);
        self.blocks.truncate(last);
        self.free_blocks -= done.free;
        clear_bit(&mut self.with_free, piece);
    }

    /// Takes the first free block of the piece in `slot`; it counts as requested now.
    pub(super) fn take_free(&mut self, slot: usize, of_seed: bool, doubtful: bool) -> Option<u32> {
        let partial = self.all[slot];
        if partial.free == 0 {
            return None;
        }
        let later = &self.blocks(slot)[partial.first_free as usize..];
        let skipped = later.iter().position(|it| it.is_free());
        let skipped = u32::try_from(skipped.expect("free blocks are counted"));
        let at = partial.first_free + skipped.expect("fewer than 2^30 blocks");
        self.ask_again(slot, at, doubtful);
        let partial = &mut self.all[slot];
        partial.of_seed |= of_seed;
        partial.first_free = at + 1;
        self.use_up(slot, 1);
        Some(at)
    }

    /// Takes `block` of `piece` if it is free and `peer` may deliver it. Returns whether it was
    /// taken; it counts as requested then.
    pub(super) fn take(
        &mut self,
        piece: PieceIndex,
        block: u32,
        peer: PeerKey,
        doubtful: bool,
    ) -> bool {
        let Some(slot) = self.slot_of(piece) else {
            return false;
        };
        let other = self.all[slot].only.is_some_and(|only| only != peer);
        let state = self.block(slot, block);
        if other || !state.is_free() {
            return false;
        }
        self.ask_again(slot, block, doubtful);
        self.use_up(slot, 1);
        true
    }

    /// Counts one more live request for a block that is requested already.
    pub(super) fn ask_again(&mut self, slot: usize, block: u32, doubtful: bool) {
        self.block(slot, block).ask(doubtful);
        self.doubtful += u32::from(doubtful);
    }

    /// A live request becomes doubtful or ceases to be, because its peer does.
    pub(super) fn doubt(&mut self, piece: PieceIndex, block: u32, doubtful: bool) {
        let Some(slot) = self.slot_of(piece) else {
            return;
        };
        let state = self.block(slot, block);
        if state.asked > 0 && !state.is_received() {
            let before = state.doubtful;
            let after = if doubtful {
                state.asked.min(before + 1)
            } else {
                before.saturating_sub(1)
            };
            state.doubtful = after;
            self.doubtful = self.doubtful - u32::from(before) + u32::from(after);
        }
    }

    /// A live request, `doubtful` or not, will not be answered. Returns true if the block is free
    /// again.
    pub(super) fn give_back(&mut self, piece: PieceIndex, block: u32, doubtful: bool) -> bool {
        let Some(slot) = self.slot_of(piece) else {
            return false;
        };
        let state = self.block(slot, block);
        if state.asked == 0 {
            return false; // Settled already, or from an earlier attempt at the piece.
        }
        state.asked -= 1;
        let free = state.is_free();
        if !state.is_received() {
            let before = state.doubtful;
            let after = before.saturating_sub(u8::from(doubtful)).min(state.asked);
            state.doubtful = after;
            self.doubtful -= u32::from(before - after);
        }
        if free {
            let partial = &mut self.all[slot];
            partial.free += 1;
            partial.first_free = partial.first_free.min(block);
            self.free_blocks += 1;
            set_bit(&mut self.with_free, piece);
        }
        free
    }

    /// A request for the block was given up, and may still be answered.
    pub(super) fn note_overdue(&mut self, piece: PieceIndex, block: u32) {
        let Some(slot) = self.slot_of(piece) else {
            self.slot_of[piece.0 as usize] = LATE;
            return;
        };
        self.all[slot].overdue = true;
        let state = self.block(slot, block);
        if !state.is_received() {
            state.from = OVERDUE;
        }
    }

    /// Whether a peer may still answer a request for this block, which is not here, that was given
    /// up.
    pub(super) fn is_overdue(&self, slot: usize, block: u32) -> bool {
        self.blocks(slot)[block as usize].from == OVERDUE
    }

    /// The block came. Its live requests are all settled; returns how many there were.
    pub(super) fn receive(&mut self, slot: usize, block: u32, from: PeerKey) -> u8 {
        let state = self.block(slot, block);
        let asked = core::mem::take(&mut state.asked);
        let doubtful = core::mem::replace(&mut state.doubtful, RECEIVED);
        state.from = u16::try_from(from.0).expect("at most PeerKey::MAX");
        self.doubtful -= u32::from(doubtful);
        self.all[slot].missing -= 1;
        if asked == 0 {
            self.use_up(slot, 1);
        }
        asked
    }

    /// Reserves the free blocks of the piece in `slot` for `peer`.
    pub(super) fn keep(&mut self, slot: usize, peer: PeerKey) {
        self.all[slot].kept_for = Some(peer);
    }

    /// The first piece that is reserved for `peer` and has a free block.
    pub(super) fn kept_for(&self, peer: PeerKey) -> Option<usize> {
        let kept =
            |slot: &usize| self.all[*slot].kept_for == Some(peer) && self.all[*slot].free > 0;
        let order = |slot: &usize| (self.all[*slot].since, self.all[*slot].piece);
        self.slots().filter(kept).min_by_key(order)
    }

    /// Ends all reservations of `peer`. If no block of a reserved piece was ever requested, that
    /// piece is removed and returned. Call until `None`.
    pub(super) fn release_kept(&mut self, peer: PeerKey) -> Option<PieceIndex> {
        for slot in self.slots() {
            let partial = &mut self.all[slot];
            if partial.kept_for == Some(peer) {
                partial.kept_for = None;
                if partial.free == partial.count && partial.only.is_none() {
                    let piece = partial.piece;
                    self.finish(piece);
                    return Some(piece);
                }
            }
        }
        None
    }

    /// Ends the rule that only `peer` may deliver `piece`; false if there was no such rule.
    pub(super) fn release(&mut self, piece: PieceIndex, peer: PeerKey) -> bool {
        let slot = self.slot_of(piece);
        let partial = slot.map(|slot| &mut self.all[slot]);
        let partial = partial.filter(|it| it.only == Some(peer));
        partial.is_some_and(|it| it.only.take().is_some())
    }

    /// A piece that only `peer` may deliver, if there is one.
    pub(super) fn exclusive_to(&self, peer: PeerKey) -> Option<PieceIndex> {
        let found = self.all.iter().find(|it| it.only == Some(peer));
        found.map(|it| it.piece)
    }

    /// Pieces that only one peer may deliver, with that peer.
    pub(super) fn exclusive(&self) -> impl Iterator<Item = (&Partial, PeerKey)> {
        self.all.iter().filter_map(|it| Some((it, it.only?)))
    }
}

#[cfg(test)]
mod tests;
