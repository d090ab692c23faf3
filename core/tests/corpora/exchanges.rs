//! Properties of parsers that also send messages. An input describes the messages of the other
//! side, in order, and how they are cut.

#![allow(
    unreachable_pub,
    reason = "the fuzz targets use the functions from outside this program"
)]

use std::net::SocketAddr;
use std::time::Duration;

use unchoke_core::bencode::{Limits, decode};
use unchoke_core::ids::{InfoHash, PeerId, PeerKey};
use unchoke_core::magnet::{Magnet, MagnetError};
use unchoke_core::message::MetadataMessage;
use unchoke_core::metadata::{Fetch, METADATA_PIECE_BYTES};
use unchoke_core::mse::{
    Acceptor, Entropy, Initiator, MAX_INITIAL_BYTES, MAX_PAD_BYTES, Methods, MseError,
};
use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::udp::{Answer, Exchange, Input, Output, Question, UdpError};
use unchoke_core::tracker::{AnnounceQuery, Event, MAX_PEERS};
use unchoke_core::wire::{decode_metadata, encode_metadata};

use super::properties::is_printable;

/// Magnet links: printable and bounded. A .torrent file made from one has the same info dictionary.
pub fn magnet(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let magnet = match Magnet::parse(&text) {
        Ok(magnet) => magnet,
        Err(MagnetError::NotMagnet) => return,
        Err(error) => {
            assert!(Magnet::is_meant(&text));
            assert!(is_printable(&error.to_string()), "{error}");
            return;
        }
    };
    assert!(
        magnet
            .name
            .as_deref()
            .is_none_or(|it| is_printable(it) && !it.is_empty())
    );
    let urls = magnet.trackers.iter().flatten().chain(&magnet.web_seeds);
    assert!(urls.chain(&magnet.peers).all(|it| is_printable(it)));
    for files in magnet.files.iter().flatten() {
        assert!(files.start() <= files.end());
    }
    let info = b"d4:name1:xe";
    let file = magnet.torrent_file(info, None);
    let limits = Limits {
        depth: 5,
        tokens: 1 << 20,
        bytes: 1 << 22,
    };
    let document = decode(&file, limits).expect("what we write, we read");
    let dict = document.root().as_dict().expect("a dictionary");
    assert_eq!(dict.get(b"info").map(|it| it.raw()), Some(&info[..]));
}

/// 20 000 bytes in two pieces, and their SHA-1.
fn dictionary() -> (Vec<u8>, InfoHash) {
    let bytes = (0..20_000_u32).map(|it| u8::try_from(it * it % 251).expect("below 251"));
    let hash = [
        0x79, 0x69, 0x08, 0x39, 0xf4, 0xb0, 0x2b, 0x55, 0x69, 0x26, 0xac, 0xe1, 0xde, 0xee, 0xe6,
        0x71, 0xb8, 0x01, 0xad, 0x7c,
    ];
    (bytes.collect(), InfoHash(hash))
}

/// A piece as an honest peer sends it.
fn data(info: &[u8], piece: u32) -> MetadataMessage {
    let mut parts = info.chunks(METADATA_PIECE_BYTES as usize);
    let bytes = parts.nth(piece as usize).expect("one of two");
    MetadataMessage::Data {
        piece,
        total_bytes: 20_000,
        bytes: bytes.into(),
    }
}

/// The message of a peer in one step of an input, right or wrong. `None` if it sends nothing.
fn said(info: &[u8], step: &[u8]) -> Option<MetadataMessage> {
    let arg = u32::from(step[2]);
    Some(match step[0] % 8 {
        1 => data(info, arg % 2),
        2 => MetadataMessage::Data {
            piece: arg % 2,
            total_bytes: 20_000,
            bytes: vec![step[1]; if arg % 2 == 0 { 16_384 } else { 3616 }].into(),
        },
        3 => MetadataMessage::Data {
            piece: arg % 5,
            total_bytes: 20_000 - arg % 3,
            bytes: vec![step[1]; arg as usize].into(),
        },
        4 => MetadataMessage::Reject(arg % 3),
        5 => MetadataMessage::Request(arg),
        _ => return None,
    })
}

