//! A bounded number of open files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files kept open at a time; the usual limit of a process is 1024 descriptors.
const OPEN_FILES: usize = 128;

/// Open files by their number in the torrent; the one used longest ago gives way.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<usize, (u64, Arc<File>)>,
    uses: u64,
    /// Written since the last sync.
    touched: BTreeSet<usize>,
}

/// A panic elsewhere leaves the cache usable: it holds nothing but open files.
pub(super) fn lock(handles: &Mutex<Handles>) -> MutexGuard<'_, Handles> {
    handles.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handles {
    pub(super) fn get<E>(
        &mut self,
        file: usize,
        open: impl FnOnce() -> Result<File, E>,
    ) -> Result<Arc<File>, E> {
        self.uses += 1;
        if let Some((used, handle)) = self.open.get_mut(&file) {
            *used = self.uses;
            return Ok(Arc::clone(handle));
        }
        if self.open.len() >= OPEN_FILES {
            let oldest = self.open.iter().min_by_key(|(_, (used, _))| *used);
            let oldest = oldest.map(|(file, _)| *file);
            oldest.map(|file| self.open.remove(&file));
        }
        let handle = Arc::new(open()?);
        self.open.insert(file, (self.uses, Arc::clone(&handle)));
        Ok(handle)
    }

    pub(super) fn touch(&mut self, file: usize) {
        self.touched.insert(file);
    }

    pub(super) fn take_touched(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.touched)
    }
}
