//! Different paths for different files, also where case does not count.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::string::String;

use super::MetainfoError;
use super::name::split_extension;

/// Files of one name that are told apart by a number. libtorrent `max_duplicate_filenames`.
const MAX_EQUAL_NAMES: u32 = 500;

/// Folders of one torrent. A file at the size limit could ask for three million, which would take
/// hundreds of megabytes of memory only to be read.
const MAX_DIRECTORIES: u32 = 500_000;

/// Names taken so far. Directories are numbered, so that a long path costs no more than its text.
#[derive(Default)]
pub(super) struct Names {
    /// By number of the directory and lower-case name.
    taken: BTreeMap<(u32, String), Taken>,
    directories: u32,
}

#[derive(Default)]
struct Taken {
    /// Its number, if the name is one of a directory.
    directory: Option<u32>,
    /// Number to try next for another file of this name.
    suffix: u32,
}

impl Names {
    /// Number of the directory at `path`. All directories must be known before the first file.
    pub(super) fn directory(&mut self, path: &[String]) -> Result<u32, MetainfoError> {
        let mut at = 0;
        for name in path {
            let taken = self.taken.entry((at, name.to_lowercase())).or_default();
            at = *taken.directory.get_or_insert_with(|| {
                self.directories += 1;
                self.directories
            });
        }
        if self.directories > MAX_DIRECTORIES {
            return Err(MetainfoError::TooManyFolders);
        }
        Ok(at)
    }

    /// A free name for a file in `directory`: `name`, or `foo.1.txt` for `foo.txt`.
    pub(super) fn file(&mut self, directory: u32, name: &str) -> Result<String, MetainfoError> {
        let key = (directory, name.to_lowercase());
        let Some(taken) = self.taken.get(&key) else {
            self.taken.insert(key, Taken::default());
            return Ok(name.into());
        };
        let (stem, extension) = split_extension(name);
        for suffix in taken.suffix + 1..=MAX_EQUAL_NAMES {
            let renamed = format!("{stem}.{suffix}{extension}");
            let free = (directory, renamed.to_lowercase());
            if let Entry::Vacant(free) = self.taken.entry(free) {
                free.insert(Taken::default());
                self.taken.entry(key).or_default().suffix = suffix;
                return Ok(renamed);
            }
        }
        Err(MetainfoError::TooManyEqualNames(name.into()))
    }
}
