//! Resume data: which pieces are verified, believed only while the files are as they were.
//!
//! Written to a temporary file, synced and renamed, after the payload it speaks of was synced. A
//! checksum guards it: damaged data is not believed in any part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PieceIndex};

use crate::storage::{Stamp, Storage, StorageError, Use, read_slots};
use crate::text::{from_hex, to_hex};

/// Begins the first line, which ends with the SHA-1 of all other bytes in hex.
const HEAD: &str = "unchoke resume data 2, sha1 ";
/// Resume data larger than this is not ours: 2^30 pieces take 256 MiB in hex, 2^21 take 512 KiB.
const MAX_BYTES: u64 = 400 << 20;
/// Bytes that a file of the torrent takes at most: seven numbers and what stands between them.
const FILE_BYTES: u64 = 170;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    info_hash: String,
    piece_bytes: u32,
    total_bytes: u64,
    /// Wire form of the verified pieces, in hex.
    pieces: String,
    /// Of each file of the torrent, `null` if absent: its stamp when it was last verified or written
    /// by us, and whether nobody else has changed it since then.
    files: Vec<SavedFile>,
}

type SavedFile = Option<(Stamp, bool)>;

/// What resume data says, compared with what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// There is none. Whether each file is one that we wrote, as far as that can be told.
    Nothing(Vec<bool>),
    /// It cannot be used; a sentence about why, and whether each file is one that we wrote.
    Useless(String, Vec<bool>),
    /// It is ours and whole.
    Known(Known),
}

/// What is known without reading the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Pieces that are good.
    pub good: Bitfield,
    /// Pieces of files that have changed since: good or not, only hashing can tell.
    pub doubtful: Bitfield,
    /// How many files have changed.
    pub changed_files: usize,
    /// Whether each file is the one that we verified or wrote, though its content may have changed.
    pub ours: Vec<bool>,
}

/// Where the resume data of one torrent lies, with room reserved for it.
#[derive(Clone, Debug)]
pub struct Resume {
    path: PathBuf,
    temporary: PathBuf,
    slots: PathBuf,
    info_hash: InfoHash,
    geometry: Geometry,
}

impl Resume {
    /// The resume data of a torrent whose payload lies below `folder`.
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

    /// Takes the space that saving will need, so that a full disk cannot prevent it.
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

    /// Gives the space back that [`Self::reserve`] took, as nothing will be saved.
    pub fn free(&self) {
        if let Err(error) = fs::remove_file(&self.temporary) {
            tracing::debug!(%error, "reserved space is left");
        }
    }

    /// The temporary file in place, never through a link that somebody left there.
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

    /// What is known without reading the payload.
    #[must_use]
    pub fn load(&self, storage: &Storage) -> Loaded {
        let count = storage.files().len();
        let slots = read_slots(&self.slots, count);
        let mut bytes = Vec::new();
        let read =
            File::open(&self.path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        let how = match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Loaded::Nothing(ours(storage, &vec![None; count], &slots));
            }
            Err(error) => format!("cannot be read ({error})"),
            Ok(_) if bytes.starts_with(b"{") => "is of an earlier version".to_owned(),
            Ok(_) => match self.decode(&bytes, count) {
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
        if sum != to_hex(&Sha1::digest(body)).as_bytes() {
            return None;
        }
        let saved: Saved = serde_json::from_slice(body).ok()?;
        let ours = saved.info_hash == self.info_hash.to_string()
            && saved.piece_bytes == self.geometry.piece_bytes()
            && saved.total_bytes == self.geometry.total_bytes()
            && saved.files.len() == files;
        let wire = from_hex(&saved.pieces).filter(|_| ours)?;
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

    /// Keeps note of what is written, so that [`Self::load`] can tell our writes from others' even
    /// after we were killed. To be called before the first write.
    pub fn follow(&self, storage: &Storage) -> Result<(), StorageError> {
        storage.keep_slots(&self.slots)
    }

    /// Ends what [`Self::follow`] began, after everything was saved and nothing more is written.
    pub fn unfollow(&self) -> io::Result<()> {
        match fs::remove_file(&self.slots) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Saves that `have` is verified. The payload must have been synced, and every file that is there
    /// must be one that we wrote, or that has a good piece, or be left alone.
    pub fn save(&self, storage: &Storage, have: &Bitfield) -> io::Result<()> {
        // What is there of a file that we leave alone may be anybody's.
        let ours = storage.files().iter().map(|it| it.wanted != Use::None);
        self.write(have, self.stamps(storage, ours, have))
    }

    /// Saves what a check has found, in place of what was `known`.
    pub fn correct(&self, storage: &Storage, known: &Known, have: &Bitfield) -> io::Result<()> {
        let ours = known.ours.iter().copied();
        self.write(have, self.stamps(storage, ours, have))
    }

    /// The stamps of the files that are `ours` or have a good piece.
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
            pieces: to_hex(&have.to_wire()),
            files,
        };
        let body = serde_json::to_vec(&saved)?;
        let head = format!("{HEAD}{}\n", to_hex(&Sha1::digest(&body)));
        let mut file = self.open_temporary()?;
        file.write_all(head.as_bytes())?;
        file.write_all(&body)?;
        let end = file.stream_position()?;
        file.set_len(end)?;
        file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// Whether there is resume data of any kind.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }
}

/// Who changed a file since the resume data was saved.
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

/// Whether each file is one that we verified or wrote, by what was saved and by its slot.
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
