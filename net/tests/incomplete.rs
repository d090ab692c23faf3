//! Names and space of incomplete files.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::PATIENCE;
use crate::common::command::{assert_sentence, run, stderr, stdout, unchoke};
use crate::common::disk::{BIG, SUFFIX, scene};

fn with_suffix(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

const WITH: [&str; 3] = ["--quiet", "--incomplete-suffix", SUFFIX];

#[test]
fn a_file_gets_its_own_name_when_it_is_complete() {
    let scene = scene();
    let home = scene.home.path();
    let (big, part) = (home.join(BIG), with_suffix(&home.join(BIG)));
    let begun = scene.download(&[&WITH[..], &["--pieces", "5"]].concat());
    assert!(begun.status.success(), "{}", stderr(&begun));
    assert!(part.exists() && !big.exists());
    let check = ["check", "sample.torrent", "--data", "downloads"];
    let found = run(home, &[&check[..], &WITH[1..]].concat());
    let said = stdout(&found);
    assert!(said.contains("of 25 pieces are good"), "{said}");
    assert!(!said.contains("\n0 of 25"), "{said}");
    scene.assert_fetched(&scene.download(&WITH));
    assert!(big.exists() && !part.exists());
    // The rename does not make the next run hash the files.
    let said = stderr(&scene.download(&WITH[1..]));
    assert!(said.contains("as resume data says"), "{said}");
}

#[test]
fn a_rename_that_a_kill_prevented_is_made_up_for() {
    let scene = scene();
    assert!(scene.download(&WITH).status.success());
    let big = scene.home.path().join(BIG);
    let part = with_suffix(&big);
    fs::rename(&big, &part).expect("renamed back");
    scene.assert_fetched(&scene.download(&WITH));
    assert!(big.exists() && !part.exists());
}

#[test]
fn a_file_that_appears_under_the_name_is_never_overwritten() {
    let scene = scene();
    let home = scene.home.path();
    let begun = scene.download(&[&WITH[..], &["--pieces", "5"]].concat());
    assert!(begun.status.success(), "{}", stderr(&begun));
    let words = scene.words(&[&WITH[1..], &["--download-cap", "300 KiB/s"]].concat());
    let mut command = unchoke(home, &words);
    let child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let (big, part) = (home.join(BIG), with_suffix(&home.join(BIG)));
    let slots = scene.out();
    let deadline = Instant::now() + PATIENCE;
    // The session has begun when it keeps the stamps of its writes.
    let begun = || {
        fs::read_dir(&slots)
            .expect("list")
            .flatten()
            .any(|it| it.file_name().to_string_lossy().ends_with(".unchoke.files"))
    };
    while !begun() {
        assert!(Instant::now() < deadline, "it begins");
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(&big, "of somebody else").expect("written");
    let ended = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(fs::read(&big).expect("there"), b"of somebody else");
    assert!(part.exists());
    assert!(said.contains("cannot be renamed"), "{said}");
    // The next run sees a file of the user in its way.
    assert_sentence(&scene.download(&WITH[1..]), 5, "not of this torrent");
}

#[test]
fn space_is_allocated_as_asked() {
    for (how, least, most) in [
        ("full", 700_001, 900_000),
        ("sparse", 0, 500_000),
        ("none", 0, 500_000),
    ] {
        let scene = scene();
        let done = scene.download(&["--quiet", "--pieces", "1", "--preallocate", how]);
        assert!(done.status.success(), "{how}: {}", stderr(&done));
        if let Ok(found) = scene.home.path().join(BIG).metadata() {
            let bytes = found.blocks() * 512;
            assert!((least..most).contains(&bytes), "{how}: {bytes} bytes");
            let whole = found.len() == 700_001 || how == "none";
            assert!(whole, "{how}: length {}", found.len());
        } else {
            assert_eq!(how, "none", "the others create the files");
        }
        scene.assert_fetched(&scene.download(&["--quiet", "--preallocate", how]));
    }
}
