//! The listening socket: one for IPv4 and IPv6 alike, where the system has both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the old connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Listens on `port` of all addresses; 0 lets the system choose.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let both = bind((Ipv6Addr::UNSPECIFIED, port).into());
    match both {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind((Ipv4Addr::UNSPECIFIED, port).into())
        }
        other => other,
    }
}

/// An IPv4 address that came through an IPv6 socket, as IPv4.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loopback_of_ipv4_reaches_the_listener() {
        let listener = listen(0).expect("listen");
        let port = listener.local_addr().expect("address").port();
        let dial = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let (dialled, accepted) = tokio::join!(dial, listener.accept());
        let local = dialled.expect("connect").local_addr().expect("address");
        assert_eq!(canonical(accepted.expect("accept").1), local);
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let listener = listen(0).expect("listen");
        let port = listener.local_addr().expect("address").port();
        let error = listen(port).expect_err("two listeners on one port");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
