//! What one of several torrents of a command has to itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use unchoke_core::metainfo::Metainfo;

use super::Failure;
use crate::shares::Share;

/// What the torrents of one command must not have in common: the names below the folder, and the
/// hashes. Each with the words by which the user named it.
#[derive(Debug, Default)]
pub(super) struct Taken(Mutex<BTreeMap<String, String>>);

impl Taken {
    /// Takes the hash and the name of a torrent that the user called `shown`.
    pub(super) fn take(&self, metainfo: &Metainfo, shown: &str) -> Result<(), Failure> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = metainfo.info_hash.to_string();
        if let Some(other) = taken.get(&hash) {
            return Err(Failure::bad_input(format!(
                "it is the same torrent as {other}"
            )));
        }
        // Some file systems do not tell case apart.
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

    /// What the user called `shown` is over: gives back its hash and its name.
    pub(super) fn release(&self, shown: &str) -> Vec<String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = taken.extract_if(.., |_, it| it == shown);
        given.map(|it| it.0).collect()
    }
}

/// What one of several torrents has to itself.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) taken: &'a Taken,
    /// How the user calls it.
    pub(super) shown: &'a str,
    pub(super) share: Share,
}
