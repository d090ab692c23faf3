//! Padding that is not zeros. BEP 47 wants zeros, and some creators put other bytes there: their pieces
//! are good only with the padding as it was when they were hashed. It has no place on disk, so it is
//! kept in memory, and lasts as long as the session.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Storage;
use super::handles::lock;

/// Bytes kept at most. A torrent pads each file to a piece at most; few torrents pad with more.
const MOST_BYTES: usize = 16 << 20;

/// Bytes of padding and where in the payload they begin. At most one block, and never all zeros.
pub(crate) type Run = (u64, Vec<u8>);

/// Padding by its first byte in the payload; no two runs overlap.
#[derive(Debug, Default)]
pub(super) struct OddPadding(Mutex<BTreeMap<u64, Vec<u8>>>);

impl OddPadding {
    /// Fills `bytes`, which are padding from `at` of the payload on.
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
    /// Makes `bytes`, which are to be at `offset` of the payload, what [`Self::read`] will give: the
    /// parts that are padding are zeros. Gives what a peer has sent there instead.
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

    /// Whether some of these bytes of the payload are padding.
    pub(crate) fn has_padding(&self, offset: u64, length: u32) -> bool {
        let mut spans = self.spans(offset, length as usize);
        spans.any(|it| self.files[it.file].pad)
    }

    /// From now on these bytes of the payload are padding as given.
    pub(crate) fn keep_padding(&self, runs: Vec<Run>) {
        lock(&self.odd_padding.0).extend(runs);
    }

    /// Whether what is kept is not too much. What was kept last has to go otherwise.
    pub(crate) fn padding_fits(&self) -> bool {
        let kept = lock(&self.odd_padding.0);
        kept.values().map(Vec::len).sum::<usize>() <= MOST_BYTES
    }

    /// The padding of these bytes is zeros again.
    pub(crate) fn forget_padding(&self, offset: u64, length: u32) {
        let end = offset + u64::from(length);
        lock(&self.odd_padding.0).retain(|start, _| !(offset..end).contains(start));
    }
}
