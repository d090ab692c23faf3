//! Which nodes are in which shard.

use std::ops::Range;

/// How the nodes are divided among shards: consecutive ones, equally many to each but the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    nodes: u32,
    /// Each shard has 2^`bits` nodes.
    bits: u32,
}

impl Division {
    /// Divides `nodes` nodes among at most `shards` shards.
    pub(super) fn new(nodes: u32, shards: u32) -> Self {
        let each = nodes.div_ceil(shards.max(1)).max(1).next_power_of_two();
        let bits = each.trailing_zeros();
        Self { nodes, bits }
    }

    /// Number of shards.
    pub(super) fn shards(self) -> usize {
        self.nodes.div_ceil(1 << self.bits) as usize
    }

    /// The shard of a node.
    pub(super) fn of(self, node: u32) -> usize {
        (node >> self.bits) as usize
    }

    /// The nodes of a shard.
    pub(super) fn nodes(self, shard: usize) -> Range<u32> {
        let first = u32::try_from(shard << self.bits).expect("fewer than 2^32 nodes");
        first..self.nodes.min(first + (1 << self.bits))
    }
}
