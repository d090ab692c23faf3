//! Names and space of incomplete files.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::command::{assert_sentence, run, seed, stderr, stdout, unchoke};
use crate::common::disk::{BIG, SUFFIX, download, home_of};
use crate::common::{PATIENCE, sample};

fn with_suffix(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

#[test]
fn a_file_gets_its_own_name_when_it_is_complete() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let home = home_of(&sample);
    let (big, part) = (home.path().join(BIG), with_suffix(&home.path().join(BIG)));
    let words = |extra: &'static [&'static str]| {
        let suffix = [&["--quiet", "--incomplete-suffix", SUFFIX][..], extra].concat();
        download(&peer, &suffix)
    };
    let begun = run(home.path(), &words(&["--pieces", "5"]));
    assert!(begun.status.success(), "{}", stderr(&begun));
    assert!(part.exists() && !big.exists());
    let check = ["check", "sample.torrent", "--data", "downloads"];
    let found = run(
        home.path(),
        &[&check[..], &["--incomplete-suffix", SUFFIX]].concat(),
    );
    let said = stdout(&found);
    assert!(said.contains("of 25 pieces are good"), "{said}");
    assert!(!said.contains("\n0 of 25"), "{said}");
    let done = run(home.path(), &words(&[]));
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(big.exists() && !part.exists());
    sample.assert_in(&home.path().join("downloads"));
    // The rename does not make the next run hash the files.
    let again = run(
        home.path(),
        &download(&peer, &["--incomplete-suffix", SUFFIX]),
    );
    assert!(
        stderr(&again).contains("as resume data says"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn a_rename_that_a_kill_prevented_is_made_up_for() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let home = home_of(&sample);
    let words = download(&peer, &["--quiet", "--incomplete-suffix", SUFFIX]);
    assert!(run(home.path(), &words).status.success());
    let (big, part) = (home.path().join(BIG), with_suffix(&home.path().join(BIG)));
    fs::rename(&big, &part).expect("renamed back");
    assert!(run(home.path(), &words).status.success());
    assert!(big.exists() && !part.exists());
    sample.assert_in(&home.path().join("downloads"));
}

#[test]
fn a_file_that_appears_under_the_name_is_never_overwritten() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let home = home_of(&sample);
    let suffix = ["--incomplete-suffix", SUFFIX];
    let begun = [&suffix[..], &["--quiet", "--pieces", "5"]].concat();
    assert!(run(home.path(), &download(&peer, &begun)).status.success());
    let words = download(
        &peer,
        &["--incomplete-suffix", SUFFIX, "--download-cap", "300 KiB/s"],
    );
    let mut command = unchoke(home.path(), &words);
    let child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let (big, part) = (home.path().join(BIG), with_suffix(&home.path().join(BIG)));
    let slots = home.path().join("downloads");
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
    assert_sentence(
        &run(home.path(), &download(&peer, &suffix)),
        5,
        "not of this torrent",
    );
}

#[test]
fn space_is_allocated_as_asked() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    for (how, least, most) in [
        ("full", 700_001, 900_000),
        ("sparse", 0, 500_000),
        ("none", 0, 500_000),
    ] {
        let home = home_of(&sample);
        let words = download(&peer, &["--quiet", "--pieces", "1", "--preallocate", how]);
        let done = run(home.path(), &words);
        assert!(done.status.success(), "{how}: {}", stderr(&done));
        if let Ok(found) = home.path().join(BIG).metadata() {
            let bytes = found.blocks() * 512;
            assert!((least..most).contains(&bytes), "{how}: {bytes} bytes");
            let whole = found.len() == 700_001 || how == "none";
            assert!(whole, "{how}: length {}", found.len());
        } else {
            assert_eq!(how, "none", "the others create the files");
        }
        let rest = run(
            home.path(),
            &download(&peer, &["--quiet", "--preallocate", how]),
        );
        assert!(rest.status.success(), "{how}: {}", stderr(&rest));
        sample.assert_in(&home.path().join("downloads"));
    }
}
