//! The listening socket: one for both IPv4 and IPv6 where the system supports that.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::route::{Bind, Route};

/// Most connections that wait to be accepted. The port may be that of all torrents of a process, and a
/// peer that finds no room here tries again only after a second. The system may lower it.
const BACKLOG: i32 = 1024;

#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "only Linux binds to an interface")
)]
fn bind(address: SocketAddr, interface: Option<&str>) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Allow a restart while old connections on the port are still in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    if let Some(name) = interface {
        socket.bind_device(Some(name.as_bytes()))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Listens on `port`, on all addresses unless the route names one; port 0 lets the system choose.
/// With a proxy it listens on loopback only: answers to other peers would bypass the proxy.
pub fn listen(port: u16, route: &Route) -> io::Result<TcpListener> {
    let interface = match route.bind() {
        _ if route.has_proxy() => return bind((Ipv4Addr::LOCALHOST, port).into(), None),
        Some(Bind::Address(ip)) => return bind((*ip, port).into(), None),
        Some(Bind::Interface(name)) => Some(name.as_str()),
        None => None,
    };
    let both = bind((Ipv6Addr::UNSPECIFIED, port).into(), interface);
    match both {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind((Ipv4Addr::UNSPECIFIED, port).into(), interface)
        }
        other => other,
    }
}

/// A UDP socket of one family on `port`, bound as the route requires.
pub(crate) fn bind_datagrams(route: &Route, ipv4: bool, port: u16) -> io::Result<UdpSocket> {
    let any: IpAddr = if ipv4 {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let ip = match route.bind() {
        Some(Bind::Address(ip)) if ip.is_ipv4() == ipv4 => *ip,
        Some(Bind::Address(_)) => return Err(io::ErrorKind::AddrNotAvailable.into()),
        _ => any,
    };
    let address = SocketAddr::new(ip, port);
    let kind = Domain::for_address(address);
    let socket = Socket::new(kind, Type::DGRAM, Some(Protocol::UDP))?;
    if !ipv4 {
        socket.set_only_v6(true)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(Bind::Interface(name)) = route.bind() {
        socket.bind_device(Some(name.as_bytes()))?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// The same, or on any other port if `port` is in use.
pub(crate) fn bind_datagrams_somewhere(
    route: &Route,
    ipv4: bool,
    port: u16,
) -> io::Result<UdpSocket> {
    bind_datagrams(route, ipv4, port).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse => bind_datagrams(route, ipv4, 0),
        _ => Err(error),
    })
}

/// Sends a datagram now or not at all. The `try_send_to` of tokio refuses a new socket until its
/// runtime has looked at it, and the first datagram would be lost.
pub(crate) fn send_datagram(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    SockRef::from(socket).send_to(bytes, &to.into()).map(drop)
}

/// Converts an IPv4-mapped IPv6 address to IPv4.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What the user can do if a port cannot be used.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => "give --bind an address of this machine",
        _ if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {
            "give --bind an interface of this machine"
        }
        _ => "choose another with --port",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loopback_of_ipv4_reaches_the_listener() {
        let listener = listen(0, &Route::default()).expect("listen");
        let port = listener.local_addr().expect("address").port();
        let dial = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let (dialled, accepted) = tokio::join!(dial, listener.accept());
        let local = dialled.expect("connect").local_addr().expect("address");
        assert_eq!(canonical(accepted.expect("accept").1), local);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_interface_that_does_not_exist_is_the_fault_of_bind() {
        let route = Route::new(None, Some(Bind::Interface("nope0".into())));
        let error = listen(0, &route).expect_err("no such interface");
        assert!(remedy(&error).contains("--bind an interface"), "{error}");
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let listener = listen(0, &Route::default()).expect("listen");
        let port = listener.local_addr().expect("address").port();
        let error = listen(port, &Route::default()).expect_err("two listeners on one port");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
