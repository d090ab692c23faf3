//! Non-zero padding. BEP 47 requires zeros, but some torrent creators write other bytes; such
//! pieces only match their hash with the original padding. Padding has no place on disk, so it is
//! kept in memory until the session ends.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Storage;
use super::handles::lock;

/// Most bytes kept. Few torrents need more: padding after a file is shorter than a piece.
const MOST_BYTES: usize = 16 << 20;

/// Padding bytes and their offset in the payload. At most one block, and never all zeros.
pub(crate) type Run = (u64, Vec<u8>);

/// Padding by its offset in the payload. Runs do not overlap.
#[derive(Debug, Default)]
pub(super) struct OddPadding(Mutex<BTreeMap<u64, Vec<u8>>>);

impl OddPadding {
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Fills `bytes`, a range of padding at offset `at` of the payload.
    pub(super) fn read(&self, at: u64, bytes: &mut [u8]) {
        bytes.fill(0);
        let end = at + bytes.len() as u64;
        for (start, run) in lock(&self.0).range(..end).rev() {
            let stop = start + run.len() as u64;
            if stop <= at {
                break;
            }
            let (from, to) = (at.max(*start), end.min(stop));
            let part = |from: u64, of: u64| usize::try_from(from - of).expect("part of a buffer");
            bytes[part(from, at)..part(to, at)]
                .copy_from_slice(&run[part(from, *start)..part(to, *start)]);
        }
    }
}

impl Storage {
    /// Sets the padding in `bytes`, at `offset` of the payload, to zeros, as [`Self::read`] returns
    /// it. Returns the non-zero padding that the peer sent.
    pub(crate) fn blank_padding(&self, offset: u64, bytes: &mut [u8]) -> Vec<Run> {
        let (mut at, mut odd) = (0, Vec::new());
        for span in self.spans(offset, bytes.len()) {
            let part = &mut bytes[at..at + span.length];
            if self.files[span.file].pad && part.iter().any(|it| *it != 0) {
                odd.push((offset + at as u64, part.to_vec()));
                part.fill(0);
            }
            at += span.length;
        }
        odd
    }

    /// Whether this range of the payload contains padding.
    pub(crate) fn has_padding(&self, offset: u64, length: u32) -> bool {
        let mut spans = self.spans(offset, length as usize);
        spans.any(|it| self.files[it.file].pad)
    }

    /// Keeps these padding bytes and returns them on reads from now on.
    pub(crate) fn keep_padding(&self, runs: Vec<Run>) {
        lock(&self.odd_padding.0).extend(runs);
    }

    /// Whether the kept padding is within the limit. If not, the caller must remove what it added
    /// last.
    pub(crate) fn padding_fits(&self) -> bool {
        let kept = lock(&self.odd_padding.0);
        kept.values().map(Vec::len).sum::<usize>() <= MOST_BYTES
    }

    /// Resets the padding in this range to zeros.
    pub(crate) fn forget_padding(&self, offset: u64, length: u32) {
        let end = offset + u64::from(length);
        lock(&self.odd_padding.0).retain(|start, _| !(offset..end).contains(start));
    }
}
