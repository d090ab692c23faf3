//! Magnet links: a torrent identified by its hash, with hints where to find it. BEP 9; BEP 53
//! (`so`).
//!
//! Unusable hints are ignored. But the hash and the selection of files are not hints: if one of
//! them cannot be read, the link is refused, because another torrent or other files would be
//! downloaded.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::RangeInclusive;

use crate::bencode::{DictBuilder, ListBuilder};
use crate::ids::{InfoHash, InfoHash2};
use crate::metainfo::{MAX_URLS, TRACKERS, WEB_TORRENT, usable_url};
use crate::text;

/// Most bytes of a link. A link with 256 long tracker addresses is shorter.
pub const MAX_LINK_BYTES: usize = 1 << 20;

/// Most peers that are taken from a link.
pub const MAX_PEERS: usize = 100;

/// Most ranges of files that a link may select.
const MAX_RANGES: usize = 10_000;

/// Most bytes of the name to keep.
const MAX_NAME_BYTES: usize = 240;

/// The contents of a magnet link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Magnet {
    /// SHA-1 of the info dictionary, or if the link has none, [`Magnet::version_2`] truncated. `xt`.
    pub info_hash: InfoHash,
    /// SHA-256 of the info dictionary. `xt`, BEP 52.
    pub version_2: Option<InfoHash2>,
    /// Name of the torrent until its own name is known, printable. `dn`.
    pub name: Option<String>,
    /// Tracker URLs, each a tier of its own. WebTorrent trackers only if there are no others. `tr`.
    pub trackers: Vec<Vec<String>>,
    /// URLs from which the files can be fetched. `ws`.
    pub web_seeds: Vec<String>,
    /// Peers as `host:port`, where the host may be a name. `x.pe`.
    pub peers: Vec<String>,
    /// The selected files by index; `None`: all. `so`, BEP 53.
    pub files: Option<Vec<RangeInclusive<u32>>>,
}

/// Why a text is not a usable magnet link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MagnetError {
    /// Not a magnet link.
    #[error("a magnet link starts with `magnet:?`")]
    NotMagnet,
    /// Longer than [`MAX_LINK_BYTES`].
    #[error("the magnet link has more than {MAX_LINK_BYTES} bytes")]
    TooLong,
    /// No `xt` with a BitTorrent hash.
    #[error(
        "the magnet link names no torrent: it has neither `xt=urn:btih:` nor `xt=urn:btmh:`; copy the \
         whole link, and put it in quotes, because a shell ends it at the first `&`"
    )]
    NoHash,
    /// An invalid hash of version 2. BEP 52.
    #[error("`{0}` is no info-hash of version 2: it has the digits `1220` and 64 digits of hex")]
    Hash2(String),
    /// Two different hashes of version 2.
    #[error("the magnet link names two torrents, {0} and {1}")]
    TwoHashes2(InfoHash2, InfoHash2),
    /// An invalid hash.
    #[error("`{0}` is no info-hash: it has 40 digits of hex or 32 of base32")]
    Hash(String),
    /// Two different hashes.
    #[error("the magnet link names two torrents, {0} and {1}")]
    TwoHashes(InfoHash, InfoHash),
    /// An invalid selection of files.
    #[error("`so={0}` selects no files: write for example `so=0,2,4-7`")]
    Files(String),
}

