//! Reads the payload. Reading never creates, extends or cuts a file.

use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use rustix::io::ReadWriteFlags;

use super::handles::lock;
use super::inside::{self, Purpose};
use super::{Stamp, Storage, StorageError};

impl Storage {
    /// Fills `bytes` from `offset` of the payload. If a file has changed, this is noted
    /// ([`Self::take_changed`]): the bytes read may differ from the verified ones.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), StorageError> {
        let mut at = 0;
        for span in self.spans(offset, bytes.len()) {
            let part = &mut bytes[at..at + span.length];
            at += span.length;
            if self.files[span.file].pad {
                let at = self.starts[span.file] + span.offset;
                self.odd_padding.read(at, part);
                continue;
            }
            self.with_reader(span.file, |it| it.read_exact_at(part, span.offset))?;
        }
        Ok(())
    }

    /// Like [`Self::read`], but only if the system has all bytes in memory and the files are open.
    /// Returns whether it filled `bytes`. Never waits for the disk.
    pub(crate) fn read_cached(&self, offset: u64, bytes: &mut [u8]) -> bool {
        let mut at = 0;
        self.spans(offset, bytes.len()).all(|span| {
            let part = &mut bytes[at..at + span.length];
            at += span.length;
            if self.files[span.file].pad {
                let at = self.starts[span.file] + span.offset;
                self.odd_padding.read(at, part);
                return true;
            }
            let handle = lock(&self.handles).get(span.file, false);
            handle.is_some_and(|it| {
                read_in_memory(&it, part, span.offset) && self.compare(span.file, &it).is_ok()
            })
        })
    }

    /// Calls `read` with the open `file`, and notes it if the file has changed or cannot be read.
    fn with_reader<T>(
        &self,
        file: usize,
        read: impl FnOnce(&File) -> std::io::Result<T>,
    ) -> Result<T, StorageError> {
        let done = self.to_read(file).and_then(|handle| {
            let done = read(&handle).map_err(self.failed("read", file))?;
            self.compare(file, &handle)?;
            Ok(done)
        });
        if done.is_err() {
            self.look(file);
        }
        done
    }

    /// Notes it if the file has changed. Call it after each read, so that a change before the read is
    /// detected.
    fn compare(&self, file: usize, handle: &File) -> Result<(), StorageError> {
        let mut state = lock(&self.states[file]);
        let found = handle.metadata().map_err(self.failed("look at", file))?;
        if state.known != Some(Stamp::of(&found)) {
            self.note_change(file, &mut state);
        }
        Ok(())
    }

    fn to_read(&self, file: usize) -> Result<Arc<File>, StorageError> {
        let cached = lock(&self.handles).get(file, false);
        if let Some(handle) = cached {
            return Ok(handle);
        }
        // The lock keeps the file from being renamed in between.
        let state = lock(&self.states[file]);
        let opened = inside::open(&self.root, &self.relative(file), Purpose::Read);
        drop(state);
        let opened = opened.map_err(self.failed("open", file))?;
        Ok(lock(&self.handles).keep(file, opened, false))
    }

    /// Whether these bytes were never written: they read as zeros, and reading them can be spared.
    /// False where the system cannot tell.
    pub(crate) fn is_hole(&self, offset: u64, length: u32) -> Result<bool, StorageError> {
        for span in self.spans(offset, length as usize) {
            let end = span.offset + span.length as u64;
            let is_hole = !self.files[span.file].pad
                && self.with_reader(span.file, |it| {
                    Ok(next_data(it, span.offset).is_some_and(|next| next >= end))
                })?;
            if !is_hole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether any file of the torrent with a length above zero exists.
    #[must_use]
    pub fn anything_there(&self) -> bool {
        (0..self.files.len()).any(|file| self.stamp(file).is_some_and(|it| it.length > 0))
    }

    /// Whether the files with these bytes exist and are long enough. A cheap check that avoids
    /// reading and hashing absent data.
    #[must_use]
    pub fn may_hold(&self, offset: u64, length: u32) -> bool {
        self.spans(offset, length as usize).all(|span| {
            self.files[span.file].pad
                || self
                    .stamp(span.file)
                    .is_some_and(|stamp| stamp.length >= span.offset + span.length as u64)
        })
    }
}

/// Fills `part` if that needs no access to the disk. False where the system cannot tell.
#[cfg(target_os = "linux")]
fn read_in_memory(file: &File, part: &mut [u8], offset: u64) -> bool {
    let length = part.len();
    let parts = &mut [IoSliceMut::new(part)];
    let read = rustix::io::preadv2(file, parts, offset, ReadWriteFlags::NOWAIT);
    read.is_ok_and(|it| it == length)
}

#[cfg(not(target_os = "linux"))]
fn read_in_memory(_: &File, _: &mut [u8], _: u64) -> bool {
    false
}

/// Offset of the first byte from `offset` on that was written, or the largest number if there is
/// none. `None` if the system cannot tell.
#[cfg(target_os = "linux")]
fn next_data(file: &File, offset: u64) -> Option<u64> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(next) => Some(next),
        Err(rustix::io::Errno::NXIO) => Some(u64::MAX),
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn next_data(_: &File, _: u64) -> Option<u64> {
    None
}
