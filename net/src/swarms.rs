//! The swarms of one torrent in the distributed hash table and in the local network. A hybrid has
//! two info-hashes and a swarm for each. BEP 52.

use std::net::SocketAddr;

use tokio::sync::mpsc::Receiver;
use unchoke_core::ids::InfoHash;

use crate::dht::{Dht, Find, next_find};
use crate::lsd::{Lsd, next_neighbour};

/// The info-hashes of a torrent.
pub(crate) type Names = [Option<InfoHash>; 2];

/// A result of a search.
#[derive(Debug)]
pub(crate) enum Found {
    Dht(Find),
    Neighbour(SocketAddr),
}

/// The running searches of one torrent. Dropping them ends them.
#[derive(Debug)]
pub(crate) struct Swarms {
    finds: [Option<Receiver<Find>>; 2],
    neighbours: [Option<Receiver<SocketAddr>>; 2],
}

impl Swarms {
    /// Searches with those sources that are given, and announces that we listen on `port`. Never
    /// call this for a private torrent.
    pub(crate) fn new(dht: Option<&Dht>, lsd: Option<&Lsd>, names: Names, port: u16) -> Self {
        Self {
            finds: wanted(dht, names, port),
            neighbours: names.map(|name| Some(lsd?.want(name?, port))),
        }
    }

    /// Announces another port in the distributed hash table from now on.
    pub(crate) fn set_port(&mut self, dht: Option<&Dht>, names: Names, port: u16) {
        self.finds = wanted(dht, names, port);
    }

    /// The next result. Waits for ever if there is no search.
    pub(crate) async fn next(&mut self) -> Found {
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

fn wanted(dht: Option<&Dht>, names: Names, port: u16) -> [Option<Receiver<Find>>; 2] {
    names.map(|name| Some(dht?.want(name?, Some(port))))
}
