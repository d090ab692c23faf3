//! Combines requests for blocks into runs of bytes. One HTTP request for each block would look like
//! an attack in the server's log (BEP 19, *client implementation overview*).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::geometry::Geometry;
use crate::ids::BlockRef;

/// Most bytes of one run, so that we can leave a server that becomes slow within reasonable time.
pub const MAX_RUN_BYTES: u32 = 1 << 22;

/// Blocks that follow each other in the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The blocks, at least one.
    pub blocks: Vec<BlockRef>,
    /// First byte in the payload.
    pub offset: u64,
    /// Bytes of all blocks.
    pub length: u32,
}

/// Requests to a web seed that are not in an HTTP request yet.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    waiting: VecDeque<BlockRef>,
}

impl Requests {
    /// Adds a block.
    pub fn push(&mut self, block: BlockRef) {
        self.waiting.push_back(block);
    }

    /// Removes a block. No effect if its HTTP request was sent already.
    pub fn cancel(&mut self, block: BlockRef) {
        self.waiting.retain(|it| *it != block);
    }

    /// Removes and returns all blocks, the oldest first.
    #[must_use]
    pub fn take_all(&mut self) -> VecDeque<BlockRef> {
        core::mem::take(&mut self.waiting)
    }

    /// Whether no requests wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Removes and returns the oldest request with those that follow it without a gap, in the order
    /// of the requests.
    pub fn next_run(&mut self, geometry: &Geometry) -> Option<Run> {
        let first = *self.waiting.front()?;
        let mut run = Run {
            blocks: Vec::new(),
            offset: geometry.offset(first),
            length: 0,
        };
        while let Some(block) = self.waiting.front().copied() {
            let follows = geometry.offset(block) == run.offset + u64::from(run.length);
            let fits = run.blocks.is_empty() || run.length + block.length <= MAX_RUN_BYTES;
            if !follows || !fits {
                break;
            }
            run.length += block.length;
            run.blocks.push(block);
            self.waiting.pop_front();
        }
        Some(run)
    }
}
