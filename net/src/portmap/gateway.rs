//! Finds the gateway between this machine and the Internet.

use std::net::{Ipv4Addr, SocketAddr};

use unchoke_core::portmap::GATEWAY_PORT;

use crate::route::{Bind, Route};

/// The gateway, and our address in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    /// `None` if the system does not name the gateway: then only UPnP can find it.
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) own: Ipv4Addr,
}

/// Any address on the Internet. We ask the system for the local address of the route to it; nothing
/// is sent.
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Gateway {
    pub(super) async fn find(route: &Route) -> Option<Self> {
        let interface = match route.bind() {
            Some(Bind::Interface(name)) => Some(name.as_str()),
            _ => None,
        };
        let table = std::fs::read_to_string("/proc/self/net/route").unwrap_or_default();
        let ip = table.lines().find_map(|it| of_line(it, interface));
        let there: SocketAddr = (ip.unwrap_or(SOMEWHERE), GATEWAY_PORT).into();
        let socket = route.datagrams(there).await.ok()?;
        socket.connect(there).await.ok()?;
        match socket.local_addr().ok()? {
            SocketAddr::V4(own) => Some(Self { ip, own: *own.ip() }),
            SocketAddr::V6(_) => None,
        }
    }
}

/// Parses a line of tab-separated fields, beginning with interface, destination and gateway:
/// `eth0`, `00000000`, `0102A8C0`. Addresses are in the byte order of the machine.
fn of_line(line: &str, interface: Option<&str>) -> Option<Ipv4Addr> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let [destination, gateway] = [words.next()?, words.next()?];
    let gateway = u32::from_str_radix(gateway, 16).ok()?;
    let fits = destination == "00000000" && gateway != 0;
    let ours = interface.is_none_or(|it| it == name);
    (fits && ours).then(|| gateway.to_ne_bytes().into())
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_is_read() {
        let table = "Iface Destination Gateway Flags\neth0 0002A8C0 00000000 0001\n\
                     eth0 00000000 0102A8C0 0003\nwlan0 00000000 0103A8C0 0003\n";
        let find = |interface| table.lines().find_map(|it| of_line(it, interface));
        assert_eq!(find(None), Some(Ipv4Addr::new(192, 168, 2, 1)));
        assert_eq!(find(Some("wlan0")), Some(Ipv4Addr::new(192, 168, 3, 1)));
        assert_eq!(find(Some("tun0")), None);
    }
}
