//! A peer that requests many blocks and reads nothing, until the socket buffers are full.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::common::peer::{bytes_of, handshake};
use crate::common::{PATIENCE, Sample, command, noise, sample_with};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use unchoke_core::ids::{BlockRef, PieceIndex};
use unchoke_core::ledger::{Kind, Ledger};
use unchoke_core::message::{HashRequest, Message};
use unchoke_core::metainfo::Metainfo;
use unchoke_core::wire::HANDSHAKE_BYTES;
use unchoke_net::session::{Goal, Notice, Outcome, Session, Settings, Status};

const BLOCK: u32 = 16 * 1024;
/// 8 MB in total: more than the socket buffers hold, if the reader's buffer is kept small.
const BLOCKS: u32 = 500;

/// Message ids on the wire. BEP 3, *peer messages*.
const UNCHOKE: u8 = 1;
const PIECE: u8 = 7;
/// BEP 52.
const HASHES: u8 = 22;
const HASH_REJECT: u8 = 23;

/// Splits off the first complete message. Returns its id and the rest.
fn message(bytes: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = u32::from_be_bytes(*length) as usize;
    let body = rest.get(..length)?;
    Some((body.first().copied(), &rest[length..]))
}

/// Number of complete messages with this id in `bytes`.
fn count(mut bytes: &[u8], wanted: u8) -> u64 {
    let mut count = 0;
    while let Some((kind, rest)) = message(bytes) {
        count += u64::from(kind == Some(wanted));
        bytes = rest;
    }
    count
}

/// A connection with a small buffer for what it receives.
async fn connect(target: SocketAddr, metainfo: &Metainfo) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(target).await?;
    let hello = handshake(metainfo, b"-XX0000-doesnotread0");
    stream.write_all(&hello).await?;
    stream.read_exact(&mut [0; HANDSHAKE_BYTES]).await?;
    Ok(stream)
}

/// Waits to be unchoked and then requests every block.
async fn ask(target: SocketAddr, sample: &Sample) -> std::io::Result<TcpStream> {
    let mut stream = connect(target, &sample.metainfo).await?;
    stream.write_all(&bytes_of(&Message::Interested)).await?;
    let mut said = Vec::new();
    while count(&said, UNCHOKE) == 0 {
        let more = stream.read_buf(&mut said).await?;
        assert!(more > 0, "hung up on");
    }
    for at in 0..BLOCKS {
        let block = BlockRef {
            piece: PieceIndex(at / 2),
            begin: at % 2 * BLOCK,
            length: BLOCK,
        };
        stream
            .write_all(&bytes_of(&Message::Request(block)))
            .await?;
    }
    Ok(stream)
}

/// The first status that `wanted` accepts. `wanted` also gets the previous status.
async fn status(
    heard: &mut UnboundedReceiver<Notice>,
    wanted: impl Fn(&Status, &Status) -> bool,
) -> Status {
    let mut before = Status::default();
    loop {
        let notice = heard.recv().await.expect("the session goes on");
        if let Notice::Status(now) = notice {
            if wanted(&before, &now) {
                return *now;
            }
            before = *now;
        }
    }
}

/// A session that seeds to a peer which has stopped reading, so that blocks are queued.
struct Stalled {
    stream: TcpStream,
    heard: UnboundedReceiver<Notice>,
    stop: oneshot::Sender<()>,
    session: JoinHandle<Outcome>,
    /// Payload bytes counted as sent.
    sent: u64,
    _sample: Sample,
}

impl Stalled {
    async fn new() -> Self {
        let sample = sample_with(&[], 2 * BLOCK, (BLOCKS * BLOCK) as usize);
        let mut settings = sample.settings(sample.folder.path());
        (settings.goal, settings.policy) = (Goal::Seed, "unchoke_all".into());
        let (notices, mut heard) = unbounded_channel();
        let session = Session::open(settings, notices).await.expect("opens");
        let target = ([127, 0, 0, 1], session.port()).into();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let session = async { session.run(stopped).await.expect("ends well") };
        let session = tokio::spawn(session);
        let stream = ask(target, &sample).await.expect("a connection");
        let stalled = status(&mut heard, |before, now| {
            let sent = now.ledger.payload_sent;
            sent > 0 && sent == before.ledger.payload_sent
        });
        let sent = stalled.await.ledger.payload_sent;
        Self {
            stream,
            heard,
            stop,
            session,
            sent,
            _sample: sample,
        }
    }
}

