//! Port mappings of a session: requested at the start, used in announces, removed at the end.

use std::collections::BTreeSet;

use unchoke_core::portmap::Transport;

use super::{Notice, Session, Settings};
use crate::dht::Dht;
use crate::entrance::News;
use crate::portmap::{Mapped, Mappings};
use crate::transport::Transports;

/// The port mappings of a session.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    mappings: Option<Mappings>,
    /// The news about the mappings of a port that several torrents share.
    shared: Option<News>,
    /// The protocol and port by which peers reach us, as announced.
    announced: Option<(Transport, u16)>,
    /// Whether the user was told that there is no mapping.
    failure_told: bool,
}

impl Gateway {
    /// Requests mappings for the ports of those transports that accept connections, and for the port
    /// of our DHT node.
    pub(super) fn new(settings: &Settings, port: u16, transports: &Transports) -> Self {
        let node = settings.dht.as_ref().and_then(|it: &Dht| it.port(true));
        let node = node.filter(|_| !settings.metainfo.private);
        let ports = ports(port, transports, node);
        let announced = ports.iter().copied().find(|it| it.1 == port);
        let mut gateway = Self {
            announced,
            ..Self::default()
        };
        match &settings.entrance {
            _ if !settings.portmap => {}
            Some(entrance) => gateway.shared = entrance.map(ports),
            None => gateway.mappings = Mappings::start(&settings.route, ports).ok(),
        }
        gateway
    }

    /// The next news, and whether to show them to the user. Waits for ever when there will be none.
    pub(super) async fn next(&mut self) -> (Mapped, bool) {
        match (&mut self.mappings, &mut self.shared) {
            (Some(mappings), _) => (mappings.next().await, true),
            (None, Some(news)) => news.next().await,
            (None, None) => std::future::pending().await,
        }
    }

    /// Takes the mappings, to close them when the session ends.
    pub(super) fn take(&mut self) -> Option<Mappings> {
        self.mappings.take()
    }
}

/// The ports to map, TCP first. uTP and the DHT node may have the same one.
fn ports(port: u16, transports: &Transports, node: Option<u16>) -> Vec<(Transport, u16)> {
    let tcp = transports.uses_tcp().then_some((Transport::Tcp, port));
    let utp = transports.hears_utp(true, port).then_some(port);
    let datagrams: BTreeSet<u16> = node.into_iter().chain(utp).collect();
    let datagrams = datagrams.into_iter().map(|it| (Transport::Udp, it));
    tcp.into_iter().chain(datagrams).collect()
}

impl Session {
    pub(super) fn on_mapped(&mut self, (mapped, show): (Mapped, bool)) {
        match mapped {
            Mapped::Open {
                transport,
                internal,
                external,
                way,
            } => {
                let what = transport.name();
                if show {
                    self.notify(Notice::Source(format!(
                        "{way}: {what} port {external} of the gateway leads to our port {internal}"
                    )));
                }
                let announced = Some((transport, internal)) == self.gateway.announced;
                if announced && external != internal {
                    self.trackers.set_port(external);
                    self.finders.set_port(&self.settings, external);
                }
            }
            Mapped::Failed(why) => {
                if show && !self.gateway.failure_told {
                    self.gateway.failure_told = true;
                    self.notify(Notice::Source(format!(
                        "no port mapping on the gateway: {why}"
                    )));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::listen::listen;
    use crate::route::{Bind, Route};
    use crate::utp::UtpMode;

    #[tokio::test]
    async fn only_ports_that_are_open_are_mapped() {
        let here = Route::new(None, Some(Bind::Address(Ipv4Addr::LOCALHOST.into())));
        let mapped = |mode, taken: bool, node: Option<u16>| {
            let listener = listen(0, &here).expect("listen");
            let port = listener.local_addr().expect("an address").port();
            let other = taken.then(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)));
            let dial = Duration::from_secs(15);
            let started = Transports::start(&here, mode, listener, None, dial);
            drop(other);
            let (transports, ..) = started.expect("it starts");
            let ports = ports(port, &transports, node).into_iter();
            let relative = ports.map(|(kind, it)| (kind, if it == port { 0 } else { it }));
            relative.collect::<Vec<_>>()
        };
        let (tcp, udp) = ((Transport::Tcp, 0), (Transport::Udp, 0));
        assert_eq!(mapped(UtpMode::Off, false, None), [tcp]);
        assert_eq!(mapped(UtpMode::Allow, false, None), [tcp, udp]);
        assert_eq!(mapped(UtpMode::Only, false, None), [udp]);
        // Another program has the UDP port.
        assert_eq!(mapped(UtpMode::Allow, true, None), [tcp]);
        let node = (Transport::Udp, 9);
        assert_eq!(mapped(UtpMode::Allow, true, Some(9)), [tcp, node]);
    }
}
