//! The example policy as `experiments/README.md` says: a crate of its own, outside the workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the workspace").to_owned()
}

/// The manifest that the README shows, with this checkout where its own stands.
fn manifest() -> String {
    let readme = fs::read_to_string(root().join("experiments/README.md")).expect("README");
    let blocks = readme.split("```toml\n").skip(1);
    let mut blocks = blocks.filter_map(|it| it.split("```").next());
    let shown = blocks.find(|it| it.contains("unchoke-experiments = { path"));
    let here = root().to_string_lossy().replace('\\', "/");
    let shown = shown
        .expect("a manifest in the README")
        .replace("../unchoke", &here);
    // The same profiles find what the workspace has built of others already.
    let whole = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let profiles = whole.find("[profile.").expect("profiles");
    format!("{shown}\n{}", &whole[profiles..])
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
    output
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
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(&folder).env("CARGO_TARGET_DIR", target);
    build.args(["build", "--offline"]);
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        build.arg("--release");
        "release"
    };
    succeeded(&mut build);
    let own = target.join(profile).join("my_policy");
    let mut own = Command::new(own.with_extension(std::env::consts::EXE_EXTENSION));
    own.current_dir(&folder).args([
        "--seeds",
        "2",
        "--against",
        "bep3",
        "--set",
        "scenario.0.set={ peers = 8, size = \"1 MiB\", piece = \"64 KiB\" }",
    ]);
    let said = String::from_utf8(succeeded(&mut own).stdout).expect("text");
    let row = said.lines().find(|it| it.contains("flash-hetero"));
    assert!(row.is_some_and(|it| it.contains("bep3")), "{said}");
    assert!(said.contains("one peer of loyal"), "{said}");
}
