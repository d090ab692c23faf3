//! The answer to an announce. BEP 3, *trackers*; BEP 7; BEP 23; BEP 24.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::bencode::{DecodeError, Dict, Limits, Value, decode_prefix};
use crate::compact;
use crate::text;

/// Most peers that are taken from one answer.
pub const MAX_PEERS: usize = 2000;

/// Answers are small and shallow. Transmission: depth 8; libtorrent: 1 MiB.
const LIMITS: Limits = Limits {
    depth: 8,
    tokens: 100_000,
    bytes: 1 << 20,
};

const MAX_TEXT_BYTES: usize = 500;
const MAX_TRACKER_ID_BYTES: usize = 200;

/// What a tracker answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnounceResponse {
    /// Time to the next regular announce, as the tracker wishes.
    pub interval: Option<Duration>,
    /// Time in which no announce is to be made.
    pub min_interval: Option<Duration>,
    /// Where peers are. Addresses that cannot be connected to are left out, also domain names,
    /// which only the non-compact form can have.
    pub peers: Vec<SocketAddr>,
    /// Seeds that the tracker knows.
    pub complete: Option<u32>,
    /// Leechers that the tracker knows.
    pub incomplete: Option<u32>,
    /// How often the torrent was completed.
    pub downloaded: Option<u32>,
    /// Something the user should know; the answer is good nevertheless.
    pub warning: Option<String>,
    /// To be sent back with the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// Our address as the tracker sees it. BEP 24.
    pub external_ip: Option<IpAddr>,
}

/// Why an answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackerError {
    /// The tracker says no, in its words (made safe to print).
    #[error("the tracker refused: {0}")]
    Refused(String),
    /// Most often a wrong URL, or a login page in between.
    #[error("the tracker answered with a web page; is the tracker URL right?")]
    WebPage,
    /// Neither a page nor bencode.
    #[error("the tracker's answer is damaged: {0}")]
    Bencode(#[from] DecodeError),
    /// Not a dictionary, or a peer list that is neither form.
    #[error("the tracker's answer is damaged: {0}")]
    Malformed(&'static str),
}

impl AnnounceResponse {
    /// Reads the body of an answer, whatever its HTTP status: refusals come with several.
    pub fn parse(body: &[u8]) -> Result<Self, TrackerError> {
        if body.trim_ascii_start().first() == Some(&b'<') {
            return Err(TrackerError::WebPage);
        }
        let document = decode_prefix(body, LIMITS)?;
        let dict = document
            .root()
            .as_dict()
            .ok_or(TrackerError::Malformed("it is not a dictionary"))?;
        if let Some(reason) = dict.get(b"failure reason") {
            let words = reason.as_bytes().unwrap_or(b"without saying why");
            return Err(TrackerError::Refused(text::printable(
                words,
                MAX_TEXT_BYTES,
            )));
        }
        let mut peers = Vec::new();
        if let Some(list) = dict.get(b"peers") {
            read_peers(list, &mut peers)?;
        }
        if let Some(list) = dict.get(b"peers6").and_then(|it| it.as_bytes()) {
            read_compact::<18>(list, &mut peers)?;
        }
        let seconds = |key: &[u8]| dict.get(key)?.as_u64().map(Duration::from_secs);
        let warning = dict.get(b"warning message").and_then(|it| it.as_bytes());
        let tracker_id = dict.get(b"tracker id").and_then(|it| it.as_bytes());
        Ok(Self {
            interval: seconds(b"interval"),
            min_interval: seconds(b"min interval"),
            peers,
            complete: count(&dict, b"complete"),
            incomplete: count(&dict, b"incomplete"),
            downloaded: count(&dict, b"downloaded"),
            warning: warning.map(|it| text::printable(it, MAX_TEXT_BYTES)),
            tracker_id: tracker_id
                .filter(|it| it.len() <= MAX_TRACKER_ID_BYTES)
                .map(<[u8]>::to_vec),
            external_ip: dict
                .get(b"external ip")
                .and_then(|it| compact::ip_address(it.as_bytes()?)),
        })
    }
}

fn count(dict: &Dict<'_>, key: &[u8]) -> Option<u32> {
    let number = dict.get(key)?.as_u64()?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

fn read_peers(list: Value<'_>, peers: &mut Vec<SocketAddr>) -> Result<(), TrackerError> {
    if let Some(compact) = list.as_bytes() {
        return read_compact::<6>(compact, peers);
    }
    let entries = list.as_list().ok_or(TrackerError::Malformed(
        "`peers` is neither a string nor a list",
    ))?;
    // An entry that is not as it should be says nothing about the others.
    let good = entries.filter_map(|entry| {
        let entry = entry.as_dict()?;
        let ip: IpAddr = entry.get(b"ip")?.as_str()?.parse().ok()?;
        let port = u16::try_from(entry.get(b"port")?.as_u64()?).ok()?;
        compact::usable(SocketAddr::new(ip.to_canonical(), port))
    });
    take(good, peers);
    Ok(())
}

fn read_compact<const N: usize>(
    bytes: &[u8],
    peers: &mut Vec<SocketAddr>,
) -> Result<(), TrackerError> {
    let entries = compact::read::<N>(bytes).ok_or(TrackerError::Malformed(
        "the length of its peer list is not a multiple of an entry",
    ))?;
    take(entries.flatten(), peers);
    Ok(())
}

fn take(good: impl Iterator<Item = SocketAddr>, peers: &mut Vec<SocketAddr>) {
    let room = MAX_PEERS - peers.len();
    peers.extend(good.take(room));
}
