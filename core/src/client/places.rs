//! What an address, a host and a name are: the network and the simulator differ in this and in
//! nothing else.

use core::fmt::Debug;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::ids::PeerId;

/// The kinds of address that a [`super::Client`] deals with.
pub trait Places: Clone + Copy + Debug + Eq {
    /// Where somebody listens, or where a connection came from.
    type Address: Copy + Ord + Debug;
    /// Whom limits and bans are about: who has one address usually has more than one port.
    type Host: Copy + Ord + Debug;
    /// What a peer calls itself in its handshake.
    type Name: Copy + Ord + Debug;

    /// The host of an address.
    fn host(address: Self::Address) -> Self::Host;

    /// Whether unrelated peers often share this host: processes of one machine, machines behind
    /// one gateway of a local network.
    fn is_shared(host: Self::Host) -> bool;

    /// The one form of an address, if a connection to it can exist.
    fn usable(address: Self::Address) -> Option<Self::Address>;

    /// Where a peer can be dialled that connected from `source` and says that it listens on `port`.
    fn listening(source: Self::Address, port: u16) -> Self::Address;

    /// Where a peer listens that connected from `source`, if that alone tells.
    fn listening_at(source: Self::Address) -> Option<Self::Address>;

    /// The address as messages carry it; `None` if no message ever does.
    fn to_socket(address: Self::Address) -> Option<SocketAddr>;

    /// The address that a message carried, if it can be anybody's.
    fn of_socket(address: SocketAddr) -> Option<Self::Address>;

    /// The name as the protocol has it.
    fn peer_id(name: Self::Name) -> PeerId;
}

/// TCP over IPv4 and IPv6. The host of an IPv6 address is its /64, which is what one customer is
/// given (RFC 6177): an attacker has 2^64 addresses there, not one.
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
        // A link-local address is nothing without its interface, so that stays.
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

    /// The port that a connection comes from says nothing.
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
