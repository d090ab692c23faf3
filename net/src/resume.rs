//! Resume data: which pieces are verified. It is used only while the files are unchanged.
//!
//! It is saved after the payload was synced: written to a temporary file, synced and renamed. A
//! checksum detects damage; damaged resume data is ignored as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PieceIndex};

use crate::storage::{Stamp, Storage, StorageError, Use, read_regular, read_slots};

/// Start of the first line. The line ends with the SHA-1 of all other bytes, in hex.
const HEAD: &str = "unchoke resume data 3, sha1 ";
/// Start of the first line in every version but the first, which was JSON.
const ANY_HEAD: &[u8] = b"unchoke resume data ";
/// Largest file that can be resume data of ours: 2^30 pieces take 256 MiB in hex, 2^21 take 512
/// KiB.
const MAX_BYTES: u64 = 400 << 20;
/// Most bytes for one file of the torrent: eight numbers and the separators.
const FILE_BYTES: u64 = 190;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    info_hash: String,
    piece_bytes: u32,
    total_bytes: u64,
    /// The verified pieces as a bitfield in wire form, in hex.
    pieces: String,
    /// For each file of the torrent, `null` if absent: its stamp when we last verified or wrote it,
    /// and whether no other program has changed it since then.
    files: Vec<SavedFile>,
}

type SavedFile = Option<(Stamp, bool)>;

/// Resume data compared with the files on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// There is no resume data. For each file: whether we wrote it, as far as the slots tell.
    Nothing(Vec<bool>),
    /// The resume data cannot be used: the reason as a sentence, and for each file whether we wrote
    /// it.
    Useless(String, Vec<bool>),
    /// The resume data is valid.
    Known(Known),
}

/// What is known without reading the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Pieces that are verified.
    pub good: Bitfield,
    /// Pieces in files that have changed since they were verified. They must be hashed again.
    pub doubtful: Bitfield,
    /// Number of changed files.
    pub changed_files: usize,
    /// For each file: whether it is still the file that we verified or wrote, even if its content
    /// changed.
    pub ours: Vec<bool>,
}

/// The location of the resume data of one torrent, and the space reserved for it.
#[derive(Clone, Debug)]
pub struct Resume {
    path: PathBuf,
    temporary: PathBuf,
    slots: PathBuf,
    info_hash: InfoHash,
    geometry: Geometry,
}

impl Resume {
    /// The resume data of a torrent whose payload is in `folder`.
    #[must_use]
    pub fn new(folder: &Path, info_hash: InfoHash, geometry: Geometry) -> Self {
        Self {
            path: folder.join(format!(".{info_hash}.unchoke")),
            temporary: folder.join(format!(".{info_hash}.unchoke.part")),
            slots: folder.join(format!(".{info_hash}.unchoke.files")),
            info_hash,
            geometry,
        }
    }

    /// Allocates the disk space that saving will need, so that a full disk cannot prevent it.
    pub fn reserve(&self, files: usize) -> io::Result<()> {
        let pieces = u64::from(self.geometry.piece_count().div_ceil(8)) * 2;
        let bytes = pieces + files as u64 * FILE_BYTES + 512;
        let mut file = self.open_temporary()?;
        let block = [b' '; 4096];
        for _ in 0..bytes.div_ceil(block.len() as u64) {
            file.write_all(&block)?;
        }
        Ok(())
    }

    /// Undoes [`Self::reserve`] and [`Self::follow`], because nothing was written and nothing will be.
    pub fn free(&self) {
        if let Err(error) = fs::remove_file(&self.temporary) {
            tracing::debug!(%error, "reserved space is left");
        }
        // A log with entries is that of an earlier run.
        let is_new = fs::symlink_metadata(&self.slots).is_ok_and(|it| it.len() == 0);
        if is_new && let Err(error) = self.unfollow() {
            tracing::debug!(%error, "an empty log is left");
        }
    }

