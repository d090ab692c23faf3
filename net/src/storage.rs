//! The payload on disk: one range of bytes that spans many files, accessed with `pread` and
//! `pwrite`.
//!
//! For each file, the storage remembers the stamp of our last look or write, and compares the current
//! stamp with it after each read and before each write. So a change by another program is detected
//! before the bytes read count as good, and the stamp after such a change never counts as proof for a
//! piece. Reading never creates, extends or cuts a file.
//!
//! Deliberately not here: memory maps, and paths that do not come from the sanitised layout.

mod changes;
mod fitting;
mod handles;
mod inside;
mod keeping;
mod links;
mod padding;
mod reading;
mod regular;
mod slots;
mod stamp;
mod writing;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use changes::{Changes, State};
use handles::{Handles, lock};
use inside::Purpose;
use keeping::Names;
pub use keeping::{Allocation, Keeping};
pub use links::NewLink;
use padding::OddPadding;
pub(crate) use padding::Run;
pub(crate) use regular::read_regular;
use slots::Slots;
pub(crate) use slots::read_slots;
pub use stamp::Stamp;

/// One file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Sanitised path, relative to the output folder.
    pub path: PathBuf,
    /// Length in bytes.
    pub length: u64,
    /// Whether it is padding, which is neither written nor read. BEP 47 requires zeros.
    pub pad: bool,
    /// How the file is used.
    pub wanted: Use,
    /// Whether its owner may execute it. BEP 47.
    pub executable: bool,
}

/// How a file is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Use {
    /// It is created with its full length.
    #[default]
    Whole,
    /// It is not wanted but shares pieces with a wanted file. It is created when the first of these
    /// pieces arrives, and is only as long as these pieces need.
    Shared,
    /// It is neither created nor changed.
    None,
}

/// An operation on a file failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct StorageError {
    /// The operation.
    pub action: &'static str,
    /// The path of the file.
    pub path: PathBuf,
    /// The error of the system.
    pub source: io::Error,
}

impl StorageError {
    /// Whether another download has locked the file.
    pub(crate) fn is_locked(&self) -> bool {
        self.source.kind() == io::ErrorKind::WouldBlock
    }

    /// Whether the file does not exist, as opposed to not being accessible.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, UnexpectedEof};
        matches!(self.source.kind(), NotFound | UnexpectedEof | NotADirectory)
    }

    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The files of one torrent below one folder.
#[derive(Debug)]
pub struct Storage {
    root: PathBuf,
    files: Vec<FileEntry>,
    allocation: Allocation,
    names: Names,
    /// Offset of the first byte of each file in the payload; the last entry is the total length.
    starts: Vec<u64>,
    handles: Mutex<Handles>,
    /// The known state of each file. Locked while the file is written, so that no other thread
    /// mistakes our write for a change by another program.
    states: Vec<Mutex<State>>,
    changes: Changes,
    odd_padding: OddPadding,
    slots: OnceLock<Slots>,
    /// Whether a sync failed. The system may have dropped data that it could not write, and the
    /// next sync would not report that.
    sync_failed: AtomicBool,
    /// Whether the system cannot tell if a read would wait for the disk. It can on most file systems,
    /// but not on tmpfs.
    reads_may_wait: AtomicBool,
}

/// A part of one file.
struct Span {
    file: usize,
    offset: u64,
    length: usize,
}

impl Storage {
    /// Examines the files on disk and creates nothing. Fails if a path is longer than the system
    /// allows.
    pub fn open(root: &Path, files: Vec<FileEntry>) -> Result<Self, StorageError> {
        let canonical = fs::canonicalize(root)
            .map_err(|error| StorageError::new("open folder", root, error))?;
        fitting::refuse_long_paths(&canonical, &files)?;
        Self::with_root(canonical, files, &Keeping::default())
    }

    /// Like [`Self::open`], and also finds the incomplete files of a download with this suffix.
    pub fn open_with(
        root: &Path,
        files: Vec<FileEntry>,
        keeping: &Keeping,
    ) -> Result<Self, StorageError> {
        let plain = Self::open(root, files)?;
        Self::with_root(plain.root, plain.files, keeping)
    }

    /// Like [`Self::open`], for writing. Creates `root`, and refuses paths that could not be
    /// written later: folders in the place of files, files in the place of folders, links that lead
    /// out of `root`. Files are created on the first write, sparse and with full length;
    /// [`Self::create_empty`] creates the files without content.
    pub fn create(root: &Path, files: Vec<FileEntry>) -> Result<Self, StorageError> {
        Self::create_with(root, files, &Keeping::default())
    }

