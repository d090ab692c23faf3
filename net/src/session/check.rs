//! Checks the files that exist at the start: every piece is hashed before it counts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{FileKind, Link, Metainfo};

use super::names::naming;
use crate::choice::Choice;
use crate::disk::{Fit, PieceHash, PieceHashes, hash_rest};
use crate::storage::{FileEntry, NewLink, Storage, Use};

/// Bytes per read.
const SCRATCH_BYTES: usize = 1 << 18;
/// Bytes that a thread takes at once.
const BATCH_BYTES: u32 = 4 << 20;
/// Most threads that hash. More would only wait for the disk.
const MAX_THREADS: usize = 4;
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

/// The symbolic links of a torrent to make below `folder`: those to wanted files, and to folders with
/// them.
pub(super) fn links(metainfo: &Metainfo, folder: &Path, choice: &Choice) -> Vec<NewLink> {
    let layout = &metainfo.layout;
    let wanted = layout.links_to(|file| choice.use_of(file) == Use::Whole);
    if wanted.is_empty() {
        return Vec::new();
    }
    let naming = naming(layout, folder);
    let link = |it: &Link| NewLink {
        path: layout.path(it.file, naming).into(),
        leads_to: layout.link_path(*it, naming).into(),
    };
    wanted.iter().map(link).collect()
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
/// nor do pieces of files that keep changing during the check. Several threads share the work, and
/// holes of sparse files are not read. This takes as long as reading the
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
    let pieces: Vec<_> = doubtful.iter().collect();
    // Each thread reads neighbours, so that a rotating disk seeks rarely.
    let batch = (BATCH_BYTES / metainfo.geometry.piece_bytes()).max(1) as usize;
    let batches = Mutex::new(pieces.chunks(batch));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(pieces.len().div_ceil(batch));
    let work = || {
        let mut hasher = Hasher::new(storage, metainfo);
        let mut found = Vec::new();
        loop {
            let next = batches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next();
            let Some(batch) = next else {
                return found;
            };
            for piece in batch {
                if progress.stopped.load(Ordering::Relaxed) {
                    return found;
                }
                found.extend(hasher.is_good(*piece).then_some(*piece));
                progress.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let found = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            // A thread that panicked has printed its message; its pieces do not count.
            found.extend(other.join().unwrap_or_default());
        }
        found
    });
    for piece in found {
        good.insert(piece);
    }
}

/// Hashes one piece after the other.
struct Hasher<'a> {
    storage: &'a Storage,
    geometry: &'a Geometry,
    hashes: PieceHashes,
    scratch: Vec<u8>,
    /// The hash of the latest length of zeros that was needed.
    zeros: Option<(u32, PieceHash)>,
}

impl<'a> Hasher<'a> {
    fn new(storage: &'a Storage, metainfo: &'a Metainfo) -> Self {
        Self {
            storage,
            geometry: &metainfo.geometry,
            hashes: PieceHashes::of(metainfo),
            scratch: vec![0; SCRATCH_BYTES],
            zeros: None,
        }
    }

    fn is_good(&mut self, piece: PieceIndex) -> bool {
        let start = u64::from(piece.0) * u64::from(self.geometry.piece_bytes());
        let length = self.geometry.piece_len(piece);
        if !self.storage.may_hold(start, length) {
            return false;
        }
        let hash = if self.storage.is_hole(start, length).unwrap_or(false) {
            Some(self.of_zeros(length))
        } else {
            self.of_content(piece)
        };
        hash.is_some_and(|it| self.hashes.judge(self.geometry, piece, it) == Fit::Good)
    }

    fn of_content(&mut self, piece: PieceIndex) -> Option<PieceHash> {
        let mut hash = self.hashes.begin();
        let (storage, scratch) = (self.storage, &mut self.scratch);
        let read = hash_rest(storage, self.geometry, piece, 0, &mut hash, scratch);
        read.is_ok().then_some(hash)
    }

    fn of_zeros(&mut self, length: u32) -> PieceHash {
        match &self.zeros {
            Some((of, hash)) if *of == length => hash.clone(),
            _ => {
                let mut hash = self.hashes.begin();
                self.scratch.fill(0);
                let mut left = length as usize;
                while left > 0 {
                    let step = left.min(self.scratch.len());
                    hash.update(&self.scratch[..step]);
                    left -= step;
                }
                self.zeros = Some((length, hash.clone()));
                hash
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt as _;

    use sha1::{Digest as _, Sha1};
    use unchoke_core::metainfo::{Builder, PieceDigests};

    use super::*;

    const PIECE_BYTES: u32 = 1 << 20;
    const PIECES: u32 = 40;

    /// Piece 3 is zeros, and so is the last one, which is shorter; all others start with their
    /// number.
    fn content(piece: u32) -> Vec<u8> {
        let is_last = piece + 1 == PIECES;
        let length = if is_last { 5000 } else { PIECE_BYTES };
        let mut bytes = vec![0; length as usize];
        if piece != 3 && !is_last {
            bytes[..4].copy_from_slice(&(piece + 1).to_be_bytes());
        }
        bytes
    }

    fn torrent() -> Metainfo {
        let builder = Builder {
            name: "a".into(),
            length: u64::from(PIECES - 1) * u64::from(PIECE_BYTES) + 5000,
            piece_bytes: PIECE_BYTES,
            ..Builder::default()
        };
        let hashes = (0..PIECES).map(|it| Sha1::digest(content(it)).into());
        let digests = PieceDigests {
            version_1: hashes.collect(),
            version_2: Vec::new(),
        };
        let torrent = builder.encode_digests(&digests).expect("a torrent");
        Metainfo::parse(&torrent).expect("our own")
    }

    /// What a check of all pieces finds after `written` pieces were written to a sparse file.
    fn checked(written: &[u32]) -> Vec<u32> {
        let (folder, torrent) = (tempfile::tempdir().expect("folder"), torrent());
        let file = File::create(folder.path().join("a")).expect("file");
        file.set_len(torrent.geometry.total_bytes())
            .expect("sparse");
        for piece in written {
            let at = u64::from(*piece) * u64::from(PIECE_BYTES);
            file.write_all_at(&content(*piece), at).expect("write");
        }
        let files = file_entries(&torrent, folder.path(), &Choice::default());
        let storage = Storage::open(folder.path(), files).expect("storage");
        let progress = Check::default();
        let (none, all) = (Bitfield::empty(PIECES), Bitfield::full(PIECES));
        let good = check(&storage, &torrent, none, all, &progress);
        assert_eq!(progress.done(), PIECES);
        fs::remove_file(folder.path().join("a")).expect("remove");
        good.iter().map(|it| it.0).collect()
    }

    #[test]
    fn holes_are_good_where_the_torrent_has_zeros_and_nowhere_else() {
        assert_eq!(checked(&[]), [3, 39]);
        assert_eq!(checked(&[0, 3, 21, 39]), [0, 3, 21, 39]);
    }

    #[test]
    fn several_threads_find_every_piece() {
        let all: Vec<_> = (0..PIECES).collect();
        assert_eq!(checked(&all), all);
    }
}
