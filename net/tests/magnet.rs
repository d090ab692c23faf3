//! Magnet links given by a user, with metadata from peers, trackers and liars; and .torrent files
//! from the web.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use unchoke_core::message::{Extended, ExtendedHandshake, Message, MetadataMessage};
use unchoke_core::wire::{
    Decoded, Decoder, HANDSHAKE_BYTES, Handshake, METADATA_ID, METADATA_NAME, Reserved,
};

use crate::common::command::{Listening, assert_sentence, run, seed, stderr, stdout, unchoke};
use crate::common::peer::bytes_of;
use crate::common::tracker::{Manner, Tracker};
use crate::common::{Sample, sample, sample_with};

fn link(sample: &Sample, rest: &str) -> String {
    format!("magnet:?xt=urn:btih:{}{rest}", sample.metainfo.info_hash)
}

#[test]
fn a_link_is_fetched_from_a_peer_and_kept_for_the_next_start() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    for way in ["option", "link"] {
        let away = tempfile::tempdir().expect("temporary folder");
        let hint = link(&sample, &format!("&dn=x&x.pe={}", seed.peer()));
        let (bare, peer) = (link(&sample, ""), seed.peer());
        let words = match way {
            "link" => vec!["download", &hint],
            _ => vec!["download", &bare, "--peer", &peer],
        };
        let fetched = run(away.path(), &[&words[..], &["--no-tracker"]].concat());
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        let out = away.path().join("downloads");
        sample.assert_in(&out);
        let kept = fs::read(out.join(format!(".{}.torrent", sample.metainfo.info_hash)));
        let kept = unchoke_core::metainfo::Metainfo::parse(&kept.expect("kept")).expect("good");
        assert_eq!(kept.info, sample.metainfo.info);
        // This run needs no tracker.
        let again = run(away.path(), &["download", &bare, "--no-tracker"]);
        assert!(again.status.success(), "{}", stderr(&again));
        assert!(
            !stderr(&again).contains("looking for"),
            "{}",
            stderr(&again)
        );
    }
}

#[test]
fn large_metadata_comes_from_several_peers_also_encrypted() {
    // 40 000 pieces: 800 kB of hashes.
    let sample = sample_with(&[], 16, 500_000);
    assert!(sample.metainfo.info.len() > 700_000);
    let seeds = ["off", "require", "allow"].map(|it| seed(&sample, &["--encryption", it]));
    let away = tempfile::tempdir().expect("temporary folder");
    let link = link(&sample, "");
    let peers = seeds.each_ref().map(Listening::peer);
    let mut words = vec!["download", &link, "--no-tracker", "--pieces", "100"];
    for peer in &peers {
        words.extend(["--peer", peer]);
    }
    let fetched = run(away.path(), &words);
    assert!(fetched.status.success(), "{}", stderr(&fetched));
}

#[tokio::test(flavor = "multi_thread")]
async fn trackers_of_a_link_are_asked_and_a_private_torrent_is_not_given_away() {
    let tracker = Tracker::start(Manner::Proper).await;
    let sample = sample_with(std::slice::from_ref(&tracker.url), 32 * 1024, 100_000);
    let home = sample.folder.path();
    sample.write_torrent(home);
    let seed = Listening::start(unchoke(home, &["seed", "sample.torrent", "--data", "."]));
    let away = tempfile::tempdir().expect("temporary folder");
    let link = link(&sample, &format!("&tr={}", tracker.url));
    let fetched = tokio::task::spawn_blocking({
        let away = away.path().to_owned();
        move || run(&away, &["download", &link])
    });
    let fetched = fetched.await.expect("no panic");
    assert!(fetched.status.success(), "{}", stderr(&fetched));
    sample.assert_in(&away.path().join("downloads"));
    let announces = tracker.announces.lock().expect("no panic").clone();
    let blind = announces.iter().find(|it| it["left"] == "16384");
    assert!(
        blind.is_some(),
        "no peer may take us for a seed before the size is known"
    );
    drop(seed);

    let words = ["create", "sample", "--private", "--out", "p.torrent"];
    let made = tokio::task::block_in_place(|| run(home, &words));
    let hash = stdout(&made)
        .trim()
        .rsplit(' ')
        .next()
        .expect("a hash")
        .to_owned();
    let seed = Listening::start(unchoke(
        home,
        &["seed", "p.torrent", "--data", ".", "--no-tracker"],
    ));
    let (link, peer) = (format!("magnet:?xt=urn:btih:{hash}"), seed.peer());
    let words = ["download", &link, "--peer", &peer, "--timeout", "2 s"];
    let refused = tokio::task::block_in_place(|| run(away.path(), &words));
    assert_sentence(
        &refused,
        1,
        "gave up after 2 s: no peer sent the info dictionary of the link (--timeout)",
    );
}

