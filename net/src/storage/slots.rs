//! The slots: a small file beside the payload with the stamp of each file after our latest write.
//!
//! A process that is killed cannot save resume data. Its last writes are recorded here: a file
//! whose stamp equals its slot was not changed by another program, so the resume data about it is
//! still valid. After a power failure, a slot may be older or newer than its file. Then the stamps
//! differ and the file is checked.
//!
//! The file also carries the lock of a download: a second one into the same place would overwrite the
//! slots and the resume data of the first.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use sha1::{Digest as _, Sha1};

use super::{Stamp, read_regular};

const STAMP_BYTES: usize = 64;
/// A stamp, the trusted flag, and a checksum.
const SLOT_BYTES: usize = STAMP_BYTES + 8;

/// Most attempts to lock the file, while another download removes it.
const ATTEMPTS: u32 = 10;

/// The open slots file.
#[derive(Debug)]
pub(super) struct Slots(File);

impl Slots {
    /// Opens the slots at `path`, and locks them until they are dropped or the process ends. Never
    /// follows a link in its place. If another download has the lock, the error is `WouldBlock`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        for _ in 0..ATTEMPTS {
            match fs::symlink_metadata(path) {
                Ok(found) if !found.is_file() => fs::remove_file(path)?,
                _ => (),
            }
            let file = options.open(path)?;
            match file.try_lock() {
                Ok(()) => (),
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                // Some network file systems have no locks.
                Err(TryLockError::Error(error)) => tracing::debug!(%error, "no lock"),
            }
            // The owner of the lock may have removed the file after we opened it.
            let place = |it: &Metadata| (it.dev(), it.ino());
            let there = fs::symlink_metadata(path).as_ref().map(place).ok();
            if there == Some(place(&file.metadata()?)) {
                return Ok(Self(file));
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Saves the stamp of `file` after a write, and whether it is still trusted (no change by
    /// another program since its pieces were verified). If this fails, the old slot no longer
    /// matches, which only costs a check.
    pub(super) fn note(&self, file: usize, stamp: &Stamp, vouched: bool) {
        let at = file as u64 * SLOT_BYTES as u64;
        if let Err(error) = self.0.write_all_at(&encode(file, stamp, vouched), at) {
            tracing::debug!(%error, "a slot was not written");
        }
    }
}

/// Reads the valid slots of `count` files. All are `None` if the slots file does not exist.
pub(crate) fn read_slots(path: &Path, count: usize) -> Vec<Option<(Stamp, bool)>> {
    let mut bytes = Vec::new();
    let most = count as u64 * SLOT_BYTES as u64;
    let read = read_regular(path, most, &mut bytes);
    if let Err(error) = read {
        tracing::debug!(%error, "no slots");
        bytes.clear();
    }
    let slots = bytes.chunks(SLOT_BYTES).enumerate();
    let mut slots: Vec<_> = slots.map(|(file, slot)| decode(file, slot)).collect();
    slots.resize(count, None);
    slots
}

fn encode(file: usize, stamp: &Stamp, vouched: bool) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..STAMP_BYTES].copy_from_slice(&stamp.to_bytes());
    let sum = checksum(file, &slot[..STAMP_BYTES], vouched);
    slot[STAMP_BYTES..].copy_from_slice(&sum);
    slot
}

fn decode(file: usize, slot: &[u8]) -> Option<(Stamp, bool)> {
    let (stamp, sum) = slot.split_first_chunk::<STAMP_BYTES>()?;
    let vouched = [true, false].into_iter();
    let mut found = vouched.filter(|it| sum == checksum(file, stamp, *it));
    found.next().map(|it| (Stamp::from_bytes(stamp), it))
}

/// Includes the file number, so that a slot in the wrong place is invalid.
fn checksum(file: usize, stamp: &[u8], vouched: bool) -> [u8; 8] {
    let mut hash = Sha1::new();
    hash.update([u8::from(vouched)]);
    hash.update((file as u64).to_le_bytes());
    hash.update(stamp);
    let sum = hash.finalize();
    *sum.first_chunk().expect("SHA-1 has 20 bytes")
}
