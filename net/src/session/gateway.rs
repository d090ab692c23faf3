//! Port mappings of a session: requested at the start, used in announces, removed at the end.

use std::collections::BTreeSet;

use unchoke_core::portmap::Transport;

use super::{Notice, Session, Settings};
use crate::dht::Dht;
use crate::portmap::{Mapped, Mappings};
use crate::utp::UtpMode;

/// The port mappings of a session.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    mappings: Option<Mappings>,
    /// Whether the user was told that there is no mapping.
    failure_told: bool,
}

impl Gateway {
    /// Requests mappings for our listening port and for the port of our DHT node.
    pub(super) fn new(settings: &Settings, port: u16) -> Self {
        let node = settings.dht.as_ref().and_then(|it: &Dht| it.port(true));
        let node = node.filter(|_| !settings.metainfo.private);
        let utp = (settings.utp != UtpMode::Off).then_some(port);
        // They may share one port.
        let datagrams: BTreeSet<u16> = node.into_iter().chain(utp).collect();
        let datagrams = datagrams.into_iter().map(|it| (Transport::Udp, it));
        let ports = std::iter::once((Transport::Tcp, port)).chain(datagrams);
        let ports = ports.collect();
        let start = || Mappings::start(&settings.route, ports).ok();
        Self {
            mappings: settings.portmap.then(start).flatten(),
            failure_told: false,
        }
    }

    pub(super) async fn next(&mut self) -> Mapped {
        match &mut self.mappings {
            Some(mappings) => mappings.next().await,
            None => std::future::pending().await,
        }
    }

    /// Takes the mappings, to close them when the session ends.
    pub(super) fn take(&mut self) -> Option<Mappings> {
        self.mappings.take()
    }
}

impl Session {
    pub(super) fn on_mapped(&mut self, mapped: Mapped) {
        match mapped {
            Mapped::Open {
                transport,
                internal,
                external,
                way,
            } => {
                let what = transport.name();
                self.notify(Notice::Source(format!(
                    "{way}: {what} port {external} of the gateway leads to our port {internal}"
                )));
                if transport == Transport::Tcp && external != internal {
                    self.trackers.set_port(external);
                    self.finders.set_port(&self.settings, external);
                }
            }
            Mapped::Failed(why) => {
                if !self.gateway.failure_told {
                    self.gateway.failure_told = true;
                    self.notify(Notice::Source(format!(
                        "no port mapping on the gateway: {why}"
                    )));
                }
            }
        }
    }
}
