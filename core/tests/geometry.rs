//! Conversion between blocks and block numbers.

use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::PieceIndex;

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