    /// Opens the temporary file. Never follows a link in its place.
    fn open_temporary(&self) -> io::Result<File> {
        match fs::symlink_metadata(&self.temporary) {
            Ok(found) if !found.is_file() => fs::remove_file(&self.temporary)?,
            _ => (),
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.temporary)
    }

    /// Loads what is known without reading the payload.
    #[must_use]
    pub fn load(&self, storage: &Storage) -> Loaded {
        let count = storage.files().len();
        let slots = read_slots(&self.slots, count);
        let mut bytes = Vec::new();
        let read = read_regular(&self.path, MAX_BYTES, &mut bytes);
        let how = match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Loaded::Nothing(ours(storage, &vec![None; count], &slots));
            }
            Err(error) => format!("cannot be read ({error})"),
            Ok(()) if is_of_other_version(&bytes) => "is of another version".to_owned(),
            Ok(()) => match self.decode(&bytes, count) {
                Some((pieces, files)) => {
                    let known = self.compare(storage, &pieces, &files, &slots);
                    return Loaded::Known(known);
                }
                None => "is damaged".to_owned(),
            },
        };
        let sentence = format!("the resume data {} {how}", self.path.display());
        Loaded::Useless(sentence, ours(storage, &vec![None; count], &slots))
    }

    fn decode(&self, bytes: &[u8], files: usize) -> Option<(Bitfield, Vec<SavedFile>)> {
        let rest = bytes.strip_prefix(HEAD.as_bytes())?;
        let (sum, rest) = rest.split_at_checked(40)?;
        let body = rest.strip_prefix(b"\n")?;
        if sum != hex::encode(Sha1::digest(body)).as_bytes() {
            return None;
        }
        let saved: Saved = serde_json::from_slice(body).ok()?;
        let ours = saved.info_hash == self.info_hash.to_string()
            && saved.piece_bytes == self.geometry.piece_bytes()
            && saved.total_bytes == self.geometry.total_bytes()
            && saved.files.len() == files;
        let wire = hex::decode(&saved.pieces).ok().filter(|_| ours)?;
        let pieces = Bitfield::from_wire(&wire, self.geometry.piece_count())?;
        Some((pieces, saved.files))
    }

    fn compare(
        &self,
        storage: &Storage,
        pieces: &Bitfield,
        files: &[SavedFile],
        slots: &[SavedFile],
    ) -> Known {
        let mut known = Known {
            good: pieces.clone(),
            doubtful: Bitfield::empty(self.geometry.piece_count()),
            changed_files: 0,
            ours: ours(storage, files, slots),
        };
        for (file, (saved, slot)) in files.iter().zip(slots).enumerate() {
            let touched = storage.pieces_of(file, self.geometry.piece_bytes());
            let touched = touched.map(PieceIndex);
            match change(storage.stamp(file), saved.as_ref(), slot.as_ref()) {
                Change::None => (),
                Change::Ours => touched
                    .filter(|piece| !pieces.has(*piece))
                    .for_each(|piece| known.doubt(piece)),
                Change::Foreign => {
                    known.changed_files += 1;
                    touched.for_each(|piece| known.doubt(piece));
                }
            }
        }
        for piece in pieces.iter() {
            let start = u64::from(piece.0) * u64::from(self.geometry.piece_bytes());
            if !storage.may_hold(start, self.geometry.piece_len(piece)) {
                known.doubt(piece);
            }
        }
        known
    }

    /// Starts to log the stamp of each write, so that [`Self::load`] can tell our writes from
    /// others' even after a kill. Call it before the first write. It locks the log until `storage` is
    /// dropped, and fails if another download has locked it.
    pub fn follow(&self, storage: &Storage) -> Result<(), StorageError> {
        storage.keep_slots(&self.slots)
    }

    /// Removes the log of [`Self::follow`]. Call it after everything is saved and nothing more is
    /// written.
    pub fn unfollow(&self) -> io::Result<()> {
        match fs::remove_file(&self.slots) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Saves that the pieces in `have` are verified. The payload must have been synced. Each file
    /// on disk must be one that we wrote, have a verified piece, or be a file that we do not touch.
    pub fn save(&self, storage: &Storage, have: &Bitfield) -> io::Result<()> {
        // A file that we do not touch may have been written by any program.
        let ours = storage.files().iter().map(|it| it.wanted != Use::None);
        self.write(have, self.stamps(storage, ours, have))
    }

    /// Saves the result of a check. It replaces what was `known`.
    pub fn correct(&self, storage: &Storage, known: &Known, have: &Bitfield) -> io::Result<()> {
        let ours = known.ours.iter().copied();
        self.write(have, self.stamps(storage, ours, have))
    }

    /// The stamps of the files that are `ours` or have a verified piece.
    fn stamps(
        &self,
        storage: &Storage,
        ours: impl Iterator<Item = bool>,
        have: &Bitfield,
    ) -> Vec<SavedFile> {
        let stamps = ours.enumerate().map(|(file, ours)| {
            let mut pieces = storage.pieces_of(file, self.geometry.piece_bytes());
            let stamp = storage.vouched_stamp(file);
            stamp.filter(|_| ours || pieces.any(|piece| have.has(PieceIndex(piece))))
        });
        stamps.collect()
    }

    fn write(&self, have: &Bitfield, files: Vec<SavedFile>) -> io::Result<()> {
        let saved = Saved {
            info_hash: self.info_hash.to_string(),
            piece_bytes: self.geometry.piece_bytes(),
            total_bytes: self.geometry.total_bytes(),
            pieces: hex::encode(have.to_wire()),
            files,
        };
        let body = serde_json::to_vec(&saved)?;
        let head = format!("{HEAD}{}\n", hex::encode(Sha1::digest(&body)));
        let mut file = self.open_temporary()?;
        file.write_all(head.as_bytes())?;
        file.write_all(&body)?;
        let end = file.stream_position()?;
        file.set_len(end)?;
        file.sync_all()?;
        // Say which file: a folder may be in its place.
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        };
        fs::rename(&self.temporary, &self.path).map_err(named)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// Whether there is a resume file, valid or not.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }
}

