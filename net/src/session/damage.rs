//! Verified pieces that are no longer good.
//!
//! The disk threads notice when a file was changed. Damage that changes no stamp, for example by a
//! failing disk, can be noticed through the peers. A peer that was sent a whole piece may have
//! found it bad if it requests the piece again, or if it leaves without a `have` for it. Hashing a
//! piece costs less than sending it, so peers cannot use this to overload us.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use unchoke_core::text::counted;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::torrent::Input;

use super::{Goal, Notice, Session, SessionError};
use crate::connection::Link;

/// Most pieces per connection for which sent bytes are counted. A peer that finds a piece bad
/// requests it again soon.
const COUNTED: usize = 64;
/// Most pieces hashed when a connection ends: many clients send no `have` to a seed.
const INSPECTED: usize = 8;

/// Lost pieces, and facts that suggest damage.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// Bytes sent of each piece, oldest first, by the serial number of the connection.
    sent: BTreeMap<u64, VecDeque<(PieceIndex, u32)>>,
    /// Files that were reported to the user.
    told: BTreeSet<usize>,
    /// Number of pieces of changed files that were not hashed again before the end.
    unchecked: usize,
    /// A description of the first loss.
    first: Option<String>,
    /// Pieces that are only good with padding that is not saved.
    odd: BTreeSet<PieceIndex>,
    /// Lost pieces that are good again, and that the torrent is still downloading.
    restored: BTreeSet<PieceIndex>,
}

impl Damage {
    /// Counts a block sent to a peer. Returns true if the whole piece had been sent to that peer
    /// before.
    pub(super) fn note_sent(&mut self, link: Link, block: BlockRef, geometry: &Geometry) -> bool {
        let pieces = self.sent.entry(link.serial).or_default();
        if !pieces.iter().rev().any(|it| it.0 == block.piece) {
            pieces.push_back((block.piece, 0));
            if pieces.len() > COUNTED {
                pieces.pop_front();
            }
        }
        let mut newest = pieces.iter_mut().rev();
        let counted = newest.find(|it| it.0 == block.piece);
        let (_, bytes) = counted.expect("it is there or was just put there");
        *bytes = bytes.saturating_add(block.length);
        let again = *bytes > geometry.piece_span(block.piece);
        if again {
            *bytes = 0;
        }
        again
    }

    /// Notes that pieces of changed files were not hashed again before the end.
    pub(super) fn note_unchecked(&mut self, pieces: usize) {
        self.unchecked += pieces;
    }

    /// The peer has the piece, so the data that we sent was good.
    pub(super) fn note_have(&mut self, link: Link, piece: PieceIndex) {
        if let Some(pieces) = self.sent.get_mut(&link.serial) {
            pieces.retain(|it| it.0 != piece);
        }
    }

    /// The connection ended. Returns the pieces to check, latest first.
    pub(super) fn forget(&mut self, link: Link, geometry: &Geometry) -> Vec<PieceIndex> {
        let pieces = self.sent.remove(&link.serial).unwrap_or_default();
        let whole = pieces
            .iter()
            .rev()
            .filter(|it| it.1 >= geometry.piece_len(it.0));
        whole.map(|it| it.0).take(INSPECTED).collect()
    }
}

impl Session {
    /// A piece is no longer good: stop offering it, tell the user, and mark it in the resume data.
    pub(super) fn on_lost(&mut self, piece: PieceIndex) -> Result<(), SessionError> {
        if !self.torrent().have().has(piece) {
            return Ok(());
        }
        let file = self.damaged_file(piece);
        let path = self.storage.path(file);
        let state = match self.storage.stamp(file) {
            None => "is gone",
            Some(_) => "was changed or damaged",
        };
        let loss = format!(
            "{} {state}: piece {piece} of {} is not good any more",
            path.display(),
            self.settings.metainfo.geometry.piece_count()
        );
        let writes = self.settings.goal != Goal::Seed;
        if writes && self.damage.told.insert(file) {
            let what = "bad pieces of this file are fetched again";
            self.notify(Notice::Files(format!("{loss}; {what}")));
        }
        self.damage.first.get_or_insert(loss);
        self.damage.restored.remove(&piece);
        self.feed(Input::PieceLost { piece })?;
        self.finished.lose(&self.storage, piece);
        // Save now: a kill must not leave the wrong claim in the resume data.
        self.save_in_background();
        Ok(())
    }

    /// A lost piece is good again on disk: offer it, and tell the user when its file is complete.
    pub(super) fn on_restored(&mut self, piece: PieceIndex) -> Result<(), SessionError> {
        if self.torrent().have().has(piece) {
            return Ok(());
        }
        self.feed(Input::PieceFound { piece })?;
        if !self.torrent().have().has(piece) {
            self.damage.restored.insert(piece);
            return Ok(());
        }
        self.disk.restore(piece);
        for file in self.on_gained(piece) {
            self.storage.readopt(file);
            if self.damage.told.remove(&file) {
                let path = self.storage.path(file);
                let text = format!("{} is good again", path.display());
                self.notify(Notice::Files(text));
            }
        }
        Ok(())
    }

