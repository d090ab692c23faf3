//! `unchoke create`: its output, the inputs that it refuses, and the files that it leaves behind.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::command::{assert_sentence, run, signal, stderr, stdout, unchoke, wait};

/// Names that differ only in case, as they exist on Linux, and names that are the same in Unicode.
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
    let shown = stdout(&run(home, &["show", "all.torrent"]));
    assert!(
        shown.contains("all/readme.1 where case does not count"),
        "{shown}"
    );
}

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("lists");
    let name = |it: std::io::Result<fs::DirEntry>| it.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|it| name(it).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A file of `bytes` bytes that takes no space on disk.
fn sparse(path: &std::path::Path, bytes: u64) {
    let file = fs::File::create_new(path).expect("create");
    file.set_len(bytes).expect("a sparse file");
}

#[test]
fn what_cannot_become_a_torrent_is_said_before_anything_is_hashed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    // Hashing this file would take days.
    sparse(&home.join("big"), 4 << 40);
    fs::create_dir(home.join("empty")).expect("folder");
    fs::create_dir(home.join("odd")).expect("folder");
    sparse(&home.join("odd/new\nline"), 1 << 40);
    let cases: [(&[&str], i32, &str); 10] = [
        (
            &["big", "--piece-size", "16 KiB"],
            2,
            "268435456 pieces are more than 2097152; use pieces of at least 2097152 bytes",
        ),
        (&["big", "--piece-size", "0"], 2, "piece length is 0"),
        (
            &["big", "--piece-size", "1 GiB"],
            2,
            "above 536854528 bytes",
        ),
        (&["big", "--piece-size", "8 GiB"], 2, "too large"),
        (&["empty"], 2, "total size is 0, so that there is nothing"),
        (
            &["odd"],
            2,
            "\"odd/new\\nline\" cannot be a path in it; rename it",
        ),
        (&["absent"], 2, "cannot read absent"),
        (&["/dev/null"], 2, "neither a file nor a folder"),
        (
            &["big", "--out", "no/folder/x.torrent"],
            5,
            "cannot write no/folder/x.torrent",
        ),
        (
            &["big", "--out", "/proc/x.torrent"],
            5,
            "cannot write /proc/x.torrent",
        ),
    ];
    for (words, status, part) in cases {
        let out = ["--out", "x.torrent"];
        let out = if words.contains(&"--out") {
            &[][..]
        } else {
            &out
        };
        let words = [&["create"], words, out].concat();
        assert_sentence(&run(home, &words), status, part);
    }
    for (url, part) in [
        ("http://host/announce\n", "'\\n'"),
        ("ftp://host/announce", "starts with http://"),
        ("udp://host/announce", "needs a port"),
    ] {
        let words = ["create", "big", "--out", "x.torrent", "--tracker", url];
        let made = run(home, &words);
        assert_eq!(made.status.code(), Some(2), "{url:?}");
        assert!(stderr(&made).contains(part), "{url:?}: {}", stderr(&made));
    }
    assert_eq!(names_in(home), ["big", "empty", "odd"], "no file is left");
}

#[test]
fn a_torrent_of_a_million_pieces_is_made_shown_and_seeded() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    sparse(&home.join("many"), 1 << 24);
    let words = [
        "create",
        "many",
        "--out",
        "many.torrent",
        "--piece-size",
        "16",
    ];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    assert!(stdout(&made).contains("1048576 pieces of 16 B"));
    let shown = stdout(&run(home, &["show", "many.torrent"]));
    assert!(shown.contains("1048576 of 16 bytes"), "{shown}");
    let words = [
        "seed",
        "many.torrent",
        "--data",
        ".",
        "--timeout",
        "1 s",
        "--quiet",
    ];
    let seeded = run(home, &words);
    assert!(seeded.status.success(), "{}", stderr(&seeded));
}

#[test]
fn interrupted_work_leaves_nothing_behind() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let home = folder.path();
        sparse(&home.join("big"), 1 << 40);
        let mut command = unchoke(home, &["create", "big", "--out", "x.torrent"]);
        let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        // Long enough for the hashing to have started: an earlier signal would end the process in
        // the default way.
        std::thread::sleep(Duration::from_millis(700));
        signal(&child, name);
        let ended = wait(child, &["create"]);
        assert_eq!(ended.status.code(), Some(status), "{}", stderr(&ended));
        assert_eq!(names_in(home), ["big"]);
    }
}

#[test]
fn a_file_that_grows_meanwhile_makes_no_torrent() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    let path = home.join("log");
    sparse(&path, 1 << 30);
    let mut command = unchoke(home, &["create", "log", "--out", "x.torrent"]);
    let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut child = child;
    while child.try_wait().expect("waits").is_none() {
        assert!(Instant::now() < deadline, "it hashes without end");
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("opens");
        file.write_all(b"more\n").expect("writes");
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = wait(child, &["create"]);
    assert_sentence(&ended, 1, "changed while it was hashed");
    assert_eq!(names_in(home), ["log"]);
}
