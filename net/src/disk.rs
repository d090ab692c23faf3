//! Disk access and hashing on separate threads, so that the event loop never waits for them.
//!
//! All jobs of one piece go to one worker, in order: a piece is hashed after its blocks were
//! written. The job queue needs no limit of its own, because each waiting job either holds a buffer
//! of a bounded pool or belongs to a piece in progress.

mod gathering;
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
use unchoke_core::merkle::Hash;
use unchoke_core::torrent::Verdict;

use crate::buffers::Buffer;
use crate::storage::{Storage, StorageError};

use gathering::Blocks;
use standing::{Standing, Trust};

pub(crate) use gathering::Gathering;
pub(crate) use hashing::{Fit, PieceHash, hash_rest};
pub use hashing::{PieceHashes, block_digest};

/// Number of threads. More threads do not help: one thread hashes faster than most disks write.
const WORKERS: u32 = 2;

/// Reports of the workers, sent without a request.
#[derive(Debug)]
pub enum Report {
    /// A piece was hashed, or could not be stored.
    Verified {
        /// The piece.
        piece: PieceIndex,
        /// The result.
        verdict: Verdict,
    },
    /// A piece will be reported as good, but only with non-zero padding. Later sessions cannot
    /// verify it, because padding is not saved.
    OddPadding {
        /// The piece.
        piece: PieceIndex,
    },
    /// A verified piece is no longer good: another program changed or deleted its file. No block of
    /// the changed data was sent to a peer.
    Lost {
        /// The piece.
        piece: PieceIndex,
    },
    /// A lost piece is good again: another program restored its file. It counts as lost until
    /// [`Disk::restore`].
    Found {
        /// The piece.
        piece: PieceIndex,
    },
    /// The hashes of the blocks of a piece, for version 2; `None` if the piece is not good or cannot
    /// be read.
    Blocks {
        /// The piece.
        piece: PieceIndex,
        /// The hash of each block.
        hashes: Option<Vec<Hash>>,
    },
    /// The workers have ended without hashing all pieces of changed files again.
    Unchecked {
        /// Number of pieces not hashed.
        pieces: usize,
    },
    /// A complete file could not be given its own name.
    Unnamed {
        /// Its number.
        file: usize,
        /// Why.
        error: std::io::Error,
    },
    /// A file could not be written or read. The piece will be reported as lost.
    Failed(StorageError),
}

pub(crate) enum Job {
    Store(Blocks),
    Verify {
        piece: PieceIndex,
        want_blocks: bool,
    },
    Inspect {
        piece: PieceIndex,
    },
    Complete {
        file: usize,
    },
    HashBlocks {
        piece: PieceIndex,
    },
    Load {
        block: BlockRef,
        data: Buffer,
        reply: oneshot::Sender<Result<Buffer, StorageError>>,
    },
    Stop,
}

/// A handle of the workers. Clones share them.
#[derive(Clone, Debug)]
pub struct Disk {
    workers: Vec<mpsc::Sender<Job>>,
    storage: Arc<Storage>,
    geometry: Geometry,
    standing: Arc<Standing>,
}

/// The threads of the workers.
#[derive(Debug)]
pub struct Workers(Vec<std::thread::JoinHandle<()>>);

impl Disk {
    /// Starts the workers. `have` are the pieces verified so far. Reports go to `reports`.
    pub fn start(
        storage: &Arc<Storage>,
        geometry: &Geometry,
        hashes: &PieceHashes,
        have: &Bitfield,
        reports: &UnboundedSender<Report>,
    ) -> std::io::Result<(Self, Workers)> {
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        let standing = Arc::new(Standing::new(geometry.clone(), have));
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
        let disk = Self {
            workers,
            storage: Arc::clone(storage),
            geometry: geometry.clone(),
            standing,
        };
        Ok((disk, Workers(threads)))
    }

    fn send(&self, piece: PieceIndex, job: Job) {
        let worker = &self.workers[(piece.0 % WORKERS) as usize];
        // A worker that is gone has reported why. The job is lost, as after a crash.
        drop(worker.send(job));
    }

    /// Writes blocks of one piece, each behind the one before. Only a failure is reported.
    pub fn store(&self, blocks: Vec<(BlockRef, Buffer)>) {
        if let Some((first, _)) = blocks.first() {
            self.send(first.piece, Job::Store(blocks));
        }
    }

    /// Hashes a piece after the blocks stored so far, and reports the result.
    pub fn verify(&self, piece: PieceIndex, want_blocks: bool) {
        self.send(piece, Job::Verify { piece, want_blocks });
    }

    /// Counts a piece as verified that was reported as found.
    pub fn restore(&self, piece: PieceIndex) {
        self.standing.restore(piece);
    }

    /// Hashes a verified piece again when the worker is idle, and reports it if it is lost; or a
    /// lost piece, and reports it if it is good.
    pub fn inspect(&self, piece: PieceIndex) {
        self.send(piece, Job::Inspect { piece });
    }

    /// Gives a file its own name. All its pieces must have been reported as good.
    pub(crate) fn complete(&self, file: usize) {
        let worker = &self.workers[file % self.workers.len()];
        // As in `send`.
        drop(worker.send(Job::Complete { file }));
    }

    /// Hashes the blocks of a verified piece for version 2, and reports the hashes.
    pub fn hash_blocks(&self, piece: PieceIndex) {
        self.send(piece, Job::HashBlocks { piece });
    }

    /// Lets the workers end after the jobs sent so far. They then close the channel of reports.
    /// Later jobs are dropped.
    pub fn stop(&self) {
        for worker in &self.workers {
            // The worker may have ended already.
            drop(worker.send(Job::Stop));
        }
    }

    /// Reads a block of a verified piece into `data` at once, without a worker, if the system has it
    /// in memory. Returns whether it did. Never waits for the disk.
    #[must_use]
    pub fn load_cached(&self, block: BlockRef, data: &mut [u8]) -> bool {
        let is_good = || self.standing.trust(block.piece) == Trust::Good;
        if !is_good() || !self.storage.read_cached(self.geometry.offset(block), data) {
            return false;
        }
        // The read may have shown that another program changed the file.
        self.standing.note_changes(&self.storage);
        is_good()
    }

    /// Reads a block of a verified piece into `data`, which must have the length of the block.
    /// Fails if the piece is no longer good.
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
    /// Waits for the end of the workers. Call [`Disk::stop`] first.
    pub fn join(self) {
        for thread in self.0 {
            // A thread that panicked has printed its message.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
impl Disk {
    /// From now on no job is carried out. The jobs wait in the queues until these are dropped.
    pub(crate) fn stall(&mut self) -> Vec<mpsc::Receiver<Job>> {
        let stalled = self.workers.iter().map(|_| mpsc::channel());
        let queues;
        (self.workers, queues) = stalled.unzip();
        queues
    }
}

#[cfg(test)]
mod tests;
