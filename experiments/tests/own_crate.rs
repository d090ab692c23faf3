//! The example policy in a crate of its own outside the workspace, as `experiments/README.md`
//! describes.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{ended, own_policy};

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the workspace").to_owned()
}

/// The manifest from the README, with the paths of this checkout.
fn manifest() -> String {
    let readme = fs::read_to_string(root().join("experiments/README.md")).expect("README");
    let blocks = readme.split("```toml\n").skip(1);
    let mut blocks = blocks.filter_map(|it| it.split("```").next());
    let shown = blocks.find(|it| it.contains("unchoke-experiments = { path"));
    let here = root().to_string_lossy().replace('\\', "/");
    let shown = shown
        .expect("a manifest in the README")
        .replace("../unchoke", &here);
    // With the same profiles, cargo can use dependencies that the workspace has built already.
    let whole = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let profiles = whole.find("[profile.").expect("profiles");
    format!("{shown}\n{}", &whole[profiles..])
}

#[test]
#[ignore = "builds the workspace's crates once more, for a minute or two; .ci/run does"]
fn the_example_is_a_crate_of_its_own_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    fs::create_dir(folder.path().join("src")).expect("a folder");
    put("Cargo.toml", &manifest());
    put("src/main.rs", include_str!("../examples/my_policy.rs"));
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("copied");
    let program = std::env::current_exe().expect("this program");
    let target = program.ancestors().nth(3).expect("target/PROFILE/deps");
    let walk = own_policy();
    put("tiny.toml", &walk.plan);
    put("mixed.toml", &walk.scenario);
    // Build with the profile of this program, so that cargo can reuse dependencies; use no network.
    let profile = if cfg!(debug_assertions) {
        "cargo run --offline --quiet --"
    } else {
        "cargo run --offline --quiet --release --"
    };
    let mut said = String::new();
    for line in walk.lines {
        let line = line.replace("cargo run --release --", profile);
        let mut shell = Command::new("sh");
        shell.current_dir(&folder).env("CARGO_TARGET_DIR", target);
        said += &ended(shell.args(["-c", &line]), 0).stdout;
    }
    for part in ["No change: all ", "loyal as 10 %", "clients    loyal"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
