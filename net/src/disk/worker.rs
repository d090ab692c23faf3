//! One disk thread.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::merkle::Hash;
use unchoke_core::torrent::Verdict;

use super::gathering::Blocks;
use super::hashing::{Fit, PieceHash, digests, hash_rest, leaves};
use super::padding::SentPadding;
use super::standing::{Standing, Trust};
use super::{Job, PieceHashes, Report, WORKERS};
use crate::storage::{Run, Storage, StorageError};

/// Bytes per read when a piece is hashed from disk.
const SCRATCH_BYTES: usize = 1 << 17;
/// Time between two checks for changes by other programs.
const ROUND: Duration = Duration::from_secs(1);
/// Files checked each time; this takes about 100 µs.
const FILES_A_ROUND: usize = 50;
/// Time limit for pieces in doubt at the end: the user must not wait for gigabytes to be hashed.
const FAREWELL: Duration = Duration::from_secs(2);
/// Attempts to read a file that changes during each read. Then the read fails.
const ATTEMPTS: u32 = 3;

/// Running hash of a piece whose blocks have arrived in order so far. Hashing a block while it is
/// in the cache costs half as much as reading it again later.
struct Running {
    hash: PieceHash,
    /// Number of bytes hashed.
    next: u32,
    /// [`Storage::change_count`] at the start. If another program changed a file since then, the
    /// hashed bytes may no longer be on disk.
    changes: u64,
}

pub(super) struct Worker {
    number: u32,
    storage: Arc<Storage>,
    geometry: Geometry,
    hashes: PieceHashes,
    standing: Arc<Standing>,
    reports: UnboundedSender<Report>,
    running: BTreeMap<PieceIndex, Running>,
    sent_padding: SentPadding,
    /// Pieces with a block that could not be written.
    lost: BTreeSet<PieceIndex>,
    scratch: Vec<u8>,
    looked_at: Instant,
    /// The next file to check.
    next_look: usize,
}

