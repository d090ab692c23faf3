//! Tests the pickers' rules on views that a reader can check by hand.

use std::collections::BTreeSet;

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::pick::{Begun, BoxedPicker, PICKERS, PickView, Progress, build};
use unchoke_core::rng::{Purpose, Rng, Streams};

/// Pieces 2, 3, 5 and 64 are not started. The peer has them, and also the unwanted pieces 0 and 7.
const UNBEGUN: [u64; 2] = [0b0011_1110, 1];
const PEER_HAS: [u64; 2] = [0b1010_1101, 1];

fn rng(seed: u32) -> Rng {
    Streams::new(1).stream(Purpose::Pick, seed)
}

/// All picks of `id` over many draws, with these numbers of copies of pieces 2, 3, 5 and 64.
fn picked(id: &str, have_count: u32, copies: [u16; 4]) -> BTreeSet<u32> {
    let mut availability = vec![0; 65];
    for (piece, copies) in [2, 3, 5, 64].into_iter().zip(copies) {
        availability[piece] = copies;
    }
    let view = PickView {
        unbegun: &UNBEGUN,
        peer_has: &PEER_HAS,
        availability: &availability,
        progress: Progress {
            have_count,
            ..Progress::default()
        },
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
fn the_fewest_copies_come_first_and_equals_are_drawn() {
    for id in ["rarest_first", "libtorrent"] {
        assert_eq!(picked(id, 4, [3, 2, 4, 5]), set([3]), "{id}");
        assert_eq!(picked(id, 4, [3, 2, 4, 2]), set([3, 64]), "{id}");
    }
}

/// Cohen 2003 §2.4.3, *random first piece*; mainline's `rarest_first_cutoff` is 4.
#[test]
fn any_piece_comes_first_until_four_are_complete() {
    for id in ["rarest_first", "libtorrent"] {
        assert_eq!(picked(id, 3, [3, 2, 4, 5]), set([2, 3, 5, 64]), "{id}");
    }
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
        progress: Progress {
            have_count: 50,
            ..Progress::default()
        },
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
        progress: Progress {
            have_count: 0,
            ..Progress::default()
        },
    };
    for id in PICKERS {
        let mut picker = build(id).expect("a picker");
        assert_eq!(picker.pick(&view, &mut rng(0)), None::<PieceIndex>, "{id}");
    }
}

/// Pieces with the fewest copies come first; among equals, started pieces come first. While fewer
/// than four pieces are complete, or too many are started, all started pieces come first.
/// `piece_picker.hpp`, `piece_pos::priority`.
#[test]
fn libtorrent_begins_a_rarer_piece_before_it_goes_on_with_a_begun_one() {
    let availability = {
        let mut copies = vec![9; 65];
        (copies[2], copies[3]) = (3, 4);
        copies
    };
    let settled = Progress {
        have_count: 4,
        begun_count: 3,
        piece_blocks: 16,
        peer_count: 2,
        choked: false,
        snubbed: false,
        ..Progress::default()
    };
    let anew = |copies, progress| {
        let view = PickView {
            unbegun: &UNBEGUN,
            peer_has: &PEER_HAS,
            availability: &availability,
            progress,
        };
        let begun = Begun {
            piece: PieceIndex(10),
            copies,
            free: 1,
        };
        build("libtorrent")
            .expect("a picker")
            .begins_anew(begun, &view)
    };
    assert!(anew(4, settled), "a piece with 3 copies is rarer");
    assert!(
        !anew(3, settled),
        "with equal copies, the started piece comes first"
    );
    let first = Progress {
        have_count: 3,
        ..settled
    };
    assert!(!anew(4, first), "the first four are finished");
    let many = Progress {
        begun_count: 4,
        ..settled
    };
    assert!(
        !anew(4, many),
        "more than one and a half started pieces per peer"
    );
    let large = Progress {
        piece_blocks: 683,
        ..settled
    };
    assert!(!anew(4, large), "3 x 683 blocks are more than 2048");
    let snubbed = Progress {
        snubbed: true,
        ..settled
    };
    assert!(anew(8, snubbed), "the most copies first: 9 are more");
    assert!(
        !anew(9, snubbed),
        "with equal copies, the started piece comes first"
    );
}

#[test]
fn libtorrent_asks_a_snubbed_peer_for_the_commonest_piece() {
    let picked = |snubbed| {
        let mut availability = vec![0; 65];
        (
            availability[2],
            availability[3],
            availability[5],
            availability[64],
        ) = (3, 2, 4, 4);
        let view = PickView {
            unbegun: &UNBEGUN,
            peer_has: &PEER_HAS,
            availability: &availability,
            progress: Progress {
                have_count: 4,
                snubbed,
                ..Progress::default()
            },
        };
        let one = |seed| {
            let mut picker = build("libtorrent").expect("a picker");
            picker.pick(&view, &mut rng(seed)).expect("a piece").0
        };
        (0..200).map(one).collect::<BTreeSet<u32>>()
    };
    assert_eq!(picked(false), set([3]));
    assert_eq!(picked(true), set([5, 64]));
}

#[test]
fn mainline_keeps_to_strict_priority_and_spares_seeds_and_libtorrent_does_not() {
    for id in PICKERS {
        let habits = build(id).expect("a picker").habits();
        assert_eq!(habits.spares_seeds, *id != "libtorrent", "{id}");
    }
}

/// With very many pieces one scan serves many picks: they are still the rarest, in random order, and
/// none is forgotten.
#[test]
fn of_very_many_pieces_the_rarest_come_first_and_all_come() {
    const PIECES: u32 = 1 << 16;
    let mut unbegun = vec![u64::MAX; 1 << 10];
    let has: Vec<u64> = vec![0x5555_5555_5555_5555; 1 << 10];
    let mut availability: Vec<u16> = (0..PIECES)
        .map(|it| 3 + u16::from(it.is_multiple_of(8)))
        .collect();
    for rare in [4, 70, 5000, 65_534] {
        availability[rare] = 1;
    }
    let mut picker = build("rarest_first").expect("a picker");
    let mut rng = rng(1);
    let (mut picks, mut late) = (Vec::new(), 0);
    loop {
        let view = PickView {
            unbegun: &unbegun,
            peer_has: &has,
            availability: &availability,
            progress: Progress {
                have_count: 4,
                ..Progress::default()
            },
        };
        let Some(piece) = picker.pick(&view, &mut rng) else {
            break;
        };
        unbegun[piece.0 as usize / 64] &= !(1 << (piece.0 % 64));
        picks.push(piece.0);
        if picks.len() == 100 {
            // It becomes more frequent than all others.
            let other = (2..PIECES).step_by(8).find(|it| !picks.contains(it));
            late = other.expect("most are left");
            availability[late as usize] = 9;
        }
    }
    assert_eq!(picks.len(), PIECES as usize / 2);
    assert!(picks.iter().all(|it| it.is_multiple_of(2)));
    let first: BTreeSet<u32> = picks[..4].iter().copied().collect();
    assert_eq!(first, set([4, 70, 5000, 65_534]));
    let common = |it: &&u32| it.is_multiple_of(8) && availability[**it as usize] == 4;
    let rarer = PIECES as usize / 2 - 1 - picks.iter().filter(common).count();
    assert!(!picks[..rarer].iter().any(|it| common(&it)));
    assert_eq!(picks.last(), Some(&late));
    // Equals come in random order, from all parts of the torrent.
    let (low, high) = (PIECES / 4, PIECES / 4 * 3);
    let ends = picks[4..1004]
        .iter()
        .filter(|it| **it < low || **it >= high);
    assert!((400..600).contains(&ends.count()));
    assert!(!picks[4..50].is_sorted());
}

/// A list of the rarest pieces is of one connection, and lasts while the peer chokes us.
#[test]
fn a_list_is_of_one_peer_and_of_all_its_pieces() {
    let unbegun = vec![u64::MAX; 1 << 10];
    let availability = vec![2; 1 << 16];
    let of = |word: u64, choked, unbegun: &[u64], picker: &mut BoxedPicker, rng: &mut Rng| {
        let has = vec![word; 1 << 10];
        let view = PickView {
            unbegun,
            peer_has: &has,
            availability: &availability,
            progress: Progress {
                have_count: 4,
                choked,
                ..Progress::default()
            },
        };
        picker.pick(&view, rng).map(|it| it.0)
    };
    let mut allowed = vec![0; 1 << 10];
    allowed[7] = 1;
    let picks = |chokes: bool, reused: bool| {
        let (mut picker, mut rng) = (build("rarest_first").expect("a picker"), rng(1));
        of(1, false, &unbegun, &mut picker, &mut rng).expect("a piece");
        if chokes {
            let under_choke = of(1, true, &allowed, &mut picker, &mut rng);
            assert_eq!(under_choke, Some(7 * 64));
        }
        if reused {
            picker.forget(PeerKey(0));
        }
        let has = if reused { 3 } else { 1 };
        let next = |_| of(has, false, &unbegun, &mut picker, &mut rng).expect("a piece");
        (0..200).map(next).collect::<Vec<u32>>()
    };
    assert_eq!(picks(false, false), picks(true, false), "the list lasts");
    let odd = picks(false, true).iter().filter(|it| *it % 2 == 1).count();
    assert!(
        (60..140).contains(&odd),
        "half of the new peer's pieces: {odd}"
    );
}
