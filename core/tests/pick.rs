//! Pickers against what their names promise, on views that a reader can check by hand.

use std::collections::BTreeSet;

use unchoke_core::ids::PieceIndex;
use unchoke_core::pick::{PICKERS, PickView, build};
use unchoke_core::rng::{Purpose, Rng, Streams};

/// Pieces 2, 3, 5 and 64 could be begun; the peer has them and 0 and 7, which are not wanted.
const UNBEGUN: [u64; 2] = [0b0011_1110, 1];
const PEER_HAS: [u64; 2] = [0b1010_1101, 1];

fn rng(seed: u32) -> Rng {
    Streams::new(1).stream(Purpose::Pick, seed)
}

/// What `id` picks with these copies of the pieces 2, 3, 5 and 64, over many draws.
fn picked(id: &str, have_count: u32, copies: [u16; 4]) -> BTreeSet<u32> {
    let mut availability = vec![0; 65];
    for (piece, copies) in [2, 3, 5, 64].into_iter().zip(copies) {
        availability[piece] = copies;
    }
    let view = PickView {
        unbegun: &UNBEGUN,
        peer_has: &PEER_HAS,
        availability: &availability,
        have_count,
    };
    let one = |seed| {
        let mut picker = build(id).expect("a picker");
        picker.pick(&view, &mut rng(seed)).expect("a piece").0
    };
    (0..200).map(one).collect()
}

fn set<const N: usize>(pieces: [u32; N]) -> BTreeSet<u32> {
    pieces.into()
}

#[test]
fn rarest_first_takes_the_fewest_copies_and_draws_among_equals() {
    assert_eq!(picked("rarest_first", 4, [3, 2, 4, 5]), set([3]));
    assert_eq!(picked("rarest_first", 4, [3, 2, 4, 2]), set([3, 64]));
}

/// Cohen 2003 §2.4.3, *random first piece*; mainline's `rarest_first_cutoff` is 4.
#[test]
fn rarest_first_takes_any_piece_until_four_are_complete() {
    assert_eq!(picked("rarest_first", 3, [3, 2, 4, 5]), set([2, 3, 5, 64]));
}

#[test]
fn random_takes_any_and_sequential_the_first() {
    for copies in [[3, 2, 4, 5], [1, 1, 1, 1]] {
        assert_eq!(picked("random", 50, copies), set([2, 3, 5, 64]));
        assert_eq!(picked("duplicate", 50, copies), set([2, 3, 5, 64]));
        assert_eq!(picked("sequential", 50, copies), set([2]));
    }
}

#[test]
fn random_takes_each_equally_often() {
    const DRAWS: u32 = 8000;
    let view = PickView {
        unbegun: &UNBEGUN,
        peer_has: &PEER_HAS,
        availability: &[0; 65],
        have_count: 50,
    };
    let (mut picker, mut rng) = (build("random").expect("a picker"), rng(0));
    let mut times = [0_u32; 65];
    for _ in 0..DRAWS {
        times[picker.pick(&view, &mut rng).expect("a piece").0 as usize] += 1;
    }
    // One in four: 2000, standard deviation 39.
    for piece in [2, 3, 5, 64] {
        assert!(times[piece].abs_diff(DRAWS / 4) < 200, "{times:?}");
    }
}

#[test]
fn only_the_naive_picker_asks_for_a_block_more_than_once() {
    for id in PICKERS {
        let copies = build(id).expect("a picker").copies();
        assert_eq!(copies, if *id == "duplicate" { 3 } else { 1 }, "{id}");
    }
}

#[test]
fn where_nothing_can_be_begun_nothing_is_picked() {
    let view = PickView {
        unbegun: &[0b0100],
        peer_has: &[0b1011],
        availability: &[1; 4],
        have_count: 0,
    };
    for id in PICKERS {
        let mut picker = build(id).expect("a picker");
        assert_eq!(picker.pick(&view, &mut rng(0)), None::<PieceIndex>, "{id}");
    }
}
