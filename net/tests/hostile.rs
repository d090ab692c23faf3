//! Peers that misbehave during a download. The download must not be affected.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::common::peer::{bytes_of, handshake, serve};
use crate::common::{PATIENCE, Sample, sample};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::metainfo::Metainfo;
use unchoke_net::session::{End, Goal, Session, Settings};

/// The bytes that a hostile peer sends, and whether we must hang up.
struct Attack {
    name: &'static str,
    bytes: Vec<u8>,
    dropped: bool,
}

fn after_handshake(sample: &Sample, name: &'static str, bytes: &[u8], dropped: bool) -> Attack {
    let mut peer_id = *b"-XX0000-............";
    let length = name.len().min(12);
    peer_id[8..8 + length].copy_from_slice(&name.as_bytes()[..length]);
    let mut hello = handshake(&sample.metainfo, &peer_id).to_vec();
    // Announce both extensions, so that their messages are tested, too.
    (hello[25], hello[27]) = (0x10, 0x04);
    hello.extend_from_slice(bytes);
    Attack {
        name,
        bytes: hello,
        dropped,
    }
}

fn attacks(sample: &Sample) -> Vec<Attack> {
    let mut other_torrent = handshake(&sample.metainfo, b"-XX0000-another00000");
    other_torrent[30] ^= 1;
    let before = |name, bytes: &[u8], dropped| Attack {
        name,
        bytes: bytes.to_vec(),
        dropped,
    };
    let block = BlockRef {
        piece: PieceIndex(0),
        begin: 0,
        length: 16_384,
    };
    let mut piece = bytes_of(&Message::Piece(block));
    let half_piece = [piece.clone(), vec![7; 1000]].concat();
    piece.resize(piece.len() + 16_384, 0);
    let request = bytes_of(&Message::Request(BlockRef {
        begin: 1 << 30,
        ..block
    }));
    let far = Message::Have(PieceIndex(u32::MAX));
    let mut nested = vec![0, 1, 0, 2, 20, 0];
    nested.resize(4 + (1 << 16) + 2, b'l');
    let long_extension = [&[0, 8, 0, 2, 20, 9][..], &vec![0; 1 << 19]].concat();
    vec![
        before("garbage", &[0xa5; 10_000], true),
        before("web browser", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false),
        before("half a handshake", &other_torrent[..40], false),
        before("other torrent", &other_torrent, true),
        after_handshake(sample, "huge message", &[0xff; 8], true),
        after_handshake(sample, "short bitfield", &[0, 0, 0, 2, 5, 0xff], true),
        after_handshake(
            sample,
            "long have",
            &[0, 0, 0, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0],
            true,
        ),
        after_handshake(sample, "far piece", &bytes_of(&far), true),
        after_handshake(sample, "unasked pieces", &piece.repeat(200), true),
        after_handshake(sample, "half a piece", &half_piece, false),
        after_handshake(sample, "bad requests", &request.repeat(1000), true),
        after_handshake(sample, "nested lists", &nested, false),
        after_handshake(sample, "long extension", &long_extension, true),
        after_handshake(
            sample,
            "unknown ids",
            &[0, 0, 0, 2, 99, 1].repeat(5000),
            false,
        ),
        after_handshake(sample, "says nothing", &[], false),
    ]
}

