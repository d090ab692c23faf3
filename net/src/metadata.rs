//! Resolves a magnet link: finds peers and asks them for the info dictionary. BEP 9.
//!
//! The search ends when the dictionary is complete. It has no time limit: the caller decides how
//! long to wait, and drops the future to cancel. `peer` is one connection; `announce` asks
//! trackers. [`unchoke_core::metadata::Fetch`] decides what to request from which peer, and
//! [`unchoke_core::metadata::search`] decides which peers to dial.

mod announce;
mod layers;
mod peer;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::client::source::Source;
use unchoke_core::client::{Config, Internet};
use unchoke_core::hashes::Fetch as LayerFetch;
use unchoke_core::ids::{InfoHash, PeerKey};
use unchoke_core::magnet::Expected;
use unchoke_core::message::{Extended, ExtendedHandshake, Message, MetadataMessage};
use unchoke_core::metadata::Fetch;
use unchoke_core::metadata::search::{Act, Search};
use unchoke_core::time::Instant;
use unchoke_core::wire::METADATA_NAME;

use crate::connection::{Encryption, Identity, Secured};
use crate::dht::{Dht, Find, searched};
use crate::entrance::Entrance;
use crate::listen::listen;
use crate::lsd::Lsd;
use crate::route::Route;
use crate::swarms::{self, Swarms};
use crate::transport::{Incoming, Transports};
use crate::utp::UtpMode;
use peer::{Event, Peer};

/// Most queued events of connections. Most events have at most 16 KiB.
const EVENTS: usize = 64;
/// Time between two status notices.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// The torrent to find, and where to search.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The info-hash that identifies the torrent.
    pub info_hash: InfoHash,
    /// The hashes that its info dictionary must have.
    pub expected: Expected,
    /// Tracker URLs.
    pub trackers: Vec<String>,
    /// Peers given by the user or the link.
    pub peers: Vec<(Source, SocketAddr)>,
    /// TCP port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The port that several torrents share. `port` is unused then.
    pub entrance: Option<Entrance>,
    /// Most connections, in both directions together.
    pub max_connections: u16,
    /// The setting for encryption.
    pub encryption: Encryption,
    /// The route of connections.
    pub route: Route,
    /// The setting for uTP.
    pub utp: UtpMode,
    /// The distributed hash table, if it is used.
    pub dht: Option<Dht>,
    /// The local service discovery, if it is used.
    pub lsd: Option<Lsd>,
}

/// News about the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The figures.
    Status(Status),
    /// A message about a tracker.
    Tracker(String),
    /// A message about another source of peers.
    Source(String),
    /// A connection was closed because of an action of the peer.
    Dropped(SocketAddr, String),
}

/// The figures of the search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Known addresses.
    pub known: usize,
    /// Connections.
    pub connected: usize,
    /// Connected peers that have the dictionary.
    pub having: usize,
    /// Received pieces of the dictionary, and all pieces; 0 until the size is known.
    pub pieces: (u32, u32),
}

/// Why the search could not start.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on port {port}: {source}; {}",
    crate::listen::remedy(source)
)]
pub struct ListenError {
    /// The requested port.
    pub port: u16,
    /// The error of the system.
    pub source: io::Error,
}

/// The result of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The info dictionary, with the correct hash.
    pub info: Vec<u8>,
    /// The piece layers of version 2, bencoded, if the torrent needs them. BEP 52.
    pub piece_layers: Option<Vec<u8>>,
    /// Peers that sent it, and who named them. They are likely to have the payload as well.
    pub peers: Vec<(Source, SocketAddr)>,
    /// The port on which we listened and that was announced.
    pub port: u16,
}

/// Searches until the info dictionary is complete.
pub async fn fetch(wanted: Wanted, notices: UnboundedSender<Notice>) -> Result<Found, ListenError> {
    let mut search = Search::new(Config::new(wanted.max_connections));
    for (source, address) in &wanted.peers {
        search.found(*source, [*address]);
    }
    let (events, heard) = mpsc::channel(EVENTS);
    let (sources, found) = mpsc::channel(EVENTS);
    let identity = Identity {
        info_hash: wanted.info_hash,
        version_2: wanted.expected.version_2.map(|it| it.truncated()),
        peer_id: crate::chance::peer_id(),
        encryption: wanted.encryption,
        dht: false,
    };
    let opened = open(&wanted, identity, search.config().dial);
    let (port, transports, incoming) = opened.map_err(|source| {
        let port = wanted.entrance.as_ref().map_or(wanted.port, Entrance::port);
        ListenError { port, source }
    })?;
    let mut finder = Finder {
        fetch: Fetch::new(wanted.expected),
        layers: None,
        expected: wanted.expected,
        search,
        peers: BTreeMap::new(),
        tasks: JoinSet::new(),
        identity,
        transports,
        port,
        epoch: Clock::now(),
        events,
        notices,
        said: None,
    };
    announce::start(
        &mut finder.tasks,
        &wanted.trackers,
        &wanted.route,
        identity,
        (port, finder.search.config().wanted),
        &sources,
        &finder.notices,
    );
    drop(sources);
    let names = [Some(wanted.info_hash), identity.second()];
    let swarms = Swarms::new(wanted.dht.as_ref(), wanted.lsd.as_ref(), names, port);
    let (info, piece_layers) = finder.run(incoming, heard, found, swarms).await;
    let peers = finder.search.useful().collect();
    finder.close().await;
    Ok(Found {
        info,
        piece_layers,
        peers,
        port,
    })
}

