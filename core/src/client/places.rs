//! The types of addresses, hosts and peer ids. They are the only difference between a client in the
//! network and in the simulator.

use core::fmt::Debug;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::ids::PeerId;

/// The kinds of address that a [`super::Client`] uses.
pub trait Places: Clone + Copy + Debug + Eq {
    /// Where a peer listens, or where a connection came from.
    type Address: Copy + Ord + Debug;
    /// The unit of limits and bans. One host usually has many ports.
    type Host: Copy + Ord + Debug;
    /// The peer id in the handshake.
    type Name: Copy + Ord + Debug;

    /// The host of an address.
    fn host(address: Self::Address) -> Self::Host;

    /// Whether unrelated peers often share this host: processes on one machine, or machines behind
    /// one gateway of a local network.
    fn is_shared(host: Self::Host) -> bool;

    /// The canonical form of an address, if a connection to it can exist.
    fn usable(address: Self::Address) -> Option<Self::Address>;

    /// The address of a peer that connected from `source` and says that it listens on `port`.
    fn listening(source: Self::Address, port: u16) -> Self::Address;

    /// The address where a peer listens that connected from `source`, if `source` alone tells.
    fn listening_at(source: Self::Address) -> Option<Self::Address>;

    /// The address in the form of messages; `None` if messages never carry it.
    fn to_socket(address: Self::Address) -> Option<SocketAddr>;

    /// The address from a message, if a peer can have it.
    fn of_socket(address: SocketAddr) -> Option<Self::Address>;

    /// The peer id in the form of the protocol.
    fn peer_id(name: Self::Name) -> PeerId;
}

/// TCP over IPv4 and IPv6. The host of an IPv6 address is its /64, which one customer is given (RFC
/// 6177). With single addresses as hosts, an attacker would have 2^64 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Internet;

impl Places for Internet {
    type Address = SocketAddr;
    type Host = IpAddr;
    type Name = PeerId;

    fn host(address: SocketAddr) -> IpAddr {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        }
    }

    fn is_shared(host: IpAddr) -> bool {
        match host {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            // The /64 of ::1 is `::`.
            IpAddr::V6(ip) => {
                ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        }
    }

    fn usable(address: SocketAddr) -> Option<SocketAddr> {
        let ip = address.ip().to_canonical();
        // A link-local address is useless without its interface, so the scope id stays.
        let plain = if ip == address.ip() {
            address
        } else {
            SocketAddr::new(ip, address.port())
        };
        crate::compact::usable(plain)
    }

    fn listening(source: SocketAddr, port: u16) -> SocketAddr {
        SocketAddr::new(source.ip(), port)
    }

    /// The source port of a connection does not tell where the peer listens.
    fn listening_at(_: SocketAddr) -> Option<SocketAddr> {
        None
    }

    fn to_socket(address: SocketAddr) -> Option<SocketAddr> {
        Some(address)
    }

    fn of_socket(address: SocketAddr) -> Option<SocketAddr> {
        Some(address)
    }

    fn peer_id(name: PeerId) -> PeerId {
        name
    }
}
