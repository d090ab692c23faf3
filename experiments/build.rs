//! Fingerprint of the sources that can change the result of a run: core, simulator, and the code
//! that connects to it, without comments and unit tests. Results with different fingerprints are
//! never mixed. (The only dependency that affects results, the random generator, is pinned; the
//! manifest contains the hash of the lock file.)

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

#[path = "build/fingerprint.rs"]
mod fingerprint;
#[path = "build/tokens.rs"]
mod tokens;

use fingerprint::{FOLDERS, SWARM, fingerprint};

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = here.parent().expect("the workspace");
    for it in FOLDERS.into_iter().chain([SWARM]) {
        println!("cargo::rerun-if-changed={}", root.join(it).display());
    }
    println!("cargo::rustc-env=UNCHOKE_ENGINE={}", fingerprint(root));
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

fn rustc() -> String {
    let compiler = std::env::var("RUSTC").expect("set by cargo");
    let output = std::process::Command::new(compiler)
        .arg("--version")
        .output();
    let text = output.ok().and_then(|it| String::from_utf8(it.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |it| it.trim().to_owned())
}