impl Worker {
    pub(super) fn new(
        number: u32,
        storage: Arc<Storage>,
        geometry: Geometry,
        hashes: PieceHashes,
        standing: Arc<Standing>,
        reports: UnboundedSender<Report>,
    ) -> Self {
        Self {
            number,
            storage,
            geometry,
            hashes,
            standing,
            reports,
            running: BTreeMap::new(),
            sent_padding: SentPadding::default(),
            lost: BTreeSet::new(),
            scratch: vec![0; SCRATCH_BYTES],
            looked_at: Instant::now(),
            next_look: 0,
        }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let doubted = self.standing.next_doubt(self.number, WORKERS);
            let job = match doubted {
                None => jobs.recv_timeout(ROUND),
                // Hash doubted pieces while no job is waiting.
                Some(_) => jobs.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                }),
            };
            match (job, doubted) {
                (Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected), _) => return self.settle(),
                (Ok(job), _) => self.carry_out(job),
                (Err(RecvTimeoutError::Timeout), Some(piece)) => self.inspect(piece),
                (Err(RecvTimeoutError::Timeout), None) => (),
            }
            self.look_around();
            self.standing.note_changes(&self.storage);
        }
    }

    /// At the end, hashes the doubted pieces, as far as the time limit allows.
    fn settle(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL {
            let Some(piece) = self.standing.next_doubt(self.number, WORKERS) else {
                return;
            };
            self.inspect(piece);
        }
        let pieces = self.standing.doubts(self.number, WORKERS);
        if pieces > 0 {
            self.report(Report::Unchecked { pieces });
        }
    }

    fn carry_out(&mut self, job: Job) {
        match job {
            Job::Store(blocks) => self.store(blocks),
            Job::Verify { piece, want_blocks } => self.verify(piece, want_blocks),
            Job::Inspect { piece } => self.standing.doubt(piece),
            Job::Complete { file } => match self.storage.complete(file) {
                Ok(Ok(())) => (),
                Ok(Err(error)) => self.report(Report::Unnamed { file, error }),
                Err(error) => self.report(Report::Failed(error)),
            },
            Job::HashBlocks { piece } => {
                let hashes = self.hash_blocks(piece);
                self.report(Report::Blocks { piece, hashes });
            }
            Job::Load {
                block,
                mut data,
                reply,
            } => {
                let read = self.load(block, &mut data);
                // The connection may have closed.
                drop(reply.send(read.map(|()| data)));
            }
            Job::Stop => (),
        }
    }

    /// Checks some files each second. Without this, the deletion of a file that no peer requests
    /// would not be noticed.
    fn look_around(&mut self) {
        let files = self.storage.files().len();
        if self.number != 0 || files == 0 || self.looked_at.elapsed() < ROUND {
            return;
        }
        self.looked_at = Instant::now();
        for _ in 0..FILES_A_ROUND.min(files) {
            self.next_look = (self.next_look + 1) % files;
            self.storage.look(self.next_look);
        }
        self.standing.doubt_losses(&self.storage, self.looked_at);
    }

    fn report(&self, report: Report) {
        // Sending fails when the session is ending.
        drop(self.reports.send(report));
    }

    fn load(&mut self, block: BlockRef, data: &mut [u8]) -> Result<(), StorageError> {
        for _ in 0..ATTEMPTS {
            if self.standing.trust(block.piece) == Trust::Doubted {
                self.inspect(block.piece);
            }
            if self.standing.trust(block.piece) == Trust::Absent {
                break;
            }
            let read = self.storage.read(self.geometry.offset(block), data);
            self.standing.note_changes(&self.storage);
            match read {
                Ok(()) if self.standing.trust(block.piece) == Trust::Good => return Ok(()),
                Ok(()) => (),
                Err(error) if error.is_absence() => self.standing.doubt(block.piece),
                Err(error) => {
                    self.report(Report::Failed(error));
                    break;
                }
            }
        }
        let why = io::Error::other("the data is no longer what was verified");
        Err(StorageError::new("read", self.storage.root(), why))
    }

    fn hash_blocks(&mut self, piece: PieceIndex) -> Option<Vec<Hash>> {
        if self.standing.trust(piece) != Trust::Good {
            return None;
        }
        // An error here is met again, and reported, when a block of the piece is loaded.
        leaves(&self.storage, &self.geometry, piece, &mut self.scratch).ok()
    }

    /// Hashes a doubted piece again, and reports it if it is no longer good, or good again.
    fn inspect(&mut self, piece: PieceIndex) {
        let was_lost = self.standing.trust(piece) == Trust::Absent;
        for _ in 0..ATTEMPTS {
            let before = self.storage.change_count();
            let hashed = self.is_good(piece);
            let steady = self.storage.change_count() == before;
            match hashed {
                Ok(true) if steady && was_lost => {
                    self.standing.set(piece, false);
                    return self.report(Report::Found { piece });
                }
                Ok(true) if steady => return self.standing.set(piece, true),
                Ok(false) if steady => break,
                Ok(_) => (),
                Err(error) if error.is_absence() => break,
                Err(error) => {
                    self.report(Report::Failed(error));
                    break;
                }
            }
            self.standing.note_changes(&self.storage);
        }
        self.standing.set(piece, false);
        if !was_lost {
            let (start, length) = self.range(piece);
            self.storage.distrust(start, length);
            self.report(Report::Lost { piece });
        }
    }

    fn is_good(&mut self, piece: PieceIndex) -> Result<bool, StorageError> {
        let mut hash = self.hashes.begin();
        let (storage, scratch) = (&self.storage, &mut self.scratch);
        hash_rest(storage, &self.geometry, piece, 0, &mut hash, scratch)?;
        Ok(self.hashes.judge(&self.geometry, piece, hash) == Fit::Good)
    }

    fn store(&mut self, mut blocks: Blocks) {
        for (block, data) in &mut blocks {
            // Always use zeros here, so that the result is the same if the piece is read again from
            // disk.
            let odd = self
                .storage
                .blank_padding(self.geometry.offset(*block), data);
            self.sent_padding.note(*block, odd);
        }
        let Some((first, _)) = blocks.first() else {
            return;
        };
        let (piece, offset) = (first.piece, self.geometry.offset(*first));
        let parts: Vec<&[u8]> = blocks.iter().map(|(_, data)| &**data).collect();
        if let Err(error) = self.storage.write_parts(offset, &parts) {
            self.lost.insert(piece);
            self.running.remove(&piece);
            return self.report(Report::Failed(error));
        }
        for (block, data) in &blocks {
            self.hash_on(*block, data);
        }
    }

    /// Hashes a block that was written, if it is the next one of its piece.
    fn hash_on(&mut self, block: BlockRef, data: &[u8]) {
        if block.begin == 0 {
            let begun = Running {
                hash: self.hashes.begin(),
                next: 0,
                changes: self.storage.change_count(),
            };
            self.running.insert(block.piece, begun);
        }
        match self.running.get_mut(&block.piece) {
            Some(running) if running.next == block.begin => {
                running.hash.update(data);
                running.next += block.length;
            }
            // A block that was already hashed is written again: hash the piece from disk instead.
            Some(running) if running.next > block.begin => {
                self.running.remove(&block.piece);
            }
            _ => (),
        }
    }

    fn verify(&mut self, piece: PieceIndex, want_blocks: bool) {
        let verdict = match self.judge(piece, want_blocks) {
            Ok(verdict) => verdict,
            Err(error) if error.is_absence() => Verdict::Lost,
            Err(error) => {
                self.report(Report::Failed(error));
                Verdict::Lost
            }
        };
        self.report(Report::Verified { piece, verdict });
    }

    /// Offset in the payload, and length.
    fn range(&self, piece: PieceIndex) -> (u64, u32) {
        let start = u64::from(piece.0) * u64::from(self.geometry.piece_bytes());
        (start, self.geometry.piece_len(piece))
    }

    fn judge(&mut self, piece: PieceIndex, want_blocks: bool) -> Result<Verdict, StorageError> {
        let changes = self.storage.change_count();
        let begun = self.running.remove(&piece);
        let padding = self.sent_padding.take(piece);
        if self.lost.remove(&piece) {
            return Ok(Verdict::Lost);
        }
        let (start, length) = self.range(piece);
        self.storage.forget_padding(start, length);
        let begun = begun.filter(|it| it.changes == changes);
        let begun = begun.map(|it| (it.hash, it.next));
        let (mut hash, next) = begun.unwrap_or_else(|| (self.hashes.begin(), 0));
        let (storage, geometry) = (&self.storage, &self.geometry);
        hash_rest(storage, geometry, piece, next, &mut hash, &mut self.scratch)?;
        let fit = self.hashes.judge(geometry, piece, hash);
        if fit == Fit::Torn {
            // No peer is to blame, and a retry could not succeed.
            let why = format!("its version 1 and version 2 parts disagree about piece {piece}");
            let error =
                StorageError::new("use the torrent in", storage.root(), io::Error::other(why));
            self.report(Report::Failed(error));
            return Ok(Verdict::Lost);
        }
        let good = fit == Fit::Good;
        // These are digests with zeros as padding, so that blocks never differ only in their
        // padding.
        let blocks = if good && !want_blocks {
            Vec::new()
        } else {
            digests(storage, geometry, piece, &mut self.scratch)?
        };
        let odd = !good && !padding.is_empty() && self.is_good_with(piece, padding)?;
        if self.storage.change_count() != changes {
            // Another program writes to the files. No peer is to blame.
            return Ok(Verdict::Lost);
        }
        if odd {
            self.report(Report::OddPadding { piece });
        }
        // Without the limit, too much padding would have to be kept. Requests for such a piece are
        // rejected.
        if good || odd && self.storage.padding_fits() {
            self.standing.set(piece, true);
        } else {
            self.storage.forget_padding(start, length);
        }
        Ok(if good || odd {
            Verdict::Good { blocks }
        } else if self.storage.has_padding(start, length) {
            Verdict::Padded { blocks }
        } else {
            Verdict::Bad { blocks }
        })
    }

    /// Whether a piece that fails with zeros is good with the padding that peers sent.
    fn is_good_with(&mut self, piece: PieceIndex, padding: Vec<Run>) -> Result<bool, StorageError> {
        self.storage.keep_padding(padding);
        self.is_good(piece)
    }
}
