use std::iter;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{channel, unbounded_channel};
use unchoke_core::bitfield::Bitfield;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{InfoHash, PeerId, PieceIndex};
use unchoke_core::message::Extended;
use unchoke_core::wire::{HANDSHAKE_BYTES, Handshake, Reserved, encode};

use super::*;
use crate::disk::{Job, PieceHashes};
use crate::storage::{FileEntry, Storage, Use};

const TOTAL: u64 = 1 << 20;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port");
    let dial = TcpStream::connect(listener.local_addr().expect("address"));
    let (ours, theirs) = tokio::join!(dial, listener.accept());
    (ours.expect("connects"), theirs.expect("accepts").0)
}

fn payload() -> Vec<u8> {
    (0..TOTAL).map(|i| (i * i % 251).to_le_bytes()[0]).collect()
}

struct Bench {
    connection: Connection,
    events: Receiver<(Link, Event)>,
    other: TcpStream,
    /// The jobs of a disk that does not answer.
    _stalled: Option<Vec<std::sync::mpsc::Receiver<Job>>>,
    _folder: tempfile::TempDir,
}

async fn bench(piece_count: u32) -> Bench {
    bench_with(piece_count, true).await
}

async fn bench_with(piece_count: u32, disk_answers: bool) -> Bench {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("a"), payload()).expect("write");
    let file = FileEntry {
        path: "a".into(),
        length: TOTAL,
        pad: false,
        wanted: Use::Whole,
        executable: false,
    };
    let storage = Arc::new(Storage::open(folder.path(), vec![file]).expect("open"));
    let geometry = Geometry::new(TOTAL, 1 << 16).expect("geometry");
    let (reporter, _) = unbounded_channel();
    let hashes = PieceHashes::version_1(vec![[0; 20]; 16].into());
    let have = Bitfield::full(geometry.piece_count());
    let (mut disk, _) =
        Disk::start(&storage, &geometry, &hashes, &have, &reporter).expect("threads");
    let stalled = (!disk_answers).then(|| disk.stall());
    let (sender, events) = channel(4);
    let shared = Shared {
        decoder: Decoder::new(piece_count),
        incoming: Pool::new(8),
        outgoing: Pool::new(8),
        disk,
        events: sender,
    };
    let (ours, other) = pair().await;
    let link = Link {
        peer: PeerKey(3),
        serial: 1,
    };
    Bench {
        connection: Connection::spawn(ours.into(), link, shared),
        events,
        other,
        _stalled: stalled,
        _folder: folder,
    }
}

fn block(number: u32, length: u32) -> BlockRef {
    BlockRef {
        piece: PieceIndex(number / 4),
        begin: number % 4 * 16_384,
        length,
    }
}

/// Every kind of message, with payloads around the buffer sizes, and unknown messages in between.
fn conversation(piece_count: u32) -> (Vec<u8>, Vec<(Message, Vec<u8>)>) {
    let mut messages = vec![
        (Message::KeepAlive, Vec::new()),
        (
            Message::Bitfield(Box::new(Bitfield::full(piece_count))),
            Vec::new(),
        ),
        (Message::Unchoke, Vec::new()),
    ];
    for (number, length) in (0..).zip([1, 4_000, 4_083, 4_096, 16_383, 16_384, 16_384, 0]) {
        let bytes = payload()[..length].to_vec();
        let length = u32::try_from(length).expect("small");
        messages.push((Message::Piece(block(number, length)), bytes));
        messages.push((Message::Have(PieceIndex(number)), Vec::new()));
    }
    // Whole blocks one after the other, as most peers send them, and what may come in between.
    let mut number = 20;
    for run in [2, 9, 1, 3] {
        for length in iter::repeat_n(16_384, run).chain([100]) {
            let bytes = payload()[number as usize..][..length].to_vec();
            let length = u32::try_from(length).expect("small");
            messages.push((Message::Piece(block(number, length)), bytes));
            number += 1;
        }
        messages.push((Message::Unchoke, Vec::new()));
    }
    let unknown = Extended::Unknown {
        id: 7,
        payload: vec![9; 70_000],
    };
    messages.push((Message::Extended(Box::new(unknown)), Vec::new()));
    messages.push((Message::Choke, Vec::new()));
    let mut wire = Vec::new();
    for (message, payload) in &messages {
        encode(message, &mut wire);
        wire.extend_from_slice(payload);
        if payload.is_empty() {
            wire.extend_from_slice(&[0, 0, 0, 6, 200, 1, 2, 3, 4, 5]); // an unknown message id
        }
    }
    (wire, messages)
}

