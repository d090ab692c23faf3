//! Properties that hold for every input of a parser, valid or not. Each function takes any bytes
//! and panics if its parser violates a property. The tests in this folder and the fuzz targets in
//! `core/fuzz` call these functions.

#![allow(
    unreachable_pub,
    reason = "the fuzz targets use the functions from outside this program"
)]

use std::collections::BTreeSet;

use super::{datagrams, exchanges};
use unchoke_core::bencode::{DictBuilder, Limits, ListBuilder, Value};
use unchoke_core::bencode::{decode, decode_prefix, encode_bytes, encode_int};
use unchoke_core::ids::PieceIndex;
use unchoke_core::message::{Extended, Message};
use unchoke_core::metainfo::{FileKind, Metainfo, Naming};
use unchoke_core::tracker::{AnnounceResponse, MAX_PEERS};
use unchoke_core::wire::{
    Decoded, Decoder, MAX_CONTACTS, MAX_MESSAGE_BYTES, decode_extended_handshake, decode_pex,
    encode, encode_extended_handshake, encode_pex, wire_len,
};

/// The name of a parser, and the function that checks its properties.
pub type Property = (&'static str, fn(&[u8]));

/// Every tested parser. Each has a folder of the same name beside this file.
pub const ALL: &[Property] = &[
    ("bencode", bencode),
    ("metainfo", metainfo),
    ("wire", wire),
    ("extended", extended),
    ("pex", pex),
    ("tracker", tracker),
    ("magnet", exchanges::magnet),
    ("ut_metadata", exchanges::ut_metadata),
    ("udp_tracker", exchanges::udp_tracker),
    ("mse", exchanges::mse),
    ("dht", datagrams::dht),
    ("lsd", datagrams::lsd),
    ("utp", datagrams::utp),
    ("portmap", datagrams::portmap),
    ("web_answer", datagrams::web_answer),
];

/// Encodes a value again.
fn write(value: Value<'_>) -> Vec<u8> {
    if let Some(number) = value.as_int() {
        let mut out = Vec::new();
        encode_int(&mut out, number);
        return out;
    }
    if let Some(bytes) = value.as_bytes() {
        let mut out = Vec::new();
        encode_bytes(&mut out, bytes);
        return out;
    }
    if let Some(items) = value.as_list() {
        let mut list = ListBuilder::new();
        items.for_each(|it| {
            list.raw(&write(it));
        });
        return list.finish();
    }
    let dict = value.as_dict().expect("a value is one of four kinds");
    let mut written = DictBuilder::new();
    // If a key occurs twice, the first value counts. So write it last.
    let entries: Vec<_> = dict.iter().collect();
    for (key, value) in entries.into_iter().rev() {
        written.raw(key, write(value));
    }
    written.finish()
}

/// Bencode: if the keys are in order, encoding gives the input again; otherwise, a second decoding
/// gives the same value as the first. The bytes after a value do not change how it is read.
pub fn bencode(input: &[u8]) {
    let limits = Limits {
        depth: 50,
        tokens: 5000,
        bytes: 1 << 16,
    };
    let prefix = decode_prefix(input, limits);
    let whole = decode(input, limits);
    let Ok(prefix) = prefix else {
        assert!(whole.is_err(), "the whole is decoded, but its start is not");
        return;
    };
    let raw = prefix.root().raw();
    assert!(input.starts_with(raw));
    assert_eq!(whole.is_ok(), raw.len() == input.len());
    let written = write(prefix.root());
    if prefix.canonical() {
        assert_eq!(written, raw, "keys in order, but encoded in another way");
    }
    let again = decode(&written, limits).expect("what we write, we read");
    assert!(again.canonical());
    assert_eq!(write(again.root()), written);
}

/// Whether `text` has no control characters, which could move a cursor or ring a bell.
pub fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// .torrent files: sizes add up, every byte of the torrent belongs to one file, no path leaves the
/// folder, no two files share a path, and no text can harm a terminal.
pub fn metainfo(input: &[u8]) {
    let torrent = match Metainfo::parse(input) {
        Ok(torrent) => torrent,
        Err(error) => {
            assert!(is_printable(&error.to_string()), "{error}");
            return;
        }
    };
    let geometry = &torrent.geometry;
    let hashes = torrent.hashes().len();
    assert!(
        hashes == geometry.piece_count() as usize || hashes == 0 && torrent.version_2.is_some()
    );
    if let Some(trees) = &torrent.version_2 {
        assert!(trees.is_complete());
        (0..geometry.piece_count())
            .for_each(|it| assert!(trees.expected(PieceIndex(it)).height < 15));
    }
    let mut end = 0;
    let (mut exact, mut folded) = (BTreeSet::new(), BTreeSet::new());
    for (number, file) in torrent.layout.files().iter().enumerate() {
        assert_eq!(file.offset, end, "a gap before file {number}");
        end += file.length;
        let safe = |it: &str| !it.is_empty() && it != "." && it != ".." && it.len() <= 255;
        for naming in [Naming::Exact, Naming::Folded] {
            let path = torrent.layout.path(number, naming);
            assert!(path.split('/').all(safe), "unsafe: {path:?}");
            assert!(!path.contains(['\0', '\\']) && is_printable(&path));
            if file.kind == FileKind::Padding {
                continue;
            }
            let new = match naming {
                Naming::Exact => exact.insert(path.clone()),
                Naming::Folded => folded.insert(path.to_lowercase()),
            };
            assert!(new, "twice: {path}");
        }
        let original = torrent.original_path(number);
        assert!(original.as_deref().is_none_or(is_printable));
    }
    assert_eq!(end, geometry.end());
    let last = PieceIndex(geometry.piece_count() - 1);
    for piece in [PieceIndex(0), last] {
        for number in [0, geometry.blocks_in(piece) - 1] {
            let block = geometry.block(piece, number);
            let parts = torrent.segments(block).map(|it| it.length);
            assert_eq!(parts.sum::<u32>(), block.length);
        }
    }
    let texts = [&torrent.comment, &torrent.created_by, &torrent.source];
    let urls = torrent.trackers.iter().flatten().chain(&torrent.web_seeds);
    let mut shown = texts.into_iter().flatten().chain(urls);
    assert!(shown.all(|it| is_printable(it)) && is_printable(&torrent.name));
}

/// The result of reading a stream: the messages in debug form, and how it ended.
fn read_stream(decoder: Decoder, input: &[u8], step: usize) -> (Vec<String>, String) {
    let (mut events, mut at, mut seen) = (Vec::new(), 0, 0);
    loop {
        let held = &input[at.min(seen)..seen];
        match decoder.decode(held) {
            Err(error) => return (events, error.to_string()),
            Ok(Decoded::Incomplete { need }) => {
                assert!(need > held.len(), "it must need more bytes than it has");
                assert!(need <= 4 + MAX_MESSAGE_BYTES as usize);
                if seen == input.len() {
                    return (events, "incomplete".to_owned());
                }
                seen = (seen + step).min(input.len());
            }
            Ok(Decoded::Message { message, used }) => {
                assert!(used > 0 && used <= held.len());
                events.push(format!("{message:?}"));
                at += used;
                if let Message::Piece(block) = message {
                    at += block.length as usize;
                } else {
                    there_and_back(decoder, &message);
                }
                seen = seen.max(at.min(input.len()));
            }
            Ok(Decoded::Unknown { id, used, skip }) => {
                events.push(format!("unknown {id}, {skip} bytes"));
                at += used + skip as usize;
                seen = seen.max(at.min(input.len()));
            }
        }
        if at >= input.len() {
            return (events, "done".to_owned());
        }
    }
}

/// A decoded message is encoded with the length that it reports, and decoded again as the same.
fn there_and_back(decoder: Decoder, message: &Message) {
    if let Message::Extended(extended) = message
        && let Extended::Unknown { .. } = **extended
    {
        return; // A damaged handshake may differ when it is encoded again.
    }
    let mut bytes = Vec::new();
    encode(message, &mut bytes);
    assert_eq!(bytes.len(), wire_len(message) as usize, "{message:?}");
    let again = decoder.decode(&bytes).expect("what we write, we read");
    let (message, used) = (message.clone(), bytes.len());
    assert_eq!(again, Decoded::Message { message, used });
}

/// The peer protocol: the same messages and the same end, however the stream is cut.
pub fn wire(input: &[u8]) {
    let Some((pieces, stream)) = input.split_first() else {
        return;
    };
    let decoder = Decoder::new(1 + u32::from(*pieces));
    let whole = read_stream(decoder, stream, stream.len().max(1));
    for step in [1, 7] {
        assert_eq!(read_stream(decoder, stream, step), whole, "cut by {step}");
    }
}

/// The extension handshake: the same after encoding and decoding.
pub fn extended(input: &[u8]) {
    if let Some(hello) = decode_extended_handshake(input) {
        assert!(hello.client.as_deref().is_none_or(is_printable));
        let written = encode_extended_handshake(&hello);
        assert_eq!(decode_extended_handshake(&written), Some(hello));
    }
}

/// Peer exchange: bounded, only usable addresses, and the same after encoding and decoding.
pub fn pex(input: &[u8]) {
    let Some(changes) = decode_pex(input) else {
        return;
    };
    let added = changes.added.iter().map(|it| it.address);
    for address in added.chain(changes.dropped.iter().copied()) {
        assert!(address.port() > 0 && !address.ip().is_unspecified());
    }
    assert!(changes.added.len() <= MAX_CONTACTS && changes.dropped.len() <= MAX_CONTACTS);
    let again = decode_pex(&encode_pex(&changes));
    let again = again.expect("what we write, we read");
    // The two address families are written separately.
    let sorted = |peers: &mut Vec<_>| peers.sort_by_key(|it| format!("{it:?}"));
    let (mut first, mut second) = (changes, again);
    for it in [&mut first, &mut second] {
        sorted(&mut it.added);
        it.dropped.sort_unstable();
    }
    assert_eq!(first, second);
}

/// Answers of trackers: bounded, printable, only usable addresses.
pub fn tracker(input: &[u8]) {
    match AnnounceResponse::parse(input) {
        Ok(answer) => {
            assert!(answer.peers.len() <= MAX_PEERS);
            let mut peers = answer.peers.iter();
            assert!(peers.all(|it| it.port() > 0 && !it.ip().is_unspecified()));
            assert!(answer.warning.as_deref().is_none_or(is_printable));
        }
        Err(error) => assert!(is_printable(&error.to_string()), "{error}"),
    }
}