    /// Checks the restored pieces again that were being downloaded.
    pub(super) fn look_at_restored(&mut self) {
        for piece in std::mem::take(&mut self.damage.restored) {
            self.disk.inspect(piece);
        }
    }

    /// A piece is only good with non-zero padding. The user's files are complete, and peers are
    /// served until the end. Resume data must not claim the piece, because later runs do not have
    /// that padding.
    pub(super) fn on_odd_padding(&mut self, piece: PieceIndex) {
        if self.damage.odd.is_empty() {
            self.notify(Notice::Files(format!(
                "piece {piece}: the padding of this torrent is not zeros, against BEP 47. The files are \
                 complete; but padding is not saved, so `check`, `seed` and the next `download` will \
                 report such pieces as missing"
            )));
        }
        self.damage.odd.insert(piece);
    }

    /// The verified pieces that later runs can verify as well.
    pub(super) fn lasting(&self) -> Bitfield {
        let mut have = self.torrent().have().clone();
        for piece in &self.damage.odd {
            have.remove(*piece);
        }
        have
    }

    /// The file that makes the piece bad: one that is missing or changed, else the first file of
    /// the piece.
    fn damaged_file(&self, piece: PieceIndex) -> usize {
        let size = self.settings.metainfo.geometry.piece_bytes();
        let has_part = |file: &usize| self.storage.pieces_of(*file, size).contains(&piece.0);
        let parts = || (0..self.storage.files().len()).filter(has_part);
        let real = || parts().filter(|file| !self.storage.files()[*file].pad);
        let missing = real().find(|file| self.storage.stamp(*file).is_none());
        let changed = || real().find(|file| self.storage.was_changed(*file));
        let found = missing.or_else(changed).or_else(|| real().next());
        found.expect("a piece of padding alone is never bad")
    }

    /// A last check, after the disk threads have ended: pieces of deleted or shortened files are
    /// lost. Returns messages about files that were changed in another way and not checked since.
    pub(super) fn look_at_all_files(&mut self) -> Result<Vec<String>, SessionError> {
        let metainfo = std::sync::Arc::clone(&self.settings.metainfo);
        let geometry = &metainfo.geometry;
        let mut warnings = Vec::new();
        if self.damage.unchecked > 0 {
            warnings.push(format!(
                "{} of files that were changed during the session, not checked again; `unchoke \
                 check` shows whether they are good",
                counted(self.damage.unchecked as u64, "piece")
            ));
        }
        for file in 0..self.storage.files().len() {
            if !self.storage.look(file) {
                continue;
            }
            let mut lost = false;
            let pieces = self.storage.pieces_of(file, geometry.piece_bytes());
            for piece in pieces.map(PieceIndex) {
                let start = u64::from(piece.0) * u64::from(geometry.piece_bytes());
                if !self.storage.may_hold(start, geometry.piece_len(piece)) {
                    lost |= self.torrent().have().has(piece);
                    self.on_lost(piece)?;
                }
            }
            if !lost {
                let path = self.storage.path(file);
                warnings.push(format!(
                    "{} was changed during the session and not checked again; `unchoke check` shows \
                     whether it is good",
                    path.display()
                ));
            }
        }
        Ok(warnings)
    }

    /// The reason why a seed must stop: it needs all pieces.
    pub(super) fn damage_to_seed(&self) -> Option<String> {
        let loss = self.damage.first.as_ref()?;
        (self.settings.goal == Goal::Seed)
            .then(|| format!("{loss}; fetch it again with `unchoke download --seed`"))
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::ids::PeerKey;

    use super::*;

    #[test]
    fn a_piece_is_looked_at_when_a_peer_got_all_of_it_and_asks_again() {
        let geometry = Geometry::new(3 * 40_000, 40_000).expect("geometry");
        let mut damage = Damage::default();
        let link = |serial| Link {
            peer: PeerKey(0),
            serial,
        };
        let mut sent = |serial, piece, index| {
            let block = geometry.block(PieceIndex(piece), index);
            damage.note_sent(link(serial), block, &geometry)
        };
        for (serial, piece) in [(1, 0), (1, 1), (2, 0)] {
            for index in 0..3 {
                assert!(!sent(serial, piece, index), "the first time of {index}");
            }
        }
        assert!(sent(1, 0, 1), "asked for again");
        for index in 0..3 {
            assert!(!sent(1, 0, index), "counted anew");
        }
        assert!(sent(1, 0, 0), "once more for a whole piece");
        assert_eq!(damage.forget(link(1), &geometry), [PieceIndex(1)]);
        assert_eq!(damage.forget(link(1), &geometry), []);
        damage.note_have(link(2), PieceIndex(0));
        assert_eq!(damage.forget(link(2), &geometry), []);
    }
}
