//! Conversion between blocks and block numbers.

use unchoke_core::geometry::{BLOCK_BYTES, BlockRun, Geometry};
use unchoke_core::ids::PieceIndex;

#[test]
fn a_run_takes_what_follows_it_in_its_piece() {
    let geometry = Geometry::new(10 * u64::from(BLOCK_BYTES), 5 * BLOCK_BYTES).expect("two pieces");
    let run = |piece, block| BlockRun::of(geometry.block(PieceIndex(piece), block));
    let mut blocks = run(0, 1);
    assert!(blocks.append(run(0, 2)));
    assert!(!blocks.append(run(0, 2)), "that one is here");
    assert!(!blocks.append(run(0, 4)), "there is one between");
    assert!(!blocks.append(run(1, 3)), "another piece");
    let mut rest = run(0, 3);
    assert!(rest.append(run(0, 4)) && blocks.append(rest));
    assert_eq!((blocks.first, blocks.count), (run(0, 1).first, 4));
}

#[test]
fn each_block_has_a_number_of_its_own() {
    let sizes = [
        (10 * u64::from(BLOCK_BYTES) - 7, 4 * BLOCK_BYTES),
        (5_000_000, 100_000), // The piece size is not a multiple of the block size.
        (5000, 1 << 20),
    ];
    for (total, piece_bytes) in sizes {
        let geometry = Geometry::new(total, piece_bytes).expect("a torrent");
        let mut last = None;
        for piece in (0..geometry.piece_count()).map(PieceIndex) {
            for index in 0..geometry.blocks_in(piece) {
                let number = geometry.number(piece, index);
                assert!(last < Some(number), "{number} follows {last:?}");
                assert_eq!(geometry.split(number), (piece, index));
                let block = geometry.numbered(number);
                assert_eq!(block, geometry.block(piece, index));
                assert_eq!(geometry.block_index(block), Some(index));
                last = Some(number);
            }
        }
    }
}