fn is_of_other_version(bytes: &[u8]) -> bool {
    let has_head = bytes.starts_with(ANY_HEAD) && !bytes.starts_with(HEAD.as_bytes());
    has_head || bytes.starts_with(b"{")
}

/// How a file changed since the resume data was saved.
enum Change {
    None,
    Ours,
    Foreign,
}

fn change(
    now: Option<Stamp>,
    saved: Option<&(Stamp, bool)>,
    slot: Option<&(Stamp, bool)>,
) -> Change {
    let is =
        |vouched: &(Stamp, bool)| vouched.1 && now.is_some_and(|now| now.is_unchanged(&vouched.0));
    let was_vouched = saved.is_none_or(|it| it.1);
    if now.is_none() && saved.is_none() || saved.is_some_and(is) {
        Change::None
    } else if was_vouched && slot.is_some_and(is) {
        Change::Ours
    } else {
        Change::Foreign
    }
}

/// For each file: whether we verified or wrote it, judged by the saved stamp and by its slot.
fn ours(storage: &Storage, files: &[SavedFile], slots: &[SavedFile]) -> Vec<bool> {
    let both = files.iter().zip(slots).enumerate();
    both.map(|(file, (saved, slot))| {
        let known = saved.iter().chain(slot);
        let same = |it: &(Stamp, bool)| {
            storage
                .stamp(file)
                .is_some_and(|now| now.is_same_file(&it.0))
        };
        known.into_iter().any(same)
    })
    .collect()
}

impl Known {
    fn doubt(&mut self, piece: PieceIndex) {
        self.good.remove(piece);
        self.doubtful.insert(piece);
    }
}

#[cfg(test)]
mod tests;