/// Data written before the close still arrives, including the start of the next block. Only the
/// complete blocks that arrive count as sent in the end.
async fn assert_only_what_arrived(mut stream: TcpStream, before: u64, after: &Ledger) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an end");
    let arrived = count(&bytes, PIECE);
    assert!(arrived > 0, "nothing was written");
    let payload = arrived * u64::from(BLOCK);
    assert!(
        before > payload,
        "no block waited: the socket buffers are too large for this test"
    );
    assert_eq!(after.payload_sent, payload);
    let header = bytes_of(&Message::Piece(BlockRef {
        piece: PieceIndex(0),
        begin: 0,
        length: BLOCK,
    }));
    assert_eq!(
        after.protocol[Kind::PieceHeader as usize].sent,
        arrived * header.len() as u64
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_written_does_not_count_as_sent() {
    let whole = async {
        let mut it = Stalled::new().await;
        it.stream.shutdown().await.expect("it is open");
        let closed = status(&mut it.heard, |_, now| now.peers == 0).await.ledger;
        assert_only_what_arrived(it.stream, it.sent, &closed).await;
    };
    tokio::time::timeout(PATIENCE, whole)
        .await
        .expect("in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_what_waits_as_the_session_ends() {
    let whole = async {
        let it = Stalled::new().await;
        it.stop.send(()).expect("it runs");
        let outcome = it.session.await.expect("no panic");
        assert_only_what_arrived(it.stream, it.sent, &outcome.ledger).await;
    };
    tokio::time::timeout(PATIENCE, whole)
        .await
        .expect("in time");
}

/// A folder with a torrent of version 2 whose piece hashes fill one answer.
fn torrent_with_hashes(folder: &Path) -> Arc<Metainfo> {
    fs::write(folder.join("big"), noise(512 * BLOCK as usize)).expect("write");
    let words = ["create", "big", "--out", "t", "--piece-size", "16 KiB"];
    let made = command::run(folder, &[&words[..], &["--v2"]].concat());
    assert!(made.status.success(), "{}", command::stderr(&made));
    let torrent = fs::read(folder.join("t")).expect("made");
    Arc::new(Metainfo::parse(&torrent).expect("our own torrent"))
}

/// Each answer is 16 KiB. Without a limit for each connection the peer gets 512 of them, and then 250
/// per second, all of which wait in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_hashes_and_reads_none_is_refused_them() {
    const REQUESTS: u16 = 512;
    let whole = async {
        let folder = tempfile::tempdir().expect("temporary folder");
        let metainfo = torrent_with_hashes(folder.path());
        let mut settings = Settings::new(Arc::clone(&metainfo), folder.path().to_path_buf());
        (settings.goal, settings.trackers) = (Goal::Seed, false);
        let (notices, mut heard) = unbounded_channel();
        let session = Session::open(settings, notices).await.expect("opens");
        let target = ([127, 0, 0, 1], session.port()).into();
        tokio::spawn(session.run(std::future::pending()));
        let mut stream = connect(target, &metainfo).await.expect("a connection");
        let version_2 = metainfo.version_2.as_ref().expect("version 2");
        let request = bytes_of(&Message::HashRequest(Box::new(HashRequest {
            root: version_2.trees()[0].root,
            base: 0,
            index: 0,
            length: 512,
            proofs: 0,
        })));
        let last = bytes_of(&Message::Interested);
        let all = [request.repeat(REQUESTS.into()), last].concat();
        stream.write_all(&all).await.expect("it reads");
        // The last message is counted: so all requests before it are answered.
        let interest = Kind::Interest as usize;
        status(&mut heard, |_, now| {
            now.ledger.protocol[interest].received > 0
        })
        .await;
        let mut bytes = Vec::new();
        let (mut given, mut refused) = (0, 0);
        while given + refused < u64::from(REQUESTS) {
            let more = stream.read_buf(&mut bytes).await.expect("answers");
            assert!(more > 0, "hung up on");
            (given, refused) = (count(&bytes, HASHES), count(&bytes, HASH_REJECT));
        }
        assert!((1..=256).contains(&given), "{given} answers waited");
    };
    tokio::time::timeout(PATIENCE, whole)
        .await
        .expect("in time");
}
