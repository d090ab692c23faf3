//! `unchoke run`: the torrents of a folder, across restarts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::command::{
    Listening, Reporting, assert_sentence, run as run_command, seed, signal, unchoke, wait,
};
use crate::common::disk::{SUFFIX, assert_claims_are_true, good_on_disk};
use crate::common::{PATIENCE, Sample, sample_called};

/// A home with a watched folder, and torrents with a seed each.
struct Stage {
    home: tempfile::TempDir,
    samples: Vec<(Sample, Listening)>,
}

impl Stage {
    fn new(names: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(home.path().join("watch")).expect("a folder");
        let sample = |name: &&str| {
            let sample = sample_called(name, &[], 32 * 1024, 700_001);
            let seed = seed(&sample, &[]);
            (sample, seed)
        };
        let samples = names.iter().map(sample).collect();
        Self { home, samples }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn out(&self) -> PathBuf {
        self.path().join("downloads")
    }

    fn put(&self, number: usize) {
        let torrent = &self.samples[number].0.torrent;
        // Write under another name first, as other programs do.
        let draft = self.path().join("watch/.draft");
        fs::write(&draft, torrent).expect("write");
        fs::rename(draft, self.torrent(number)).expect("rename");
    }

    fn torrent(&self, number: usize) -> PathBuf {
        self.path().join(format!("watch/{number}.torrent"))
    }

    fn command(&self, extra: &[&str]) -> std::process::Command {
        let mut command = unchoke(self.path(), &["run", "watch", "--no-tracker"]);
        for (_, seed) in &self.samples {
            command.args(["--peer", &seed.peer()]);
        }
        command.args(extra);
        command
    }

    fn hash(&self, number: usize) -> String {
        self.samples[number].0.metainfo.info_hash.to_string()
    }

    /// Whether all pieces of all torrents are on disk.
    fn is_complete(&self) -> bool {
        let all = |it: &Sample| it.metainfo.geometry.piece_count();
        let mut samples = self.samples.iter().map(|it| &it.0);
        samples.all(|it| good_on_disk(it, &self.out()) == all(it))
    }

    fn remembered(&self, number: usize) -> Option<Value> {
        let file = format!(".state/unchoke/run/{}.json", self.hash(number));
        let text = fs::read_to_string(self.path().join(file)).ok()?;
        Some(serde_json::from_str(&text).expect("whole, whenever it is read"))
    }
}

fn is(event: &str, hash: &str) -> impl Fn(&Value) -> bool {
    move |it: &Value| it["event"] == event && it["info_hash"] == hash
}

#[test]
fn what_is_put_into_the_folder_is_fetched_and_what_is_taken_away_is_left() {
    let stage = Stage::new(&["one", "two"]);
    stage.put(0);
    let running = Reporting::start(stage.command(&[]));
    running.until(is("completed", &stage.hash(0)));
    stage.put(1);
    running.until(is("completed", &stage.hash(1)));
    for (sample, _) in &stage.samples {
        sample.assert_in(&stage.out());
    }
    fs::remove_file(stage.torrent(0)).expect("removed");
    let ended = running.until(is("end", &stage.hash(0)));
    assert_eq!(ended["end"], "stopped");
    stage.put(0);
    let found = running.until(is("found", &stage.hash(0)));
    assert_eq!(found["by_resume_data"], true);
    assert_eq!(found["have_pieces"], found["pieces"]);
    fs::write(stage.path().join("watch/bad.torrent"), "nonsense").expect("write");
    std::thread::sleep(Duration::from_secs(3));
    signal(&running.child, "INT");
    running.until(is("end", &stage.hash(1)));
}

#[test]
fn a_ratio_ends_the_seeding_and_is_remembered() {
    let stage = Stage::new(&["one"]);
    stage.put(0);
    let running = Reporting::start(stage.command(&["--ratio", "0.5"]));
    let port = running.until(is("listening", &stage.hash(0)))["port"].clone();
    running.until(is("completed", &stage.hash(0)));
    // A leecher downloads everything, which is more than half.
    let leecher = tempfile::tempdir().expect("temporary folder");
    fs::write(
        leecher.path().join("t.torrent"),
        &stage.samples[0].0.torrent,
    )
    .expect("write");
    let peer = format!("127.0.0.1:{port}");
    let words = [
        "download",
        "t.torrent",
        "--no-tracker",
        "--peer",
        &peer,
        "--quiet",
    ];
    let mut fetching = unchoke(leecher.path(), &words).spawn().expect("starts");
    let enough = running.until(is("enough", &stage.hash(0)));
    assert_eq!(enough["text"], "seeded to a ratio of 0.500");
    assert_eq!(running.until(is("end", &stage.hash(0)))["end"], "done");
    fetching.kill().expect("kills");
    fetching.wait().expect("ends");
    let deadline = Instant::now() + PATIENCE;
    // Blocks that the connection has not sent yet do not count.
    let tenth = stage.samples[0].0.payload.len() as u64 / 10;
    let sent = |it: Value| it["uploaded_bytes"].as_u64().expect("bytes");
    while stage.remembered(0).is_none_or(|it| sent(it) < tenth) {
        let saved = stage.remembered(0);
        assert!(Instant::now() < deadline, "saved when it ends: {saved:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(running);
    let again = Reporting::start(stage.command(&["--ratio", "0.1"]));
    again.until(is("enough", &stage.hash(0)));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let stage = Stage::new(&[]);
    let words = ["run", "nowhere", "--no-tracker"];
    assert_sentence(
        &run_command(stage.path(), &words),
        2,
        "nowhere is no folder",
    );
    let words = ["run", "watch", "--picker", "nice"];
    assert_sentence(&run_command(stage.path(), &words), 2, "no picker 'nice'");
    let words = ["run", "watch", "--ratio", "much"];
    let refused = run_command(stage.path(), &words);
    assert_eq!(refused.status.code(), Some(2));
    let first = Reporting::start(stage.command(&["--web", "0"]));
    first.until(|it| it["event"] == "web");
    let second = run_command(stage.path(), &["run", "watch", "--no-tracker"]);
    assert_sentence(&second, 2, "another `unchoke run` uses");
}

#[test]
fn limits_hold_for_all_torrents_together_and_for_each() {
    let stage = Stage::new(&["one", "two"]);
    (0..2).for_each(|it| stage.put(it));
    let limits = [
        "--max-connections",
        "2",
        "--max-connections-per-torrent",
        "1",
        "--upload-slots",
        "3",
        "--download-cap-per-torrent",
        "400 KiB/s",
    ];
    let begun = Instant::now();
    let running = Reporting::start(stage.command(&limits));
    let mut missing = 2;
    while missing > 0 {
        let event = running.until(|it| it["event"] == "completed" || it["event"] == "progress");
        let peers = event["peers"].as_u64().unwrap_or(0);
        // The limit, and two more on trial.
        assert!(peers <= 3, "{event}");
        missing -= i32::from(event["event"] == "completed");
    }
    // 800 kB at 400 KiB/s; the first blocks may come in a burst.
    assert!(begun.elapsed() >= Duration::from_secs(1));
    for (sample, _) in &stage.samples {
        sample.assert_in(&stage.out());
    }
    let words = [
        "run",
        "watch",
        "--upload-slots",
        "3",
        "--policy",
        "unchoke_all",
    ];
    assert_sentence(
        &run_command(stage.path(), &words),
        2,
        "has no parameter `slots`",
    );
}

/// A random generator with the same numbers in every run: xorshift64.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    }
}

fn kill_again_and_again(kills: u32) {
    let stage = Stage::new(&["one", "two", "three"]);
    (0..3).for_each(|it| stage.put(it));
    let mut random = numbers(0xfeed_beef);
    let mut least = [0; 3];
    let mut completed = 0;
    for round in 0..kills {
        let slow = ["--quiet", "--download-cap", "900 KiB/s"];
        let command = &mut stage.command(&[&slow[..], &["--incomplete-suffix", SUFFIX]].concat());
        let mut child = command.stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(Duration::from_millis(20 + random(600)));
        child.kill().expect("kills");
        child.wait().expect("ends");
        for (number, (sample, _)) in stage.samples.iter().enumerate() {
            let claims = assert_claims_are_true(sample, &stage.out());
            let good = good_on_disk(sample, &stage.out());
            assert!(
                good >= claims.max(least[number]),
                "round {round}, torrent {number}: {good} pieces of {}",
                least[number]
            );
            least[number] = good;
            drop(stage.remembered(number));
        }
        if stage.is_complete() {
            fs::remove_dir_all(stage.out()).expect("removed");
            (least, completed) = ([0; 3], completed + 1);
        }
    }
    println!("{kills} kills, {completed} downloads completed in between");
    // Then it continues to the end.
    let running = Reporting::start(stage.command(&["--incomplete-suffix", SUFFIX]));
    let hashes: Vec<String> = (0..3).map(|it| stage.hash(it)).collect();
    every(&running, "listening", &hashes);
    let deadline = Instant::now() + PATIENCE;
    while !stage.is_complete() {
        assert!(Instant::now() < deadline, "it ends");
        std::thread::sleep(Duration::from_millis(200));
    }
    signal(&running.child, "TERM");
    every(&running, "end", &hashes);
    for (sample, _) in &stage.samples {
        sample.assert_in(&stage.out());
    }
}

/// Waits for this event of every torrent, in whatever order they come.
fn every(running: &Reporting, event: &str, hashes: &[String]) {
    let mut missing: Vec<&str> = hashes.iter().map(String::as_str).collect();
    while !missing.is_empty() {
        let came = running.until(|it| it["event"] == event);
        missing.retain(|it| came["info_hash"] != **it);
    }
}

#[test]
fn killed_with_three_torrents_nothing_is_lost_and_nothing_false() {
    kill_again_and_again(8);
}

/// `cargo test -p unchoke-net --test all run::two_hundred -- --ignored`
#[test]
#[ignore = "takes a minute or more; .ci/run runs it"]
fn two_hundred_kills_with_three_torrents() {
    kill_again_and_again(200);
}

#[test]
fn files_that_another_process_has_are_waited_for() {
    let stage = Stage::new(&["one"]);
    let (sample, seed) = &stage.samples[0];
    let torrent = sample.write_torrent(stage.path());
    let mut other = unchoke(stage.path(), &["download", "--no-tracker", "--seed"]);
    other.args(["--peer", &seed.peer()]).arg(torrent);
    let other = Reporting::start(other);
    other.until(is("completed", &stage.hash(0)));
    stage.put(0);
    let running = Reporting::start(stage.command(&[]));
    let error = running.until(is("error", &stage.hash(0)));
    let text = error["text"].as_str().expect("a sentence");
    assert!(text.contains("another download of this torrent"), "{text}");
    drop(other);
    // It is tried again by itself, and does not repeat the error.
    running.until(|it| {
        assert_ne!(it["event"], "error", "{it}");
        is("listening", &stage.hash(0))(it)
    });
    sample.assert_in(&stage.out());
}

#[test]
fn the_command_ends_by_a_signal_with_its_status() {
    let stage = Stage::new(&[]);
    let child = stage.command(&["--quiet"]).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "TERM");
    assert_eq!(wait(child, &["run"]).status.code(), Some(143));
}

#[test]
fn a_torrent_that_another_file_holds_back_starts_when_that_one_ends() {
    let stage = Stage::new(&["one"]);
    let running = Reporting::start(stage.command(&[]));
    stage.put(0);
    running.until(|it| it["event"] == "completed");
    // The same torrent as a link, then as a file of another name.
    let link = format!("MAGNET:?xt=urn:btih:{}", stage.hash(0));
    fs::write(stage.path().join("watch/one.magnet"), link).expect("write");
    std::thread::sleep(Duration::from_secs(3));
    fs::remove_file(stage.torrent(0)).expect("removed");
    running.until(|it| it["event"] == "end");
    running.until(|it| it["event"] == "listening");
    let renamed = stage.path().join("watch/renamed.TORRENT");
    fs::write(&renamed, &stage.samples[0].0.torrent).expect("write");
    std::thread::sleep(Duration::from_secs(3));
    fs::remove_file(stage.path().join("watch/one.magnet")).expect("removed");
    running.until(|it| it["event"] == "end");
    running.until(|it| it["event"] == "listening");
    signal(&running.child, "TERM");
    running.until(|it| it["event"] == "end");
}
