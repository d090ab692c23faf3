//! Files that exist before a download: whose they are, and which files can be created.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::common::command::{assert_sentence, run, seed, stderr, stdout, unchoke, wait};
use crate::common::disk::{BIG, cut, download, fetched, home_of, overwrite};
use crate::common::sample;

#[test]
fn files_dated_at_any_time_are_good() {
    let sample = sample();
    let home = fetched(&sample);
    let years = |count: u64| Duration::from_secs(count * 365 * 24 * 3600);
    let dates = [
        SystemTime::UNIX_EPOCH - Duration::from_secs(1),
        SystemTime::UNIX_EPOCH - years(50),
        SystemTime::UNIX_EPOCH + years(400),
    ];
    for date in dates {
        let file = File::options().write(true).open(home.path().join(BIG));
        file.and_then(|it| it.set_modified(date)).expect("date");
        let check = ["check", "sample.torrent", "--data", "downloads"];
        assert!(run(home.path(), &check).status.success(), "{date:?}");
        let words = [
            "download",
            "sample.torrent",
            "--no-tracker",
            "--timeout",
            "1 s",
        ];
        let first = run(home.path(), &words);
        assert!(first.status.success(), "{date:?}: {}", stderr(&first));
        assert!(stderr(&first).contains("25 of 25 pieces are there, checked"));
        let second = stderr(&run(home.path(), &words));
        assert!(
            second.contains("25 of 25 pieces are there, as resume data says"),
            "{second}"
        );
    }
}

/// The files below `folder` with their content, to check that nothing changes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).expect("read");
                found.push((path, content));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn files_of_somebody_else_are_not_written_over() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let mine = |length: usize| vec![b'm'; length];
    for (name, length, part) in [
        ("first.bin", 50_000, "is not of this torrent"),
        ("first.bin", 100_000, "is not of this torrent"),
        (
            "first.bin",
            100_001,
            "100001 bytes, the torrent says 100000",
        ),
        ("a/b/c/deep.dat", 5, "is not of this torrent"),
        ("nothing.txt", 1, "1 byte, the torrent says 0"),
    ] {
        // Without and with files that another client fetched partly.
        for others in [false, true] {
            let home = home_of(&sample);
            let out = home.path().join("downloads");
            if others {
                sample.write_payload(&out);
            }
            let path = out.join("sample").join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("folder");
            fs::write(&path, mine(length)).expect("write");
            let before = contents(home.path());
            let refused = run(home.path(), &download(&seed.peer(), &[]));
            assert_sentence(&refused, 5, part);
            assert_sentence(&refused, 5, "--overwrite");
            assert!(before == contents(home.path()), "{name}: something changed");
            let allowed = run(home.path(), &download(&seed.peer(), &["--overwrite"]));
            assert!(allowed.status.success(), "{}", stderr(&allowed));
            sample.assert_in(&out);
        }
    }
}

/// Removing our file and writing another often gives it the same inode; writing over it always does.
#[test]
fn files_that_took_the_place_of_ours_are_not_written_over() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    for removes in [false, true] {
        let home = fetched(&sample);
        let path = home.path().join("downloads/sample/first.bin");
        if removes {
            fs::remove_file(&path).expect("remove");
        }
        let mine = vec![b'm'; 50_000];
        fs::write(&path, &mine).expect("write");
        let refused = run(home.path(), &download(&seed.peer(), &[]));
        assert_sentence(&refused, 5, "is not of this torrent");
        assert!(fs::read(&path).expect("read") == mine);
    }
}

#[test]
fn folders_in_the_way_are_refused_whatever_is_allowed() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let home = home_of(&sample);
    fs::create_dir_all(home.path().join(BIG)).expect("folder");
    for extra in [&[][..], &["--overwrite"]] {
        let refused = run(home.path(), &download(&seed.peer(), extra));
        assert_sentence(&refused, 5, "it is not a regular file; move it away first");
    }
    fs::remove_dir(home.path().join(BIG)).expect("remove");
    fs::write(home.path().join("downloads/sample/a"), "a file").expect("write");
    let refused = run(home.path(), &download(&seed.peer(), &["--overwrite"]));
    assert_sentence(&refused, 5, "the torrent has a folder of that name");
}

#[test]
fn what_other_clients_fetched_in_part_is_gone_on_with() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let home = home_of(&sample);
    let out = home.path().join("downloads");
    sample.write_payload(&out);
    // Cut, preallocated with zeros, damaged in the middle: some or none of the pieces are valid.
    cut(&out.join("sample/first.bin"), 70_000);
    fs::write(out.join("sample/a/last"), vec![0; 12_345]).expect("write");
    overwrite(&home.path().join(BIG), 300_000, &vec![7; 100_000]);
    let done = run(home.path(), &download(&seed.peer(), &[]));
    assert!(done.status.success(), "{}", stderr(&done));
    sample.assert_in(&out);
}

#[test]
fn a_download_that_is_complete_ends_well_when_its_time_is_over() {
    let sample = sample();
    let home = fetched(&sample);
    let words = [
        "download",
        "sample.torrent",
        "--no-tracker",
        "--seed",
        "--timeout",
        "1 s",
    ];
    let ended = run(home.path(), &words);
    assert!(ended.status.success(), "{}", stderr(&ended));
}

#[test]
fn a_path_that_is_too_long_is_refused_before_anything_is_asked_for() {
    use unchoke_core::metainfo::{Builder, NewFile};
    let home = tempfile::tempdir().expect("temporary folder");
    let builder = Builder {
        name: "deep".into(),
        files: Some(vec![NewFile {
            path: vec!["d".repeat(200); 21],
            length: 5,
        }]),
        piece_bytes: 16 * 1024,
        ..Builder::default()
    };
    let torrent = builder.encode(&[[1; 20]]).expect("a torrent");
    fs::write(home.path().join("deep.torrent"), torrent).expect("write");
    let words = ["download", "deep.torrent", "--no-tracker", "--quiet"];
    let refused = wait(
        unchoke(home.path(), &words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts"),
        &words,
    );
    assert_sentence(&refused, 5, "choose a folder with a shorter path");
    let left: Vec<_> = contents(home.path());
    assert_eq!(left.len(), 1, "only the torrent is there: {left:?}");
}

#[test]
fn check_says_what_is_no_file() {
    let sample = sample();
    let home = home_of(&sample);
    sample.write_payload(home.path());
    let victim = home.path().join("sample/first.bin");
    fs::remove_file(&victim).expect("it was there");
    fs::create_dir(&victim).expect("a folder in its place");
    let checked = run(home.path(), &["check", "sample.torrent", "--data", "."]);
    assert_sentence(&checked, 1, "are missing or wrong in .");
    let said = stdout(&checked);
    assert!(said.contains("first.bin: not a regular file"), "{said}");
}
