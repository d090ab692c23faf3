//! Checks whether a torrent can be stored in a folder, before any data arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;

use super::inside::{self, Purpose};
use super::{FileEntry, Storage, StorageError, Use};

/// Names up to this length are allowed everywhere. Of the common file systems, eCryptfs has the
/// lowest limit: 143 bytes.
const SHORT_NAME: usize = 140;

/// Fails if a path or name is too long. The limits differ between systems, so we ask the system. It
/// checks the length of a path before it looks for the file, and the length of a name in an
/// existing folder.
pub(super) fn refuse_long_paths(root: &Path, files: &[FileEntry]) -> Result<(), StorageError> {
    let mut names = BTreeSet::new();
    for file in files.iter().filter(|it| is_used(it)) {
        refuse_long(&root.join(&file.path))?;
        let parts = file.path.components().filter_map(|it| match it {
            Component::Normal(name) if name.len() > SHORT_NAME => Some(name),
            _ => None,
        });
        names.extend(parts);
    }
    let probe = |name: &&OsStr| refuse_long(&root.join(name));
    names.iter().try_for_each(probe)
}

/// Whether we may write to the file.
fn is_used(file: &FileEntry) -> bool {
    !file.pad && file.wanted != Use::None
}

/// `None` if the file is missing.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn refuse_long(path: &Path) -> Result<(), StorageError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            let why = format!(
                "its path has {} bytes and its name {}, more than the system allows there; choose \
                 a folder with a shorter path, or on another file system",
                path.as_os_str().len(),
                path.file_name().map_or(0, OsStr::len)
            );
            Err(StorageError::new("use", path, io::Error::other(why)))
        }
        _ => Ok(()),
    }
}

impl Storage {
    /// Fails if something at the path of a file cannot be overwritten.
    pub(super) fn refuse_obstacles(&self) -> Result<(), StorageError> {
        // The real path of each folder, so that each is looked at once; `None` if it is missing.
        let mut folders: BTreeMap<&Path, Option<PathBuf>> = BTreeMap::new();
        for (number, file) in self.files.iter().enumerate() {
            if !is_used(file) {
                continue;
            }
            let parted = inside::split(&file.path);
            let (parent, _) = parted.map_err(self.failed("use", number))?;
            if !folders.contains_key(parent) {
                let real = there(inside::folder(&self.root, parent, false));
                folders.insert(parent, real.map_err(self.failed("use", number))?);
            }
            let relative = self.relative(number);
            if let (Some(real), Some(name)) = (&folders[parent], relative.file_name()) {
                let found = there(inside::settle(&self.root, &real.join(name)));
                found.map_err(self.failed("use", number))?;
            }
        }
        Ok(())
    }

    /// Files that are longer than in the torrent.
    #[must_use]
    pub fn longer(&self) -> Vec<usize> {
        let files = self.files.iter().enumerate().filter(|(_, it)| is_used(it));
        let longer = |(number, file): (usize, &FileEntry)| {
            let found = self.stamp(number)?;
            (found.length > file.length).then_some(number)
        };
        files.filter_map(longer).collect()
    }

    /// Files of the user: they have content, no earlier run of ours wrote it, and no piece of them
    /// is in `good`.
    ///
    /// A small file that shares all its pieces cannot have a good piece while its neighbours are
    /// incomplete. It is accepted if it has the right length and other pieces of the torrent are
    /// good, because then another client has most likely fetched it.
    pub fn foreign(
        &self,
        ours: &[bool],
        good: &Bitfield,
        geometry: &Geometry,
    ) -> Result<Vec<usize>, StorageError> {
        let size = geometry.piece_bytes();
        let begun = good.count() > 0;
        let mut foreign = Vec::new();
        for (file, ours) in ours.iter().enumerate() {
            let length = self.stamp(file).map_or(0, |it| it.length);
            if *ours || length == 0 || !is_used(&self.files[file]) {
                continue;
            }
            let mut pieces = self.pieces_of(file, size);
            let undecided = begun && length == self.files[file].length && !self.has_own(file, size);
            let any_good = pieces.any(|piece| good.has(PieceIndex(piece)));
            if !any_good && !undecided && !self.is_blank(file)? {
                foreign.push(file);
            }
        }
        Ok(foreign)
    }

    /// Whether a whole piece lies in `file`. The last piece of the torrent may be short.
    fn has_own(&self, file: usize, piece_bytes: u32) -> bool {
        let size = u64::from(piece_bytes);
        let (start, end) = (self.starts[file], self.starts[file + 1]);
        let first = start.next_multiple_of(size);
        let last = end == self.starts[self.files.len()] && first < end;
        last || first + size <= end
    }

    /// Whether a file contains only zeros, as after preallocation. Overwriting it loses nothing.
    fn is_blank(&self, file: usize) -> Result<bool, StorageError> {
        let opened = inside::open(&self.root, &self.relative(file), Purpose::Read);
        let read = opened.and_then(only_zeros);
        read.map_err(self.failed("read", file))
    }
}

fn only_zeros(mut file: File) -> io::Result<bool> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut bytes)?;
        if count == 0 || bytes[..count].iter().any(|byte| *byte != 0) {
            return Ok(count == 0);
        }
    }
}
