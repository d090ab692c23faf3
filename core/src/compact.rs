//! Addresses in 6 or 18 bytes: BEP 23, BEP 7, and BEP 11.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// Reads entries of an address and a port in network byte order: 6 bytes each (BEP 23) or 18 (BEP
/// 7). `None` if the length is not a multiple of that. An entry that cannot be connected to is
/// `None`.
pub(crate) fn read<const N: usize>(
    bytes: &[u8],
) -> Option<impl Iterator<Item = Option<SocketAddr>>> {
    let (entries, rest) = bytes.as_chunks::<N>();
    let entries = entries.iter().map(|entry| {
        let (ip, port) = entry.split_last_chunk::<2>()?;
        usable(SocketAddr::new(ip_address(ip)?, u16::from_be_bytes(*port)))
    });
    rest.is_empty().then_some(entries)
}

/// Appends an address to the list of its family.
pub(crate) fn write(address: SocketAddr, v4: &mut Vec<u8>, v6: &mut Vec<u8>) {
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => {
            v4.extend_from_slice(&ip.octets());
            v4.extend_from_slice(&port);
        }
        IpAddr::V6(ip) => {
            v6.extend_from_slice(&ip.octets());
            v6.extend_from_slice(&port);
        }
    }
}

/// An address of 4 or 16 bytes.
pub(crate) fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(IpAddr::from(v6).to_canonical())
}

/// `peer`, if a TCP connection to it can exist.
pub(crate) fn usable(peer: SocketAddr) -> Option<SocketAddr> {
    let ip = peer.ip();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    let good = peer.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast;
    good.then_some(peer)
}
