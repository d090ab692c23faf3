//! The records of `run` for each torrent besides its resume data: bytes uploaded and time seeded,
//! over all runs. One small file for each torrent, replaced atomically.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Failure, whole};
use crate::session::Earlier;
use crate::storage::read_regular;

/// Longest file that can be ours.
const MOST_BYTES: u64 = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    uploaded_bytes: u64,
    seeded_ms: u64,
}

/// The folder of the records, used only by us.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Locked while this process runs.
    _lock: File,
}

impl Store {
    /// Opens the folder, and creates it if it is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let shown = folder.display();
        let failed = |error| Failure::io(format!("the folder for state {shown}: {error}"));
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder: folder.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Failure::bad_input(format!(
                "another `unchoke run` uses {shown}; stop it, or choose another folder with --state"
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn file(&self, info_hash: &str) -> PathBuf {
        self.folder.join(format!("{info_hash}.json"))
    }

    /// The record of earlier runs; zero if there is none.
    pub(super) fn load(&self, info_hash: &str) -> Earlier {
        let path = self.file(info_hash);
        if !path.exists() {
            return Earlier::default();
        }
        let mut bytes = Vec::new();
        // A longer file is cut off, and so it is no valid JSON.
        let read = read_regular(&path, MOST_BYTES, &mut bytes).ok();
        let saved = read.and_then(|()| serde_json::from_slice::<Saved>(&bytes).ok());
        let Some(saved) = saved.filter(|it| it.version == 1) else {
            warn!(
                "{} is damaged: uploads of that torrent in earlier runs are not counted",
                path.display()
            );
            return Earlier::default();
        };
        Earlier {
            uploaded: saved.uploaded_bytes,
            seeded: Duration::from_millis(saved.seeded_ms),
        }
    }

    pub(super) fn save(&self, info_hash: &str, earlier: Earlier) -> std::io::Result<()> {
        let saved = Saved {
            version: 1,
            uploaded_bytes: earlier.uploaded,
            seeded_ms: u64::try_from(earlier.seeded.as_millis()).unwrap_or(u64::MAX),
        };
        let text = serde_json::to_string(&saved).expect("numbers");
        whole::replace(&self.file(info_hash), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_known_and_what_is_damaged_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let store = Store::open(&state).expect("opens");
        assert_eq!(store.load("aa"), Earlier::default());
        let earlier = Earlier {
            uploaded: 1 << 40,
            seeded: Duration::from_millis(1234),
        };
        for _ in 0..3 {
            store.save("aa", earlier).expect("saved");
        }
        assert_eq!(store.load("aa"), earlier);
        assert_eq!(store.load("bb"), Earlier::default());
        let long = format!("{{{}", " ".repeat(5000));
        for damaged in [
            "",
            "{",
            r#"{"version":2,"uploaded_bytes":1,"seeded_ms":1}"#,
            &long,
        ] {
            fs::write(state.join("aa.json"), damaged).expect("written");
            assert_eq!(store.load("aa"), Earlier::default(), "{damaged}");
        }
        let second = Store::open(&state).expect_err("it is locked");
        assert_eq!(second.status, 2);
        drop(store);
        Store::open(&state).expect("free again");
    }
}
