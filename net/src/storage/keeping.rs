//! How files are kept on disk while they are incomplete: their names and their space.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FallocateFlags, RenameFlags, fallocate, renameat_with};
use rustix::io::Errno;

use super::handles::lock;
use super::{FileEntry, Stamp, Storage, StorageError, Use, inside, stamp_at};

/// When the space of files is allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Allocation {
    /// As data arrives. The files have their full length from the start.
    #[default]
    Sparse,
    /// Before the download starts, so that the disk cannot become full later.
    Full,
    /// As data arrives. The files grow.
    None,
}

/// How files are kept while they are incomplete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Added to the name of an incomplete file.
    pub suffix: Option<OsString>,
    /// When space is allocated.
    pub allocation: Allocation,
}

/// The present names of the files.
#[derive(Debug)]
pub(super) struct Names {
    suffix: OsString,
    /// For each file, whether its name has the suffix now.
    suffixed: Vec<AtomicBool>,
}

impl Names {
    /// A file that exists under its own name keeps it. All others have the suffix until they are
    /// complete. Files without content are complete at once.
    pub(super) fn find(
        root: &Path,
        files: &[FileEntry],
        suffix: Option<&OsString>,
    ) -> Result<Self, StorageError> {
        let has_suffix = |it: &FileEntry| {
            let own = || fs::symlink_metadata(root.join(&it.path)).is_ok();
            suffix.is_some() && !it.pad && it.length > 0 && !own()
        };
        let suffixed = files.iter().map(|it| AtomicBool::new(has_suffix(it)));
        let names = Self {
            suffixed: suffixed.collect(),
            suffix: suffix.cloned().unwrap_or_default(),
        };
        let own: BTreeSet<&Path> = files.iter().map(|it| &*it.path).collect();
        let mut with = (0..files.len()).filter(|it| names.is_suffixed(*it));
        match with.find(|it| own.contains(&*names.relative(files, *it))) {
            None => Ok(names),
            Some(file) => {
                let why =
                    "another file of the torrent has that name; choose another --incomplete-suffix";
                let path = names.path(root, files, file);
                Err(StorageError::new("use", &path, io::Error::other(why)))
            }
        }
    }

    fn is_suffixed(&self, file: usize) -> bool {
        self.suffixed[file].load(Ordering::Acquire)
    }

    /// The present path, relative to the output folder.
    pub(super) fn relative(&self, files: &[FileEntry], file: usize) -> PathBuf {
        let own = &files[file].path;
        if !self.is_suffixed(file) {
            return own.clone();
        }
        let mut name = own.clone().into_os_string();
        name.push(&self.suffix);
        name.into()
    }

    pub(super) fn path(&self, root: &Path, files: &[FileEntry], file: usize) -> PathBuf {
        root.join(self.relative(files, file))
    }
}

/// Allows everybody to execute the file who may read it.
pub(super) fn allow_to_execute(handle: &File, found: &Metadata) -> io::Result<()> {
    let mode = found.permissions().mode();
    handle.set_permissions(Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

impl Storage {
    /// Whether `file` waits for its own name.
    pub(crate) fn is_suffixed(&self, file: usize) -> bool {
        self.names.is_suffixed(file)
    }

    /// Opens `file` to sync it.
    pub(super) fn reopened(&self, file: usize) -> io::Result<File> {
        // The lock keeps the file from being renamed in between.
        let _state = lock(&self.states[file]);
        inside::open(&self.root, &self.relative(file), inside::Purpose::Write)
    }

    /// The files with bytes in this range of the payload.
    pub(crate) fn files_in(&self, offset: u64, length: u32) -> impl Iterator<Item = usize> + '_ {
        self.spans(offset, length as usize).map(|it| it.file)
    }

    /// Gives `file` its own name, after its data is on disk. All pieces of it must be verified. The
    /// inner error says that the name is taken: the file then keeps the suffix. Nothing is ever
    /// overwritten.
    pub(crate) fn complete(&self, file: usize) -> Result<io::Result<()>, StorageError> {
        if !self.is_suffixed(file) {
            return Ok(Ok(()));
        }
        self.sync_file(file)?;
        let mut state = lock(&self.states[file]);
        let present = self.path(file);
        if state.known.is_none() || stamp_at(&present, &self.files[file]) != state.known {
            self.note_change(file, &mut state);
            return Ok(Ok(()));
        }
        let own = self.root.join(&self.files[file].path);
        let renamed = inside::find(&self.root, &self.relative(file), false)
            .and_then(|_| rename_to_free(&present, &own));
        if let Err(error) = renamed {
            return Ok(Err(error));
        }
        self.names.suffixed[file].store(false, Ordering::Release);
        // The new name must get to the disk with the next sync.
        lock(&self.handles).touch(file);
        // A rename changes the stamp.
        let found = fs::metadata(&own).map_err(self.failed("look at", file))?;
        let stamp = Stamp::of(&found);
        let same = state.known.is_some_and(|it| it.is_same_file(&stamp));
        if !same {
            self.note_change(file, &mut state);
            return Ok(Ok(()));
        }
        state.known = Some(stamp);
        if let Some(slots) = self.slots.get() {
            slots.note(file, &stamp, state.vouched);
        }
        Ok(Ok(()))
    }

    /// Allocates the space of these files, if that is wanted.
    pub(crate) fn allocate(&self, files: impl Iterator<Item = usize>) -> Result<(), StorageError> {
        if self.allocation != Allocation::Full {
            return Ok(());
        }
        for file in files {
            let entry = &self.files[file];
            if entry.pad || entry.length == 0 || entry.wanted != Use::Whole {
                continue;
            }
            let mut state = lock(&self.states[file]);
            let handle = self.to_write(file, &mut state)?;
            let allocated = fallocate(&*handle, FallocateFlags::empty(), 0, entry.length);
            self.note_own_write(file, &handle, &mut state)?;
            allocated.map_err(|error| {
                let error = match error {
                    Errno::OPNOTSUPP => io::Error::other(
                        "its file system cannot allocate space in advance; use --preallocate sparse",
                    ),
                    other => other.into(),
                };
                self.failed("allocate the space of", file)(error)
            })?;
        }
        Ok(())
    }
}

/// Renames a file. Fails if the new name exists.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system cannot do this in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        renamed => renamed.map_err(io::Error::from),
    }
}
