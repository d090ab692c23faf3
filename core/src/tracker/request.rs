//! The content of an announce, and its form in the URL of an HTTP tracker. BEP 3, *trackers*; BEP
//! 7; BEP 23.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::ids::{InfoHash, PeerId};

/// The event that an announce reports. Regular announces have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first announce to this tracker.
    Started,
    /// The last piece has come.
    Completed,
    /// The session of the torrent ends.
    Stopped,
    /// We have all that we want, but not all of the torrent: a partial seed. BEP 21.
    Paused,
}

impl Event {
    /// The word on the wire. BEP 3, BEP 21.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
        }
    }
}

/// The content of an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceQuery {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Our peer id.
    pub peer_id: PeerId,
    /// TCP port we listen on.
    pub port: u16,
    /// Payload bytes sent since the start.
    pub uploaded: u64,
    /// Payload bytes received since the start.
    pub downloaded: u64,
    /// Bytes that we still lack.
    pub left: u64,
    /// The event.
    pub event: Option<Event>,
    /// Number of peers wanted; `None` leaves it to the tracker.
    pub wanted: Option<u32>,
    /// A random number, the same for the whole session of a torrent. It lets the tracker recognise
    /// us when our address changes. BEP 7.
    pub key: u32,
    /// The last `tracker id` from the tracker.
    pub tracker_id: Option<Vec<u8>>,
}

/// Arguments of an announce that a tracker URL must not already contain. As in libtorrent
/// (`parse_url.cpp`), this prevents torrents from making us send forged announces.
const RESERVED: [&str; 9] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "event",
    "key",
    "corrupt",
];

/// The arguments of an HTTP announce, as they follow the `?` or `&` of the tracker URL.
#[must_use]
pub fn announce_arguments(query: &AnnounceQuery) -> String {
    let mut text = String::with_capacity(320);
    text.push_str("info_hash=");
    percent_encode(&mut text, &query.info_hash.0);
    text.push_str("&peer_id=");
    percent_encode(&mut text, &query.peer_id.0);
    let (port, key) = (query.port, query.key);
    let (uploaded, downloaded, left) = (query.uploaded, query.downloaded, query.left);
    write!(
        text,
        "&port={port}&uploaded={uploaded}&downloaded={downloaded}&left={left}&compact=1\
         &key={key:08X}"
    )
    .expect("writing to a string does not fail");
    if let Some(wanted) = query.wanted {
        write!(text, "&numwant={wanted}").expect("writing to a string does not fail");
    }
    if let Some(event) = query.event {
        text.push_str("&event=");
        text.push_str(event.name());
    }
    if let Some(tracker_id) = &query.tracker_id {
        text.push_str("&trackerid=");
        percent_encode(&mut text, tracker_id);
    }
    text
}

/// The first argument in the query part `theirs` of a URL that only we may set, if there is one. A
/// redirect may repeat our arguments: those that are in `ours` with the same value are allowed.
/// Names are compared as a server reads them: decoded, and ignoring case.
#[must_use]
pub fn reserved_argument(theirs: &str, ours: &str) -> Option<&'static str> {
    let split = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (decoded(name).to_ascii_lowercase(), decoded(value))
    };
    // Some servers treat `;` like `&`.
    theirs.split(['&', ';']).find_map(|argument| {
        let (name, value) = split(argument);
        let name = name.trim_ascii();
        let reserved = RESERVED.into_iter().find(|it| it.as_bytes() == name)?;
        let known = ours.split('&').map(split);
        let same = |(own, sent): (Vec<u8>, Vec<u8>)| own == name && sent == value;
        (!known.into_iter().any(same)).then_some(reserved)
    })
}

/// Decodes `%XX` and `+` as servers do in a query.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let pair = (digit(tail.first()), digit(tail.get(1)));
        bytes.push(match (first, pair) {
            (b'%', (Some(high), Some(low))) => {
                rest = &tail[2..];
                u8::try_from(high << 4 | low).expect("two hex digits")
            }
            (b'+', _) => b' ',
            (other, _) => *other,
        });
    }
    bytes
}

/// Appends `bytes`, all but the unreserved characters as `%XX`. RFC 3986, section 2.3.
pub(super) fn percent_encode(url: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            write!(url, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
}
