//! In steady state a block costs no allocation.
//!
//! A run allocates for each connection, each rechoke and each piece, and until its buffers have
//! grown; so the count of one run says little. Two runs do: the second has the same peers and as
//! many pieces, of several times as many blocks, on links as many times faster, so that it lasts as
//! long. What it allocates beyond the first is what its additional blocks cost, give or take some
//! rechokes: `bep3` has one at each change of interest. One allocation in ten blocks would be 28 000.

mod common;

use allocation_counter::measure;
use common::{client, run, star};
use unchoke_core::geometry::Geometry;

/// Blocks transferred, and allocations made on the way.
fn count(policy: &str, blocks_per_piece: u32) -> (u64, u64) {
    let mut spec = star(policy, 20);
    let piece_bytes = blocks_per_piece << 14;
    let total_bytes = 64 * u64::from(piece_bytes);
    spec.geometry = Geometry::new(total_bytes, piece_bytes).expect("sizes of a torrent");
    spec.clients = vec![client(policy)];
    // Faster links would want deeper pipelines, whose buffers would have further to grow.
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
        assert!(some > 0 && many > 7 * few, "the measurement measures");
        assert!(
            all.saturating_sub(some) * 100 < many - few,
            "{policy}: {} blocks more made {some} allocations {all}",
            many - few
        );
    }
}