/// How a hand-written peer misbehaves.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// Sends wrong data of the right length.
    Wrong,
    /// Announces a size of 4 GiB.
    Huge,
    /// Announces the size of another dictionary, and then sends nothing.
    Silent,
    /// Sends unrequested data without end.
    Flood,
    /// Sends a message of deeply nested dictionaries.
    Nonsense,
}

async fn liar(sample: &Sample, lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    let metainfo = Arc::clone(&sample.metainfo);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (hash, size) = (metainfo.info_hash, metainfo.info.len());
            // Ends when the other side closes the connection.
            tokio::spawn(async move { drop(talk(stream, hash, size, lie).await) });
        }
    });
    address
}

/// Completes the handshake and claims to have the info dictionary.
async fn boast(
    stream: &mut TcpStream,
    info_hash: unchoke_core::ids::InfoHash,
    size: u32,
    lie: Lie,
) -> std::io::Result<()> {
    let mut theirs = [0; HANDSHAKE_BYTES];
    stream.read_exact(&mut theirs).await?;
    let handshake = Handshake {
        reserved: Reserved::FAST_AND_EXTENDED,
        info_hash,
        peer_id: unchoke_core::ids::PeerId(*b"-XX0000-liarliarliar"),
    };
    stream.write_all(&handshake.encode()).await?;
    let claim = match lie {
        Lie::Huge => u32::MAX,
        Lie::Silent => size + 20_000,
        _ => size,
    };
    let hello = ExtendedHandshake {
        extensions: [(METADATA_NAME.to_owned(), 7)].into(),
        metadata_bytes: Some(claim),
        ..ExtendedHandshake::default()
    };
    let hello = Message::Extended(Box::new(Extended::Handshake(hello)));
    stream.write_all(&bytes_of(&hello)).await
}

