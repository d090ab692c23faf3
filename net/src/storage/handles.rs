//! A bounded set of open files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Most files kept open. The usual limit of a process is 1024 descriptors.
const OPEN_FILES: usize = 128;

#[derive(Debug)]
struct Open {
    used: u64,
    writable: bool,
    file: Arc<File>,
}

/// Open files by their number in the torrent. The least recently used file is closed first.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<usize, Open>,
    uses: u64,
    /// Files written since the last sync.
    touched: BTreeSet<usize>,
}

/// Locks `guarded`. A panic in another thread leaves the value usable: each change to it is
/// complete in itself.
pub(super) fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same, or `None` if another thread has locked it.
pub(super) fn try_lock<T>(guarded: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match guarded.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl Handles {
    /// The open handle of `file`, if it is open for reading, or for writing if `write`.
    pub(super) fn get(&mut self, file: usize, write: bool) -> Option<Arc<File>> {
        self.uses += 1;
        let open = self.open.get_mut(&file)?;
        if write && !open.writable {
            return None;
        }
        open.used = self.uses;
        Some(Arc::clone(&open.file))
    }

    pub(super) fn keep(&mut self, file: usize, handle: File, writable: bool) -> Arc<File> {
        if self.open.len() >= OPEN_FILES {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.used);
            let oldest = oldest.map(|(file, _)| *file);
            oldest.map(|file| self.open.remove(&file));
        }
        let handle = Arc::new(handle);
        let open = Open {
            used: self.uses,
            writable,
            file: Arc::clone(&handle),
        };
        self.open.insert(file, open);
        handle
    }

    pub(super) fn forget(&mut self, file: usize) {
        self.open.remove(&file);
    }

    pub(super) fn touch(&mut self, file: usize) {
        self.touched.insert(file);
    }

    /// Takes one file from the list of files written since the last sync.
    pub(super) fn take_touched(&mut self) -> Option<usize> {
        self.touched.pop_first()
    }
}
