//! The local networks of this machine, and multicast sockets for them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use unchoke_core::lsd::{GROUP_V4, GROUP_V6, PORT};

use crate::route::{Bind, Route};

/// Most interfaces that we send to. A machine may have one for each of many containers.
const MAX_INTERFACES: usize = 16;

/// A network interface: its index and name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interface {
    index: u32,
    name: String,
}

/// The interfaces that have an address of a family. Loopback is included only if there is no other,
/// because otherwise we would find each peer on this machine twice.
#[cfg(target_os = "linux")]
fn interfaces(ipv4: bool) -> Vec<Interface> {
    let file = if ipv4 {
        "/proc/self/net/igmp"
    } else {
        "/proc/self/net/if_inet6"
    };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let read = if ipv4 { of_igmp } else { of_inet6 };
    let mut all: Vec<Interface> = text.lines().filter_map(read).collect();
    all.dedup();
    if all.iter().any(|it| it.name != "lo") {
        all.retain(|it| it.name != "lo");
    }
    all.truncate(MAX_INTERFACES);
    all
}

/// Parses `1`, a tab, `lo        :     1      V3`. The indented lines with the groups of each
/// interface follow.
#[cfg(target_os = "linux")]
fn of_igmp(line: &str) -> Option<Interface> {
    let (index, rest) = line.split_once('\t')?;
    let index = index.parse().ok()?;
    let name = rest.split([' ', ':']).next()?.to_owned();
    Some(Interface { index, name })
}

/// Parses `fe80... 02 40 20 80     eth0`: address, index, prefix, scope, flags, name.
#[cfg(target_os = "linux")]
fn of_inet6(line: &str) -> Option<Interface> {
    let mut words = line.split_whitespace();
    let index = u32::from_str_radix(words.nth(1)?, 16).ok()?;
    let name = words.nth(3)?.to_owned();
    Some(Interface { index, name })
}

/// On other systems the system chooses the interface.
#[cfg(not(target_os = "linux"))]
fn interfaces(_ipv4: bool) -> Vec<Interface> {
    vec![Interface {
        index: 0,
        name: String::new(),
    }]
}

/// The interfaces that the route allows.
fn allowed(route: &Route, ipv4: bool) -> Vec<Interface> {
    let mut all = interfaces(ipv4);
    match route.bind() {
        Some(Bind::Interface(name)) => all.retain(|it| it.name == *name),
        // The system finds the interface by its address.
        Some(Bind::Address(ip)) if ip.is_ipv4() == ipv4 => all.truncate(1),
        Some(Bind::Address(_)) => all.clear(),
        None => {}
    }
    all
}

fn socket(ipv4: bool) -> io::Result<Socket> {
    let domain = if ipv4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if !ipv4 {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket that receives the announces of one family. Other programs on this machine may listen on
/// the same port.
pub(super) fn listen(route: &Route, ipv4: bool) -> io::Result<UdpSocket> {
    let interfaces = allowed(route, ipv4);
    if interfaces.is_empty() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    let socket = socket(ipv4)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    let any: IpAddr = if ipv4 {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    socket.bind(&SocketAddr::new(any, PORT).into())?;
    let mut joined = Err(io::ErrorKind::AddrNotAvailable.into());
    for it in &interfaces {
        let result = match route.bind() {
            Some(Bind::Address(IpAddr::V4(ip))) => socket.join_multicast_v4(&GROUP_V4, ip),
            _ if ipv4 => join_v4(&socket, it.index),
            _ => socket.join_multicast_v6(&GROUP_V6, it.index),
        };
        if joined.is_err() {
            joined = result;
        }
    }
    joined?;
    UdpSocket::from_std(socket.into())
}

#[cfg(target_os = "linux")]
fn join_v4(socket: &Socket, index: u32) -> io::Result<()> {
    let which = socket2::InterfaceIndexOrAddress::Index(index);
    socket.join_multicast_v4_n(&GROUP_V4, &which)
}

#[cfg(not(target_os = "linux"))]
fn join_v4(socket: &Socket, _index: u32) -> io::Result<()> {
    socket.join_multicast_v4(&GROUP_V4, &Ipv4Addr::UNSPECIFIED)
}

/// Sockets that send into every network that the route allows.
pub(super) fn mouths(route: &Route) -> Vec<UdpSocket> {
    let of = |ipv4| {
        let interfaces = allowed(route, ipv4);
        interfaces
            .into_iter()
            .filter_map(move |it| mouth(route, ipv4, &it).ok())
    };
    of(true).chain(of(false)).collect()
}

fn mouth(route: &Route, ipv4: bool, interface: &Interface) -> io::Result<UdpSocket> {
    let socket = socket(ipv4)?;
    let mut start: IpAddr = if ipv4 {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    match route.bind() {
        Some(Bind::Address(ip)) => {
            start = *ip;
            if let IpAddr::V4(ip) = ip {
                socket.set_multicast_if_v4(ip)?;
            }
        }
        #[cfg(target_os = "linux")]
        _ => socket.bind_device(Some(interface.name.as_bytes()))?,
        #[cfg(not(target_os = "linux"))]
        _ => {}
    }
    if !ipv4 && interface.index > 0 && route.bind().is_none() {
        socket.set_multicast_if_v6(interface.index)?;
    }
    socket.bind(&SocketAddr::new(start, 0).into())?;
    UdpSocket::from_std(socket.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_system_are_read() {
        let igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    7\teth0      :     2      V3\n";
        let read: Vec<Interface> = igmp.lines().filter_map(of_igmp).collect();
        let wanted = |index, name: &str| Interface {
            index,
            name: name.to_owned(),
        };
        assert_eq!(read, [wanted(1, "lo"), wanted(7, "eth0")]);
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe80000000000000a8bbccfffeddeeff 0b 40 20 80     eth0\n";
        let read: Vec<Interface> = inet6.lines().filter_map(of_inet6).collect();
        assert_eq!(read, [wanted(1, "lo"), wanted(11, "eth0")]);
    }
}