    /// The same, with a choice of names and space for incomplete files.
    pub fn create_with(
        root: &Path,
        files: Vec<FileEntry>,
        keeping: &Keeping,
    ) -> Result<Self, StorageError> {
        fs::create_dir_all(root)
            .map_err(|error| StorageError::new("create folder", root, error))?;
        let storage = Self::open_with(root, files, keeping)?;
        storage.refuse_obstacles()?;
        Ok(storage)
    }

    fn with_root(
        root: PathBuf,
        files: Vec<FileEntry>,
        keeping: &Keeping,
    ) -> Result<Self, StorageError> {
        let mut starts = vec![0];
        let mut end = 0;
        for file in &files {
            end += file.length;
            starts.push(end);
        }
        let names = Names::find(&root, &files, keeping.suffix.as_ref())?;
        let stamps =
            (0..files.len()).map(|it| stamp_at(&names.path(&root, &files, it), &files[it]));
        Ok(Self {
            states: stamps.map(|it| Mutex::new(State::new(it))).collect(),
            allocation: keeping.allocation,
            names,
            root,
            files,
            starts,
            handles: Mutex::default(),
            changes: Changes::default(),
            odd_padding: OddPadding::default(),
            slots: OnceLock::new(),
            sync_failed: AtomicBool::new(false),
            reads_may_wait: AtomicBool::new(false),
        })
    }

    /// The output folder, with symbolic links resolved.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files in the order of the torrent.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Offset of the first byte of file number `index` in the payload.
    #[must_use]
    pub fn start(&self, index: usize) -> u64 {
        self.starts[index]
    }

    /// Where file number `file` is now.
    #[must_use]
    pub fn path(&self, file: usize) -> PathBuf {
        self.names.path(&self.root, &self.files, file)
    }

    fn relative(&self, file: usize) -> PathBuf {
        self.names.relative(&self.files, file)
    }

    fn failed(&self, action: &'static str, file: usize) -> impl FnOnce(io::Error) -> StorageError {
        let path = self.path(file);
        move |error| StorageError::new(action, &path, error)
    }

