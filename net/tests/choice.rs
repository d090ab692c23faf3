//! Downloads of some files of a torrent: what is fetched, what is not touched, and how other
//! commands treat the result.

use std::fs;
use std::path::Path;

use unchoke_net::record::replay;

use crate::common::command::{assert_sentence, run, seed, stderr, stdout, unchoke};
use crate::common::disk::{download, home_of, resume_of};
use crate::common::tracker::{Manner, Tracker};
use crate::common::{PATIENCE, Sample, noise, sample, sample_with};

/// `sample` with files of many pieces each, and an empty folder for its download.
fn start() -> (Sample, tempfile::TempDir) {
    let sample = sample();
    let home = home_of(&sample);
    (sample, home)
}

fn assert_whole(sample: &Sample, folder: &Path, file: usize) {
    let (path, start, end) = &sample.files[file];
    let found = fs::read(folder.join(path)).expect("the file is there");
    assert!(
        found == sample.payload[*start..*end],
        "{} differs",
        path.display()
    );
}

fn length(sample: &Sample, folder: &Path, file: usize) -> Option<u64> {
    let found = fs::metadata(folder.join(&sample.files[file].0));
    found.ok().map(|it| it.len())
}

#[test]
fn only_the_files_that_are_wanted_are_fetched() {
    let (sample, home) = start();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let out = home.path().join("downloads");
    let done = run(home.path(), &download(&peer, &["--files", "1"]));
    assert!(done.status.success(), "{}", stderr(&done));
    // 100 000 bytes lie in 4 of 25 pieces.
    assert!(stdout(&done).contains("4 of 4 pieces"), "{}", stdout(&done));
    assert_whole(&sample, &out, 0);
    // The fourth piece also holds the start of two other files. These are only that long.
    let shared = 4 * 32 * 1024 - 100_000;
    assert_eq!(length(&sample, &out, 2), Some(7));
    assert_eq!(length(&sample, &out, 3), Some(shared - 7));
    assert_eq!(
        (length(&sample, &out, 1), length(&sample, &out, 4)),
        (None, None)
    );

    let check = ["check", "sample.torrent", "--data", "downloads"];
    let chosen = run(
        home.path(),
        &[&check[..], &["--files", "first.bin"]].concat(),
    );
    assert!(chosen.status.success(), "{}", stderr(&chosen));
    assert_eq!(stdout(&chosen).lines().count(), 2, "{}", stdout(&chosen));
    assert_sentence(&run(home.path(), &check), 1, "21 of 25 pieces");

    // Then one more file, and then all files. No piece is fetched twice.
    let more = run(home.path(), &download(&peer, &["--files", "1,5"]));
    assert!(
        stderr(&more).contains("4 of 5 pieces are there"),
        "{}",
        stderr(&more)
    );
    assert_whole(&sample, &out, 4);
    let all = run(home.path(), &download(&peer, &[]));
    assert!(
        stderr(&all).contains("5 of 25 pieces are there, as resume data says"),
        "{}",
        stderr(&all)
    );
    assert!(all.status.success(), "{}", stderr(&all));
    sample.assert_in(&out);
}

#[test]
fn a_file_that_is_left_alone_may_be_the_users_own() {
    let (sample, home) = start();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let path = home.path().join("downloads").join(&sample.files[4].0);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    fs::write(&path, "mine").expect("write");
    for _ in 0..2 {
        let words = download(&peer, &["--files", "first.bin"]);
        let done = run(home.path(), &words);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    // No earlier run wrote the file, so it is not ours.
    assert_sentence(
        &run(home.path(), &download(&peer, &[])),
        5,
        "is there already",
    );
    // A file that shares a piece with a wanted file would have to be written.
    let shares = download(&peer, &["--files", "größe-世界.bin"]);
    assert_sentence(&run(home.path(), &shares), 5, "is there already");
    assert_eq!(fs::read(&path).expect("read"), b"mine");
}

#[test]
fn a_part_of_a_torrent_is_seeded_to_who_wants_that_part() {
    let (sample, home) = start();
    let whole = seed(&sample, &[]);
    let peer = whole.peer();
    let part = ["--files", "a"];
    let done = run(home.path(), &download(&peer, &part));
    assert!(done.status.success(), "{}", stderr(&done));
    drop(whole);
    let data = [
        "seed",
        "sample.torrent",
        "--data",
        "downloads",
        "--no-tracker",
    ];
    assert_sentence(&run(home.path(), &data), 2, "pieces are missing");

    let mut command = crate::common::command::unchoke(home.path(), &data);
    command.args(part).args(["--policy", "unchoke_all"]);
    let partial = crate::common::command::Listening::start(command);
    let other = home_of(&sample);
    let done = run(other.path(), &download(&partial.peer(), &part));
    assert!(done.status.success(), "{}", stderr(&done));
    for file in [2, 4] {
        assert_whole(&sample, &other.path().join("downloads"), file);
    }
}

#[test]
fn a_link_selects_files_and_the_user_may_select_others() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let hash = sample.metainfo.info_hash;
    let link = format!("magnet:?xt=urn:btih:{hash}&so=4&x.pe={peer}");
    for (words, there, absent) in [(&[][..], 4, 1), (&["--files", "first.bin"], 0, 4)] {
        let home = tempfile::tempdir().expect("temporary folder");
        let all = [&["download", &link, "--no-tracker"], words].concat();
        let done = run(home.path(), &all);
        assert!(done.status.success(), "{}", stderr(&done));
        let out = home.path().join("downloads");
        assert_whole(&sample, &out, there);
        assert_eq!(length(&sample, &out, absent), None);
    }
}

