//! The answer to an announce. BEP 3, *trackers*; BEP 7; BEP 23; BEP 24.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::bencode::{DecodeError, Dict, Document, Limits, Value, decode_prefix};
use crate::compact;
use crate::text;

/// Most peers that are taken from one answer.
pub const MAX_PEERS: usize = 2000;

/// Valid answers are small and not deeply nested. Transmission: depth 8; libtorrent: 1 MiB.
const LIMITS: Limits = Limits {
    depth: 8,
    tokens: 100_000,
    bytes: 1 << 20,
};

/// Longest time between announces that we accept. A larger value must be a mistake.
pub const MAX_INTERVAL: Duration = Duration::from_hours(24);

pub(super) const MAX_TEXT_BYTES: usize = 500;
const MAX_TRACKER_ID_BYTES: usize = 200;

/// The answer of a tracker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnounceResponse {
    /// Time to the next regular announce that the tracker wishes, at most [`MAX_INTERVAL`].
    pub interval: Option<Duration>,
    /// Time in which the tracker wants no announce, at most [`MAX_INTERVAL`].
    pub min_interval: Option<Duration>,
    /// Addresses of peers. Left out are addresses that cannot be connected to, and domain names,
    /// which only the non-compact form can have.
    pub peers: Vec<SocketAddr>,
    /// Number of seeds that the tracker knows.
    pub complete: Option<u32>,
    /// Number of leechers that the tracker knows.
    pub incomplete: Option<u32>,
    /// How often the torrent was completed.
    pub downloaded: Option<u32>,
    /// A peer list that was ignored because it is damaged; another one was good.
    pub damaged: Option<&'static str>,
    /// A warning for the user; the answer is valid nevertheless.
    pub warning: Option<String>,
    /// The `tracker id` to send with the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// Our address as the tracker sees it. BEP 24.
    pub external_ip: Option<IpAddr>,
}

/// Why an answer is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackerError {
    /// The tracker refuses, with its text (made safe to print).
    #[error("the tracker refused: {0}")]
    Refused(String),
    /// A web page: usually the URL is wrong, or a login page is in between.
    #[error("the tracker answered with a web page; is the tracker URL right?")]
    WebPage,
    /// Neither a web page nor bencode.
    #[error("the tracker's answer is damaged: {0}")]
    Bencode(#[from] DecodeError),
    /// Not a dictionary, or a peer list in neither form.
    #[error("the tracker's answer is damaged: {0}")]
    Malformed(&'static str),
}

/// The dictionary of an answer that is not a refusal.
pub(super) fn dictionary(body: &[u8]) -> Result<Document<'_>, TrackerError> {
    if body.trim_ascii_start().first() == Some(&b'<') {
        return Err(TrackerError::WebPage);
    }
    let document = decode_prefix(body, LIMITS)?;
    let dict = document
        .root()
        .as_dict()
        .ok_or(TrackerError::Malformed("it is not a dictionary"))?;
    if let Some(reason) = dict.get(b"failure reason") {
        let words = reason.as_bytes().filter(|it| !it.trim_ascii().is_empty());
        let words = words.unwrap_or(b"without saying why");
        return Err(TrackerError::Refused(text::printable(
            words,
            MAX_TEXT_BYTES,
        )));
    }
    Ok(document)
}

impl AnnounceResponse {
    /// Adds the answer of the same tracker over the other address family. BEP 7.
    pub fn add(&mut self, other: Self) {
        for peer in other.peers {
            if self.peers.len() < MAX_PEERS && !self.peers.contains(&peer) {
                self.peers.push(peer);
            }
        }
        let most = |one: Option<u32>, two: Option<u32>| one.max(two);
        self.complete = most(self.complete, other.complete);
        self.incomplete = most(self.incomplete, other.incomplete);
        self.downloaded = most(self.downloaded, other.downloaded);
        self.damaged = self.damaged.or(other.damaged);
        self.warning = self.warning.take().or(other.warning);
    }

    /// Reads the body of an answer. The HTTP status does not matter, because trackers send refusals
    /// with several.
    pub fn parse(body: &[u8]) -> Result<Self, TrackerError> {
        let document = dictionary(body)?;
        let dict = document.root().as_dict().expect("just looked at");
        let (peers, damaged) = read_lists(&dict)?;
        let seconds = |key: &[u8]| {
            let wish = Duration::from_secs(dict.get(key)?.as_u64()?);
            Some(wish.min(MAX_INTERVAL))
        };
        let warning = dict.get(b"warning message").and_then(|it| it.as_bytes());
        let tracker_id = dict.get(b"tracker id").and_then(|it| it.as_bytes());
        Ok(Self {
            interval: seconds(b"interval"),
            min_interval: seconds(b"min interval"),
            peers,
            complete: count(&dict, b"complete"),
            incomplete: count(&dict, b"incomplete"),
            downloaded: count(&dict, b"downloaded"),
            damaged,
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

pub(super) fn count(dict: &Dict<'_>, key: &[u8]) -> Option<u32> {
    let number = dict.get(key)?.as_u64()?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The peers of all good lists, and the error of a list that was ignored. Each list is checked
/// separately; without a good one the answer is unusable.
fn read_lists(dict: &Dict<'_>) -> Result<(Vec<SocketAddr>, Option<&'static str>), TrackerError> {
    let mut peers = Vec::new();
    let four = dict.get(b"peers").map(|it| read_peers(it, &mut peers));
    let six = dict.get(b"peers6").map(|it| read_peers6(it, &mut peers));
    let parts: Vec<Result<(), &'static str>> = [four, six].into_iter().flatten().collect();
    let damaged = parts.iter().find_map(|it| it.err());
    match damaged {
        Some(why) if parts.iter().all(Result::is_err) => Err(TrackerError::Malformed(why)),
        _ => Ok((peers, damaged)),
    }
}

fn read_peers(list: Value<'_>, peers: &mut Vec<SocketAddr>) -> Result<(), &'static str> {
    if let Some(compact) = list.as_bytes() {
        return read_compact::<6>(compact, peers)
            .ok_or("the length of `peers` is not a multiple of 6 bytes");
    }
    let entries = list
        .as_list()
        .ok_or("`peers` is neither a string nor a list")?;
    // Skip a damaged entry; the others may be good.
    let good = entries.filter_map(|entry| {
        let entry = entry.as_dict()?;
        let ip: IpAddr = entry.get(b"ip")?.as_str()?.parse().ok()?;
        let port = u16::try_from(entry.get(b"port")?.as_u64()?).ok()?;
        compact::usable(SocketAddr::new(ip.to_canonical(), port))
    });
    take(good, peers);
    Ok(())
}

fn read_peers6(list: Value<'_>, peers: &mut Vec<SocketAddr>) -> Result<(), &'static str> {
    let compact = list.as_bytes().ok_or("`peers6` is not a string")?;
    read_compact::<18>(compact, peers).ok_or("the length of `peers6` is not a multiple of 18 bytes")
}

/// Reads the peers of a compact list, 6 bytes (IPv4) or 18 bytes (IPv6) each. `None` if the length
/// is not a multiple of that.
pub(super) fn read_compact<const N: usize>(
    bytes: &[u8],
    peers: &mut Vec<SocketAddr>,
) -> Option<()> {
    take(compact::read::<N>(bytes)?.flatten(), peers);
    Some(())
}

fn take(good: impl Iterator<Item = SocketAddr>, peers: &mut Vec<SocketAddr>) {
    let room = MAX_PEERS - peers.len();
    peers.extend(good.take(room));
}
