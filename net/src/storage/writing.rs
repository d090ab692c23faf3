//! Writes the payload.

use std::fs::File;
use std::io::{self, IoSlice};

use rustix::io::{pwritev, retry_on_intr};

use super::handles::lock;
use super::{Storage, StorageError};

impl Storage {
    /// Writes `bytes` at `offset` of the payload.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.write_parts(offset, &[bytes])
    }

    /// Writes the bytes of `parts`, one part behind the other, from `offset` of the payload on.
    pub fn write_parts(&self, offset: u64, parts: &[&[u8]]) -> Result<(), StorageError> {
        let mut at = 0;
        for span in self.spans(offset, parts.iter().map(|it| it.len()).sum()) {
            let mut within = cut(parts, at, span.length);
            at += span.length;
            if self.files[span.file].pad {
                continue;
            }
            let mut state = lock(&self.states[span.file]);
            let handle = self.to_write(span.file, &mut state)?;
            let written = write_all_at(&handle, &mut within, span.offset);
            // Do this after a failure, too: a part of the bytes may be written.
            lock(&self.handles).touch(span.file);
            let stamped = self.note_own_write(span.file, &handle, &mut state);
            written.map_err(self.failed("write", span.file))?;
            stamped?;
        }
        Ok(())
    }
}

/// The `length` bytes of `parts` from number `from` on.
fn cut<'a>(parts: &[&'a [u8]], from: usize, length: usize) -> Vec<IoSlice<'a>> {
    let mut end = 0;
    let within = parts.iter().filter_map(|part| {
        let begin = end;
        end += part.len();
        let (first, last) = (from.max(begin), (from + length).min(end));
        (first < last).then(|| IoSlice::new(&part[first - begin..last - begin]))
    });
    within.collect()
}

fn write_all_at(file: &File, mut parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
    let mut at = offset;
    while !parts.is_empty() {
        let count = retry_on_intr(|| pwritev(file, parts, at))?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        at += count as u64;
        IoSlice::advance_slices(&mut parts, count);
    }
    Ok(())
}
