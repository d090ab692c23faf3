//! The `unchoke` command: its effects, its output, and its exit status.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::command::{
    Listening, Mounted, assert_sentence, run, seed, signal, stderr, stdout, unchoke, wait,
};
use crate::common::{PATIENCE, sample};

#[test]
fn create_makes_what_show_shows() {
    let sample = sample();
    let home = sample.folder.path();
    let words = [
        "create",
        "sample",
        "--out",
        "sample.torrent",
        "--comment",
        "a test",
    ];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    assert_sentence(&run(home, &words), 2, "exists already");
    let shown = stdout(&run(home, &["show", "sample.torrent"]));
    for part in [
        "größe-世界.bin",
        "a/b/c/deep.dat",
        "nothing.txt",
        "a test",
        "812353 bytes",
    ] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
}

#[test]
fn what_to_log_is_said_in_levels_and_targets() {
    let sample = sample();
    let home = sample.folder.path();
    sample.write_torrent(home);
    let show = |asked: &str| {
        let mut command = unchoke(home, &["show", "sample.torrent"]);
        command.env("UNCHOKE_LOG", asked).output().expect("it runs")
    };
    for asked in ["debug", "unchoke_net::session=trace,info"] {
        assert!(show(asked).status.success(), "{asked}");
    }
    assert_sentence(&show("nonsense=xx=yy"), 2, "UNCHOKE_LOG");
}

#[test]
fn a_new_torrent_is_seeded_fetched_checked_and_mended() {
    let sample = sample();
    let home = sample.folder.path();
    let words = ["create", "sample", "--out", "sample.torrent"];
    assert!(run(home, &words).status.success());
    let listening = Listening::start({
        let words = [
            "seed",
            "sample.torrent",
            "--data",
            ".",
            "--policy",
            "unchoke_all",
        ];
        unchoke(home, &words)
    });
    let away = tempfile::tempdir().expect("temporary folder");
    fs::copy(
        home.join("sample.torrent"),
        away.path().join("sample.torrent"),
    )
    .expect("copy");
    let peer = listening.peer();
    let words = ["download", "sample.torrent", "--peer", &peer];
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    assert!(
        stdout(&fetched).contains("50 of 50 pieces in downloads"),
        "{}",
        stdout(&fetched)
    );
    sample.assert_in(&away.path().join("downloads"));

    let check = ["check", "sample.torrent", "--data", "downloads"];
    assert!(run(away.path(), &check).status.success());
    let victim = away.path().join("downloads/sample/first.bin");
    fs::write(&victim, vec![0; 100_000]).expect("write");
    let checked = run(away.path(), &check);
    assert_sentence(&checked, 1, "are missing or wrong in downloads");
    assert!(
        stdout(&checked).contains("first.bin: 0 of 7 pieces good"),
        "{}",
        stdout(&checked)
    );

    // Only the damaged data is fetched again.
    let mended = run(away.path(), &words);
    assert!(
        stdout(&mended).contains("received 112.0 KiB"),
        "{}",
        stdout(&mended)
    );
    sample.assert_in(&away.path().join("downloads"));
}

