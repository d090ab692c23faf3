//! Which pieces count as verified, as far as the disk threads know.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;

use crate::storage::Storage;

/// Shared by the threads.
#[derive(Debug)]
pub(super) struct Standing {
    geometry: Geometry,
    pieces: Mutex<Pieces>,
}

#[derive(Debug)]
struct Pieces {
    /// Doubted ones included, until they turn out to be bad.
    verified: Bitfield,
    /// Their file changed, or a peer gives us reason to doubt them: hashed before they are served.
    doubted: BTreeSet<PieceIndex>,
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
            }),
        }
    }

    /// A panic elsewhere leaves the sets usable: every change to them is complete in itself.
    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Doubts every verified piece of the files that somebody else changed.
    pub(super) fn note_changes(&self, storage: &Storage) {
        for file in storage.take_changed() {
            let touched = storage.pieces_of(file, self.geometry.piece_bytes());
            let mut pieces = self.lock();
            for piece in touched.map(PieceIndex) {
                if pieces.verified.has(piece) {
                    pieces.doubted.insert(piece);
                }
            }
        }
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
        if pieces.verified.has(piece) {
            pieces.doubted.insert(piece);
        }
    }

    pub(super) fn set(&self, piece: PieceIndex, good: bool) {
        let mut pieces = self.lock();
        pieces.doubted.remove(&piece);
        if good {
            pieces.verified.insert(piece);
        } else {
            pieces.verified.remove(piece);
        }
    }

    /// A doubted piece of those that thread `number` of `threads` deals with.
    pub(super) fn next_doubt(&self, number: u32, threads: u32) -> Option<PieceIndex> {
        let pieces = self.lock();
        let mut doubted = pieces.doubted.iter();
        doubted.find(|piece| piece.0 % threads == number).copied()
    }

    /// How many pieces that thread `number` of `threads` deals with are doubted.
    pub(super) fn doubts(&self, number: u32, threads: u32) -> usize {
        let pieces = self.lock();
        let doubted = pieces.doubted.iter();
        doubted.filter(|piece| piece.0 % threads == number).count()
    }
}
