//! Sources of peers besides trackers and peer exchange. None is used for a private torrent (BEP
//! 27).

use unchoke_core::client::doors::Door;
use unchoke_core::client::source::Source;
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;

use super::{ClientInput, Notice, Session, SessionError, Settings};
use crate::dht::{Dht, Find, searched};
use crate::swarms::{Found, Names, Swarms};

/// The sources of one torrent.
#[derive(Debug)]
pub(super) struct Finders {
    dht: Option<Dht>,
    swarms: Swarms,
    /// The message about the last search.
    said: Option<String>,
}

impl Finders {
    pub(super) fn uses_dht(settings: &Settings) -> bool {
        settings.dht.is_some() && !settings.metainfo.private
    }

    pub(super) fn new(settings: &Settings, port: u16) -> Self {
        let dht = settings.dht.clone().filter(|_| Self::uses_dht(settings));
        if let Some(dht) = &dht {
            dht.names(&settings.metainfo.nodes);
        }
        let lsd = settings.lsd.as_ref().filter(|_| !settings.metainfo.private);
        Self {
            swarms: Swarms::new(dht.as_ref(), lsd, names(settings), port),
            dht,
            said: None,
        }
    }

    /// Announces another port from now on.
    pub(super) fn set_port(&mut self, settings: &Settings, port: u16) {
        self.swarms
            .set_port(self.dht.as_ref(), names(settings), port);
    }

    /// The last message about the distributed hash table, if it is used.
    pub(super) fn last_word(&self) -> Option<String> {
        let asked = || "DHT: being asked".to_owned();
        self.dht.as_ref()?;
        Some(self.said.clone().unwrap_or_else(asked))
    }

    pub(super) async fn next(&mut self) -> Found {
        self.swarms.next().await
    }
}

fn names(settings: &Settings) -> Names {
    let mut names = settings.metainfo.info_hashes();
    [names.next(), names.next()]
}

impl Session {
    pub(super) fn on_found(&mut self, found: Found) -> Result<(), SessionError> {
        match found {
            Found::Dht(Find::Peers(addresses)) => self.tell(ClientInput::Found {
                source: Source::Dht,
                addresses,
            }),
            Found::Neighbour(address) => self.tell(ClientInput::Found {
                source: Source::LocalNetwork,
                addresses: vec![address],
            }),
            Found::Dht(Find::Searched(nodes)) => {
                let said = searched(nodes);
                if self.finders.said.as_ref() != Some(&said) {
                    self.finders.said = Some(said.clone());
                    self.notify(Notice::Source(said));
                }
                Ok(())
            }
        }
    }

    /// Tells a new peer the port of our DHT node (BEP 5), of the node that has the connection's
    /// address family (BEP 32).
    pub(super) fn introduce_node(&mut self, door: Door) -> Result<(), SessionError> {
        let Some(slot) = self.peers.iter().find(|it| it.door == door) else {
            return Ok(());
        };
        let (peer, ipv4) = (slot.link.peer, slot.address.is_ipv4());
        let port = self.finders.dht.as_ref().and_then(|it| it.port(ipv4));
        match port.and_then(|it| self.send(peer, Message::Port(it))) {
            Some(closed) => self.tell(closed),
            None => Ok(()),
        }
    }

    /// A peer tells the port of its DHT node.
    pub(super) fn on_node(&self, peer: PeerKey, port: u16) {
        if let (Some(dht), Some(slot)) = (&self.finders.dht, self.peers.slot(peer)) {
            let mut address = slot.address;
            address.set_port(port);
            dht.nodes(vec![address]);
        }
    }
}