impl Magnet {
    /// Whether `text` looks like a magnet link.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let scheme = text.trim_start().get(..7);
        scheme.is_some_and(|it| it.eq_ignore_ascii_case("magnet:"))
    }

    /// Reads a link.
    pub fn parse(link: &str) -> Result<Self, MagnetError> {
        let link = link.trim();
        if !Self::is_meant(link) {
            return Err(MagnetError::NotMagnet);
        }
        if link.len() > MAX_LINK_BYTES {
            return Err(MagnetError::TooLong);
        }
        let query = link[7..].strip_prefix('?').ok_or(MagnetError::NotMagnet)?;
        let mut draft = Draft::default();
        for part in query.split('&') {
            // Links copied from the source of a web page have `&amp;`.
            let part = part.strip_prefix("amp;").unwrap_or(part);
            if let Some((key, value)) = part.split_once('=') {
                draft.parameter(key, value)?;
            }
        }
        if draft.magnet.trackers.is_empty() {
            draft.magnet.trackers = draft.web_torrent;
        }
        let version_2 = draft.version_2;
        let info_hash = draft.info_hash.or(version_2.map(|it| it.truncated()));
        Ok(Self {
            info_hash: info_hash.ok_or(MagnetError::NoHash)?,
            version_2,
            ..draft.magnet
        })
    }

    /// The hashes that the info dictionary must have.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let truncated = self.version_2.map(|it| it.truncated());
        Expected {
            version_1: Some(self.info_hash).filter(|it| Some(*it) != truncated),
            version_2: self.version_2,
        }
    }

    /// The .torrent file of this link. Needs its info dictionary and, with version 2, its piece
    /// layers, bencoded.
    #[must_use]
    pub fn torrent_file(&self, info: &[u8], piece_layers: Option<Vec<u8>>) -> Vec<u8> {
        let mut root = DictBuilder::new();
        root.raw("info", info.to_vec());
        if let Some(layers) = piece_layers {
            root.raw("piece layers", layers);
        }
        if let Some(first) = self.trackers.iter().flatten().next() {
            root.bytes("announce", first);
            let mut tiers = ListBuilder::new();
            for tier in &self.trackers {
                tiers.raw(&strings(tier));
            }
            root.raw("announce-list", tiers.finish());
        }
        if !self.web_seeds.is_empty() {
            root.raw("url-list", strings(&self.web_seeds));
        }
        root.finish()
    }
}

fn strings(texts: &[String]) -> Vec<u8> {
    let mut list = ListBuilder::new();
    for text in texts {
        list.bytes(text);
    }
    list.finish()
}

/// A partly read link.
#[derive(Default)]
struct Draft {
    info_hash: Option<InfoHash>,
    version_2: Option<InfoHash2>,
    magnet: Magnet,
    /// WebTorrent trackers, each a tier of its own.
    web_torrent: Vec<Vec<String>>,
}

impl Default for Magnet {
    fn default() -> Self {
        Self {
            info_hash: InfoHash([0; 20]),
            version_2: None,
            name: None,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            peers: Vec::new(),
            files: None,
        }
    }
}

impl Draft {
    fn parameter(&mut self, key: &str, value: &str) -> Result<(), MagnetError> {
        let magnet = &mut self.magnet;
        match bare(key) {
            "xt" => return self.topic(&decoded(value)),
            "dn" if magnet.name.is_none() => {
                let name = value.replace('+', " ");
                let name = text::printable(&decoded(&name), MAX_NAME_BYTES);
                magnet.name = Some(name).filter(|it| !it.is_empty());
            }
            "tr" => {
                let value = decoded(value);
                let usable = usable_url(&value, TRACKERS);
                let web_torrent = usable.is_none();
                let Some(url) = usable.or_else(|| usable_url(&value, WEB_TORRENT)) else {
                    return Ok(());
                };
                let all = if web_torrent {
                    &mut self.web_torrent
                } else {
                    &mut magnet.trackers
                };
                if all.len() < MAX_URLS && !all.iter().flatten().any(|it| *it == url) {
                    all.push(vec![url]);
                }
            }
            "ws" => {
                let value = decoded(value);
                let url = usable_url(&value, &["http://", "https://"]);
                let known = |url: &str| magnet.web_seeds.iter().any(|it| it == url);
                if let Some(url) = url.filter(|it| magnet.web_seeds.len() < MAX_URLS && !known(it))
                {
                    magnet.web_seeds.push(url);
                }
            }
            "x.pe" => {
                let peer = peer(&decoded(value));
                let new =
                    peer.filter(|it| magnet.peers.len() < MAX_PEERS && !magnet.peers.contains(it));
                magnet.peers.extend(new);
            }
            "so" => magnet.files = Some(files(value)?),
            _ => {}
        }
        Ok(())
    }

