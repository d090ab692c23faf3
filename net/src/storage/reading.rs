//! Reads the payload. Reading never creates, extends or cuts a file.

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[cfg(target_os = "linux")]
use rustix::io::ReadWriteFlags;

use super::changes::State;
use super::handles::{lock, try_lock};
use super::inside::{self, Purpose};
use super::{Span, Stamp, Storage, StorageError};

impl Storage {
    /// Fills `bytes` from `offset` of the payload. If a file has changed, this is noted
    /// ([`Self::take_changed`]): the bytes read may differ from the verified ones.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), StorageError> {
        self.read_spans(offset, bytes, |span, part| {
            self.with_reader(span.file, |it| it.read_exact_at(part, span.offset))
        })
    }

    /// Like [`Self::read`], but only if the system has all bytes in memory and the files are open.
    /// Returns whether it filled `bytes`. Waits neither for the disk nor for a thread that writes.
    pub(crate) fn read_cached(&self, offset: u64, bytes: &mut [u8]) -> bool {
        if self.reads_may_wait.load(Ordering::Relaxed) {
            return false;
        }
        let read = self.read_spans(offset, bytes, |span, part| {
            self.read_span_cached(span, part).ok_or(())
        });
        read.is_ok()
    }

    fn read_span_cached(&self, span: &Span, part: &mut [u8]) -> Option<()> {
        let handle = lock(&self.handles).get(span.file, false)?;
        match read_in_memory(&handle, part, span.offset) {
            Ok(count) if count == part.len() => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.reads_may_wait.store(true, Ordering::Relaxed);
                return None;
            }
            _ => return None,
        }
        // A writer holds the state until its bytes are written.
        let mut state = try_lock(&self.states[span.file])?;
        self.compare(span.file, &handle, &mut state).ok()
    }

    /// Fills `bytes` from `offset` of the payload: padding from memory, and each part of a file with
    /// `read`. Stops at the first error.
    fn read_spans<E>(
        &self,
        offset: u64,
        bytes: &mut [u8],
        read: impl Fn(&Span, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        for span in self.spans(offset, bytes.len()) {
            let part = &mut bytes[at..at + span.length];
            at += span.length;
            if self.files[span.file].pad {
                let at = self.starts[span.file] + span.offset;
                self.odd_padding.read(at, part);
            } else {
                read(&span, part)?;
            }
        }
        Ok(())
    }

    /// Calls `read` with the open `file`, and notes it if the file has changed or cannot be read.
    fn with_reader<T>(
        &self,
        file: usize,
        read: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<T, StorageError> {
        let done = self.to_read(file).and_then(|handle| {
            let done = read(&handle).map_err(self.failed("read", file))?;
            self.compare(file, &handle, &mut lock(&self.states[file]))?;
            Ok(done)
        });
        if done.is_err() {
            self.look(file);
        }
        done
    }

    /// Notes it if the file has changed. Call it after each read, so that a change before the read is
    /// detected.
    fn compare(&self, file: usize, handle: &File, state: &mut State) -> Result<(), StorageError> {
        let found = handle.metadata().map_err(self.failed("look at", file))?;
        if state.known != Some(Stamp::of(&found)) {
            self.note_change(file, state);
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

    /// Whether these bytes were never written, or are padding: they read as zeros, and reading them can
    /// be spared. A torrent may have more padding than any disk could hold. False where the system
    /// cannot tell.
    pub(crate) fn is_hole(&self, offset: u64, length: u32) -> Result<bool, StorageError> {
        for span in self.spans(offset, length as usize) {
            let end = span.offset + span.length as u64;
            let is_hole = if self.files[span.file].pad {
                self.odd_padding.is_empty()
            } else {
                self.with_reader(span.file, |it| {
                    Ok(next_data(it, span.offset).is_some_and(|next| next >= end))
                })?
            };
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

/// Reads the bytes that need no access to the disk, and returns their number. The error is
/// `Unsupported` where the system cannot tell.
#[cfg(target_os = "linux")]
fn read_in_memory(file: &File, part: &mut [u8], offset: u64) -> io::Result<usize> {
    let parts = &mut [IoSliceMut::new(part)];
    rustix::io::preadv2(file, parts, offset, ReadWriteFlags::NOWAIT).map_err(Into::into)
}

#[cfg(not(target_os = "linux"))]
fn read_in_memory(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
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
