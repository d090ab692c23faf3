//! Compares [`Partials`] with a simple model, a map of blocks.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::Partials;
use crate::bitfield::has_bit;
use crate::geometry::{BLOCK_BYTES, Geometry};
use crate::ids::{PeerKey, PieceIndex};

/// Number of live requests for a block, and the peer that sent it.
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
    Doubt(PieceIndex, u32, bool),
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
        2 => (piece(), 0..4_u32, any::<bool>())
            .prop_map(|(piece, block, doubtful)| Step::Doubt(piece, block, doubtful)),
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
        assert_eq!(all.take(piece, block, peer, false), free.is_some());
    }
    if let Some(state) = free {
        state.asked = 1;
    }
}

/// Applies the step to both, if a driver could do it in this state.
fn take_step(geometry: &Geometry, step: Step, all: &mut Partials, model: &mut Model) {
    match step {
        Step::Begin(piece) => {
            model.entry(piece).or_insert_with(|| {
                all.begin(geometry, piece, None, 0);
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
            let taken = all.take_free(slot, false, false).map(|it| it as usize);
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
                all.ask_again(slot, block, block % 2 == 1);
                state.asked += 1;
            }
        }
        Step::GiveBack(piece, block) => {
            if block >= geometry.blocks_in(piece) {
                return;
            }
            let state = model.get_mut(&piece).map(|it| &mut it[block as usize]);
            let asked = state.filter(|it| it.asked > 0);
            let freed = asked.is_some_and(|it| {
                it.asked -= 1;
                it.is_free()
            });
            assert_eq!(all.give_back(piece, block, block == 1), freed);
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
        Step::Doubt(piece, block, doubtful) => {
            all.doubt(piece, block.min(geometry.blocks_in(piece) - 1), doubtful);
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
    let with_free: u32 = all.with_free().iter().map(|it| it.count_ones()).sum();
    let open = |it: &&Vec<Expected>| it.iter().any(Expected::is_free);
    assert_eq!(with_free as usize, model.values().filter(open).count());
    let each = all.slots().flat_map(|slot| all.blocks(slot));
    let doubtful = each.filter(|it| !it.is_received());
    let doubtful: u8 = doubtful.map(|it| it.asked() - it.firmly_asked()).sum();
    assert_eq!(all.doubtful(), u32::from(doubtful));
    for (piece, expected) in model {
        let (slot, partial) = (all.slot_of(*piece), all.get(*piece));
        let (slot, partial) = (slot.expect("begun"), partial.expect("begun"));
        assert_eq!(partial.piece, *piece);
        let missing = expected.iter().filter(|it| !it.received).count();
        assert_eq!(partial.missing as usize, missing);
        let free = expected.iter().filter(|it| it.is_free()).count();
        assert_eq!(partial.free as usize, free);
        assert_eq!(has_bit(all.with_free(), *piece), free > 0);
        let found = all.blocks(slot).iter().zip(all.senders(*piece));
        let found: Vec<Expected> = found
            .map(|(block, from)| Expected {
                asked: block.asked(),
                received: block.is_received(),
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
    all.begin(&geometry, PieceIndex(0), None, 0);
    assert_eq!((all.blocks.len(), all.blocks.capacity()), (3, 3));
}

#[test]
fn a_request_that_was_given_up_is_remembered_until_the_block_is_here() {
    let geometry = Geometry::new(6 * u64::from(BLOCK_BYTES), 3 * BLOCK_BYTES);
    let geometry = geometry.expect("two pieces of three blocks");
    let [first, second] = [0, 1].map(PieceIndex);
    let peer = PeerKey::MAX;
    let mut all = Partials::new(&geometry);
    let overdue = |all: &Partials, piece| {
        let slot = all.slot_of(piece).expect("begun");
        [0, 1, 2].map(|block| all.is_overdue(slot, block))
    };
    all.begin(&geometry, first, None, 0);
    all.begin(&geometry, second, None, 0);
    all.note_overdue(second, 1);
    assert_eq!(overdue(&all, first), [false; 3]);
    assert_eq!(overdue(&all, second), [false, true, false]);
    assert_eq!(all.senders(second), [None; 3]);
    // The other piece takes its place.
    all.finish(first);
    assert_eq!(overdue(&all, second), [false, true, false]);
    let slot = all.slot_of(second).expect("begun");
    all.receive(slot, 1, peer);
    assert_eq!(overdue(&all, second), [false; 3]);
    assert_eq!(all.senders(second), [None, Some(peer), None]);
    // A piece that is begun again does not know which of its blocks it was.
    all.finish(second);
    assert!(all.slot_of(second).is_none());
    all.begin(&geometry, second, None, 0);
    assert_eq!(overdue(&all, second), [true; 3]);
    // Also if the request was given up in between.
    all.note_overdue(first, 0);
    assert!(all.slot_of(first).is_none());
    all.begin(&geometry, first, None, 0);
    assert_eq!(overdue(&all, first), [true; 3]);
    assert_eq!(all.senders(first), [None; 3]);
}
