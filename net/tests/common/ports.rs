//! Ports that a test knows before a program listens on them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// The system gives higher ports to whoever asks for any. So nobody else gets one of these by
/// chance, between the choice and the use.
const LAST: u16 = 32_000;
/// Ports of one process: others that run at the same time begin elsewhere.
const EACH: u16 = 200;

/// A port that nobody uses, by TCP or UDP, and that nobody will be given.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let home = std::process::id() % 100;
    let home = LAST - EACH * u16::try_from(home).expect("below a hundred");
    let is_free = |port: &u16| {
        let four = (Ipv4Addr::UNSPECIFIED, *port);
        let six = (Ipv6Addr::LOCALHOST, *port);
        TcpListener::bind(four).is_ok() && UdpSocket::bind(four).is_ok() && {
            // A machine may have no IPv6.
            let taken = |kind: std::io::ErrorKind| kind == std::io::ErrorKind::AddrInUse;
            !TcpListener::bind(six).is_err_and(|it| taken(it.kind()))
                && !UdpSocket::bind(six).is_err_and(|it| taken(it.kind()))
        }
    };
    let mut next = (0..EACH).map(|_| home - TAKEN.fetch_add(1, Ordering::Relaxed) % EACH);
    next.find(is_free).expect("a free port")
}

/// An address on which no program listens.
pub(crate) fn dead_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
