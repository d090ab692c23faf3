//! Non-zero padding that peers sent for pieces in progress. It is used only if a piece fails its
//! hash with zeros (BEP 47) and passes with this padding. Then the torrent was made with non-zero
//! padding, and the peers are honest.

use std::collections::BTreeMap;

use unchoke_core::ids::{BlockRef, PieceIndex};

use crate::storage::Run;

/// Most bytes that each thread keeps. Further padding counts as zeros: a peer must not fill our
/// memory with pieces that it never completes.
const MOST_BYTES: usize = 16 << 20;

/// Keyed by the piece and the first byte of the block.
#[derive(Default)]
pub(super) struct SentPadding {
    blocks: BTreeMap<(PieceIndex, u32), Vec<Run>>,
    bytes: usize,
}

fn bytes_of(runs: &[Run]) -> usize {
    runs.iter().map(|it| it.1.len()).sum()
}

impl SentPadding {
    /// Notes that a block arrived, with `runs` as its non-zero padding.
    pub(super) fn note(&mut self, block: BlockRef, runs: Vec<Run>) {
        let key = (block.piece, block.begin);
        if let Some(old) = self.blocks.remove(&key) {
            self.bytes -= bytes_of(&old);
        }
        let bytes = bytes_of(&runs);
        if bytes > 0 && self.bytes + bytes <= MOST_BYTES {
            self.bytes += bytes;
            self.blocks.insert(key, runs);
        }
    }

    /// Takes the runs of a piece that is complete.
    pub(super) fn take(&mut self, piece: PieceIndex) -> Vec<Run> {
        let of_piece = self.blocks.range((piece, 0)..=(piece, u32::MAX));
        let keys: Vec<_> = of_piece.map(|it| *it.0).collect();
        let taken = keys.iter().filter_map(|it| self.blocks.remove(it));
        let runs: Vec<Run> = taken.flatten().collect();
        self.bytes -= bytes_of(&runs);
        runs
    }
}