/// Messages of BEP 9, and a fetch of the dictionary from peers that send anything. The result
/// always has the right hash, and one honest peer is enough.
pub fn ut_metadata(input: &[u8]) {
    if let Some(message) = decode_metadata(input) {
        let written = encode_metadata(&message);
        assert_eq!(decode_metadata(&written), Some(message));
    }
    let (info, hash) = dictionary();
    let size = u32::try_from(info.len()).expect("small");
    let (mut fetch, mut now) = (Fetch::new(hash), Instant::START);
    for step in input.chunks_exact(3) {
        let (peer, arg) = (PeerKey(u32::from(step[1] % 4)), u32::from(step[2]));
        match step[0] % 8 {
            0 => {
                let other = if arg < 128 { size } else { arg << 14 };
                let _ = fetch.join(peer, other);
            }
            6 => fetch.leave(peer),
            7 => now = now.after(Duration::from_secs(arg.into())),
            _ => {}
        }
        let message = said(&info, step);
        if let Some(message) = message {
            let _ = fetch.on_message(now, peer, &message);
        }
        while fetch.poll_violation().is_some() {}
        let asked = std::iter::from_fn(|| fetch.poll_request(now)).take(1000);
        assert!(asked.count() < 1000, "too many requests");
        if let Some(done) = fetch.take_done() {
            assert!(done == info, "another dictionary");
            return;
        }
    }
    // An honest peer joins and answers.
    let honest = PeerKey(9);
    fetch.join(honest, size).expect("its size is right");
    for _ in 0..1000 {
        while let Some((peer, number)) = fetch.poll_request(now) {
            if peer == honest {
                let message = data(&info, number);
                fetch
                    .on_message(now, honest, &message)
                    .expect("it was asked for");
            }
        }
        if let Some(done) = fetch.take_done() {
            assert!(done == info, "another dictionary");
            return;
        }
        now = fetch
            .poll_timeout()
            .unwrap_or(now)
            .max(now)
            .after(Duration::from_secs(1));
    }
    panic!("the download did not finish, although one peer is honest");
}

fn question(first: u8) -> Question {
    if first & 1 == 0 {
        let query = AnnounceQuery {
            info_hash: InfoHash([0xaa; 20]),
            peer_id: PeerId([0xbb; 20]),
            port: 6881,
            uploaded: 3,
            downloaded: 1,
            left: 2,
            event: Some(Event::Started),
            wanted: None,
            key: 7,
            tracker_id: None,
        };
        let path = "/announce".into();
        Question::Announce { query, path }
    } else {
        Question::Scrape(vec![InfoHash([0xaa; 20]); 3])
    }
}

/// Checks a result.
fn check_end(result: Result<Answer, UdpError>) {
    match result {
        Ok(Answer::Announce(answer)) => assert!(answer.peers.len() <= MAX_PEERS),
        Ok(Answer::Scrape(counts)) => assert_eq!(counts.len(), 3),
        Err(error) => assert!(is_printable(&error.to_string()), "{error}"),
    }
}

/// Datagrams from a UDP tracker and from strangers. The exchange ends once, in time, and sends few
/// datagrams.
pub fn udp_tracker(input: &[u8]) {
    let tracker: SocketAddr = ([203, 0, 113, 7], 6969).into();
    let Some((first, mut rest)) = input.split_first() else {
        return;
    };
    let question = question(*first);
    let mut now = Instant::START;
    let (patience, rng) = (
        Duration::from_secs(30),
        Streams::new(1).stream(Purpose::Tracker, 0),
    );
    let mut exchange = Exchange::new(now, tracker, question, None, patience, rng);
    let end = now.after(patience);
    let (mut sent, mut asks, mut ends) = (Vec::new(), 0, 0);
    let mut fed = 0;
    loop {
        while let Some(output) = exchange.poll_output() {
            match output {
                Output::Send(datagram) => (sent, asks) = (datagram, asks + 1),
                Output::Done(result) => {
                    ends += 1;
                    check_end(result);
                }
            }
        }
        let [how, length, tail @ ..] = rest else {
            break;
        };
        let (body, after) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = after;
        let mut datagram = body.to_vec();
        // Fill in the ids that a stranger cannot know.
        if how & 1 != 0 && datagram.len() >= 8 {
            datagram[4..8].copy_from_slice(&sent[12..16]);
        }
        if how & 2 != 0 && datagram.len() >= 8 {
            datagram[..4].copy_from_slice(&sent[8..12]);
        }
        let from = if how & 4 != 0 {
            ([203, 0, 113, 8], 6969).into()
        } else {
            tracker
        };
        now = now.after(Duration::from_secs(u64::from(how >> 5)));
        exchange.handle_input(
            now,
            Input::Datagram {
                from,
                bytes: &datagram,
            },
        );
        fed += 1;
        assert!(
            now < end || exchange.poll_timeout().is_none(),
            "the exchange goes on after its time limit"
        );
    }
    while let Some(at) = exchange.poll_timeout() {
        assert!(at <= end, "the deadline is after the time limit");
        exchange.handle_input(at, Input::Timeout);
        while let Some(output) = exchange.poll_output() {
            ends += u32::from(matches!(output, Output::Done(_)));
        }
    }
    assert_eq!(ends, 1, "number of ends");
    assert!(asks <= 4 + fed, "{asks} datagrams for {fed}");
}

