//! Stamps: they show whether a file was changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Size, times and identity of a file. Stamps are only compared, so every value is valid, including
/// dates before 1970 or in the far future. Saved as eight 64-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u64; 8]", into = "[u64; 8]")]
pub struct Stamp {
    /// Length in bytes.
    pub length: u64,
    /// Time of the last change of the content: seconds since 1970, and nanoseconds.
    modified: (i64, i64),
    /// Time of the last change of content or metadata. Unlike `modified`, programs cannot set it.
    changed: (i64, i64),
    device: u64,
    inode: u64,
    /// When the file was created, in nanoseconds since 1970. 0 where the file system does not say.
    created: u64,
}

impl Stamp {
    pub(super) fn of(found: &Metadata) -> Self {
        Self {
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            device: found.dev(),
            inode: found.ino(),
            created: created(found),
        }
    }

    /// Whether the file was not written in between. Ignores device and inode: on some file systems
    /// these numbers change with each mount.
    #[must_use]
    pub fn is_unchanged(&self, earlier: &Self) -> bool {
        let of = |it: &Self| (it.length, it.modified, it.changed);
        of(self) == of(earlier)
    }

    /// Whether this is still the same file, even if its content changed: it was not replaced by
    /// another file, or it was copied together with its times.
    ///
    /// The inode alone does not show it: a file system gives the inode of a removed file to the
    /// next new one. So the file must also have the same date of creation, and the length that it
    /// had when we last wrote it: a file of another length was rewritten by another program.
    #[must_use]
    pub fn is_same_file(&self, earlier: &Self) -> bool {
        let place = |it: &Self| (it.device, it.inode, it.created);
        let is_there = place(self) == place(earlier) || self.modified == earlier.modified;
        is_there && self.length == earlier.length
    }

    /// Whether both stamps belong to the same file on disk.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Encodes a stamp with fixed width, for slots.
    pub(super) fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (part, word) in bytes.chunks_mut(8).zip(self.words()) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let words: [&[u8; 8]; 8] = std::array::from_fn(|i| &words[i]);
        Self::from_words(words.map(|it| u64::from_le_bytes(*it)))
    }

    fn words(self) -> [u64; 8] {
        [
            self.length,
            self.modified.0.cast_unsigned(),
            self.modified.1.cast_unsigned(),
            self.changed.0.cast_unsigned(),
            self.changed.1.cast_unsigned(),
            self.device,
            self.inode,
            self.created,
        ]
    }

    fn from_words(words: [u64; 8]) -> Self {
        Self {
            length: words[0],
            modified: (words[1].cast_signed(), words[2].cast_signed()),
            changed: (words[3].cast_signed(), words[4].cast_signed()),
            device: words[5],
            inode: words[6],
            created: words[7],
        }
    }
}

/// Only compared, so a date that does not fit may stand for "unknown".
fn created(found: &Metadata) -> u64 {
    let since = found.created().ok();
    let since = since.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(0))
}

impl From<Stamp> for [u64; 8] {
    fn from(stamp: Stamp) -> Self {
        stamp.words()
    }
}

impl From<[u64; 8]> for Stamp {
    fn from(words: [u64; 8]) -> Self {
        Self::from_words(words)
    }
}
