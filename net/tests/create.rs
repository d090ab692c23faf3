//! `unchoke create`: what it makes, what it refuses, and what it leaves behind.

use std::fs;

use crate::common::command::{run, stderr, stdout};

/// Names that differ by case only, as people have them on
/// Linux, and names that Unicode says are the same.
#[test]
fn what_create_makes_of_names_that_are_alike_is_seeded_and_checked() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    let names = [
        "README",
        "readme",
        "Src/a",
        "src/a",
        "src/A",
        "straße",
        "STRASSE",
        "\u{212a}m",
        "km",
        "Docs",
        "docs/x",
    ];
    for name in names {
        let path = home.join("all").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, name.repeat(1000)).expect("write");
    }
    let written = fs::read_dir(home.join("all")).expect("lists").count();
    assert_eq!(written, 10, "this file system does not tell cases apart");
    let made = run(home, &["create", "all", "--out", "all.torrent"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let checked = run(home, &["check", "all.torrent", "--data", "."]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let words = [
        "seed",
        "all.torrent",
        "--data",
        ".",
        "--timeout",
        "1 s",
        "--no-tracker",
    ];
    let seeded = run(home, &words);
    assert!(seeded.status.success(), "{}", stderr(&seeded));
    let shown = stdout(&run(home, &["show", "all.torrent", "--brief"]));
    assert!(
        shown.contains("all/readme.1 where case does not count"),
        "{shown}"
    );
}
