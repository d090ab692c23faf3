//! Resume data: which pieces are verified, believed only while the files are as they were.
//!
//! Written to a temporary file, synced and renamed, after the payload it speaks of was synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::InfoHash;

use crate::storage::{Stamp, Storage};
use crate::text::{from_hex, to_hex};

const FORMAT: u32 = 1;
/// Resume data larger than this is not ours: 2^30 pieces take 256 MiB in hex, 2^21 take 512 KiB.
const MAX_BYTES: u64 = 300 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    info_hash: String,
    piece_bytes: u32,
    total_bytes: u64,
    /// Wire form of the verified pieces, in hex.
    pieces: String,
    /// Of each file of the torrent at the time, `null` if absent.
    files: Vec<Option<Stamp>>,
}

/// Where the resume data of one torrent lies, with room reserved for it.
#[derive(Clone, Debug)]
pub struct Resume {
    path: PathBuf,
    temporary: PathBuf,
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
            info_hash,
            geometry,
        }
    }

    /// Takes the space that saving will need, so that a full disk cannot prevent it.
    pub fn reserve(&self, files: usize) -> io::Result<()> {
        let pieces = u64::from(self.geometry.piece_count().div_ceil(8)) * 2;
        let bytes = pieces + files as u64 * 80 + 512;
        let mut file = self.open_temporary()?;
        let block = [b' '; 4096];
        for _ in 0..bytes.div_ceil(block.len() as u64) {
            file.write_all(&block)?;
        }
        Ok(())
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

    /// The pieces that are known to be good without reading them: none of a file that has changed
    /// since. `None` without valid resume data.
    #[must_use]
    pub fn load(&self, storage: &Storage) -> Option<Bitfield> {
        let mut text = String::new();
        let file = File::open(&self.path).ok()?;
        file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        let saved: Saved = serde_json::from_str(&text).ok()?;
        let ours = saved.format == FORMAT
            && saved.info_hash == self.info_hash.to_string()
            && saved.piece_bytes == self.geometry.piece_bytes()
            && saved.total_bytes == self.geometry.total_bytes()
            && saved.files.len() == storage.files().len();
        let bytes = from_hex(&saved.pieces).filter(|_| ours)?;
        let pieces = Bitfield::from_wire(&bytes, self.geometry.piece_count())?;
        let unchanged = (0..storage.files().len()).all(|i| storage.stamp(i) == saved.files[i]);
        let complete = pieces.iter().all(|piece| {
            let start = u64::from(piece.0) * u64::from(self.geometry.piece_bytes());
            storage.may_hold(start, self.geometry.piece_len(piece))
        });
        (unchanged && complete).then_some(pieces)
    }

    /// Saves that `have` is verified. The payload must have been synced.
    pub fn save(&self, storage: &Storage, have: &Bitfield) -> io::Result<()> {
        let saved = Saved {
            format: FORMAT,
            info_hash: self.info_hash.to_string(),
            piece_bytes: self.geometry.piece_bytes(),
            total_bytes: self.geometry.total_bytes(),
            pieces: to_hex(&have.to_wire()),
            files: (0..storage.files().len())
                .map(|i| storage.stamp(i))
                .collect(),
        };
        let text = serde_json::to_vec(&saved)?;
        let mut file = self.open_temporary()?;
        file.write_all(&text)?;
        let end = file.stream_position()?;
        file.set_len(end)?;
        file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
