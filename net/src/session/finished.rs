//! Files that become complete: they get their own names (`--incomplete-suffix`).

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::PieceIndex;

use super::{Session, SessionError};
use crate::storage::Storage;

/// How many pieces each file lacks.
#[derive(Debug)]
pub(super) struct Finished {
    piece_bytes: u32,
    /// By file.
    missing: Vec<u32>,
}

/// How many pieces of `file` are not in `have`.
fn missing(storage: &Storage, have: &Bitfield, piece_bytes: u32, file: usize) -> u32 {
    let pieces = storage.pieces_of(file, piece_bytes).map(PieceIndex);
    let missing = pieces.filter(|it| !have.has(*it)).count();
    u32::try_from(missing).expect("at most the pieces of the torrent")
}

/// The files whose pieces are all in `have`, or those of which a piece is missing.
pub(super) fn files(
    storage: &Storage,
    have: &Bitfield,
    piece_bytes: u32,
    complete: bool,
) -> Vec<usize> {
    let is = |it: &usize| (missing(storage, have, piece_bytes, *it) == 0) == complete;
    (0..storage.files().len()).filter(is).collect()
}

impl Finished {
    pub(super) fn new(storage: &Storage, have: &Bitfield, piece_bytes: u32) -> Self {
        let files = 0..storage.files().len();
        Self {
            piece_bytes,
            missing: files
                .map(|it| missing(storage, have, piece_bytes, it))
                .collect(),
        }
    }

    /// Counts a piece that is good from now on. Returns the files that are complete with it.
    fn gain(&mut self, storage: &Storage, piece: PieceIndex) -> Vec<usize> {
        let mut complete = Vec::new();
        for file in files_of(storage, piece, self.piece_bytes) {
            self.missing[file] -= 1;
            if self.missing[file] == 0 {
                complete.push(file);
            }
        }
        complete
    }

    /// Counts a piece that is no longer good.
    pub(super) fn lose(&mut self, storage: &Storage, piece: PieceIndex) {
        for file in files_of(storage, piece, self.piece_bytes) {
            self.missing[file] += 1;
        }
    }
}

fn files_of(storage: &Storage, piece: PieceIndex, piece_bytes: u32) -> Vec<usize> {
    let start = u64::from(piece.0) * u64::from(piece_bytes);
    storage.files_in(start, piece_bytes).collect()
}

impl Session {
    /// A piece is good from now on: files that are complete with it get their own names. Returns
    /// these files.
    pub(super) fn on_gained(&mut self, piece: PieceIndex) -> Vec<usize> {
        let complete = self.finished.gain(&self.storage, piece);
        for file in &complete {
            if self.storage.is_suffixed(*file) {
                self.disk.complete(*file);
            }
        }
        complete
    }

    /// Hands in the result of a check, and looks whether it completes files.
    pub(super) fn on_verified(
        &mut self,
        piece: PieceIndex,
        verdict: unchoke_core::torrent::Verdict,
    ) -> Result<(), SessionError> {
        let had = self.torrent().have().has(piece);
        let input = unchoke_core::torrent::Input::PieceVerified { piece, verdict };
        self.feed(input)?;
        if !had && self.torrent().have().has(piece) {
            self.on_gained(piece);
        }
        Ok(())
    }
}
