//! Fingerprint of the engine's sources in a source tree. Used by the build script for the tree that
//! is built, and later by manifests for the tree that is there then.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::tokens;

/// Folders whose files can change the result of a run, below the root of the workspace.
pub(crate) const FOLDERS: [&str; 4] = ["core/src", "sim/src", "sim/data", "sim/scenarios"];

/// The file that connects the simulator to plans.
pub(crate) const SWARM: &str = "experiments/src/run/swarm.rs";

/// The fingerprint of the sources below `root`, without comments and unit tests.
pub(crate) fn fingerprint(root: &Path) -> String {
    let mut files = vec![root.join(SWARM)];
    for it in FOLDERS {
        collect(&root.join(it), &mut files);
    }
    files.sort();
    let mut digest = Sha256::new();
    for path in files {
        let name = path.strip_prefix(root).expect("below the workspace");
        let bytes = essence(&path);
        digest.update(format!("{} {}\n", name.display(), bytes.len()));
        digest.update(&bytes);
    }
    hex::encode(digest.finalize())[..16].to_owned()
}

/// The part of a file that can change a result.
fn essence(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_default();
    let is_source = path.extension().is_some_and(|it| it == "rs");
    let source = str::from_utf8(&bytes).ok().filter(|_| is_source);
    match source.and_then(tokens::tokens_of) {
        Some(tokens) => tokens.into_bytes(),
        None => bytes,
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
