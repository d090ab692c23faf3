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
            let why = format!("it is the same torrent as {other}");
            return Err(held(other, why));
        }
        // Some file systems ignore case.
        let name = metainfo.name.to_lowercase();
        if let Some(other) = taken.get(&name) {
            let why = format!(
                "it would be saved as `{}`, and so would {other}; fetch them into different folders with \
                 --out",
                metainfo.name
            );
            return Err(held(other, why));
        }
        taken.insert(hash, shown.to_owned());
        taken.insert(name, shown.to_owned());
        Ok(())
    }

    /// Whether the torrent that the user named `shown` has a name or a hash.
    pub(super) fn has(&self, shown: &str) -> bool {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.values().any(|it| it == shown)
    }

    /// Frees the hash and the name of the torrent that the user named `shown`.
    pub(super) fn release(&self, shown: &str) -> Vec<String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = taken.extract_if(.., |_, it| it == shown);
        given.map(|it| it.0).collect()
    }
}

/// The failure of a torrent whose name or hash `other` has.
fn held(other: &str, why: String) -> Failure {
    Failure {
        held_by: Some(other.to_owned()),
        ..Failure::bad_input(why)
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