/// Plays one attack. Returns true if we hung up within a few seconds.
async fn play(target: SocketAddr, bytes: Vec<u8>) -> bool {
    let mut stream = TcpStream::connect(target).await.expect("connects");
    // We may hang up before all bytes are sent.
    let said = stream.write_all(&bytes).await;
    let mut sink = vec![0; 4096];
    let until_closed = async {
        loop {
            match stream.read(&mut sink).await {
                Ok(0) | Err(_) => return true,
                Ok(_) => (),
            }
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(2), until_closed).await;
    closed.unwrap_or(said.is_err())
}

async fn slow_download(sample: &Sample, folder: &Path) -> (SocketAddr, Session) {
    let seed = serve(
        &sample.metainfo,
        sample.payload.clone(),
        *b"-XX0000-honestpeer00",
    )
    .await;
    let mut settings = sample.settings(folder);
    settings.peers = vec![seed];
    settings.download_cap = Some(300_000);
    let (notices, _) = unbounded_channel();
    let session = Session::open(settings, notices).await.expect("opens");
    ((Ipv4Addr::LOCALHOST, session.port()).into(), session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_do_not_disturb_a_download() {
    let sample = sample();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (target, session) = slow_download(&sample, folder.path()).await;
    let running = tokio::spawn(session.run(std::future::pending()));
    let mut played = Vec::new();
    for attack in attacks(&sample) {
        let playing = tokio::spawn(play(target, attack.bytes));
        played.push((attack.name, attack.dropped, playing));
    }
    for (name, dropped, playing) in played {
        assert_eq!(
            playing.await.expect("no panic"),
            dropped,
            "{name}: hung up?"
        );
    }
    let outcome = tokio::time::timeout(PATIENCE, running).await;
    let outcome = outcome
        .expect("in time")
        .expect("no panic")
        .expect("no failure");
    assert_eq!(outcome.end, End::Done);
    sample.assert_in(folder.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_behind_the_handshake_is_survived() {
    let sample = sample();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (target, session) = slow_download(&sample, folder.path()).await;
    let running = tokio::spawn(session.run(std::future::pending()));
    let mut state = 88_172_645_463_325_252_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..200u32 {
        let mut bytes = handshake(&sample.metainfo, b"-XX0000-noise0000000").to_vec();
        (bytes[25], bytes[27]) = (0x10, 0x04);
        bytes[60..64].copy_from_slice(&round.to_be_bytes());
        for _ in 0..noise() % 40 {
            // Plausible lengths and ids, so that the random bytes pass the first check.
            let length = u32::try_from(1 + noise() % 20).expect("small");
            bytes.extend(length.to_be_bytes());
            bytes.push(u8::try_from(noise() % 24).expect("small"));
            bytes.extend((1..length).map(|_| noise().to_le_bytes()[0] & 3));
        }
        let mut stream = TcpStream::connect(target).await.expect("connects");
        // We may hang up before all bytes are sent.
        drop(stream.write_all(&bytes).await);
    }
    let outcome = tokio::time::timeout(PATIENCE, running).await;
    let outcome = outcome
        .expect("in time")
        .expect("no panic")
        .expect("no failure");
    assert_eq!(outcome.end, End::Done);
    sample.assert_in(folder.path());
}

/// A .torrent file whose only file has the path `path`.
fn torrent_at(path: &[&str], payload: &[u8]) -> Metainfo {
    let mut text = format!("d4:infod5:filesld6:lengthi{}e4:pathl", payload.len()).into_bytes();
    for element in path {
        text.extend(format!("{}:{element}", element.len()).bytes());
    }
    text.extend(b"eee4:name3:../12:piece lengthi16384e6:pieces20:");
    text.extend(Sha1::digest(payload));
    text.extend(b"ee");
    Metainfo::parse(&text).expect("a torrent")
}

fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_cannot_write_outside_its_folder() {
    let payload = b"gotcha".to_vec();
    for path in [
        &["..", "..", "evil"][..],
        &["/tmp/evil"],
        &["a", "../../evil"],
        &["..\\..\\evil"],
        &["", "evil"],
    ] {
        let metainfo = Arc::new(torrent_at(path, &payload));
        let seed = serve(&metainfo, payload.clone(), *b"-XX0000-honestpeer00").await;
        let around = tempfile::tempdir().expect("temporary folder");
        let folder = around.path().join("deep/down/downloads");
        let mut settings = Settings::new(Arc::clone(&metainfo), folder.clone());
        (settings.peers, settings.trackers) = (vec![seed], false);
        settings.goal = Goal::Complete;
        settings.idle_timeout = Some(PATIENCE);
        let (outcome, _) = crate::common::run(settings).await;
        assert_eq!(outcome.expect("no failure").end, End::Done);
        let found = everything_below(around.path());
        let (inside, outside): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.starts_with(&folder));
        assert!(outside.is_empty(), "{path:?} wrote {outside:?}");
        let saved = inside
            .iter()
            .filter(|it| std::fs::read(it).expect("read") == payload);
        assert_eq!(saved.count(), 1, "{path:?}: {inside:?}");
    }
}