    fn spans(&self, offset: u64, length: usize) -> impl Iterator<Item = Span> + '_ {
        let end = offset + length as u64;
        let first = self.starts.partition_point(|start| *start <= offset) - 1;
        (first..self.files.len())
            .take_while(move |file| self.starts[*file] < end)
            .filter_map(move |file| {
                let (start, stop) = (self.starts[file], self.starts[file + 1]);
                let (from, to) = (offset.max(start), end.min(stop));
                (from < to).then(|| Span {
                    file,
                    offset: from - start,
                    length: usize::try_from(to - from).expect("part of a buffer"),
                })
            })
    }

    /// Creates the missing files of length zero.
    pub fn create_empty(&self) -> Result<(), StorageError> {
        for (file, entry) in self.files.iter().enumerate() {
            if entry.length == 0 && !entry.pad && entry.wanted == Use::Whole {
                let mut state = lock(&self.states[file]);
                if state.known.is_none() {
                    self.open_to_write(file, &mut state)?;
                }
            }
        }
        Ok(())
    }

    fn note_own_write(
        &self,
        file: usize,
        handle: &File,
        state: &mut State,
    ) -> Result<(), StorageError> {
        let found = handle.metadata().map_err(self.failed("look at", file))?;
        let stamp = Stamp::of(&found);
        state.known = Some(stamp);
        if let Some(slots) = self.slots.get() {
            slots.note(file, &stamp, state.vouched);
        }
        Ok(())
    }

    /// From now on, keeps the stamps of our writes in the file `path`, and locks it.
    pub(crate) fn keep_slots(&self, path: &Path) -> Result<(), StorageError> {
        let opened = Slots::open(path);
        let slots = opened.map_err(|error| StorageError::new("write", path, error))?;
        // A second call changes nothing.
        drop(self.slots.set(slots));
        Ok(())
    }

    /// Also syncs files that were there before, as if we had written them: the resume data will
    /// refer to them.
    pub(crate) fn sync_all_present(&self) -> Result<(), StorageError> {
        for file in (0..self.files.len()).filter(|it| self.stamp(*it).is_some()) {
            lock(&self.handles).touch(file);
        }
        self.sync()
    }

    /// A handle for writing. First checks whether another program changed the file.
    fn to_write(&self, file: usize, state: &mut State) -> Result<Arc<File>, StorageError> {
        let cached = lock(&self.handles).get(file, true);
        if let Some(handle) = cached {
            let found = handle.metadata().map_err(self.failed("look at", file))?;
            if state.known == Some(Stamp::of(&found)) {
                return Ok(handle);
            }
            self.note_change(file, state);
        }
        self.open_to_write(file, state)
    }

    fn open_to_write(&self, file: usize, state: &mut State) -> Result<Arc<File>, StorageError> {
        if state.replaced {
            let why = "another file took its place while we used it; move that away first";
            return Err(self.failed("write", file)(io::Error::other(why)));
        }
        let entry = &self.files[file];
        let purpose = match state.known {
            Some(_) => Purpose::Write,
            None => Purpose::Create,
        };
        let opened = inside::open(&self.root, &self.relative(file), purpose);
        let handle = opened.map_err(|error| {
            let action = if purpose == Purpose::Create {
                "create"
            } else {
                "open"
            };
            self.failed(action, file)(error)
        })?;
        let found = handle.metadata().map_err(self.failed("look at", file))?;
        if purpose == Purpose::Write && state.known != Some(Stamp::of(&found)) {
            self.note_change(file, state);
        }
        if purpose == Purpose::Create && entry.executable {
            let allowed = keeping::allow_to_execute(&handle, &found);
            allowed.map_err(self.failed("make executable", file))?;
        }
        let sparse = self.allocation != Allocation::None;
        if sparse && found.len() < entry.length && entry.wanted == Use::Whole {
            let extended = handle.set_len(entry.length);
            extended.map_err(self.failed("extend", file))?;
        }
        self.note_own_write(file, &handle, state)?;
        let mut handles = lock(&self.handles);
        if purpose == Purpose::Create {
            handles.touch(file);
        }
        Ok(handles.keep(file, handle, true))
    }

    /// Cuts a file to its length in the torrent.
    pub fn cut(&self, file: usize) -> Result<(), StorageError> {
        let mut state = lock(&self.states[file]);
        let handle = self.to_write(file, &mut state)?;
        let cut = handle.set_len(self.files[file].length);
        cut.map_err(self.failed("cut", file))?;
        self.note_own_write(file, &handle, &mut state)
    }

    /// Writes all data to disk. After one failure it always fails: only a check of the files can
    /// tell what is on disk.
    pub fn sync(&self) -> Result<(), StorageError> {
        if self.sync_failed.load(Ordering::Relaxed) {
            let why = "an earlier sync failed";
            return Err(StorageError::new("sync", &self.root, io::Error::other(why)));
        }
        let synced = self.sync_touched();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Relaxed);
        }
        synced
    }

    fn sync_touched(&self) -> Result<(), StorageError> {
        let mut folders = BTreeSet::new();
        loop {
            // Take the file from the list before the sync: a write during the sync must be synced
            // again.
            let Some(file) = lock(&self.handles).take_touched() else {
                break;
            };
            // An empty file has no data, and its name is in the folder. A torrent may have very many.
            if self.files[file].length > 0 {
                self.sync_file(file)?;
            }
            let path = self.path(file);
            let above = path.ancestors().skip(1).map(Path::to_path_buf);
            folders.extend(above.take_while(|it| it.starts_with(&self.root)));
        }
        // Sync the folders, so that new names are on disk as well.
        for folder in folders {
            let synced = File::open(&folder).and_then(|it| it.sync_all());
            synced.map_err(|error| StorageError::new("sync", &folder, error))?;
        }
        Ok(())
    }

    fn sync_file(&self, file: usize) -> Result<(), StorageError> {
        let cached = lock(&self.handles).get(file, true);
        let handle = match cached {
            Some(handle) => handle,
            None => match self.reopened(file) {
                Ok(handle) => Arc::new(handle),
                // The file was deleted, so none of its data counts any more.
                Err(_) if self.look(file) => return Ok(()),
                Err(error) => return Err(self.failed("sync", file)(error)),
            },
        };
        handle.sync_all().map_err(self.failed("sync", file))
    }
}

fn stamp_at(path: &Path, entry: &FileEntry) -> Option<Stamp> {
    if entry.pad {
        return None;
    }
    let found = fs::metadata(path).ok()?;
    Some(Stamp::of(&found))
}

#[cfg(test)]
mod tests;
