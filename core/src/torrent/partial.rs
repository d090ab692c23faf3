//! Pieces under way: which of their blocks are asked for, which are there.

use alloc::vec::Vec;

use crate::geometry::Geometry;
use crate::ids::{PeerKey, PieceIndex};

const NONE: u32 = u32::MAX;

/// Who sent a block: nobody, or somebody who is gone.
const NOBODY: u16 = u16::MAX;

/// One block of a piece under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Who sent it, once `received`: a [`PeerKey`], or [`NOBODY`].
    from: u16,
    /// Live requests for it.
    pub(super) asked: u8,
    pub(super) received: bool,
}

const FRESH: Block = Block {
    from: NOBODY,
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
    /// The blocks of each of them: `width` places a slot, as the first piece needs. The last may need
    /// fewer.
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
            width: geometry.blocks_in(PieceIndex(0)) as usize,
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
            let room = STEP.min(self.slot_of.len() - slot);
            self.all.reserve_exact(room);
            self.blocks.reserve_exact(room * self.width);
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

    /// Who sent the blocks of a piece, in their order; `None` for those that are gone.
    pub(super) fn senders(&self, piece: PieceIndex) -> Vec<Option<PeerKey>> {
        let slot = self.slot_of(piece);
        let blocks = slot.map_or(&[][..], |slot| self.blocks(slot));
        let known = |it: &Block| (it.from != NOBODY).then_some(PeerKey(u32::from(it.from)));
        blocks.iter().map(known).collect()
    }

    /// Whether a block of a piece that is not verified is of this peer.
    pub(super) fn names(&self, peer: PeerKey) -> bool {
        self.blocks.iter().any(|it| u32::from(it.from) == peer.0)
    }

    /// The key of the peer names another from now on.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        let sent = |it: &&mut Block| u32::from(it.from) == peer.0;
        self.blocks
            .iter_mut()
            .filter(sent)
            .for_each(|it| it.from = NOBODY);
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

    /// Asks for `block` of `piece` if it is free, and `peer` may deliver it; whether it is asked for
    /// now.
    pub(super) fn take(&mut self, piece: PieceIndex, block: u32, peer: PeerKey) -> bool {
        let Some(slot) = self.slot_of(piece) else {
            return false;
        };
        let other = self.all[slot].only.is_some_and(|only| only != peer);
        let state = self.block(slot, block);
        if other || state.asked > 0 || state.received {
            return false;
        }
        state.asked = 1;
        self.all[slot].free -= 1;
        self.free_blocks -= 1;
        true
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
        state.from = u16::try_from(from.0).expect("at most PeerKey::MAX");
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

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::Partials;
    use crate::geometry::{BLOCK_BYTES, Geometry};
    use crate::ids::{PeerKey, PieceIndex};

    /// Live requests for a block, and who sent it.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Expected {
        asked: u8,
        received: bool,
        from: Option<PeerKey>,
    }

    impl Expected {
        fn is_free(&self) -> bool {
            self.asked == 0 && !self.received
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin(PieceIndex),
        Take(PieceIndex),
        AskAgain(PieceIndex, u32),
        GiveBack(PieceIndex, u32),
        TakeOne(PieceIndex, u32, PeerKey),
        Receive(PieceIndex, u32, PeerKey),
        Forget(PeerKey),
        Finish(PieceIndex),
    }

    fn step() -> impl Strategy<Value = Step> {
        let piece = || (0..3_u32).prop_map(PieceIndex);
        let number = prop_oneof![0..3_u32, PeerKey::MAX.0 - 1..=PeerKey::MAX.0];
        let peer = number.prop_map(PeerKey).boxed();
        prop_oneof![
            2 => piece().prop_map(Step::Begin),
            6 => piece().prop_map(Step::Take),
            2 => (piece(), 0..4_u32).prop_map(|(piece, block)| Step::AskAgain(piece, block)),
            3 => (piece(), 0..4_u32).prop_map(|(piece, block)| Step::GiveBack(piece, block)),
            2 => (piece(), 0..4_u32, peer.clone())
                .prop_map(|(piece, block, peer)| Step::TakeOne(piece, block, peer)),
            4 => (piece(), 0..4_u32, peer.clone())
                .prop_map(|(piece, block, peer)| Step::Receive(piece, block, peer)),
            1 => peer.prop_map(Step::Forget),
            1 => piece().prop_map(Step::Finish),
        ]
    }

    type Model = BTreeMap<PieceIndex, Vec<Expected>>;

    fn take_one(
        geometry: &Geometry,
        (piece, block): (PieceIndex, u32),
        peer: PeerKey,
        all: &mut Partials,
        model: &mut Model,
    ) {
        let blocks = model.get_mut(&piece);
        let state = blocks.and_then(|it| it.get_mut(block as usize));
        let free = state.filter(|it| it.is_free());
        if block < geometry.blocks_in(piece) {
            assert_eq!(all.take(piece, block, peer), free.is_some());
        }
        if let Some(state) = free {
            state.asked = 1;
        }
    }

    /// Does the step to both, if a driver could.
    fn take_step(geometry: &Geometry, step: Step, all: &mut Partials, model: &mut Model) {
        match step {
            Step::Begin(piece) => {
                model.entry(piece).or_insert_with(|| {
                    all.begin(geometry, piece, None);
                    let count = geometry.blocks_in(piece) as usize;
                    alloc::vec![Expected::default(); count]
                });
            }
            Step::Take(piece) => {
                let Some(blocks) = model.get_mut(&piece) else {
                    return;
                };
                let slot = all.slot_of(piece).expect("begun");
                let first = blocks.iter().position(Expected::is_free);
                let taken = all.take_free(slot, false).map(|it| it as usize);
                assert_eq!(taken, first);
                if let Some(first) = first {
                    blocks[first].asked = 1;
                }
            }
            Step::AskAgain(piece, block) => {
                let blocks = model.get_mut(&piece);
                let state = blocks.and_then(|it| it.get_mut(block as usize));
                if let Some(state) = state.filter(|it| (1..9).contains(&it.asked)) {
                    let slot = all.slot_of(piece).expect("begun");
                    all.ask_again(slot, block);
                    state.asked += 1;
                }
            }
            Step::GiveBack(piece, block) => {
                if block >= geometry.blocks_in(piece) {
                    return;
                }
                let blocks = model.get_mut(&piece);
                let state = blocks.map(|it| &mut it[block as usize]);
                let asked = state.filter(|it| it.asked > 0);
                let freed = asked.is_some_and(|it| {
                    it.asked -= 1;
                    it.is_free()
                });
                assert_eq!(all.give_back(piece, block), freed);
            }
            Step::Receive(piece, block, from) => {
                let blocks = model.get_mut(&piece);
                let state = blocks.and_then(|it| it.get_mut(block as usize));
                if let Some(state) = state.filter(|it| !it.received) {
                    let slot = all.slot_of(piece).expect("begun");
                    assert_eq!(all.receive(slot, block, from), state.asked);
                    (state.asked, state.received, state.from) = (0, true, Some(from));
                }
            }
            Step::TakeOne(piece, block, peer) => {
                take_one(geometry, (piece, block), peer, all, model);
            }
            Step::Forget(peer) => {
                all.forget(peer);
                let blocks = model.values_mut().flatten();
                let sent = blocks.filter(|it| it.from == Some(peer));
                sent.for_each(|it| it.from = None);
            }
            Step::Finish(piece) => {
                all.finish(piece);
                model.remove(&piece);
            }
        }
    }

    fn compare(all: &Partials, model: &Model) {
        assert_eq!(all.slots().len(), model.len());
        let blocks = || model.values().flatten();
        let free = blocks().filter(|it| it.is_free()).count();
        assert_eq!(all.free_blocks() as usize, free);
        for (piece, expected) in model {
            let (slot, partial) = (all.slot_of(*piece), all.get(*piece));
            let (slot, partial) = (slot.expect("begun"), partial.expect("begun"));
            assert_eq!(partial.piece, *piece);
            let missing = expected.iter().filter(|it| !it.received).count();
            assert_eq!(partial.missing as usize, missing);
            let free = expected.iter().filter(|it| it.is_free()).count();
            assert_eq!(partial.free as usize, free);
            let found = all.blocks(slot).iter().zip(all.senders(*piece));
            let found: Vec<Expected> = found
                .map(|(block, from)| Expected {
                    asked: block.asked,
                    received: block.received,
                    from,
                })
                .collect();
            assert_eq!(&found, expected);
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_of_pieces(steps in prop::collection::vec(step(), 1..120)) {
            let geometry = Geometry::new(10 * u64::from(BLOCK_BYTES) - 7, 4 * BLOCK_BYTES);
            let geometry = geometry.expect("ten blocks in three pieces");
            let (mut all, mut model) = (Partials::new(&geometry), Model::new());
            for step in steps {
                take_step(&geometry, step, &mut all, &mut model);
                compare(&all, &model);
            }
        }
    }

    #[test]
    fn a_torrent_shorter_than_a_piece_takes_memory_for_what_there_is() {
        let geometry = Geometry::new(3 * u64::from(BLOCK_BYTES) - 1, 1 << 30);
        let geometry = geometry.expect("one piece of three blocks");
        let mut all = Partials::new(&geometry);
        all.begin(&geometry, PieceIndex(0), None);
        assert_eq!((all.blocks.len(), all.blocks.capacity()), (3, 3));
    }
}
