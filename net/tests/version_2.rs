//! Torrents of version 2 and hybrids (BEP 52), tested through the command: create, check, seed and
//! download.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::merkle;
use unchoke_core::message::{HashRequest, Message};
use unchoke_core::metainfo::Metainfo;
use unchoke_core::wire::{Decoded, Decoder, HANDSHAKE_BYTES};

use crate::common::command::{Listening, assert_sentence, run, stderr, stdout, unchoke};
use crate::common::peer::{bytes_of, handshake};
use crate::common::{PATIENCE, noise};

const FILES: [(&str, usize); 6] = [
    ("all/b/large", 300_001),
    ("all/b/small", 7),
    ("all/b.c/block", 16_384),
    ("all/empty", 0),
    ("all/pieces", 131_072),
    ("all/short", 40_000),
];

fn write_payload(home: &Path) {
    let all = noise(FILES.iter().map(|it| it.1).sum());
    let mut at = 0;
    for (path, length) in FILES {
        let path = home.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, &all[at..at + length]).expect("write");
        at += length;
    }
}

fn assert_payload(home: &Path, found: &Path) {
    for (path, _) in FILES {
        let (ours, theirs) = (fs::read(home.join(path)), fs::read(found.join(path)));
        assert!(ours.ok() == theirs.ok(), "{path} differs");
    }
}

/// Makes a torrent of `what`.
fn create(home: &Path, format: &str, what: &str, out: &str) -> Metainfo {
    let words = [
        "create",
        what,
        "--out",
        out,
        "--piece-size",
        "32 KiB",
        format,
    ];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    let torrent = fs::read(home.join(out)).expect("made");
    let torrent = Metainfo::parse(&torrent).expect("our own");
    let trees = torrent.version_2.as_ref().expect("version 2");
    let said = stdout(&made);
    assert!(said.contains(&trees.info_hash.to_string()), "{said}");
    torrent
}

fn seed(home: &Path, torrent: &str) -> Listening {
    let words = ["seed", torrent, "--data", ".", "--no-tracker"];
    Listening::start(unchoke(home, &words))
}

fn fetch(home: &Path, what: &str, peer: &str) -> tempfile::TempDir {
    let away = tempfile::tempdir().expect("temporary folder");
    let what = if what.starts_with("magnet:") {
        what.to_owned()
    } else {
        home.join(what).display().to_string()
    };
    let words = ["download", &what, "--peer", peer, "--no-tracker"];
    let words = [&words[..], &["--timeout", "60 s"]].concat();
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    away
}

#[test]
fn what_is_made_is_the_same_each_time_and_is_checked_shared_and_fetched() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    write_payload(home);
    for (format, version) in [("--v2", "2"), ("--hybrid", "1 and 2 (hybrid)")] {
        let (one, two) = (format!("1{format}.torrent"), format!("2{format}.torrent"));
        let torrent = create(home, format, "all", &one);
        let again = create(home, format, "all", &two);
        assert_eq!(torrent.info, again.info);
        assert_eq!(torrent.version_2, again.version_2);
        let shown = stdout(&run(home, &["show", &one]));
        let line = format!("version       {version}\n");
        assert!(shown.contains(&line), "{shown}");
        let checked = run(home, &["check", &one, "--data", "."]);
        assert!(checked.status.success(), "{}", stderr(&checked));
        let seed = seed(home, &one);
        let away = fetch(home, &one, &seed.peer());
        assert_payload(home, &away.path().join("downloads"));
        let pads = fs::read_dir(away.path().join("downloads/all")).expect("lists");
        assert_eq!(pads.count(), 5, "padding is not saved");
        drop(seed);
        // The damage is reported for the right file.
        let path = home.join("all/short");
        let good = fs::read(&path).expect("there");
        let mut bad = good.clone();
        bad[20_000] ^= 1;
        fs::write(&path, bad).expect("write");
        let checked = run(home, &["check", &one, "--data", "."]);
        assert!(!checked.status.success());
        let said = stdout(&checked) + &stderr(&checked);
        assert!(said.contains("all/short: 1 of 2 pieces good\n"), "{said}");
        assert!(said.contains("all/b/large: good\n"), "{said}");
        fs::write(&path, good).expect("write");
    }
}

#[test]
fn a_link_of_version_2_brings_the_hashes_of_the_pieces_as_well() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    write_payload(home);
    for format in ["--v2", "--hybrid"] {
        let file = format!("{}.torrent", &format[2..]);
        let torrent = create(home, format, "all", &file);
        let trees = torrent.version_2.as_ref().expect("version 2");
        let seed = seed(home, &file);
        let second = format!("magnet:?xt=urn:btmh:1220{}", trees.info_hash);
        let away = fetch(home, &second, &seed.peer());
        assert_payload(home, &away.path().join("downloads"));
        let kept = format!("downloads/.{}.torrent", trees.info_hash.truncated());
        let kept = fs::read(away.path().join(kept)).expect("kept");
        let kept = Metainfo::parse(&kept).expect("with its piece layers");
        assert_eq!(kept.version_2, torrent.version_2);
        // The next start needs no tracker and no peer.
        let words = ["download", &second, "--no-tracker", "--timeout", "20 s"];
        let again = run(away.path(), &words);
        assert!(again.status.success(), "{}", stderr(&again));
        if torrent.is_hybrid() {
            let first = format!("magnet:?xt=urn:btih:{}", torrent.info_hash);
            for link in [first.clone(), format!("{first}&{}", &second[8..])] {
                let away = fetch(home, &link, &seed.peer());
                assert_payload(home, &away.path().join("downloads"));
            }
        }
    }
}