/// Opens the port, or takes a place at the shared one. Returns the port and the transports.
fn open(
    wanted: &Wanted,
    identity: Identity,
    dial: Duration,
) -> io::Result<(u16, Transports, Incoming)> {
    let (route, utp) = (&wanted.route, wanted.utp);
    let dht = wanted.dht.as_ref().map(Dht::ports);
    if let Some(entrance) = &wanted.entrance {
        let names = std::iter::once(identity.info_hash).chain(identity.second());
        let place = entrance.enter(names, dht.as_ref())?;
        let (transports, incoming) = Transports::share(route, utp, place.utp, place.arrivals, dial);
        return Ok((entrance.port(), transports, incoming));
    }
    let listener = listen(wanted.port, route)?;
    let port = listener.local_addr()?.port();
    let (transports, incoming) = Transports::start(route, utp, listener, dht.as_ref(), dial)?;
    Ok((port, transports, incoming))
}

struct Finder {
    fetch: Fetch,
    /// The dictionary, while its piece layers are being fetched.
    layers: Option<(Vec<u8>, LayerFetch)>,
    expected: Expected,
    search: Search<Internet>,
    peers: BTreeMap<PeerKey, Peer>,
    /// The tasks of connections and trackers. They end with the search.
    tasks: JoinSet<()>,
    identity: Identity,
    transports: Transports,
    port: u16,
    epoch: Clock,
    events: Sender<(PeerKey, Event)>,
    notices: UnboundedSender<Notice>,
    said: Option<Status>,
}

