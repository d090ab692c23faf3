//! Checks the files that exist at the start: every piece is hashed before it counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{FileKind, Metainfo};

use super::names::naming;
use crate::choice::Choice;
use crate::disk::{Fit, PieceHashes, hash_rest};
use crate::storage::{FileEntry, Storage};

/// Bytes per read.
const SCRATCH_BYTES: usize = 1 << 18;
/// Most attempts for a file that changes while it is read.
const ROUNDS: u32 = 3;

/// The files of a torrent below `folder`, as the storage needs them. Padding and links have no
/// bytes on disk. Files are renamed if the file system cannot distinguish their names.
#[must_use]
pub fn file_entries(metainfo: &Metainfo, folder: &Path, choice: &Choice) -> Vec<FileEntry> {
    let layout = &metainfo.layout;
    let naming = naming(layout, folder);
    let files = layout.files().iter().enumerate();
    files
        .map(|(index, file)| FileEntry {
            path: PathBuf::from(layout.path(index, naming)),
            length: file.length,
            pad: file.kind != FileKind::Regular,
            wanted: choice.use_of(index),
            executable: file.executable,
        })
        .collect()
}

/// A running check, shared with its observers. It can be stopped.
#[derive(Clone, Debug, Default)]
pub struct Check {
    done: Arc<AtomicU32>,
    stopped: Arc<AtomicBool>,
}

impl Check {
    /// Number of pieces checked so far.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }

    /// Stops the check at the next piece.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Hashes the `doubtful` pieces and adds the valid ones to `good`. Unreadable pieces do not count,
/// nor do pieces of files that keep changing during the check. This takes as long as reading the
/// pieces, so never call it in the event loop.
#[must_use]
pub fn check(
    storage: &Storage,
    metainfo: &Metainfo,
    mut good: Bitfield,
    mut doubtful: Bitfield,
    progress: &Check,
) -> Bitfield {
    for _ in 0..ROUNDS {
        hash_each(storage, metainfo, &mut good, &doubtful, progress);
        doubtful = Bitfield::empty(metainfo.geometry.piece_count());
        for file in storage.take_changed() {
            storage.vouch(file);
            let touched = storage.pieces_of(file, metainfo.geometry.piece_bytes());
            for piece in touched.map(PieceIndex) {
                good.remove(piece);
                doubtful.insert(piece);
            }
        }
    }
    good
}

fn hash_each(
    storage: &Storage,
    metainfo: &Metainfo,
    good: &mut Bitfield,
    doubtful: &Bitfield,
    progress: &Check,
) {
    let geometry = &metainfo.geometry;
    let hashes = PieceHashes::of(metainfo);
    let mut scratch = vec![0; SCRATCH_BYTES];
    for piece in doubtful.iter() {
        if progress.stopped.load(Ordering::Relaxed) {
            return;
        }
        if is_good(storage, geometry, piece, &hashes, &mut scratch) {
            good.insert(piece);
        }
        progress.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_good(
    storage: &Storage,
    geometry: &Geometry,
    piece: PieceIndex,
    hashes: &PieceHashes,
    scratch: &mut [u8],
) -> bool {
    let start = u64::from(piece.0) * u64::from(geometry.piece_bytes());
    if !storage.may_hold(start, geometry.piece_len(piece)) {
        return false;
    }
    let mut hash = hashes.begin();
    hash_rest(storage, geometry, piece, 0, &mut hash, scratch).is_ok()
        && hashes.judge(geometry, piece, hash) == Fit::Good
}