    /// A multihash: its function (0x12 is SHA-256), its length, and the hash.
    fn second_topic(&mut self, digits: &[u8]) -> Result<(), MagnetError> {
        let hash = digits.strip_prefix(b"1220").and_then(hex);
        let found = hash
            .map(InfoHash2)
            .ok_or_else(|| MagnetError::Hash2(text::escaped_to(digits, 80)))?;
        match self.version_2.replace(found) {
            Some(other) if other != found => Err(MagnetError::TwoHashes2(other, found)),
            _ => Ok(()),
        }
    }

    fn topic(&mut self, topic: &[u8]) -> Result<(), MagnetError> {
        let Some(kind) = topic.get(..9) else {
            return Ok(());
        };
        if kind.eq_ignore_ascii_case(b"urn:btmh:") {
            return self.second_topic(&topic[9..]);
        }
        if !kind.eq_ignore_ascii_case(b"urn:btih:") {
            return Ok(());
        }
        let digits = &topic[9..];
        let found = hash(digits)
            .map(InfoHash)
            .ok_or_else(|| MagnetError::Hash(text::escaped_to(digits, 80)))?;
        match self.info_hash.replace(found) {
            Some(other) if other != found => Err(MagnetError::TwoHashes(other, found)),
            _ => Ok(()),
        }
    }
}

/// The hashes that an info dictionary must have, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// SHA-1.
    pub version_1: Option<InfoHash>,
    /// SHA-256.
    pub version_2: Option<InfoHash2>,
}

impl From<InfoHash> for Expected {
    fn from(info_hash: InfoHash) -> Self {
        Self {
            version_1: Some(info_hash),
            version_2: None,
        }
    }
}

/// The key without a number such as in `tr.1`, which separates several values.
fn bare(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((name, number))
            if !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()) =>
        {
            name
        }
        _ => key,
    }
}

/// `text` with `%41` replaced by `A`. Invalid codes stay as they are.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = code.and_then(|it| Some(digit(it[0])? << 4 | digit(it[1])?));
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    Cow::Owned(out)
}

/// The value of a hex digit.
fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Decodes hex digits; their number must fit exactly.
fn hex<const BYTES: usize>(digits: &[u8]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != BYTES || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// 20 bytes from 40 hex digits or 32 digits of base32 (RFC 4648).
fn hash(digits: &[u8]) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    match digits.len() {
        40 => return hex(digits),
        32 => {
            // Eight digits of five bits are five bytes.
            for (five, eight) in bytes.chunks_mut(5).zip(digits.as_chunks::<8>().0) {
                let mut bits: u64 = 0;
                for byte in eight {
                    let value = match byte.to_ascii_uppercase() {
                        letter @ b'A'..=b'Z' => letter - b'A',
                        number @ b'2'..=b'7' => number - b'2' + 26,
                        _ => return None,
                    };
                    bits = bits << 5 | u64::from(value);
                }
                five.copy_from_slice(&bits.to_be_bytes()[3..]);
            }
        }
        _ => return None,
    }
    Some(bytes)
}

/// `host:port`, if it is plausible.
fn peer(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|it| *it > 0)?;
    if let Some(v6) = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        let address: Ipv6Addr = v6.parse().ok()?;
        return Some(format!("[{address}]:{port}"));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(format!("{address}:{port}"));
    }
    let name = (1..=253).contains(&host.len())
        && host
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_'));
    name.then(|| format!("{host}:{port}"))
}

/// Reads `0,2,4-7`.
fn files(value: &str) -> Result<Vec<RangeInclusive<u32>>, MagnetError> {
    let wrong = || MagnetError::Files(text::escaped_to(value.as_bytes(), 80));
    let decoded = decoded(value);
    let items = core::str::from_utf8(&decoded).map_err(|_| wrong())?;
    let mut ranges = Vec::new();
    for part in items.split(',').filter(|it| !it.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first <= last && ranges.len() < MAX_RANGES => {
                ranges.push(first..=last);
            }
            _ => return Err(wrong()),
        }
    }
    if ranges.is_empty() {
        return Err(wrong());
    }
    Ok(ranges)
}