fn entropy(key: u8, pads: (usize, usize)) -> Entropy {
    Entropy {
        private_key: [key; 20],
        first_pad: vec![key; pads.0],
        second_pad: vec![!key; pads.1],
    }
}

/// Hands `bytes` to `side`. Returns the bytes that `side` sends back, and how the handshake ended.
fn replies(
    side: &mut impl unchoke_core::mse::Exchange,
    bytes: &[u8],
    cut: usize,
) -> (Vec<u8>, Option<Result<Vec<u8>, MseError>>) {
    let mut sent = Vec::new();
    for (number, part) in bytes.chunks(cut).enumerate() {
        match side.receive(part) {
            Err(error) => return (sent, Some(Err(error))),
            Ok(progress) => {
                sent.extend(progress.send);
                if let Some(mut done) = progress.established {
                    // The rest is payload, which the driver decrypts.
                    let rest = bytes.chunks(cut).skip(number + 1).flatten().copied();
                    let mut rest: Vec<u8> = rest.collect();
                    if let Some(ciphers) = &mut done.ciphers {
                        ciphers.incoming.apply(&mut rest);
                    }
                    done.early.extend(rest);
                    return (sent, Some(Ok(done.early)));
                }
            }
        }
        assert!(sent.len() <= 4 * (96 + MAX_PAD_BYTES + MAX_INITIAL_BYTES));
    }
    (sent, None)
}

/// The encrypted handshake. The result does not depend on how the stream is cut. Bytes changed on
/// the way lead to an error, to silence or to the payload. `input` gives the lengths of the pads,
/// then either changes to the messages or the bytes of a stranger.
pub fn mse(input: &[u8]) {
    let [mode, pads, cut, rest @ ..] = input else {
        return;
    };
    let torrent = InfoHash([0xaa; 20]);
    let (cut, pads) = (
        1 + usize::from(*cut),
        (usize::from(*pads) * 2, usize::from(*pads)),
    );
    let methods = if mode & 2 == 0 {
        Methods::BOTH
    } else {
        Methods::RC4
    };
    let initiator = || Initiator::new(torrent, methods, entropy(3, pads), b"hello".to_vec());
    let acceptor = || Acceptor::new(vec![InfoHash([1; 20]), torrent], methods, entropy(9, pads));
    if mode & 1 == 0 {
        let whole = rest.len().max(1);
        let same = |(sent, end): (Vec<u8>, _), (sent_whole, end_whole): (Vec<u8>, _)| {
            assert_eq!(end, end_whole);
            // How much was sent before an error depends on how the stream was cut.
            assert!(matches!(end, Some(Err(_))) || sent == sent_whole);
        };
        let one = |cut| replies(&mut initiator().0, rest, cut);
        same(one(cut), one(whole));
        let other = |cut| replies(&mut acceptor(), rest, cut);
        same(other(cut), other(whole));
        return;
    }
    // Each change: the message, the position in it, and the bits to flip.
    let change = |bytes: &mut Vec<u8>, flight: u8| {
        let meant = rest.chunks_exact(4).filter(|it| it[0] % 4 == flight);
        for it in meant {
            let at = usize::from(u16::from_be_bytes([it[1], it[2]])) % (bytes.len() + 1);
            match bytes.get_mut(at) {
                Some(byte) => *byte ^= it[3],
                None => bytes.push(it[3]),
            }
        }
    };
    let ((mut a, mut to_b), mut b) = (initiator(), acceptor());
    let mut ends = [None, None];
    for flight in 0..4 {
        change(&mut to_b, flight);
        let (mut to_a, end) = replies(&mut b, &to_b, cut);
        ends[1] = ends[1].take().or(end);
        if ends[1].is_some() && to_a.is_empty() {
            break;
        }
        change(&mut to_a, flight ^ 1);
        let (next, end) = replies(&mut a, &to_a, cut);
        ends[0] = ends[0].take().or(end);
        if ends.iter().any(Option::is_some) && next.is_empty() {
            break;
        }
        to_b = next;
    }
    for end in ends.iter().flatten() {
        assert!(
            end.as_ref()
                .err()
                .is_none_or(|it| is_printable(&it.to_string()))
        );
    }
    if rest.len() < 4 {
        assert!(matches!(ends, [Some(Ok(_)), Some(Ok(_))]), "{ends:?}");
    }
}
