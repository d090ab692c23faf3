//! Once buffers have grown, moving a block costs no allocation.
//!
//! A run allocates for each connection, rechoke and piece, and while its buffers grow. So the count
//! of a single run says little, and the test compares two runs. Both have the same peers and the
//! same number of pieces, but the second has several times as many blocks per piece, on links that
//! are faster by the same factor, so that both last equally long. The additional allocations of the
//! second run are the cost of its additional blocks, plus some rechokes: `bep3` rechokes at each
//! change of interest. One allocation in ten blocks would add 28 000.

mod common;

use allocation_counter::measure;
use common::{client, run, star};
use unchoke_core::geometry::Geometry;

/// Number of blocks transferred, and of allocations during the run.
fn count(policy: &str, blocks_per_piece: u32) -> (u64, u64) {
    let mut spec = star(policy, 20);
    let piece_bytes = blocks_per_piece << 14;
    let total_bytes = 64 * u64::from(piece_bytes);
    spec.geometry = Geometry::new(total_bytes, piece_bytes).expect("sizes of a torrent");
    spec.clients = vec![client(policy)];
    // Faster links would use deeper pipelines, whose buffers would grow further.
    spec.clients[0].pipeline.max = 16;
    let rate = 2 * u64::from(piece_bytes);
    for node in &mut spec.nodes {
        (node.up, node.down) = (rate, rate);
    }
    let mut blocks = 0;
    let allocations = measure(|| blocks = run(&spec).blocks_transferred);
    (blocks, allocations.count_total)
}

#[test]
fn a_block_costs_no_allocation() {
    for policy in ["tit_for_tat", "bep3", "unchoke_all"] {
        let (few, some) = count(policy, 32);
        let (many, all) = count(policy, 256);
        assert!(
            some > 0 && many > 7 * few,
            "the test must count allocations and blocks"
        );
        assert!(
            all.saturating_sub(some) * 100 < many - few,
            "{policy}: {} additional blocks raised {some} allocations to {all}",
            many - few
        );
    }
}