#[tokio::test]
async fn messages_arrive_whole_however_they_are_cut() {
    for (chunk, piece_count) in [
        (1, 16),
        (7, 16),
        (4095, 99),
        (4097, 2_000_000),
        (65_536, 16),
        (1 << 20, 16),
    ] {
        let mut bench = bench(piece_count).await;
        let (wire, expected) = conversation(piece_count);
        let (mut other, count) = (bench.other, expected.len());
        let sending = tokio::spawn(async move {
            for part in wire.chunks(chunk) {
                other.write_all(part).await.expect("sends");
            }
            other
        });
        for (message, payload) in expected {
            match bench.events.recv().await.expect("an event").1 {
                Event::Message(got) => assert_eq!(got, message, "chunks of {chunk}"),
                Event::Block(got, bytes) => {
                    assert_eq!(Message::Piece(got), message, "chunks of {chunk}");
                    assert!(*bytes == payload[..], "payload in chunks of {chunk}");
                }
                other => panic!("{other:?} in chunks of {chunk}, {count} messages"),
            }
        }
        drop(sending.await.expect("no panic"));
        let (_, last) = bench.events.recv().await.expect("an event");
        assert!(
            matches!(last, Event::Closed(CloseReason::ByPeer)),
            "{last:?}"
        );
    }
}

#[tokio::test]
async fn blocks_keep_their_place_among_the_messages() {
    let mut bench = bench(16).await;
    let mut expected = Vec::new();
    for number in 0..8 {
        let block = block(number, 16_384);
        for message in [
            Message::Have(block.piece),
            Message::Piece(block),
            Message::Choke,
        ] {
            encode(&message, &mut expected);
            if let Message::Piece(_) = message {
                let start = usize::try_from(number).expect("small") * 16_384;
                expected.extend_from_slice(&payload()[start..start + 16_384]);
            }
            assert!(bench.connection.send(message));
        }
    }
    let mut got = vec![0; expected.len()];
    let flushed = async {
        let mut blocks = 0;
        while blocks < 8 {
            let (_, event) = bench.events.recv().await.expect("an event");
            let Event::Flushed(more) = event else {
                panic!("{event:?}");
            };
            blocks += more;
        }
        assert_eq!(blocks, 8);
    };
    let (read, ()) = tokio::join!(bench.other.read_exact(&mut got), flushed);
    read.expect("reads");
    assert!(got == expected, "other bytes than sent");
}