#[test]
fn a_single_file_is_made_and_fetched_without_a_folder() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    fs::write(home.join("one"), noise(100_000)).expect("write");
    for format in ["--v2", "--hybrid"] {
        let file = format!("{}.torrent", &format[2..]);
        create(home, format, "one", &file);
        let seed = seed(home, &file);
        let away = fetch(home, &file, &seed.peer());
        let fetched = fs::read(away.path().join("downloads/one")).expect("fetched");
        assert!(fetched == noise(100_000));
    }
    // BEP 52: a tree of one file is this file without a folder.
    fs::create_dir(home.join("folder")).expect("folder");
    fs::rename(home.join("one"), home.join("folder/one")).expect("moves");
    let words = ["create", "folder", "--v2", "--out", "folder.torrent"];
    let made = run(home, &words);
    assert!(made.status.success(), "{}", stderr(&made));
    let told = "the torrent is the file one alone; seed it with --data folder\n";
    assert!(stderr(&made).contains(told), "{}", stderr(&made));
    let words = ["check", "folder.torrent", "--data", "folder"];
    let checked = run(home, &words);
    assert!(checked.status.success(), "{}", stderr(&checked));
}

#[test]
fn what_version_2_has_no_room_for_is_said() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    fs::write(home.join("one"), "hello").expect("write");
    let words = ["create", "one", "--out", "x.torrent", "--v2"];
    let odd = run(home, &[&words[..], &["--piece-size", "20000"]].concat());
    assert_sentence(&odd, 2, "it must be a power of two from 16384");
    let both = run(home, &[&words[..], &["--hybrid"]].concat());
    assert_eq!(both.status.code(), Some(2), "{}", stderr(&both));
    create(home, "--v2", "one", "good.torrent");
    let good = fs::read(home.join("good.torrent")).expect("made");
    let at = good.windows(18).position(|it| it == b"12:meta versioni2e");
    let mut newer = good.clone();
    newer[at.expect("a version") + 16] = b'3';
    fs::write(home.join("newer.torrent"), newer).expect("write");
    for command in ["show", "check", "seed", "download"] {
        let words = match command {
            "check" | "seed" => vec![command, "newer.torrent", "--data", "."],
            _ => vec![command, "newer.torrent"],
        };
        let refused = run(home, &words);
        assert_sentence(&refused, 2, "only versions 1 and 2 are known");
    }
}

/// A peer that got a corrupt piece can find the corrupt block: we send the hashes of the blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashes_of_blocks_are_sent() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    fs::create_dir(home.join("all")).expect("folder");
    let payload = noise(200_000);
    fs::write(home.join("all/file"), &payload).expect("write");
    fs::write(home.join("all/other"), b"x").expect("write");
    let words = ["create", "all", "--v2", "--out", "it.torrent"];
    let made = run(home, &[&words[..], &["--piece-size", "64 KiB"]].concat());
    assert!(made.status.success(), "{}", stderr(&made));
    let torrent = fs::read(home.join("it.torrent")).expect("made");
    let torrent = Metainfo::parse(&torrent).expect("our own");
    let seed = seed(home, "it.torrent");
    let tree = torrent.version_2.as_ref().expect("version 2").trees()[0];
    let request = HashRequest {
        root: tree.root,
        base: 0,
        index: 4,
        length: 4,
        proofs: 3,
    };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, seed.port))
        .await
        .expect("connects");
    let hello = handshake(&torrent, b"-XX0001-abcdefghijkl");
    let asked = bytes_of(&Message::HashRequest(Box::new(request)));
    stream
        .write_all(&[&hello[..], &asked].concat())
        .await
        .expect("it reads");
    let mut bytes = vec![0; HANDSHAKE_BYTES];
    stream.read_exact(&mut bytes).await.expect("its handshake");
    bytes.clear();
    let decoder = Decoder::new(torrent.geometry.piece_count());
    let hashes = loop {
        match decoder.decode(&bytes).expect("it speaks the protocol") {
            Decoded::Message {
                message: Message::Hashes(hashes),
                ..
            } => break hashes,
            Decoded::Message {
                message: Message::HashReject(_),
                ..
            } => panic!("rejected"),
            Decoded::Message { used, .. } => drop(bytes.drain(..used)),
            Decoded::Unknown { .. } => panic!("it sends nothing unknown"),
            Decoded::Incomplete { .. } => {
                let more = tokio::time::timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
                assert!(
                    more.expect("an answer").expect("it is there") > 0,
                    "it hung up"
                );
            }
        }
    };
    let leaves = payload
        .chunks(BLOCK_BYTES as usize)
        .skip(4)
        .take(4)
        .map(merkle::leaf);
    assert_eq!(hashes.hashes[..4], leaves.collect::<Vec<_>>());
    let root = merkle::proven_root(&hashes.hashes, request.index, request.length);
    assert_eq!(root, Some(tree.root));
}
