//! The torrent, payload and tracker that a transfer needs before the clients start.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use unchoke_core::metainfo::Metainfo;

use super::network::{Network, OWN};
use crate::common::clients::{Place, opentracker};
use crate::common::command::{run, stderr};
use crate::common::tracker::{Manner, Tracker};

/// A torrent of 64 MiB: nested folders, an empty file, a Unicode name, a short last piece.
pub(crate) fn write_payload(folder: &Path) -> Vec<(PathBuf, usize)> {
    let files = [
        ("payload/a first file.bin", 20_000_000),
        ("payload/deep/er/est/small.txt", 11),
        ("payload/empty.dat", 0),
        ("payload/größe-世界.bin", 30_108_853),
        ("payload/z/last.bin", 17_000_001),
    ];
    write_files(folder, &files);
    files
        .map(|(path, length)| (PathBuf::from(path), length))
        .to_vec()
}

/// Writes files of random bytes with these sizes.
pub(crate) fn write_files(folder: &Path, files: &[(impl AsRef<Path>, usize)]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for (path, length) in files {
        let mut bytes = Vec::with_capacity(*length + 8);
        while bytes.len() < *length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        bytes.truncate(*length);
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("has a folder")).expect("folder");
        fs::write(path, bytes).expect("write");
    }
}

pub(crate) fn sha256(path: &Path) -> Option<Vec<u8>> {
    Some(Sha256::digest(fs::read(path).ok()?).to_vec())
}

/// Everything that a test needs before the clients start.
pub(crate) struct Stage {
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) network: Network,
    pub(crate) files: Vec<(PathBuf, usize)>,
    _tracker: Box<dyn std::any::Any>,
}

impl Stage {
    pub(crate) fn new(network: Network) -> Self {
        let scratch = tempfile::tempdir().expect("temporary folder");
        // Other users need access, too: opentracker drops its root rights.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(scratch.path(), open).expect("permissions");
        for folder in ["full", "empty", "other"] {
            fs::create_dir(scratch.path().join(folder)).expect("folder");
        }
        let files = write_payload(&scratch.path().join("full"));
        let own = network.tracker == OWN.tracker;
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let url = if own {
            format!("http://{}:6969/announce", network.tracker)
        } else {
            runtime.block_on(Tracker::start(Manner::Proper)).url
        };
        let words = [
            "create",
            "full/payload",
            "--out",
            "it.torrent",
            "--piece-size",
            "256 KiB",
        ];
        let made = run(scratch.path(), &[&words[..], &["--tracker", &url]].concat());
        assert!(made.status.success(), "{}", stderr(&made));
        let said = String::from_utf8(made.stdout).expect("text");
        let info_hash = said.trim().rsplit(' ').next().expect("the info-hash");
        let tracker: Box<dyn std::any::Any> = if own {
            Box::new(opentracker(
                scratch.path(),
                network.tracker,
                6969,
                info_hash,
            ))
        } else {
            Box::new(runtime)
        };
        Self {
            scratch,
            network,
            files,
            _tracker: tracker,
        }
    }

    pub(crate) fn place<'a>(
        &'a self,
        torrent: &'a Path,
        folder: &'a Path,
        encrypted: bool,
    ) -> Place<'a> {
        Place {
            torrent,
            folder,
            scratch: self.scratch.path(),
            address: self.network.client,
            port: 7702,
            encrypted,
            utp: false,
            finder: "",
        }
    }

    /// Writes the same torrent without trackers.
    pub(crate) fn write_without_tracker(&self, file: &Path) {
        let file = file.to_str().expect("text");
        let words = ["create", "full/payload", "--out", file];
        let made = run(
            self.scratch.path(),
            &[&words[..], &["--piece-size", "256 KiB"]].concat(),
        );
        assert!(made.status.success(), "{}", stderr(&made));
    }

    /// The torrent as a magnet link with the tracker.
    pub(crate) fn magnet(&self) -> String {
        let bytes = fs::read(self.scratch.path().join("it.torrent")).expect("made before");
        let torrent = Metainfo::parse(&bytes).expect("our own");
        let tracker = &torrent.trackers[0][0];
        format!("magnet:?xt=urn:btih:{}&tr={tracker}", torrent.info_hash)
    }

    /// Files in the second folder that differ from the first.
    pub(crate) fn differing(&self, allow_missing_empty: bool) -> Vec<&Path> {
        self.differing_in("empty", allow_missing_empty)
    }

    pub(crate) fn differing_in(&self, folder: &str, allow_missing_empty: bool) -> Vec<&Path> {
        let differs = |(path, length): &&(PathBuf, usize)| {
            let found = self.scratch.path().join(folder).join(path);
            let size = fs::metadata(&found).map(|it| it.len());
            if *length == 0 && size.is_err() && allow_missing_empty {
                return false;
            }
            let right_size = size.is_ok_and(|it| it == *length as u64);
            let original = self.scratch.path().join("full").join(path);
            !right_size || sha256(&found) != sha256(&original)
        };
        let wrong = self.files.iter().filter(differs);
        wrong.map(|(path, _)| path.as_path()).collect()
    }
}