#[tokio::test]
async fn messages_do_not_wait_for_the_disk_to_read_a_later_block() {
    let mut bench = bench_with(16, false).await;
    let mut expected = Vec::new();
    let first = Message::Have(PieceIndex(5));
    encode(&first, &mut expected);
    for message in [first, Message::Piece(block(0, 16_384))] {
        assert!(bench.connection.send(message));
    }
    let mut got = vec![0; expected.len()];
    let read = bench.other.read_exact(&mut got);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    read.expect("in time").expect("reads");
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_noticed() {
    let bench = bench(16).await;
    let stuck = (0..10 * QUEUED_MESSAGES).any(|_| {
        let block = block(0, 16_384);
        !bench.connection.send(Message::Reject(block))
    });
    assert!(stuck, "messages were queued without a bound");
}

fn us() -> Identity {
    Identity {
        dht: false,
        info_hash: InfoHash([7; 20]),
        version_2: None,
        peer_id: PeerId(*b"-UK0100-000000000000"),
        encryption: Encryption::Off,
    }
}

fn us_as_wire() -> [u8; HANDSHAKE_BYTES] {
    let handshake = Handshake {
        reserved: Reserved::FAST_AND_EXTENDED,
        info_hash: us().info_hash,
        peer_id: PeerId(*b"-XX0000-000000000000"),
    };
    handshake.encode()
}

#[tokio::test]
async fn the_answer_comes_before_the_name_of_the_other_side() {
    let (ours, mut other) = pair().await;
    let mut ours = Secured::from(ours);
    let answering = tokio::spawn(async move { answer(&mut ours, us()).await });
    let wire = us_as_wire();
    other.write_all(&wire[..48]).await.expect("sends");
    let mut reply = [0; HANDSHAKE_BYTES];
    other.read_exact(&mut reply).await.expect("an answer");
    other.write_all(&wire[48..]).await.expect("sends");
    let introduced = answering.await.expect("no panic").expect("a handshake");
    assert_eq!(introduced.peer_id, PeerId(*b"-XX0000-000000000000"));
    assert!(introduced.reserved.fast() && introduced.reserved.extended());
}

#[tokio::test]
async fn another_torrent_gets_no_answer() {
    let (ours, mut other) = pair().await;
    let mut ours = Secured::from(ours);
    let mut wire = us_as_wire();
    wire[30] ^= 1;
    other.write_all(&wire).await.expect("sends");
    let answered = answer(&mut ours, us()).await;
    assert!(
        matches!(answered, Err(HandshakeError::OtherTorrent(_))),
        "{answered:?}"
    );
    drop(ours);
    let mut reply = Vec::new();
    // A reset counts as the end, too.
    drop(other.read_to_end(&mut reply).await);
    assert!(reply.is_empty(), "it must not learn what we share");
}

const SECOND: InfoHash = InfoHash([8; 20]);

/// Connects a hybrid with `other`. Returns the result of each side.
async fn meet_hybrid(other: Identity) -> [Result<Introduced, HandshakeError>; 2] {
    let hybrid = Identity {
        version_2: Some(SECOND),
        ..us()
    };
    let (ours, theirs) = pair().await;
    let answering = tokio::spawn(async move { answer(&mut Secured::from(ours), hybrid).await });
    let greeted = greet(&mut Secured::from(theirs), other, Greeting::Plain).await;
    [greeted, answering.await.expect("no panic")]
}

#[tokio::test]
async fn a_hybrid_is_met_by_either_hash_and_goes_on_with_the_second_if_both_know_it() {
    let first = us();
    let second = Identity {
        info_hash: SECOND,
        version_2: Some(SECOND),
        ..us()
    };
    let both = Identity {
        version_2: Some(SECOND),
        ..us()
    };
    for (other, version_2) in [(first, false), (second, true), (both, true)] {
        for side in meet_hybrid(other).await {
            assert_eq!(side.expect("a handshake").version_2, version_2);
        }
    }
    let stranger = Identity {
        info_hash: InfoHash([9; 20]),
        ..us()
    };
    let [_, answered] = meet_hybrid(stranger).await;
    assert!(matches!(answered, Err(HandshakeError::OtherTorrent(_))));
}

#[test]
fn a_hybrid_is_greeted_by_both_hashes_and_others_by_the_one_they_have() {
    let by = |identity: Identity| identity.ways().map(|it| it.0.info_hash).collect::<Vec<_>>();
    assert_eq!(by(us()), [us().info_hash]);
    let hybrid = Identity {
        version_2: Some(SECOND),
        ..us()
    };
    assert_eq!(by(hybrid), [us().info_hash, SECOND]);
    let patient = Identity {
        encryption: Encryption::Allow,
        ..hybrid
    };
    assert_eq!(
        patient.ways().count(),
        2 * Encryption::Allow.greetings().len()
    );
}
