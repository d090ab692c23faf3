//! Which pieces count as verified, and which are in doubt, as the disk threads know it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;

use crate::storage::Storage;

/// A changed file may hold lost pieces again. They are hashed when the file has not changed for this
/// time, and not while another program copies data into it.
const QUIET: Duration = Duration::from_secs(3);

/// State shared by the disk threads.
#[derive(Debug)]
pub(super) struct Standing {
    geometry: Geometry,
    pieces: Mutex<Pieces>,
}

#[derive(Debug)]
struct Pieces {
    /// Verified pieces. Doubted pieces are included until they turn out to be bad.
    verified: Bitfield,
    /// Pieces to hash before they are served: their file changed, or a peer reported a problem.
    doubted: BTreeSet<PieceIndex>,
    /// Pieces that were verified and turned out to be bad.
    lost: BTreeSet<PieceIndex>,
    /// Files with lost pieces that another program changed, and when we noticed it.
    changed: BTreeMap<usize, Instant>,
}

/// Whether a piece may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Good,
    Doubted,
    Absent,
}

impl Standing {
    pub(super) fn new(geometry: Geometry, have: &Bitfield) -> Self {
        Self {
            geometry,
            pieces: Mutex::new(Pieces {
                verified: have.clone(),
                doubted: BTreeSet::new(),
                lost: BTreeSet::new(),
                changed: BTreeMap::new(),
            }),
        }
    }

    /// A panic in another thread leaves the sets usable: each change to them is complete in itself.
    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks every verified piece of files that another program changed as doubted.
    ///
    /// The lock is taken first: a change that another thread has taken from the storage but not marked
    /// yet must not be overlooked, otherwise its data would be served.
    pub(super) fn note_changes(&self, storage: &Storage) {
        let mut pieces = self.lock();
        for file in storage.take_changed() {
            let touched = storage.pieces_of(file, self.geometry.piece_bytes());
            for piece in touched.map(PieceIndex) {
                if pieces.verified.has(piece) {
                    pieces.doubted.insert(piece);
                }
            }
            pieces.changed.insert(file, Instant::now());
        }
    }

    /// Marks the lost pieces of changed files as doubted, once a file has not changed for a while.
    pub(super) fn doubt_losses(&self, storage: &Storage, now: Instant) {
        let mut pieces = self.lock();
        let Pieces {
            doubted,
            lost,
            changed,
            ..
        } = &mut *pieces;
        changed.retain(|file, since| {
            let quiet = now.saturating_duration_since(*since) >= QUIET;
            if quiet {
                let touched = storage.pieces_of(*file, self.geometry.piece_bytes());
                let touched = PieceIndex(touched.start)..PieceIndex(touched.end);
                doubted.extend(lost.range(touched));
            }
            !quiet
        });
    }

    pub(super) fn trust(&self, piece: PieceIndex) -> Trust {
        let pieces = self.lock();
        match pieces.verified.has(piece) {
            false => Trust::Absent,
            true if pieces.doubted.contains(&piece) => Trust::Doubted,
            true => Trust::Good,
        }
    }

    pub(super) fn doubt(&self, piece: PieceIndex) {
        let mut pieces = self.lock();
        if pieces.verified.has(piece) || pieces.lost.contains(&piece) {
            pieces.doubted.insert(piece);
        }
    }

    /// A lost piece counts as verified again. It is hashed once more before it is served: its file
    /// may have changed since the report.
    pub(super) fn restore(&self, piece: PieceIndex) {
        let mut pieces = self.lock();
        pieces.lost.remove(&piece);
        pieces.verified.insert(piece);
        pieces.doubted.insert(piece);
    }

    pub(super) fn set(&self, piece: PieceIndex, good: bool) {
        let mut pieces = self.lock();
        pieces.doubted.remove(&piece);
        if good {
            pieces.verified.insert(piece);
            pieces.lost.remove(&piece);
        } else if pieces.verified.remove(piece) {
            pieces.lost.insert(piece);
        }
    }

    /// The next doubted piece among those that thread `number` of `threads` handles.
    pub(super) fn next_doubt(&self, number: u32, threads: u32) -> Option<PieceIndex> {
        let pieces = self.lock();
        let mut doubted = pieces.doubted.iter();
        doubted.find(|piece| piece.0 % threads == number).copied()
    }

    /// Number of doubted pieces among those that thread `number` of `threads` handles.
    pub(super) fn doubts(&self, number: u32, threads: u32) -> usize {
        let pieces = self.lock();
        let doubted = pieces.doubted.iter();
        doubted.filter(|piece| piece.0 % threads == number).count()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::storage::{FileEntry, Use};

    #[test]
    fn a_change_is_always_visible_to_a_thread_that_looks() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a");
        std::fs::write(&path, [7; 1000]).expect("write");
        let file = FileEntry {
            path: "a".into(),
            length: 1000,
            pad: false,
            wanted: Use::Whole,
            executable: false,
        };
        let storage = Storage::open(folder.path(), vec![file]).expect("open");
        let geometry = Geometry::new(1000, 1000).expect("geometry");
        let standing = Standing::new(geometry, &Bitfield::full(1));
        std::fs::write(&path, [8; 900]).expect("write");
        assert!(storage.look(0), "the file has changed");
        thread::scope(|scope| {
            let pieces = standing.lock();
            scope.spawn(|| standing.note_changes(&storage));
            // Time to take the change, if the other thread does not wait for the lock.
            thread::sleep(Duration::from_millis(100));
            let file_is_noted = storage.take_changed() == [0];
            assert!(file_is_noted, "the change is neither noted nor marked");
            drop(pieces);
        });
    }
}
