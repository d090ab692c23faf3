//! Sources of peers besides trackers and peer exchange. None is used for a private torrent (BEP
//! 27).

use std::net::SocketAddr;

use tokio::sync::mpsc::Receiver;
use unchoke_core::client::doors::Door;
use unchoke_core::client::source::Source;
use unchoke_core::ids::{InfoHash, PeerKey};
use unchoke_core::message::Message;

use super::{ClientInput, Notice, Session, SessionError, Settings};
use crate::dht::{Dht, Find, next_find, searched};
use crate::lsd::next_neighbour;

/// Results of a source.
#[derive(Debug)]
pub(super) enum Found {
    Dht(Find),
    Neighbour(SocketAddr),
}

/// The sources of one torrent.
#[derive(Debug)]
pub(super) struct Finders {
    dht: Option<Dht>,
    /// One for each info-hash of the torrent.
    finds: [Option<Receiver<Find>>; 2],
    neighbours: [Option<Receiver<SocketAddr>>; 2],
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
        let neighbours = names(settings).map(|name| Some(lsd?.want(name?, port)));
        Self {
            finds: wanted(dht.as_ref(), settings, port),
            dht,
            neighbours,
            said: None,
        }
    }

    /// Announces another port from now on.
    pub(super) fn set_port(&mut self, settings: &Settings, port: u16) {
        self.finds = wanted(self.dht.as_ref(), settings, port);
    }

    /// The last message about the distributed hash table, if it is used.
    pub(super) fn last_word(&self) -> Option<String> {
        let asked = || "DHT: being asked".to_owned();
        self.dht.as_ref()?;
        Some(self.said.clone().unwrap_or_else(asked))
    }

    pub(super) async fn next(&mut self) -> Found {
        let [first, second] = &mut self.finds;
        let [near, nearby] = &mut self.neighbours;
        tokio::select! {
            find = next_find(first) => Found::Dht(find),
            find = next_find(second) => Found::Dht(find),
            address = next_neighbour(near) => Found::Neighbour(address),
            address = next_neighbour(nearby) => Found::Neighbour(address),
        }
    }
}

/// The info-hashes of the torrent. A hybrid has two, and a swarm for each. BEP 52.
fn names(settings: &Settings) -> [Option<InfoHash>; 2] {
    let mut names = settings.metainfo.info_hashes();
    [names.next(), names.next()]
}

fn wanted(dht: Option<&Dht>, settings: &Settings, port: u16) -> [Option<Receiver<Find>>; 2] {
    names(settings).map(|name| Some(dht?.want(name?, Some(port))))
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
