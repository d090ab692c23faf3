//! Torrents of version 2 and hybrids with libtorrent, the first client that supported them. BEP 52.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use unchoke_core::metainfo::Metainfo;

use super::network::network;
use super::stage::Stage;
use crate::common::clients::{Client, python};
use crate::common::command::{Listening, run, stderr, unchoke};

const PATIENCE: Duration = Duration::from_mins(2);
const FORMATS: [&str; 2] = ["v2", "hybrid"];

/// Makes a torrent without trackers of the stage's payload. Returns its path and content.
fn create(stage: &Stage, format: &str) -> (PathBuf, Metainfo) {
    let home = stage.scratch.path();
    let file = home.join(format!("{format}.torrent"));
    let option = format!("--{format}");
    let words = ["create", "full/payload", "--piece-size", "256 KiB"];
    let out = ["--out", file.to_str().expect("text"), &option];
    let made = run(home, &[&words[..], &out].concat());
    assert!(made.status.success(), "{}", stderr(&made));
    let torrent = Metainfo::parse(&fs::read(&file).expect("made")).expect("our own");
    (file, torrent)
}

/// A magnet link with the version 2 hash only.
fn link(torrent: &Metainfo) -> String {
    let trees = torrent.version_2.as_ref().expect("version 2");
    format!("magnet:?xt=urn:btmh:1220{}", trees.info_hash)
}

#[test]
fn libtorrent_makes_the_same_torrents_and_reads_ours() {
    let test = "libtorrent_makes_the_same_torrents_and_reads_ours";
    let Some(network) = network(module_path!(), test, Client::Libtorrent) else {
        return;
    };
    let stage = Stage::new(network);
    let made = FORMATS.map(|it| create(&stage, it));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/libtorrent_make.py");
    let said = Command::new(python().expect("asked for before"))
        .arg(script)
        .arg(stage.scratch.path().join("full/payload"))
        .arg("262144")
        .args(made.iter().map(|it| &it.0))
        .output()
        .expect("it runs");
    let lines = String::from_utf8(said.stdout).expect("text");
    let errors = String::from_utf8_lossy(&said.stderr);
    for (format, (_, torrent)) in FORMATS.iter().zip(&made) {
        let second = torrent.version_2.as_ref().expect("version 2").info_hash;
        let first = torrent.is_hybrid().then(|| torrent.info_hash.to_string());
        let first = first.as_deref().unwrap_or("-");
        let same = format!("{format} {second}");
        let read = format!("read {first} {second}");
        for line in [&same, &read] {
            assert!(
                lines.lines().any(|it| it == line),
                "no `{line}` in {lines}{errors}"
            );
        }
    }
}

#[test]
#[ignore = "a minute or more; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_seeds_version_2_to_us() {
    let test = "libtorrent_seeds_version_2_to_us";
    let Some(network) = network(module_path!(), test, Client::Libtorrent) else {
        return;
    };
    for format in FORMATS {
        for by_link in [false, true] {
            let stage = Stage::new(network);
            let home = stage.scratch.path();
            let (file, torrent) = create(&stage, format);
            let folder = home.join("full");
            let seed = Client::Libtorrent.seed(stage.place(&file, &folder, false));
            let what = if by_link {
                link(&torrent)
            } else {
                file.display().to_string()
            };
            let peer = format!("{}:7702", network.client);
            let words = ["download", &what, "--out", "empty", "--timeout", "90 s"];
            let fetched = run(home, &[&words[..], &["--peer", &peer]].concat());
            let all = format!("{}\n{}", stderr(&fetched), seed.last_words());
            assert!(fetched.status.success(), "{format} {by_link}: {all}");
            assert!(
                stage.differing(false).is_empty(),
                "{format} {by_link}: {all}"
            );
        }
    }
}

#[test]
#[ignore = "a minute or more; .ci/run runs it, and so does --include-ignored"]
fn libtorrent_fetches_version_2_from_us() {
    let test = "libtorrent_fetches_version_2_from_us";
    let Some(network) = network(module_path!(), test, Client::Libtorrent) else {
        return;
    };
    for format in FORMATS {
        for by_link in [false, true] {
            let stage = Stage::new(network);
            let home = stage.scratch.path();
            let (file, torrent) = create(&stage, format);
            let what = if by_link {
                PathBuf::from(link(&torrent))
            } else {
                file.clone()
            };
            let folder = home.join("empty");
            let fetching = Client::Libtorrent.fetch(stage.place(&what, &folder, false));
            let peer = format!("{}:7702", network.client);
            let file = file.to_str().expect("text");
            let words = ["seed", file, "--data", "full", "--peer", &peer];
            let policy = ["--policy", "unchoke_all"];
            let seed = Listening::start(unchoke(home, &[&words[..], &policy].concat()));
            let began = Instant::now();
            while !stage.differing(false).is_empty() {
                let said = fetching.last_words();
                assert!(began.elapsed() < PATIENCE, "{format} {by_link}: {said}");
                std::thread::sleep(Duration::from_millis(300));
            }
            drop(seed);
        }
    }
}
