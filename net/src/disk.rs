//! Disk and hashing on threads of their own, so that the event loop never waits for either.
//!
//! Jobs of one piece go to one worker, in order: a piece is hashed after its blocks were written.
//! The queue needs no bound of its own, because each waiting job holds a buffer of a bounded pool
//! or stands for a piece in progress.

mod hashing;
mod padding;
mod standing;
mod worker;

use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::torrent::Verdict;

use crate::buffers::Buffer;
use crate::storage::{Storage, StorageError};

pub(crate) use hashing::{Fit, PieceHash, hash_rest};
pub use hashing::{PieceHashes, block_digest};

/// Threads; more do not help, as one alone hashes faster than most disks write.
const WORKERS: u32 = 2;

/// What the workers report without being waited for.
#[derive(Debug)]
pub enum Report {
    /// A piece was hashed, or could not be kept.
    Verified {
        /// The piece.
        piece: PieceIndex,
        /// How it went.
        verdict: Verdict,
    },
    /// A piece that is about to be reported as good is so only with padding that is not zeros. No
    /// later session can verify it: padding is not saved.
    OddPadding {
        /// The piece.
        piece: PieceIndex,
    },
    /// A verified piece is not good any more: somebody changed or deleted its file. Nobody was sent a
    /// block of what is there now.
    Lost {
        /// The piece.
        piece: PieceIndex,
    },
    /// The workers have ended, and so many pieces of changed files were not hashed again.
    Unchecked {
        /// How many.
        pieces: usize,
    },
    /// A file could not be written or read. The piece concerned will be reported as lost.
    Failed(StorageError),
}

pub(crate) enum Job {
    Store {
        block: BlockRef,
        data: Buffer,
    },
    Verify {
        piece: PieceIndex,
        want_blocks: bool,
    },
    Inspect {
        piece: PieceIndex,
    },
    Load {
        block: BlockRef,
        data: Buffer,
        reply: oneshot::Sender<Result<Buffer, StorageError>>,
    },
    Stop,
}

/// The way to the workers. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Disk {
    workers: Vec<mpsc::Sender<Job>>,
}

/// The threads, to wait for their end.
#[derive(Debug)]
pub struct Workers(Vec<std::thread::JoinHandle<()>>);

impl Disk {
    /// Starts the workers. `have` are the pieces verified so far. What happens to stored pieces is
    /// sent to `reports`.
    pub fn start(
        storage: &Arc<Storage>,
        geometry: &Geometry,
        hashes: &PieceHashes,
        have: &Bitfield,
        reports: &UnboundedSender<Report>,
    ) -> std::io::Result<(Self, Workers)> {
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        let standing = Arc::new(standing::Standing::new(geometry.clone(), have));
        for number in 0..WORKERS {
            let (sender, jobs) = mpsc::channel();
            let worker = worker::Worker::new(
                number,
                Arc::clone(storage),
                geometry.clone(),
                hashes.clone(),
                Arc::clone(&standing),
                reports.clone(),
            );
            let name = format!("disk-{number}");
            let thread = std::thread::Builder::new().name(name);
            threads.push(thread.spawn(move || worker.run(&jobs))?);
            workers.push(sender);
        }
        Ok((Self { workers }, Workers(threads)))
    }

    fn send(&self, piece: PieceIndex, job: Job) {
        let worker = &self.workers[(piece.0 % WORKERS) as usize];
        // A worker that is gone has reported why; what was sent to it is lost, as after a crash.
        drop(worker.send(job));
    }

    /// Writes a block. Nothing is reported unless it fails.
    pub fn store(&self, block: BlockRef, data: Buffer) {
        self.send(block.piece, Job::Store { block, data });
    }

    /// Hashes a piece after the blocks stored so far, and reports.
    pub fn verify(&self, piece: PieceIndex, want_blocks: bool) {
        self.send(piece, Job::Verify { piece, want_blocks });
    }

    /// Hashes a verified piece anew, when there is nothing else to do, and reports if it is lost.
    pub fn inspect(&self, piece: PieceIndex) {
        self.send(piece, Job::Inspect { piece });
    }

    /// Ends the workers after the jobs sent so far; the channel of reports closes then. Later jobs
    /// are dropped.
    pub fn stop(&self) {
        for worker in &self.workers {
            // It may have ended already.
            drop(worker.send(Job::Stop));
        }
    }

    /// Reads a block of a verified piece into `data`, which must be as long as the block. Fails if
    /// the piece is not good any more.
    #[must_use]
    pub fn load(
        &self,
        block: BlockRef,
        data: Buffer,
    ) -> oneshot::Receiver<Result<Buffer, StorageError>> {
        let (reply, answer) = oneshot::channel();
        self.send(block.piece, Job::Load { block, data, reply });
        answer
    }
}

impl Workers {
    /// Waits until the workers have ended, after [`Disk::stop`].
    pub fn join(self) {
        for thread in self.0 {
            // A panic in a worker was printed by the thread itself.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
