//! Changes by other programs to files that we use.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::handles::lock;
use super::{Stamp, Storage, stamp_at};

/// The known state of one file.
#[derive(Debug)]
pub(super) struct State {
    /// Its stamp after our last look or write; `None` if absent.
    pub(super) known: Option<Stamp>,
    /// Whether no other program changed it since [`Storage::open`] or the last check.
    pub(super) vouched: bool,
    /// Whether another file replaced it. We must not write to that file.
    pub(super) replaced: bool,
}

impl State {
    pub(super) fn new(known: Option<Stamp>) -> Self {
        Self {
            known,
            vouched: true,
            replaced: false,
        }
    }
}

/// The detected changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    count: AtomicU64,
    /// Changed files that were not reported yet.
    files: Mutex<BTreeSet<usize>>,
}

impl Storage {
    /// Notes that another program changed `file`. Its content counts as unknown from now on.
    pub(super) fn note_change(&self, file: usize, state: &mut State) {
        lock(&self.handles).forget(file);
        let found = stamp_at(&self.path(file), &self.files[file]);
        if let Some(found) = &found {
            // A file that appears after a deletion also belongs to another program.
            let same = state.known.is_some_and(|it| it.is_same_place(found));
            state.replaced |= !same;
        }
        state.known = found;
        state.vouched = false;
        lock(&self.changes.files).insert(file);
        self.changes.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Compares `file` with its known state. Returns true if another program changed it.
    pub fn look(&self, file: usize) -> bool {
        let mut state = lock(&self.states[file]);
        let changed = stamp_at(&self.path(file), &self.files[file]) != state.known;
        if changed {
            self.note_change(file, &mut state);
        }
        changed
    }

    /// The stamp of file number `file` after our last look or write; `None` if it was absent or is
    /// padding.
    #[must_use]
    pub fn stamp(&self, file: usize) -> Option<Stamp> {
        lock(&self.states[file]).known
    }

    /// The stamp of `file`, and whether the verified pieces in it are still valid: no other program
    /// changed the file since.
    #[must_use]
    pub fn vouched_stamp(&self, file: usize) -> Option<(Stamp, bool)> {
        let state = lock(&self.states[file]);
        state.known.map(|it| (it, state.vouched))
    }

    /// Marks `file` as trusted: each of its pieces that counts as verified was verified after the
    /// last change.
    pub(crate) fn vouch(&self, file: usize) {
        lock(&self.states[file]).vouched = true;
    }

    /// All pieces of `file` were verified after the last change: it is the file of the torrent, even
    /// if another program put it there, and may be written.
    pub(crate) fn readopt(&self, file: usize) {
        lock(&self.states[file]).replaced = false;
    }

    /// Verified bytes in this range turned out to be bad. The files of this range are not trusted
    /// until they are checked.
    pub(crate) fn distrust(&self, offset: u64, length: u32) {
        for span in self.spans(offset, length as usize) {
            lock(&self.states[span.file]).vouched = false;
        }
    }

    /// Whether, since its last check, another program changed `file` or a verified piece in it
    /// turned out to be bad.
    #[must_use]
    pub fn was_changed(&self, file: usize) -> bool {
        !lock(&self.states[file]).vouched
    }

    /// Number of changes by other programs.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.changes.count.load(Ordering::Relaxed)
    }

    /// Takes the files that other programs changed. Each change is reported once.
    #[must_use]
    pub fn take_changed(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.changes.files))
            .into_iter()
            .collect()
    }

    /// The pieces that lie at least partly in `file`, for a piece length of `piece_bytes`.
    #[must_use]
    pub fn pieces_of(&self, file: usize, piece_bytes: u32) -> std::ops::Range<u32> {
        let piece = |at: u64| u32::try_from(at).expect("piece numbers are 32 bits");
        let (start, end) = (self.starts[file], self.starts[file + 1]);
        if start == end {
            return 0..0;
        }
        let size = u64::from(piece_bytes);
        piece(start / size)..piece(end.div_ceil(size))
    }
}