#[test]
fn a_choice_that_cannot_be_made_is_told_before_anything_happens() {
    let (_, home) = start();
    let base = ["download", "sample.torrent", "--no-tracker"];
    for (words, part) in [
        (["--files", "9"], "there is no file 9, the torrent has 5"),
        (
            ["--files", "*.mkv"],
            "no file of the torrent matches `*.mkv`",
        ),
        (["--priority", "skip=sample"], "every file is skipped"),
    ] {
        let ended = run(home.path(), &[&base[..], &words[..]].concat());
        assert_sentence(&ended, 2, part);
        assert!(!home.path().join("downloads").exists());
    }
    for words in [
        ["--files", "0"],
        ["--priority", "1"],
        ["--priority", "urgent=1"],
    ] {
        let ended = run(home.path(), &[&base[..], &words[..]].concat());
        assert_eq!(ended.status.code(), Some(2), "{}", stderr(&ended));
    }
}

/// The pieces in the order of their first request, from a recording.
fn order(recording: &Path) -> Vec<u64> {
    let text = fs::read_to_string(recording).expect("read");
    let mut asked = Vec::new();
    for line in text.lines().skip(1) {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for output in line["out"].as_array().expect("a list") {
            let output = output.as_str().expect("text");
            let request = output.split_once("Request(BlockRef { piece: PieceIndex(");
            let number = request.and_then(|it| it.1.split_once(')'));
            let piece = number.map(|it| it.0.parse().expect("a number"));
            asked.extend(piece.filter(|it| !asked.contains(it)));
        }
    }
    asked
}

#[test]
fn what_is_urgent_comes_first_and_sequential_means_in_order() {
    let sample = sample_with(&[], 32 * 1024, 700_001);
    let home = home_of(&sample);
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let record = home.path().join("recording");
    let record = record.to_str().expect("text");
    let words = [
        "--sequential",
        "--priority",
        "high=5",
        "--priority",
        "skip=1",
        "--record",
        record,
    ];
    let done = run(home.path(), &download(&peer, &words));
    assert!(done.status.success(), "{}", stderr(&done));
    // The last file lies only in the last piece; the first three pieces hold only the first file.
    let expected: Vec<u64> = std::iter::once(24).chain(3..24).collect();
    assert_eq!(order(Path::new(record)), expected);
    replay(Path::new(record)).expect("the same outputs");
}

/// Resume data of a partial download stays valid for the rest, even if a wanted file was damaged
/// meanwhile.
#[test]
fn a_part_resumes_like_a_whole() {
    let (sample, home) = start();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let part = ["--files", "1"];
    let done = run(home.path(), &download(&peer, &part));
    assert!(done.status.success(), "{}", stderr(&done));
    let out = home.path().join("downloads");
    let (resume, storage) = resume_of(&sample, &out);
    let unchoke_net::resume::Loaded::Known(known) = resume.load(&storage) else {
        panic!("there is resume data");
    };
    assert_eq!((known.good.count(), known.changed_files), (4, 0));
    fs::write(out.join(&sample.files[0].0), noise(100_000)).expect("write");
    let again = run(home.path(), &download(&peer, &part));
    assert!(again.status.success(), "{}", stderr(&again));
    assert_whole(&sample, &out, 0);
}

/// BEP 21: the tracker learns that we have all that we want.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_seed_tells_its_tracker() {
    let tracker = Tracker::start(Manner::Proper).await;
    let sample = sample_with(std::slice::from_ref(&tracker.url), 32 * 1024, 700_001);
    let peer = sample.seed().await.to_string();
    let home = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(home.path());
    let words = ["download", "sample.torrent", "--files", "1", "--seed"];
    let words = [&words[..], &["--peer", &peer, "--timeout", "60 s"]].concat();
    let mut child = unchoke(home.path(), &words).spawn().expect("it starts");
    let began = std::time::Instant::now();
    while !tracker.events().contains(&"paused".to_owned()) {
        assert!(began.elapsed() < PATIENCE, "{:?}", tracker.events());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(tracker.events(), ["started", "paused"]);
    let announces = tracker.announces.lock().expect("no panic");
    assert_ne!(announces[1]["left"], "0");
}
