//! Which addresses a tracker or a web seed may have. The rules prevent a .torrent file from making
//! us send requests to other services in our network ("server-side request forgery").
//!
//! The rules apply to the first request and to every redirect, and to the real remote address:
//!
//! * A tracker on this machine or in a private network must have a path that ends in `/announce` or
//!   `/announce.php`, and the parts before must look like folders: servers run
//!   `/reboot.cgi/announce` as `/reboot.cgi`. Only `tracker.php` may be such a script, because its
//!   name says that it is a tracker. libtorrent demands this for loopback addresses
//!   (`http_tracker_connection.cpp`). We demand it for every address that is not global, because
//!   routers and printers obey a GET, too.
//! * A web seed there must have no query, because a query could carry a command. libtorrent
//!   (`torrent.cpp`) demands this, too.
//! * No name of a host may be internationalised ([`is_idna`]).
//! * A redirect must not lead nearer to us: from the internet into a private network, or from there
//!   to this machine.
//! * An IPv6 address that stands for an IPv4 address is judged as that one.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Distance of an address. Ordered: nearer is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This machine: `127.0.0.0/8`, `::1`, and the unspecified addresses, which lead there, too.
    Host,
    /// The local network: private (RFC 1918), shared (RFC 6598), link-local, unique local (RFC
    /// 4193) and the reserved ranges that routers do not forward.
    Network,
    /// All other addresses.
    Global,
}

/// Why we do not connect to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Multicast or broadcast.
    #[error("{0} is an address of many machines, no server can be there")]
    Many(IpAddr),
    /// A service nearby whose path is not that of a tracker.
    #[error(
        "{0} is {1}, where a tracker must have a path that ends in /announce, with only folders before"
    )]
    Path(IpAddr, Reach),
    /// A service nearby with a query.
    #[error("{0} is {1}, where the URL of a web seed must not have a query")]
    Query(IpAddr, Reach),
    /// A redirect from further away.
    #[error("it redirects to {0}, which is {1}; a redirect must not lead nearer to us")]
    Nearer(IpAddr, Reach),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "on this machine",
            Self::Network => "in a private network",
            Self::Global => "a global address",
        })
    }
}

/// Whether the name of a host has letters beyond ASCII, in the form in which DNS holds it: a label
/// that begins with `xn--` (RFC 5890). Different letters can look alike, so such a name can lead to
/// another host than the reader thinks. libtorrent refuses them, too (`allow_idna`).
#[must_use]
pub fn is_idna(host: &str) -> bool {
    let is_encoded = |label: &str| {
        let start = label.as_bytes().get(..4);
        start.is_some_and(|it| it.eq_ignore_ascii_case(b"xn--"))
    };
    !host.is_ascii() || host.split('.').any(is_encoded)
}

/// Distance of `ip`, judged by its number. The driver knows more about its own addresses.
#[must_use]
pub fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => embedded_v4(ip).map_or_else(|| reach_v6(ip), reach_v4),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        [0 | 127, ..] => Reach::Host,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] | [100, 64..=127, ..] => {
            Reach::Network
        }
        // Protocol assignments, documentation, benchmarks, and reserved ranges.
        [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Reach::Network,
        _ => Reach::Global,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Reach::Host,
        // Unique local, link-local, the former site-local range, documentation, and local use of
        // NAT64 (RFC 8215).
        [0xfc00..=0xfdff | 0xfe80..=0xfeff, ..] | [0x2001, 0xdb8, ..] | [0x64, 0xff9b, 1, ..] => {
            Reach::Network
        }
        _ => Reach::Global,
    }
}

/// The IPv4 address that `ip` stands for: mapped, translated (NAT64, RFC 6052), 6to4 (RFC 3056), or
/// the old compatible form.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(from(high, low))
        }
        [0x2002, high, low, ..] => Some(from(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => Some(from(high, low)),
        _ => None,
    }
}

/// Whether a tracker with this path may be asked at `ip`, whose distance is `reach`. `before` is
/// the nearest hop so far, if a redirect leads here.
pub fn judge(ip: IpAddr, reach: Reach, path: &str, before: Option<Reach>) -> Result<(), Refusal> {
    judge_hop(ip, reach, before)?;
    let mut parts = path.rsplit('/');
    let announces = matches!(parts.next(), Some("announce" | "announce.php"));
    let is_folder = |part: &str| part == "tracker.php" || !part.contains(['.', '%', ';']);
    let fits = announces && path.starts_with('/') && parts.all(is_folder);
    if reach < Reach::Global && !fits {
        return Err(Refusal::Path(ip, reach));
    }
    Ok(())
}

/// Whether a web seed may be asked at `ip`, with or without a query in its URL; other arguments as
/// in [`judge`].
pub fn judge_web_seed(
    ip: IpAddr,
    reach: Reach,
    query: bool,
    before: Option<Reach>,
) -> Result<(), Refusal> {
    judge_hop(ip, reach, before)?;
    if reach < Reach::Global && query {
        return Err(Refusal::Query(ip, reach));
    }
    Ok(())
}

/// Checks that apply to every hop.
fn judge_hop(ip: IpAddr, reach: Reach, before: Option<Reach>) -> Result<(), Refusal> {
    let many = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    if many {
        return Err(Refusal::Many(ip));
    }
    if before.is_some_and(|it| reach < it) {
        return Err(Refusal::Nearer(ip, reach));
    }
    Ok(())
}
