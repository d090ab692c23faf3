//! The payload on disk: one range of bytes laid over many files, by `pread` and `pwrite`.
//!
//! Deliberately not here: memory maps, and any path that did not go through the sanitised layout.

mod handles;
mod inside;

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use handles::Handles;

/// One file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Sanitised path below the output folder.
    pub path: PathBuf,
    /// Bytes.
    pub length: u64,
    /// Padding: all zeros, neither written nor read. BEP 47.
    pub pad: bool,
}

/// Something went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct StorageError {
    /// What was tried.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl StorageError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

/// Size and modification time of a file, to tell whether somebody changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// Bytes.
    pub length: u64,
    /// Modification time in ns since 1970.
    pub modified_ns: u64,
}

/// The files of one torrent below one folder.
#[derive(Debug)]
pub struct Storage {
    root: PathBuf,
    files: Vec<FileEntry>,
    /// First byte of each file in the payload, and at the end the total.
    starts: Vec<u64>,
    handles: Mutex<Handles>,
    writable: bool,
}

/// A part of one file.
struct Span {
    file: usize,
    offset: u64,
    length: usize,
}

impl Storage {
    /// For reading only; nothing is created.
    pub fn open(root: &Path, files: Vec<FileEntry>) -> Result<Self, StorageError> {
        let canonical = fs::canonicalize(root)
            .map_err(|error| StorageError::new("open folder", root, error))?;
        Ok(Self::with_root(canonical, files, false))
    }

    /// For writing: creates `root` and the empty files. Others are created when first written,
    /// sparse and of full length. Files longer than the torrent says are refused, not cut.
    pub fn create(root: &Path, files: Vec<FileEntry>) -> Result<Self, StorageError> {
        fs::create_dir_all(root)
            .map_err(|error| StorageError::new("create folder", root, error))?;
        let canonical = fs::canonicalize(root)
            .map_err(|error| StorageError::new("open folder", root, error))?;
        let storage = Self::with_root(canonical, files, true);
        for (index, file) in storage.files.iter().enumerate() {
            storage.refuse_longer(file)?;
            if file.length == 0 && !file.pad {
                storage.handle(index)?;
            }
        }
        Ok(storage)
    }

    fn with_root(root: PathBuf, files: Vec<FileEntry>, writable: bool) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for file in &files {
            end += file.length;
            starts.push(end);
        }
        Self {
            root,
            files,
            starts,
            handles: Mutex::default(),
            writable,
        }
    }

    fn refuse_longer(&self, file: &FileEntry) -> Result<(), StorageError> {
        let path = self.root.join(&file.path);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() > file.length => {
                let why = format!(
                    "it has {} bytes, the torrent says {}; move it away first",
                    found.len(),
                    file.length
                );
                Err(StorageError::new("use", &path, io::Error::other(why)))
            }
            _ => Ok(()),
        }
    }

    /// The folder, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files in the order of the torrent.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// First byte of file number `index` in the payload.
    #[must_use]
    pub fn start(&self, index: usize) -> u64 {
        self.starts[index]
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

    fn handle(&self, file: usize) -> Result<std::sync::Arc<fs::File>, StorageError> {
        let mut handles = handles::lock(&self.handles);
        handles.get(file, || {
            let entry = &self.files[file];
            let path = self.root.join(&entry.path);
            inside::open(&self.root, &entry.path, self.writable)
                .and_then(|opened| {
                    if self.writable && opened.metadata()?.len() < entry.length {
                        // Sparse, and of full length from the start.
                        opened.set_len(entry.length)?;
                    }
                    Ok(opened)
                })
                .map_err(|error| StorageError::new("open", &path, error))
        })
    }

    /// Writes `bytes` at `offset` of the payload.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let mut at = 0;
        for span in self.spans(offset, bytes.len()) {
            let part = &bytes[at..at + span.length];
            at += span.length;
            if self.files[span.file].pad {
                continue;
            }
            let handle = self.handle(span.file)?;
            handle.write_all_at(part, span.offset).map_err(|error| {
                let path = self.root.join(&self.files[span.file].path);
                StorageError::new("write", &path, error)
            })?;
            handles::lock(&self.handles).touch(span.file);
        }
        Ok(())
    }

    /// Fills `bytes` from `offset` of the payload.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), StorageError> {
        let mut at = 0;
        for span in self.spans(offset, bytes.len()) {
            let part = &mut bytes[at..at + span.length];
            at += span.length;
            if self.files[span.file].pad {
                part.fill(0);
                continue;
            }
            let handle = self.handle(span.file)?;
            handle.read_exact_at(part, span.offset).map_err(|error| {
                let path = self.root.join(&self.files[span.file].path);
                StorageError::new("read", &path, error)
            })?;
        }
        Ok(())
    }

    /// Whether any file of the torrent with content exists.
    #[must_use]
    pub fn anything_there(&self) -> bool {
        (0..self.files.len()).any(|file| self.stamp(file).is_some_and(|it| it.length > 0))
    }

    /// Whether the file that holds byte `offset` exists and reaches beyond it. Cheap: saves reading
    /// and hashing what cannot be there.
    #[must_use]
    pub fn may_hold(&self, offset: u64, length: u32) -> bool {
        self.spans(offset, length as usize).all(|span| {
            self.files[span.file].pad
                || self
                    .stamp(span.file)
                    .is_some_and(|stamp| stamp.length >= span.offset + span.length as u64)
        })
    }

    /// Size and modification time of file number `file`; `None` if it is absent or padding.
    #[must_use]
    pub fn stamp(&self, file: usize) -> Option<Stamp> {
        if self.files[file].pad {
            return None;
        }
        let found = fs::metadata(self.root.join(&self.files[file].path)).ok()?;
        let modified = found.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Stamp {
            length: found.len(),
            modified_ns: u64::try_from(since.as_nanos()).ok()?,
        })
    }

    /// Puts everything written so far onto the disk.
    pub fn sync(&self) -> Result<(), StorageError> {
        let touched = handles::lock(&self.handles).take_touched();
        for file in touched {
            let synced = self.handle(file)?.sync_all();
            synced.map_err(|error| {
                let path = self.root.join(&self.files[file].path);
                StorageError::new("sync", &path, error)
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
