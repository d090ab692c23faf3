//! Peers in the local network, found by multicast announces. BEP 14.
//!
//! This module has the text of an announce, and [`Beacon`], which decides when to announce which
//! torrent, and which announces of others to accept. Private torrents are not announced and do not
//! accept announces (BEP 27): the driver does not hand them in.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use crate::ids::InfoHash;
use crate::time::Instant;
use crate::tracker::guard::{Reach, reach};

/// The multicast address for announces. BEP 14, *A)* and *B)*.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 192, 152, 143);
/// The same for IPv6.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0xefc0, 0x988f);
/// The UDP port of both groups.
pub const PORT: u16 = 6771;

/// BEP 14: "the packet length should not exceed 1400 bytes".
pub const MAX_BYTES: usize = 1400;
/// Most torrents in one announce, to stay within [`MAX_BYTES`].
const MAX_TORRENTS: usize = 20;
/// Most bytes of a cookie.
const MAX_COOKIE_BYTES: usize = 64;

/// An announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// The port on which the sender listens.
    pub port: u16,
    /// The torrents that the sender has or wants.
    pub torrents: Vec<InfoHash>,
    /// Lets a sender recognise its own announces.
    pub cookie: Option<Vec<u8>>,
}

impl Announce {
    /// The datagram to the group of IPv4 or IPv6.
    #[must_use]
    pub fn encode(&self, ipv4: bool) -> Vec<u8> {
        let mut text = String::from("BT-SEARCH * HTTP/1.1\r\n");
        let written = if ipv4 {
            write!(text, "Host: {GROUP_V4}:{PORT}\r\n")
        } else {
            write!(text, "Host: [{GROUP_V6}]:{PORT}\r\n")
        };
        written.expect("a string takes everything");
        write!(text, "Port: {}\r\n", self.port).expect("a string takes everything");
        for torrent in self.torrents.iter().take(MAX_TORRENTS) {
            write!(text, "Infohash: {torrent}\r\n").expect("a string takes everything");
        }
        let mut bytes = text.into_bytes();
        if let Some(cookie) = &self.cookie {
            bytes.extend_from_slice(b"cookie: ");
            bytes.extend_from_slice(cookie);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes
    }

    /// Reads a datagram; `None` if it is not an announce of a peer that can be connected to.
    /// Unknown headers are ignored.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.next()?;
        let known = first.split(|byte| *byte == b' ').next()?;
        if !known.eq_ignore_ascii_case(b"BT-SEARCH") {
            return None;
        }
        let (mut port, mut cookie, mut torrents) = (None, None, Vec::new());
        for line in lines.take_while(|it| !it.is_empty()) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"port") {
                port = number(value);
            } else if name.eq_ignore_ascii_case(b"infohash") {
                torrents.extend(info_hash(value));
            } else if name.eq_ignore_ascii_case(b"cookie") && value.len() <= MAX_COOKIE_BYTES {
                cookie = Some(value.to_vec());
            }
        }
        torrents.truncate(MAX_TORRENTS);
        let port = port.filter(|it| *it > 0)?;
        (!torrents.is_empty()).then_some(Self {
            port,
            torrents,
            cookie,
        })
    }
}

fn number(text: &[u8]) -> Option<u16> {
    // Rust would accept `+1` as a number.
    let digits = text.iter().all(u8::is_ascii_digit);
    let text = core::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

fn info_hash(hex: &[u8]) -> Option<InfoHash> {
    if hex.len() != 40 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut hash = [0; 20];
    for (byte, pair) in hash.iter_mut().zip(hex.as_chunks::<2>().0) {
        let value = digit(pair[0])? << 4 | digit(pair[1])?;
        *byte = u8::try_from(value).expect("two digits");
    }
    Some(InfoHash(hash))
}

/// Time between two announces of a torrent. BEP 14: "every 5 minutes".
const AGAIN: Duration = Duration::from_mins(5);
/// Time between two datagrams. BEP 14: "no more than 1 announce per minute".
const PACE: Duration = Duration::from_mins(1);
/// Most announces of one host to read in [`PACE`], and most hosts to count.
const MOST_HEARD: u8 = 10;
const MAX_HOSTS: usize = 256;

/// An announce of a peer that has some of our torrents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Where the peer listens.
    pub address: SocketAddr,
    /// Our torrents in it.
    pub torrents: Vec<InfoHash>,
    /// Lets us recognise the same announce from another address of the peer.
    pub cookie: Option<Vec<u8>>,
}