#[test]
fn bad_input_gets_one_sentence_and_status_2() {
    let sample = sample();
    let folder = sample.folder.path();
    let whole = sample.torrent.clone();
    fs::write(folder.join("cut.torrent"), &whole[..whole.len() - 100]).expect("write");
    let position = whole
        .windows(14)
        .position(|it| it == b"12:piece lengt")
        .expect("the key")
        + 15;
    let mut zero = whole[..position].to_vec();
    zero.extend(b"i0e");
    zero.extend(&whole[position + b"i32768e".len()..]);
    fs::write(folder.join("zero.torrent"), zero).expect("write");
    fs::write(folder.join("page.torrent"), "<!DOCTYPE html><p>404").expect("write");
    fs::write(folder.join("empty.torrent"), "").expect("write");
    fs::write(folder.join("huge.torrent"), vec![b'l'; 11_000_000]).expect("write");
    for (file, part) in [
        ("cut.torrent", "ends in the middle"),
        ("zero.torrent", "piece length 0"),
        ("page.torrent", "not a torrent file: it is a web page"),
        ("empty.torrent", "not a torrent file: it is empty"),
        ("huge.torrent", "nested deeper than 100"),
        ("absent.torrent", "cannot read"),
        (".", "it is a folder"),
    ] {
        assert_sentence(&run(folder, &["show", file]), 2, part);
        assert_sentence(&run(folder, &["download", file]), 2, part);
        assert_sentence(&run(folder, &["seed", file, "--data", "."]), 2, part);
        assert_sentence(&run(folder, &["bench", file]), 2, part);
        assert_sentence(&run(folder, &["announce", file]), 2, part);
    }
    sample.write_torrent(folder);
    let words = ["download", "sample.torrent", "--policy", "nice"];
    assert_sentence(&run(folder, &words), 2, "known are: unchoke_all");
    let words = ["download", "sample.torrent", "--picker", "best"];
    assert_sentence(&run(folder, &words), 2, "known are: rarest_first");
    let words = [
        "download",
        "sample.torrent",
        "--peer",
        "no.such.host.invalid:1",
    ];
    assert_sentence(&run(folder, &words), 2, "no.such.host.invalid");
    assert_sentence(
        &run(folder, &["announce", "sample.torrent"]),
        2,
        "names no tracker",
    );
    let torrent = sample.torrent.clone();
    for words in [&["download"][..], &["seed", "--data", "."]] {
        let words = [words, &["sample.torrent", "--record", "./sample.torrent"]].concat();
        assert_sentence(&run(folder, &words), 2, "choose another --record");
    }
    let kept = fs::read(folder.join("sample.torrent")).expect("read");
    assert_eq!(kept, torrent, "a recording took the place of the torrent");
    fs::create_dir(folder.join("nothing")).expect("folder");
    let words = ["seed", "sample.torrent", "--data", "nothing"];
    assert_sentence(&run(folder, &words), 2, "25 of 25 pieces are missing");
    assert_eq!(run(folder, &["download"]).status.code(), Some(2));
    assert_eq!(
        run(folder, &["download", "x", "--upload-cap", "fast"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn interrupted_and_resumed_loses_no_verified_piece() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = [
        "download",
        "sample.torrent",
        "--peer",
        &peer,
        "--no-tracker",
    ];
    let mut command = unchoke(away.path(), &words);
    command.args(["--download-cap", "300 KiB/s", "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("the command starts");
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "INT");
    let stopped = wait(child, &words);
    assert_eq!(stopped.status.code(), Some(130), "{}", stderr(&stopped));
    let said = stdout(&stopped);
    let last = said.lines().last().expect("it says how it ended");
    let end: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(end["end"], "stopped");
    let have = end["have_pieces"].as_u64().expect("a number");
    assert!((2..25).contains(&have), "{have} pieces");

    let resumed = run(away.path(), &words);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let found = format!("{have} of 25 pieces are there, as resume data says");
    assert!(stderr(&resumed).contains(&found), "{}", stderr(&resumed));
    sample.assert_in(&away.path().join("downloads"));
}

#[test]
fn killed_and_started_again_finds_what_was_written() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = [
        "download",
        "sample.torrent",
        "--peer",
        &peer,
        "--no-tracker",
    ];
    // One clean stop, so that there is resume data; then a kill, after which it is outdated.
    let two = [&words[..], &["--pieces", "2", "--quiet"]].concat();
    assert!(run(away.path(), &two).status.success());
    let mut command = unchoke(away.path(), &words);
    command.args(["--download-cap", "150 KiB/s"]);
    // So that a failure shows what happened.
    let log = away.path().join("log");
    command.env("UNCHOKE_LOG", "debug");
    command.stderr(fs::File::create(&log).expect("a file"));
    let out = away.path().join("downloads");
    let on_disk = || -> usize {
        let right = |(path, from, to): &(std::path::PathBuf, usize, usize)| {
            let found = fs::read(out.join(path)).unwrap_or_default();
            let pairs = found.iter().zip(&sample.payload[*from..*to]);
            pairs.filter(|(found, right)| found == right).count()
        };
        sample.files.iter().map(right).sum()
    };
    // The first run may have stored more than two pieces before it stopped.
    let enough = on_disk() + 6 * 32 * 1024;
    let mut child = command.spawn().expect("the command starts");
    let began = Instant::now();
    while on_disk() < enough {
        let log = || fs::read_to_string(&log).unwrap_or_default();
        assert!(began.elapsed() < PATIENCE, "{}: {}", on_disk(), log());
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("kills");
    child.wait().expect("ends");
    let resumed = run(away.path(), &words);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let said = stderr(&resumed);
    let found = said
        .lines()
        .find(|it| it.ends_with("pieces are there, checked"));
    let found = found.unwrap_or_else(|| panic!("old resume data was believed: {said}"));
    let have: u32 = found
        .split(' ')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    assert!((4..25).contains(&have), "{found}");
    sample.assert_in(&away.path().join("downloads"));
}

#[test]
fn a_reader_that_goes_away_does_not_stop_a_download() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = ["download", "sample.torrent", "--peer", &peer, "--json"];
    let mut command = unchoke(away.path(), &words);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("the command starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().expect("ends").success());
    sample.assert_in(&away.path().join("downloads"));
}

#[test]
fn a_second_download_finds_everything_and_a_seed_ends_on_signals() {
    let sample = sample();
    let mut seed = seed(&sample, &[]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let peer = seed.peer();
    let words = ["download", "sample.torrent", "--peer", &peer, "--quiet"];
    assert!(run(away.path(), &words).status.success());
    let again = run(away.path(), &["download", "sample.torrent"]);
    assert!(again.status.success());
    assert!(
        stdout(&again).contains("received 0 B"),
        "{}",
        stdout(&again)
    );
    for (name, status) in [("TERM", 143), ("INT", 130)] {
        signal(&seed.child, name);
        assert_eq!(seed.child.wait().expect("ends").code(), Some(status));
        seed = self::seed(&sample, &[]);
    }
}

#[test]
fn gives_up_when_told_to() {
    let sample = sample();
    sample.write_torrent(sample.folder.path());
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let words = [
        "download",
        "sample.torrent",
        "--quiet",
        "--idle-timeout",
        "300 ms",
    ];
    assert_sentence(&run(away.path(), &words), 1, "nothing useful came");
    let words = [
        "download",
        "sample.torrent",
        "--quiet",
        "--timeout",
        "300 ms",
    ];
    assert_sentence(&run(away.path(), &words), 1, "gave up after");
    // A complete download with a time limit for seeding ends with success.
    let words = [
        "download",
        "sample.torrent",
        "--out",
        ".",
        "--seed",
        "--timeout",
        "300 ms",
    ];
    let seeded = run(sample.folder.path(), &words);
    assert_eq!(seeded.status.code(), Some(0), "{seeded:?}");
}

#[test]
fn a_port_in_use_and_a_file_in_the_way_end_with_status_5() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let away = tempfile::tempdir().expect("temporary folder");
    sample.write_torrent(away.path());
    let port = seed.port.to_string();
    let words = ["download", "sample.torrent", "--quiet", "--port", &port];
    assert_sentence(&run(away.path(), &words), 5, "choose another with --port");
    fs::write(away.path().join("downloads"), "in the way").expect("write");
    let words = ["download", "sample.torrent", "--quiet"];
    assert_sentence(&run(away.path(), &words), 5, "downloads");
}

#[test]
fn a_read_only_folder_ends_with_status_5() {
    let Some(disk) = Mounted::new("ro,size=1m") else {
        return;
    };
    let sample = sample();
    let torrent = sample.write_torrent(sample.folder.path());
    let torrent = torrent.to_str().expect("text");
    for out in [".", "below"] {
        let words = ["download", torrent, "--quiet", "--out", out];
        assert_sentence(&run(disk.path(), &words), 5, "Read-only file system");
    }
}

#[test]
fn a_full_disk_keeps_what_was_verified() {
    let Some(disk) = Mounted::new("size=400k") else {
        return;
    };
    let sample = sample();
    let seed = seed(&sample, &[]);
    let home = sample.folder.path();
    let (peer, out) = (seed.peer(), disk.path().to_str().expect("text"));
    let words = ["download", "sample.torrent", "--peer", &peer, "--out", out];
    let words = [&words[..], &["--no-tracker", "--quiet"]].concat();
    let words = [
        &words[..],
        &["--picker", "sequential", "--download-cap", "1 MiB/s"],
    ]
    .concat();
    assert_sentence(&run(home, &words), 5, "No space left on device");

    // Enlarge the disk; the download continues where it stopped.
    let grown = std::process::Command::new("mount")
        .args(["-o", "remount,size=8m"])
        .arg(disk.path())
        .status();
    assert!(grown.expect("mount runs").success());
    let words = ["download", "sample.torrent", "--peer", &peer, "--out", out];
    let resumed = run(home, &words);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let said = stderr(&resumed);
    let found = said.lines().find(|it| it.ends_with("as resume data says"));
    let found = found.unwrap_or_else(|| panic!("no resume data: {said}"));
    let have: u32 = found
        .split(' ')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    assert!((3..=12).contains(&have), "{found}");
    sample.assert_in(disk.path());
}

#[test]
fn show_marks_what_is_unsafe_and_what_is_unknown() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let bytes = |text: &[u8]| [format!("{}:", text.len()).as_bytes(), text].concat();
    let file = |length: u32, path: &[&[u8]]| {
        let path: Vec<u8> = path.iter().flat_map(|it| bytes(it)).collect();
        let head = format!("d6:lengthi{length}e4:pathl").into_bytes();
        [head, path, b"ee".to_vec()].concat()
    };
    let torrent = [
        b"d8:announce".to_vec(),
        bytes(b"http://x.test/announce\x1b[2J"),
        b"13:announce-listll".to_vec(),
        bytes(b"http://me:s%40cret@x.test/announce"),
        b"ee13:creation datei1591173906e".to_vec(),
        b"4:infod5:filesl".to_vec(),
        file(5, &[b"..", b"../../evil"]),
        file(0, &[b"b\x1b[2J", b"\xff\xfe"]),
        b"e4:name4:../x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa4:wow!i7ee".to_vec(),
        b"7:strangel1:a1:bee".to_vec(),
    ]
    .concat();
    fs::write(folder.path().join("x.torrent"), torrent).expect("write");
    let shown = run(folder.path(), &["show", "x.torrent"]);
    let said = stdout(&shown);
    assert!(shown.status.success(), "{}", stderr(&shown));
    for part in [
        "unsafe in the file",
        "strange: list of 2",
        "info/wow!: 7",
        "tier 1: http://...@x.test/announce",
        "created       2020-06-03 08:45:06 UTC",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(
        !said.contains('\x1b'),
        "a control character reached the terminal: {said:?}"
    );
    let json = |extra: &[&str]| -> serde_json::Value {
        let words = [&["show", "x.torrent", "--json"], extra].concat();
        serde_json::from_slice(&run(folder.path(), &words).stdout).expect("JSON")
    };
    let hash = "61".repeat(20);
    assert!(!said.contains(&hash), "hashes nobody asked for: {said}");
    let whole = stdout(&run(folder.path(), &["show", "x.torrent", "--hashes"]));
    assert!(whole.starts_with(&said) && whole.contains(&hash), "{whole}");
    assert_eq!(json(&["--hashes"])["hashes"][0], hash);
    let json = json(&[]);
    assert!(json["hashes"].is_null());
    assert_eq!(json["total_bytes"], 5);
    assert_eq!(json["creation_date_utc"], "2020-06-03 08:45:06 UTC");
    assert_eq!(json["trackers"][0][0], "http://...@x.test/announce");
    assert_eq!(json["files"][0]["unsafe_original"], "../x/../../../evil");
}

/// A pipe to which nobody writes, as the torrent.
#[test]
fn a_download_that_waits_for_its_torrent_can_be_stopped() {
    let home = tempfile::tempdir().expect("temporary folder");
    let made = std::process::Command::new("mkfifo")
        .current_dir(home.path())
        .arg("pipe")
        .status();
    assert!(made.expect("mkfifo runs").success());
    let words = ["download", "pipe", "--timeout", "200 ms"];
    assert_sentence(
        &run(home.path(), &words),
        1,
        "gave up after 0.2 s: pipe is not read yet (--timeout)",
    );
    let begun = unchoke(home.path(), &["download", "pipe"]).spawn();
    let child = begun.expect("the command starts");
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal(&child, "INT");
    let stopped = wait(child, &words);
    assert_eq!(stopped.status.code(), Some(130));
}