impl Finder {
    async fn run(
        &mut self,
        mut incoming: Incoming,
        mut heard: Receiver<(PeerKey, Event)>,
        mut found: Receiver<Vec<SocketAddr>>,
        mut swarms: Swarms,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut status_at = Clock::now();
        loop {
            if let Some(done) = self.take_done() {
                return done;
            }
            let now = Clock::now();
            self.connect();
            self.ask();
            if status_at <= now {
                status_at = now + STATUS_INTERVAL;
                self.say();
            }
            let timer = match &self.layers {
                Some((_, layers)) => layers.poll_timeout(),
                None => self.fetch.poll_timeout(),
            };
            let timer = timer.map(|at| self.epoch + Duration::from_nanos(at.as_nanos()));
            let wake = timer.map_or(status_at, |it| it.min(status_at));
            tokio::select! {
                Some((peer, event)) = heard.recv() => self.on_event(peer, event),
                Some(addresses) = found.recv() => self.search.found(Source::Tracker, addresses),
                found = swarms.next() => match found {
                    swarms::Found::Neighbour(address) => self.search.found(Source::LocalNetwork, [address]),
                    swarms::Found::Dht(Find::Peers(peers)) => self.search.found(Source::Dht, peers),
                    swarms::Found::Dht(Find::Searched(nodes)) => self.notify(Notice::Source(searched(nodes))),
                },
                Ok((stream, address)) = incoming.next() => self.accept(stream, address),
                () = tokio::time::sleep_until(wake) => {}
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    /// Dials the peers that the search selects.
    fn connect(&mut self) {
        let now = self.now();
        while let Some(act) = self.search.poll(now) {
            match act {
                Act::Dial { peer, address } => self.begin(peer, address, None),
                Act::Close { peer } => {
                    self.forget(peer);
                }
            }
        }
    }

    fn accept(&mut self, stream: Secured, address: SocketAddr) {
        let now = self.now();
        if let Some(peer) = self.search.come(now, address) {
            self.begin(peer, address, Some(stream));
        }
    }

    fn begin(&mut self, key: PeerKey, address: SocketAddr, accepted: Option<Secured>) {
        let (peer, orders) = Peer::new(address);
        self.peers.insert(key, peer);
        let config = self.search.config();
        let line = peer::Line {
            key,
            identity: self.identity,
            transports: self.transports.clone(),
            port: self.port,
            patience: if accepted.is_some() {
                config.handshake
            } else {
                config.dial
            },
            orders,
            events: self.events.clone(),
        };
        self.tasks.spawn(line.run(address, accepted));
    }

    /// Sends the requests that are due.
    fn ask(&mut self) {
        let now = self.now();
        self.ask_for_layers(now);
        while let Some((key, piece)) = self.fetch.poll_request(now) {
            self.tell(key, MetadataMessage::Request(piece));
        }
        if self.layers.is_none() {
            for key in self.peers.keys() {
                self.search.note_having(*key, self.fetch.delivers(*key));
            }
        }
        while let Some((key, violation)) = self.fetch.poll_violation() {
            self.blame(key, &violation.to_string());
        }
    }

    fn tell(&mut self, key: PeerKey, message: MetadataMessage) {
        let Some(peer) = self.peers.get(&key) else {
            return;
        };
        let id = peer.metadata_id;
        let message = Message::Extended(Box::new(Extended::Metadata { id, message }));
        if !peer.send(message) {
            let now = self.now();
            self.search.unread(now, key);
            self.drop_for(key, "it does not read our messages");
        }
    }

    fn on_event(&mut self, key: PeerKey, event: Event) {
        if !self.peers.contains_key(&key) {
            return;
        }
        match event {
            Event::Connected(introduced) => self.on_connected(key, introduced),
            Event::Hashes(message) => self.on_hashes(key, message),
            Event::Hello(hello) => self.on_hello(key, &hello),
            Event::Metadata(MetadataMessage::Request(piece)) => {
                self.tell(key, MetadataMessage::Reject(piece));
            }
            Event::Metadata(message) => {
                let now = self.now();
                if let Err(violation) = self.fetch.on_message(now, key, &message) {
                    self.blame(key, &violation.to_string());
                } else if matches!(message, MetadataMessage::Data { .. }) {
                    self.search.note_useful(key);
                }
            }
            Event::Ourselves => {
                let now = self.now();
                self.search.is_us(now, key);
                self.forget(key);
            }
            Event::Closed(why) => {
                let now = self.now();
                self.search.closed(now, key);
                if let Some(peer) = self.forget(key) {
                    tracing::debug!(address = %peer.address, why, "closed");
                }
            }
        }
    }

    fn on_hello(&mut self, key: PeerKey, hello: &ExtendedHandshake) {
        let id = hello.extensions.get(METADATA_NAME).copied().unwrap_or(0);
        if let (Some(peer), true) = (self.peers.get_mut(&key), id > 0) {
            peer.metadata_id = id;
            // Some clients send 0 while they do not have the dictionary.
            if let Some(bytes) = hello.metadata_bytes.filter(|it| *it > 0) {
                match self.fetch.join(key, bytes) {
                    Ok(()) => {
                        if let Some(introduced) = peer.introduced {
                            self.fetch.introduce(key, introduced.peer_id);
                        }
                        self.search.note_having(key, true);
                    }
                    Err(violation) => self.blame(key, &violation.to_string()),
                }
            }
        }
    }

    /// Closes a connection because of a message of the peer.
    fn blame(&mut self, key: PeerKey, why: &str) {
        let now = self.now();
        self.search.condemn(now, key);
        self.drop_for(key, why);
    }

    /// Closes a connection that the search has removed, and reports the reason.
    fn drop_for(&mut self, key: PeerKey, why: &str) {
        if let Some(peer) = self.forget(key) {
            self.notify(Notice::Dropped(peer.address, why.to_owned()));
        }
    }

    fn forget(&mut self, key: PeerKey) -> Option<Peer> {
        self.fetch.leave(key);
        if let Some((_, layers)) = &mut self.layers {
            layers.leave(key);
        }
        self.peers.remove(&key)
    }

    /// Closes all connections, so that the port is free for the transfer.
    async fn close(mut self) {
        self.tasks.shutdown().await;
        self.transports.close().await;
    }

    fn say(&mut self) {
        let status = Status {
            known: self.search.known(),
            connected: self.search.connected(),
            having: match &self.layers {
                Some((_, layers)) => layers.peer_count(),
                None => self.fetch.peer_count(),
            },
            pieces: match &self.layers {
                Some((_, layers)) => layers.progress(),
                None => self.fetch.progress().unwrap_or_default(),
            },
        };
        if self.said != Some(status) {
            self.said = Some(status);
            self.notify(Notice::Status(status));
        }
    }

    fn notify(&self, notice: Notice) {
        // Sending fails if the user of the notices is gone.
        drop(self.notices.send(notice));
    }
}
