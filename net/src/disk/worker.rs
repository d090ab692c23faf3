//! One disk thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc::UnboundedSender;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::torrent::Verdict;

use super::hashing::{digests, hash_rest};
use super::{Job, PieceHashes, Report};
use crate::storage::{Storage, StorageError};

/// Bytes read at a time when a piece is hashed from the disk.
const SCRATCH_BYTES: usize = 1 << 17;

pub(super) struct Worker {
    storage: Arc<Storage>,
    geometry: Geometry,
    hashes: PieceHashes,
    reports: UnboundedSender<Report>,
    /// Hash of the first bytes of pieces whose blocks have come in order so far. Hashing a block
    /// while it is in the cache costs half of reading it again later.
    running: BTreeMap<PieceIndex, (Sha1, u32)>,
    /// Pieces of which a block could not be written.
    lost: BTreeSet<PieceIndex>,
    scratch: Vec<u8>,
}

impl Worker {
    pub(super) fn new(
        storage: Arc<Storage>,
        geometry: Geometry,
        hashes: PieceHashes,
        reports: UnboundedSender<Report>,
    ) -> Self {
        Self {
            storage,
            geometry,
            hashes,
            reports,
            running: BTreeMap::new(),
            lost: BTreeSet::new(),
            scratch: vec![0; SCRATCH_BYTES],
        }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Store { block, data } => self.store(block, &data),
                Job::Verify { piece, want_blocks } => self.verify(piece, want_blocks),
                Job::Stop => return,
                Job::Load {
                    block,
                    mut data,
                    reply,
                } => {
                    let read = self.storage.read(self.geometry.offset(block), &mut data);
                    // The connection may be gone by now.
                    drop(reply.send(read.map(|()| data)));
                }
            }
        }
    }

    fn report(&self, report: Report) {
        // Nobody listens any more once the session ends.
        drop(self.reports.send(report));
    }

    fn store(&mut self, block: BlockRef, data: &[u8]) {
        if let Err(error) = self.storage.write(self.geometry.offset(block), data) {
            self.lost.insert(block.piece);
            self.running.remove(&block.piece);
            return self.report(Report::Failed(error));
        }
        if block.begin == 0 {
            self.running.insert(block.piece, (Sha1::new(), 0));
        }
        match self.running.get_mut(&block.piece) {
            Some((hash, next)) if *next == block.begin => {
                hash.update(data);
                *next += block.length;
            }
            // A block that was hashed already is written anew: start again from the disk.
            Some((_, next)) if *next > block.begin => {
                self.running.remove(&block.piece);
            }
            _ => (),
        }
    }

    fn verify(&mut self, piece: PieceIndex, want_blocks: bool) {
        let verdict = match self.judge(piece, want_blocks) {
            Ok(verdict) => verdict,
            Err(error) => {
                self.report(Report::Failed(error));
                Verdict::Lost
            }
        };
        self.report(Report::Verified { piece, verdict });
    }

    fn judge(&mut self, piece: PieceIndex, want_blocks: bool) -> Result<Verdict, StorageError> {
        let begun = self.running.remove(&piece);
        if self.lost.remove(&piece) {
            return Ok(Verdict::Lost);
        }
        let (mut hash, from) = begun.unwrap_or_default();
        let (storage, geometry) = (&self.storage, self.geometry);
        hash_rest(storage, geometry, piece, from, &mut hash, &mut self.scratch)?;
        let good = hash.finalize()[..] == self.hashes[piece.0 as usize];
        let blocks = if good && !want_blocks {
            Vec::new()
        } else {
            digests(storage, geometry, piece, &mut self.scratch)?
        };
        Ok(if good {
            Verdict::Good { blocks }
        } else {
            Verdict::Bad { blocks }
        })
    }
}
