//! Changes that somebody else made to files while we use them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::handles::lock;
use super::{Stamp, Storage, stamp_at};

/// What is known of one file.
#[derive(Debug)]
pub(super) struct State {
    /// As it was when last looked at or last written by us; `None` if absent.
    pub(super) known: Option<Stamp>,
    /// Nobody else changed it since [`Storage::open`], or since it was checked.
    pub(super) vouched: bool,
    /// Another file took its place: it is not ours to write to.
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

/// The changes seen so far.
#[derive(Debug, Default)]
pub(super) struct Changes {
    count: AtomicU64,
    /// Files of which nobody was told yet.
    files: Mutex<BTreeSet<usize>>,
}

impl Storage {
    /// Somebody else changed `file`: what is there from now on counts as unknown.
    pub(super) fn note_change(&self, file: usize, state: &mut State) {
        lock(&self.handles).forget(file);
        let found = stamp_at(&self.root, &self.files[file]);
        if let Some(found) = &found {
            // After a deletion, too: what appears then is somebody's.
            let same = state.known.is_some_and(|it| it.is_same_place(found));
            state.replaced |= !same;
        }
        state.known = found;
        state.vouched = false;
        lock(&self.changes.files).insert(file);
        self.changes.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Compares `file` with what is known of it; true if somebody else has changed it.
    pub fn look(&self, file: usize) -> bool {
        let mut state = lock(&self.states[file]);
        let changed = stamp_at(&self.root, &self.files[file]) != state.known;
        if changed {
            self.note_change(file, &mut state);
        }
        changed
    }

    /// The stamp of file number `file` when it was last looked at or written by us; `None` if it was
    /// absent or is padding.
    #[must_use]
    pub fn stamp(&self, file: usize) -> Option<Stamp> {
        lock(&self.states[file]).known
    }

    /// The stamp of `file`, and whether it vouches for the pieces that were verified there: nobody
    /// else changed the file since.
    #[must_use]
    pub fn vouched_stamp(&self, file: usize) -> Option<(Stamp, bool)> {
        let state = lock(&self.states[file]);
        state.known.map(|it| (it, state.vouched))
    }

    /// Every piece of `file` that counts was verified since its last change.
    pub(crate) fn vouch(&self, file: usize) {
        lock(&self.states[file]).vouched = true;
    }

    /// What was verified in these bytes is there no longer: the stamps of their files vouch for
    /// nothing until the files are checked.
    pub(crate) fn distrust(&self, offset: u64, length: u32) {
        for span in self.spans(offset, length as usize) {
            lock(&self.states[span.file]).vouched = false;
        }
    }

    /// Whether somebody else changed `file`, or a piece of it turned out to be bad, and it was not
    /// checked since.
    #[must_use]
    pub fn was_changed(&self, file: usize) -> bool {
        !lock(&self.states[file]).vouched
    }

    /// Counts the changes by others.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.changes.count.load(Ordering::Relaxed)
    }

    /// Files that somebody else changed, each told once.
    #[must_use]
    pub fn take_changed(&self) -> Vec<usize> {
        std::mem::take(&mut *lock(&self.changes.files))
            .into_iter()
            .collect()
    }

    /// The pieces of `piece_bytes` bytes that `file` has a part in.
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
