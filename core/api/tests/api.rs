//! The public interfaces of `core` and `sim` are those of the listings beside this crate. So a
//! change of an interface is seen, and reviewed as a change of text.

use std::path::{Path, PathBuf};
use std::process::Command;

use public_api::Builder;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every public item of a package, one per line, without the traits that are derived or that
/// nearly all types have.
fn listing(package: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    let target = program.ancestors().nth(3).expect("target/PROFILE/deps");
    let mut rustdoc = Command::new(env!("CARGO"));
    rustdoc.args(["rustdoc", "--quiet", "--lib", "--package", package, "--"]);
    rustdoc.args(["-Z", "unstable-options", "--output-format", "json"]);
    // rustdoc writes JSON only as an unstable feature, which this variable permits.
    rustdoc.env("RUSTC_BOOTSTRAP", "1");
    rustdoc.env("CARGO_TARGET_DIR", target);
    let status = rustdoc
        .current_dir(folder())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{rustdoc:?}");
    let json = target.join(format!("doc/{}.json", package.replace('-', "_")));
    let api = Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    let api = api.unwrap_or_else(|why| {
        panic!(
            "{}: {why}; with another version of Rust, core/api/Cargo.toml needs the version of \
             public-api that reads its JSON",
            json.display()
        )
    });
    let lines: Vec<String> = api.items().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

fn compare(package: &str, file: &Path) {
    let (was, is) = (std::fs::read_to_string(file), listing(package));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, is).expect("written");
        return;
    }
    let was = was.expect("a listing");
    let lines = |one: &str, other: &str, sign: char| -> Vec<String> {
        let known: std::collections::BTreeSet<&str> = other.lines().collect();
        let new = one.lines().filter(|it| !known.contains(it));
        new.map(|it| format!("{sign} {it}")).collect()
    };
    let changes = [lines(&was, &is, '-'), lines(&is, &was, '+')].concat();
    assert!(
        was == is,
        "the interface of {package} differs from {}:\n{}\nIf that is intended: UPDATE_GOLDEN=1 cargo test -p \
         unchoke-api -- --ignored, and commit the listing with the change",
        file.display(),
        changes.join("\n")
    );
}

#[test]
#[ignore = "runs rustdoc on core and sim; .ci/run does"]
fn the_interfaces_are_those_of_the_listings() {
    for name in ["core", "sim"] {
        compare(
            &format!("unchoke-{name}"),
            &folder().join(format!("{name}.txt")),
        );
    }
}
