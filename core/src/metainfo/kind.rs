//! Recognises files that are not torrents by their first bytes, and tells the user what they are
//! and what to do.

use crate::bencode::{DecodeError, Dict, Problem};

const WEB_PAGE: &str = "it is a web page (HTML or XML), perhaps one that asks to log in; open its \
    address in a browser and save the torrent itself";
const COMPRESSED: &str = "it is compressed; unpack it first";
const ARCHIVE: &str = "it is an archive; unpack it first, the torrent may be inside";
const PAYLOAD: &str = "it is a document, picture, film or program, perhaps what a torrent is about";
const BARE_INFO: &str = "it is an info dictionary alone, without the dictionary around it that names \
    trackers; the file is incomplete";
const TRACKER_ANSWER: &str = "it is the answer of a tracker, not the torrent";
const RESUME_DATA: &str = "it is resume data that a client keeps for itself; use the .torrent file";

const UNKNOWN: &str = "it does not start as one; it is of another kind, or damaged";

/// First bytes of files that are not bencode. Case is ignored.
const STARTS: &[(&[u8], &str)] = &[
    (b"<", WEB_PAGE),
    (b"\x1f\x8b", COMPRESSED),
    (b"BZh", COMPRESSED),
    (b"\xfd7zXZ\0", COMPRESSED),
    (b"\x28\xb5\x2f\xfd", COMPRESSED),
    (b"PK\x03\x04", ARCHIVE),
    (b"PK\x05\x06", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (
        b"magnet:",
        "it holds a magnet link as text; give the link itself instead of the file",
    ),
    (
        b"http://",
        "it holds a link as text; give what the link leads to",
    ),
    (
        b"https://",
        "it holds a link as text; give what the link leads to",
    ),
    (
        b"[InternetShortcut]",
        "it holds a link as text; give what the link leads to",
    ),
    (
        b"{",
        "it is JSON, perhaps an error message of a web service",
    ),
    (
        b"[",
        "it is JSON, perhaps an error message of a web service",
    ),
    (
        b"\xff\xfe",
        "it is text in UTF-16; a program has saved it as text and damaged it",
    ),
    (
        b"\xfe\xff",
        "it is text in UTF-16; a program has saved it as text and damaged it",
    ),
    (b"\x89PNG", PAYLOAD),
    (b"\xff\xd8\xff", PAYLOAD),
    (b"GIF8", PAYLOAD),
    (b"RIFF", PAYLOAD),
    (b"\x1a\x45\xdf\xa3", PAYLOAD),
    (b"\0\0\0\x18ftyp", PAYLOAD),
    (b"\0\0\0\x1cftyp", PAYLOAD),
    (b"\0\0\0\x20ftyp", PAYLOAD),
    (b"ID3", PAYLOAD),
    (b"%PDF", PAYLOAD),
    (b"\x7fELF", PAYLOAD),
    (
        b"\0\0\0\0\0\0\0\0",
        "it starts with zeros, perhaps as it was saved only in part; get it again",
    ),
];

/// The kind of `bytes` if they cannot be bencode. `None`: a bencoded value may start here.
pub(super) fn other_than_bencode(bytes: &[u8]) -> Option<&'static str> {
    const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
    let text = bytes
        .strip_prefix(UTF8_MARK)
        .unwrap_or(bytes)
        .trim_ascii_start();
    match bytes.first() {
        None => return Some("it is empty; get it again"),
        Some(b'd' | b'l' | b'i' | b'0'..=b'9') if !text.starts_with(b"7z") => return None,
        Some(_) => {}
    }
    let start = |start: &[u8]| {
        let head = text.get(..start.len());
        head.is_some_and(|it| it.eq_ignore_ascii_case(start))
    };
    let known = STARTS
        .iter()
        .find(|it| start(it.0) || bytes.starts_with(it.0));
    Some(known.map_or(UNKNOWN, |it| it.1))
}

/// The same for files whose decoding failed in the first bytes, for example a text that starts with
/// `d`.
pub(super) fn other_than_decodable(error: DecodeError) -> Option<&'static str> {
    (error.at <= 4 && error.problem != Problem::End).then_some(UNKNOWN)
}

/// The kind of a bencoded dictionary without `info`, if it is a known kind.
pub(super) fn other_than_torrent(root: &Dict<'_>) -> Option<&'static str> {
    const MARKS: &[(&[&[u8]], &str)] = &[
        (&[b"file-format"], RESUME_DATA),
        (&[b"rec"], RESUME_DATA),
        (&[b".fileguard"], RESUME_DATA),
        (&[b"corrupt", b"progress"], RESUME_DATA),
        (&[b"failure reason"], TRACKER_ANSWER),
        (&[b"interval", b"peers"], TRACKER_ANSWER),
        (&[b"pieces", b"piece length"], BARE_INFO),
    ];
    let all = |keys: &[&[u8]]| keys.iter().all(|key| root.get(key).is_some());
    MARKS.iter().find(|it| all(it.0)).map(|it| it.1)
}