/// An announced torrent.
#[derive(Clone, Copy, Debug)]
struct Shown {
    torrent: InfoHash,
    /// The port on which we listen for it.
    port: u16,
    due: Instant,
}

/// Decides when to announce which torrents, and which announces to read.
#[derive(Clone, Debug)]
pub struct Beacon {
    cookie: Vec<u8>,
    torrents: Vec<Shown>,
    /// No announce is sent before this time.
    quiet_until: Instant,
    heard: BTreeMap<IpAddr, u8>,
    heard_since: Instant,
}

impl Beacon {
    /// `cookie` identifies our own announces; it must be practically unique, and printable.
    #[must_use]
    pub fn new(now: Instant, cookie: Vec<u8>) -> Self {
        Self {
            cookie,
            torrents: Vec::new(),
            quiet_until: now,
            heard: BTreeMap::new(),
            heard_since: now,
        }
    }

    /// Starts to announce a torrent, with the port on which we listen for it. Never call this for a
    /// private torrent.
    pub fn add(&mut self, now: Instant, torrent: InfoHash, port: u16) {
        self.remove(torrent);
        let due = now;
        self.torrents.push(Shown { torrent, port, due });
    }

    /// Stops announcing a torrent.
    pub fn remove(&mut self, torrent: InfoHash) {
        self.torrents.retain(|it| it.torrent != torrent);
    }

    /// When [`Self::poll`] will have an announce.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        let due = self.torrents.iter().map(|it| it.due).min();
        due.unwrap_or(Instant::NEVER).max(self.quiet_until)
    }

    /// The announce that is due, to be sent to both groups.
    pub fn poll(&mut self, now: Instant) -> Option<Announce> {
        if self.poll_timeout() > now {
            return None;
        }
        let first = self.torrents.iter().min_by_key(|it| it.due)?;
        let port = first.port;
        // Torrents that are due soon are included, to send fewer datagrams. Torrents that do not
        // fit come first next time.
        let soon = now.after(PACE);
        let of_port = |it: &&mut Shown| it.port == port && it.due <= soon;
        let mut torrents = Vec::new();
        for it in self.torrents.iter_mut().filter(of_port).take(MAX_TORRENTS) {
            torrents.push(it.torrent);
            it.due = now.after(AGAIN);
        }
        self.quiet_until = now.after(PACE);
        Some(Announce {
            port,
            torrents,
            cookie: Some(self.cookie.clone()),
        })
    }

    /// A datagram came from `from`. `None` if it names none of our torrents, or must not be read.
    pub fn hear(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Option<Heard> {
        let ip = from.ip().to_canonical();
        // A multicast from outside our network was routed here, probably by an attacker.
        if reach(ip) == Reach::Global && ip.is_ipv4() || !self.may_speak(now, ip) {
            return None;
        }
        let announce = Announce::decode(bytes)?;
        if announce.cookie.as_ref() == Some(&self.cookie) {
            return None;
        }
        // Return each torrent once, even if the announce names it several times.
        let ours = self.torrents.iter().map(|it| it.torrent);
        let named = |it: &InfoHash| announce.torrents.contains(it);
        let torrents: Vec<InfoHash> = ours.filter(named).collect();
        // A link-local address is useless without its interface, so the scope id stays.
        let mut address = if ip == from.ip() {
            from
        } else {
            SocketAddr::new(ip, 0)
        };
        address.set_port(announce.port);
        (!torrents.is_empty()).then_some(Heard {
            address,
            torrents,
            cookie: announce.cookie,
        })
    }

    /// Counts the announces of a host.
    fn may_speak(&mut self, now: Instant, ip: IpAddr) -> bool {
        if now - self.heard_since >= PACE {
            self.heard.clear();
            self.heard_since = now;
        }
        if self.heard.len() >= MAX_HOSTS && !self.heard.contains_key(&ip) {
            return false;
        }
        let said = self.heard.entry(ip).or_insert(0);
        *said = said.saturating_add(1);
        *said <= MOST_HEARD
    }
}
