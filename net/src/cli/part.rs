//! The differences between the torrents of one command.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use unchoke_core::metainfo::Metainfo;

use super::Failure;
use crate::shares::Share;

/// Names and hashes in use. Torrents of one command must have different names in the output folder
/// and different hashes. Each maps to the text by which the user named its torrent.
#[derive(Debug, Default)]
pub(super) struct Taken(Mutex<BTreeMap<String, String>>);

impl Taken {
    /// Reserves the hash and the name of the torrent that the user named `shown`.
    pub(super) fn take(&self, metainfo: &Metainfo, shown: &str) -> Result<(), Failure> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = metainfo.info_hash.to_string();
        if let Some(other) = taken.get(&hash) {
            return Err(Failure::bad_input(format!(
                "it is the same torrent as {other}"
            )));
        }
        // Some file systems ignore case.
        let name = metainfo.name.to_lowercase();
        if let Some(other) = taken.get(&name) {
            return Err(Failure::bad_input(format!(
                "it would be saved as `{}`, and so would {other}; fetch them into different folders with \
                 --out",
                metainfo.name
            )));
        }
        taken.insert(hash, shown.to_owned());
        taken.insert(name, shown.to_owned());
        Ok(())
    }

    /// Frees the hash and the name of the torrent that the user named `shown`.
    pub(super) fn release(&self, shown: &str) -> Vec<String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = taken.extract_if(.., |_, it| it == shown);
        given.map(|it| it.0).collect()
    }
}

/// What belongs to one of several torrents.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) taken: &'a Taken,
    /// The text by which the user named it.
    pub(super) shown: &'a str,
    /// Whether the user knows that another process has its files.
    pub(super) waited: bool,
    pub(super) share: Share,
}
