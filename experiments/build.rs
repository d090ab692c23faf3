//! Fingerprint of the sources that can change the result of a run: core, simulator, and the code
//! that connects to it, without comments and unit tests. Results with different fingerprints are
//! never mixed. (The only dependency that affects results, the random generator, is pinned; the
//! manifest contains the hash of the lock file.)

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

#[path = "build/tokens.rs"]
mod tokens;

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = here.parent().expect("the workspace");
    let mut files = Vec::new();
    for folder in ["core/src", "sim/src", "sim/data", "sim/scenarios"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), &mut files);
    }
    files.push(here.join("src/run/swarm.rs"));
    files.sort();
    let mut digest = Sha256::new();
    for path in files {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.strip_prefix(root).expect("below the workspace");
        let bytes = essence(&path);
        digest.update(format!("{} {}\n", name.display(), bytes.len()));
        digest.update(&bytes);
    }
    println!(
        "cargo::rustc-env=UNCHOKE_ENGINE={}",
        &hex::encode(digest.finalize())[..16]
    );
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = fs::read(lock).unwrap_or_default();
    println!(
        "cargo::rustc-env=UNCHOKE_LOCK={}",
        hex::encode(Sha256::digest(&lock))
    );
    println!(
        "cargo::rustc-env=UNCHOKE_TARGET={}",
        std::env::var("TARGET").expect("set by cargo")
    );
    println!("cargo::rustc-env=UNCHOKE_RUSTC={}", rustc());
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

fn rustc() -> String {
    let compiler = std::env::var("RUSTC").expect("set by cargo");
    let output = std::process::Command::new(compiler)
        .arg("--version")
        .output();
    let text = output.ok().and_then(|it| String::from_utf8(it.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |it| it.trim().to_owned())
}
