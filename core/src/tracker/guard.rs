//! Which addresses a tracker or a web seed may have, so that a .torrent file cannot make us talk to
//! services that are neither ("server-side request forgery").
//!
//! The rules, for the address to which the connection will really go, at every hop:
//!
//! * A tracker on this machine or in a private network must have a path that ends in `/announce`
//!   or `/announce.php`. libtorrent asks this of loopback addresses (`http_tracker_connection.cpp`);
//!   we ask it of every address that is not global, because routers and printers obey a GET, too.
//! * A web seed there must have no query: what acts on a GET is told by it what to do. libtorrent
//!   (`torrent.cpp`) asks this, too.
//! * A redirect never leads nearer to us: from the world into a private network, or from there to
//!   this machine.
//! * An IPv6 address that stands for an IPv4 address is judged as that one.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far away an address is. Ordered: nearer is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This machine: `127.0.0.0/8`, `::1`, and the unspecified addresses, which lead there, too.
    Host,
    /// The network around us: private (RFC 1918), shared (RFC 6598), link-local, unique local
    /// (RFC 4193) and the reserved ranges that no router forwards.
    Network,
    /// Everywhere else.
    Global,
}

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Multicast or broadcast.
    #[error("{0} is an address of many machines, no server can be there")]
    Many(IpAddr),
    /// A service nearby that is no tracker.
    #[error("{0} is {1}, where a tracker must have a path that ends in /announce")]
    Path(IpAddr, Reach),
    /// A service nearby that is told what to do.
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

/// How far away `ip` is, as its number tells. The driver knows better about its own addresses.
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
        // Protocol assignments, documentation, benchmarks, and what is reserved.
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
        // Unique local, link-local, the site-local range of old, documentation, and local use of
        // NAT64 (RFC 8215).
        [0xfc00..=0xfdff | 0xfe80..=0xfeff, ..] | [0x2001, 0xdb8, ..] | [0x64, 0xff9b, 1, ..] => {
            Reach::Network
        }
        _ => Reach::Global,
    }
}

/// The IPv4 address that `ip` stands for: mapped, translated (NAT64, RFC 6052), 6to4 (RFC 3056), or
/// compatible in the old way.
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

/// Whether a tracker with this path may be asked at `ip`, which is `reach` away; `before` is the
/// nearest hop so far, if a redirect leads here.
pub fn judge(ip: IpAddr, reach: Reach, path: &str, before: Option<Reach>) -> Result<(), Refusal> {
    judge_hop(ip, reach, before)?;
    let announces = matches!(path.rsplit('/').next(), Some("announce" | "announce.php"));
    if reach < Reach::Global && !(announces && path.starts_with('/')) {
        return Err(Refusal::Path(ip, reach));
    }
    Ok(())
}

/// Whether a web seed may be asked at `ip`, with or without a query in its URL; the rest as in [`judge`].
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

/// What holds for every hop.
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
