//! Received blocks that are written together. A write costs several calls to the system, and each
//! job may wake a thread, so blocks that lie one behind the other wait for each other.

use std::collections::BTreeMap;

use unchoke_core::ids::{BlockRef, PieceIndex};

use super::Disk;
use crate::buffers::Buffer;

/// Most blocks of a run: 256 KiB, which stay in the cache of a processor until they are hashed.
const RUN: usize = 16;

/// Blocks of one piece, each behind the one before.
pub(crate) type Blocks = Vec<(BlockRef, Buffer)>;

/// The blocks that wait, by piece.
#[derive(Debug)]
pub(crate) struct Gathering {
    runs: BTreeMap<PieceIndex, Blocks>,
    /// Number of waiting blocks.
    count: usize,
    /// With this many waiting blocks, all are written.
    most: usize,
}

impl Gathering {
    /// `most` must be less than the buffers for blocks that wait to be written.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            runs: BTreeMap::new(),
            count: 0,
            most,
        }
    }

    /// Takes a block to write. It is written when it has enough company, and at the latest by the
    /// next [`Self::flush`] of its piece.
    pub(crate) fn store(&mut self, disk: &Disk, block: BlockRef, data: Buffer) {
        let last = self.runs.get(&block.piece).and_then(|run| run.last());
        let end = last.map(|(last, _)| last.begin + last.length);
        if end.is_some_and(|it| it != block.begin) {
            self.flush(disk, block.piece);
        }
        let run = self.runs.entry(block.piece).or_default();
        run.push((block, data));
        self.count += 1;
        if run.len() >= RUN {
            self.flush(disk, block.piece);
        } else if self.count >= self.most {
            self.flush_all(disk);
        }
    }

    /// Writes the waiting blocks of a piece.
    pub(crate) fn flush(&mut self, disk: &Disk, piece: PieceIndex) {
        if let Some(run) = self.runs.remove(&piece) {
            self.count -= run.len();
            disk.store(run);
        }
    }

    /// Writes all waiting blocks.
    pub(crate) fn flush_all(&mut self, disk: &Disk) {
        for run in std::mem::take(&mut self.runs).into_values() {
            disk.store(run);
        }
        self.count = 0;
    }
}
