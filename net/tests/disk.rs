//! Data on disk is never misjudged: files that change while a command runs, and damage that neither
//! dates nor sizes show.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::command::{
    Listening, Reporting, assert_sentence, run, seed, signal, stderr, stdout, unchoke,
};
use crate::common::disk::{
    BIG, assert_claims_are_true, cut, download, fetched, home_of, overwrite, resume_of,
};
use crate::common::{PATIENCE, Sample, sample};
use unchoke_core::bitfield::Bitfield;

type Harm = fn(&Path);

/// Possible changes to a file in use.
const HARMS: [(&str, Harm); 4] = [
    ("deleted", |path| fs::remove_file(path).expect("remove")),
    ("cut", |path| cut(path, 100_000)),
    ("damaged", |path| overwrite(path, 300_000, b"XXXX")),
    ("emptied", |path| cut(path, 0)),
];

#[test]
fn what_changes_under_a_download_that_seeds_is_fetched_again() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let big = fs::read(sample.folder.path().join("sample/größe-世界.bin")).expect("read");
    for (name, harm) in HARMS {
        let home = home_of(&sample);
        let words = download(&seed.peer(), &["--seed", "--timeout", "60 s"]).join("\n");
        let words: Vec<&str> = words.split('\n').collect();
        let mut running = Reporting::start(unchoke(home.path(), &words));
        let listening = running.until(|event| event["event"] == "listening");
        running.until(|event| event["event"] == "completed");
        harm(&home.path().join(BIG));
        let told = running.until(|event| event["event"] == "files");
        let text = told["text"].as_str().expect("text");
        assert!(text.contains("is not good any more"), "{name}: {text}");
        // Seeds do not keep connections to each other: this seed must dial again to bring the
        // piece.
        let peer = format!("127.0.0.1:{}", listening["port"]);
        let _helper = self::seed(&sample, &["--peer", &peer]);
        // Not all at once: bad pieces are found one by one.
        let whole = || fs::read(home.path().join(BIG)).is_ok_and(|it| it == big);
        let deadline = Instant::now() + PATIENCE;
        while !whole() {
            assert!(
                Instant::now() < deadline,
                "{name}: the file is not repaired"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        signal(&running.child, "INT");
        assert_eq!(
            running.child.wait().expect("ends").code(),
            Some(130),
            "{name}"
        );
        sample.assert_in(&home.path().join("downloads"));
        assert_claims_are_true(&sample, &home.path().join("downloads"));
    }
}

/// Nobody has the bad pieces, so only the user can bring them back.
#[test]
fn a_file_that_was_damaged_and_is_restored_is_good_again_without_a_restart() {
    let sample = sample();
    let words = ["download", "sample.torrent", "--no-tracker", "--seed"];
    let start = |(name, harm): &(&'static str, Harm)| {
        let home = fetched(&sample);
        let running = Reporting::start(unchoke(home.path(), &words));
        let listening = running.until(|event| event["event"] == "listening");
        fs::copy(home.path().join(BIG), home.path().join("kept")).expect("a copy");
        harm(&home.path().join(BIG));
        (*name, home, running, listening["port"].clone())
    };
    for (name, home, running, port) in HARMS.iter().map(start).collect::<Vec<_>>() {
        let told = |words: &str| {
            let big = Path::new(BIG).file_name().and_then(|it| it.to_str());
            let is_it = |text: &str| text.contains(words) && text.contains(big.expect("a name"));
            running.until(|event| event["text"].as_str().is_some_and(is_it));
        };
        told("is not good any more");
        // Either in place, or by a file that takes the place.
        if matches!(name, "deleted" | "emptied") {
            fs::rename(home.path().join("kept"), home.path().join(BIG)).expect("moved");
        } else {
            fs::copy(home.path().join("kept"), home.path().join(BIG)).expect("copied");
        }
        told("is good again");
        let leecher = home_of(&sample);
        let peer = format!("127.0.0.1:{port}");
        let fetching = download(&peer, &[]);
        assert!(run(leecher.path(), &fetching).status.success(), "{name}");
        signal(&running.child, "INT");
        running.until(|event| event["event"] == "end");
        assert_claims_are_true(&sample, &home.path().join("downloads"));
    }
}

#[test]
fn what_changes_unseen_is_not_claimed_by_the_next_run() {
    let sample = sample();
    for (name, harm) in HARMS {
        let home = fetched(&sample);
        let words = ["download", "sample.torrent", "--no-tracker", "--seed"];
        let mut running = Reporting::start(unchoke(home.path(), &words));
        running.until(|event| event["event"] == "listening");
        harm(&home.path().join(BIG));
        let existed = home.path().join(BIG).exists();
        signal(&running.child, "INT");
        assert_eq!(
            running.child.wait().expect("ends").code(),
            Some(130),
            "{name}"
        );
        assert_eq!(
            home.path().join(BIG).exists(),
            existed,
            "{name}: it was made anew"
        );
        let claims = assert_claims_are_true(&sample, &home.path().join("downloads"));
        assert!(claims < 25, "{name}");
        // A second check without any peer gives the same result.
        let words = [
            "download",
            "sample.torrent",
            "--no-tracker",
            "--timeout",
            "1 s",
        ];
        assert_sentence(&run(home.path(), &words), 1, "gave up");
        let claims = assert_claims_are_true(&sample, &home.path().join("downloads"));
        assert!((3..25).contains(&claims), "{name}: {claims}");
    }
}

#[test]
fn a_seed_whose_data_is_damaged_says_so_and_ends() {
    let sample = sample();
    for (name, harm) in HARMS {
        let home = fetched(&sample);
        let words = [
            "seed",
            "sample.torrent",
            "--data",
            "downloads",
            "--no-tracker",
        ];
        let mut running = Reporting::start(unchoke(home.path(), &words));
        let listening = running.until(|event| event["event"] == "listening");
        harm(&home.path().join(BIG));
        let existed = home.path().join(BIG).exists();
        let peer = format!("127.0.0.1:{}", listening["port"]);
        let leecher = home_of(&sample);
        let words = download(&peer, &["--quiet", "--idle-timeout", "3 s"]);
        let result = run(leecher.path(), &words);
        assert_sentence(&result, 1, "nothing useful came");
        let claims = assert_claims_are_true(&sample, &leecher.path().join("downloads"));
        let ended = running.child.wait().expect("ends");
        assert_eq!(
            ended.code(),
            Some(1),
            "{name}, the leecher got {claims} pieces"
        );
        let end = running.until(|event| event["event"] == "end");
        assert_eq!(end["end"], "damaged", "{name}");
        let have = end["have_pieces"].as_u64().expect("a number");
        assert!(have < 25, "{name}: {have} pieces");
        assert_eq!(
            home.path().join(BIG).exists(),
            existed,
            "{name}: it was made anew"
        );
    }
}

/// Damage without a change of date or size, as from a failing disk. The resume data still calls the
/// pieces verified.
fn rot(sample: &Sample, home: &Path) {
    overwrite(&home.join(BIG), 300_000, b"XXXX");
    let (resume, storage) = resume_of(sample, &home.join("downloads"));
    resume.save(&storage, &Bitfield::full(25)).expect("save");
}

#[test]
fn damage_that_does_not_show_is_found_by_check_and_mended_by_the_next_download() {
    let sample = sample();
    let home = fetched(&sample);
    rot(&sample, home.path());
    let seed = seed(&sample, &[]);
    let believed = run(home.path(), &download(&seed.peer(), &[]));
    assert!(believed.status.success());
    assert!(
        stdout(&believed).contains("received 0 B"),
        "it shows after all"
    );
    let check = ["check", "sample.torrent", "--data", "downloads"];
    let checked = run(home.path(), &check);
    assert_sentence(&checked, 1, "1 of 25 pieces");
    assert!(
        stderr(&checked).contains("it is corrected"),
        "{}",
        stderr(&checked)
    );
    let mended = run(home.path(), &download(&seed.peer(), &[]));
    assert!(mended.status.success());
    assert!(
        stdout(&mended).contains("received 32.0 KiB"),
        "{}",
        stdout(&mended)
    );
    sample.assert_in(&home.path().join("downloads"));
    let checked = run(home.path(), &check);
    assert!(checked.status.success() && stderr(&checked).is_empty());
}

#[test]
fn recheck_finds_damage_that_does_not_show() {
    let sample = sample();
    let home = fetched(&sample);
    rot(&sample, home.path());
    let words = [
        "seed",
        "sample.torrent",
        "--data",
        "downloads",
        "--no-tracker",
    ];
    let words = [&words[..], &["--timeout", "1 s"]].concat();
    assert!(
        run(home.path(), &words).status.success(),
        "it shows after all"
    );
    let again = [&words[..], &["--recheck"]].concat();
    assert_sentence(
        &run(home.path(), &again),
        2,
        "1 of 25 pieces are missing or wrong",
    );
    let seed = seed(&sample, &[]);
    let mended = run(home.path(), &download(&seed.peer(), &["--recheck"]));
    assert!(mended.status.success());
    assert!(
        stderr(&mended).contains("24 of 25 pieces are there, checked"),
        "{}",
        stderr(&mended)
    );
    sample.assert_in(&home.path().join("downloads"));
}

#[test]
fn damage_that_does_not_show_is_found_when_a_peer_asks_again() {
    let sample = sample();
    let home = fetched(&sample);
    rot(&sample, home.path());
    let words = [
        "seed",
        "sample.torrent",
        "--data",
        "downloads",
        "--no-tracker",
    ];
    let words = [&words[..], &["--policy", "unchoke_all"]].concat();
    let mut running = Reporting::start(unchoke(home.path(), &words));
    let listening = running.until(|event| event["event"] == "listening");
    let peer = format!("127.0.0.1:{}", listening["port"]);
    // Two leechers, one after the other: each gets the bad piece, bans the seed and fails.
    let mut codes = Vec::new();
    for _ in 0..2 {
        let leecher = home_of(&sample);
        let words = download(&peer, &["--quiet", "--idle-timeout", "3 s"]);
        codes.push(run(leecher.path(), &words).status.code());
        assert_claims_are_true(&sample, &leecher.path().join("downloads"));
    }
    let ended = running
        .child
        .try_wait()
        .expect("waits")
        .and_then(|it| it.code());
    assert_eq!(ended, Some(1), "leechers: {codes:?}");
}

#[test]
fn two_downloads_of_one_torrent_do_not_share_a_folder() {
    let sample = sample();
    let home = home_of(&sample);
    // Nobody is there to download from, so it stays.
    let words = download("127.0.0.1:9", &[]);
    let first = Listening::start(unchoke(home.path(), &words));
    let second = run(home.path(), &words);
    assert_sentence(
        &second,
        5,
        "another download of this torrent into downloads",
    );
    let elsewhere = download("127.0.0.1:9", &["--out", "elsewhere", "--timeout", "1 s"]);
    assert_sentence(&run(home.path(), &elsewhere), 1, "--timeout");
    // Killed, it holds no lock.
    drop(first);
    let third = run(home.path(), &download("127.0.0.1:9", &["--timeout", "1 s"]));
    assert_sentence(&third, 1, "--timeout");
}