async fn talk(
    mut stream: TcpStream,
    info_hash: unchoke_core::ids::InfoHash,
    size: usize,
    lie: Lie,
) -> std::io::Result<()> {
    let size = u32::try_from(size).expect("small");
    boast(&mut stream, info_hash, size, lie).await?;
    let data = |piece: u32| {
        let length = (size - piece * 16_384).min(16_384) as usize;
        let message = MetadataMessage::Data {
            piece,
            total_bytes: size,
            bytes: vec![b'x'; length].into(),
        };
        let id = METADATA_ID;
        bytes_of(&Message::Extended(Box::new(Extended::Metadata {
            id,
            message,
        })))
    };
    if let Lie::Flood = lie {
        loop {
            stream.write_all(&data(0)).await?;
        }
    }
    if let Lie::Nonsense = lie {
        let payload = b"d8:msg_typed5:piecei0eee".to_vec();
        let id = METADATA_ID;
        let nonsense = Message::Extended(Box::new(Extended::Unknown { id, payload }));
        stream.write_all(&bytes_of(&nonsense)).await?;
    }
    let decoder = Decoder::without_metadata();
    let mut bytes = Vec::new();
    loop {
        match decoder.decode(&bytes).expect("it speaks the protocol") {
            Decoded::Incomplete { .. } => {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
            }
            Decoded::Unknown { used, .. } => drop(bytes.drain(..used)),
            Decoded::Message { message, used } => {
                bytes.drain(..used);
                // 7 is the id that the liar announced for such messages.
                if let (Lie::Wrong, Message::Extended(it)) = (lie, message)
                    && let Extended::Unknown { id: 7, payload } = *it
                    && let Some(MetadataMessage::Request(piece)) =
                        unchoke_core::wire::decode_metadata(&payload)
                {
                    stream.write_all(&data(piece)).await?;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn liars_do_not_keep_a_link_from_its_torrent() {
    let sample = sample_with(&[], 64, 100_000);
    let lies = [
        Lie::Wrong,
        Lie::Wrong,
        Lie::Huge,
        Lie::Silent,
        Lie::Flood,
        Lie::Nonsense,
    ];
    let mut peers = Vec::new();
    for lie in lies {
        peers.push(liar(&sample, lie).await.to_string());
    }
    let seed = seed(&sample, &[]);
    peers.push(seed.peer());
    let link = link(&sample, "");
    let mut words = vec!["download", &link, "--no-tracker", "--pieces", "10"];
    for peer in &peers {
        words.extend(["--peer", peer]);
    }
    let away = tempfile::tempdir().expect("temporary folder");
    let fetched = tokio::task::block_in_place(|| run(away.path(), &words));
    assert!(fetched.status.success(), "{}", stderr(&fetched));
}

#[test]
fn what_is_no_link_and_what_nobody_answers_is_said() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let home = folder.path();
    let hash = "a".repeat(40);
    let good = format!("magnet:?xt=urn:btih:{hash}");
    let cases: [(&[&str], &str); 6] = [
        (&["download", "magnet:?dn=x"], "names no torrent"),
        (
            &["download", "magnet:?xt=urn:btih:123"],
            "`123` is no info-hash",
        ),
        (
            &["download", &good, "--policy", "nice"],
            "known are: unchoke_all",
        ),
        (
            &["download", &good, "--picker", "best"],
            "known are: rarest_first",
        ),
        (&["show", &good], "only `unchoke download` takes"),
        (
            &["seed", "http://host/x.torrent", "--data", "."],
            "a web address",
        ),
    ];
    for (words, part) in cases {
        assert_sentence(&run(home, words), 2, part);
    }
    for option in ["--timeout", "--idle-timeout"] {
        let given_up = run(home, &["download", &good, option, "1 s"]);
        assert_sentence(&given_up, 1, option);
        assert!(
            stderr(&given_up).contains("waiting for peers"),
            "{}",
            stderr(&given_up)
        );
    }
    let left: Vec<_> = fs::read_dir(home).expect("lists").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A web server that answers every request with `body`.
async fn web(status: &'static str, body: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), &body].concat();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            // The client may stop reading early.
            drop(stream.write_all(&answer).await);
        }
    });
    address
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_file_may_be_on_the_web_or_in_gzip() {
    let sample = sample();
    let seed = seed(&sample, &[]);
    let peer = seed.peer();
    let away = tempfile::tempdir().expect("temporary folder");
    let home = away.path();
    fs::write(home.join("packed.torrent"), gzip(&sample.torrent)).expect("write");
    let plain = web("200 OK", sample.torrent.clone()).await;
    let packed = web("200 OK", gzip(&sample.torrent)).await;
    let addresses = [
        "packed.torrent".to_owned(),
        format!("http://{plain}/x.torrent?a=b"),
        format!("http://{packed}/x.torrent.gz"),
    ];
    for (number, address) in addresses.iter().enumerate() {
        let out = format!("out{number}");
        let words = [
            "download",
            address,
            "--peer",
            &peer,
            "--no-tracker",
            "--out",
            &out,
        ];
        let fetched = tokio::task::block_in_place(|| run(home, &words));
        assert!(fetched.status.success(), "{}", stderr(&fetched));
        sample.assert_in(&home.join(out));
    }
    let shown = tokio::task::block_in_place(|| run(home, &["show", "packed.torrent"]));
    assert!(shown.status.success(), "{}", stderr(&shown));

    let page = web("200 OK", b"<html>please log in</html>".to_vec()).await;
    let absent = web("404 Not Found", Vec::new()).await;
    let endless = web("200 OK", vec![b'd'; 70 << 20]).await;
    let bomb = web("200 OK", gzip(&vec![b'd'; 70 << 20])).await;
    for (address, status, part) in [
        (page, 2, "it is a web page"),
        (absent, 1, "HTTP status 404"),
        (endless, 1, "longer than 67108864 bytes"),
        (bomb, 2, "longer than 67108864 bytes"),
    ] {
        let url = format!("http://{address}/x.torrent");
        let refused = tokio::task::block_in_place(|| run(home, &["download", &url]));
        assert_sentence(&refused, status, part);
    }
}
