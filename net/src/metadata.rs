//! From a magnet link to its torrent: finds peers and asks them for the info dictionary. BEP 9.
//!
//! It ends when the dictionary is there, and never gives up by itself: the caller decides how long to
//! wait, and drops the future. `candidates` whom to dial; `peer` one connection; `announce` trackers.
//! What is asked of whom is decided by [`unchoke_core::metadata::Fetch`].

mod announce;
mod candidates;
mod peer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::ids::{InfoHash, PeerKey};
use unchoke_core::message::{Extended, ExtendedHandshake, Message, MetadataMessage};
use unchoke_core::metadata::Fetch;
use unchoke_core::time::Instant;
use unchoke_core::wire::METADATA_NAME;

use crate::connection::{Encryption, Identity};
use crate::dht::{Dht, Find, next_find, searched};
use crate::listen::{canonical, listen};
use crate::lsd::{Lsd, next_neighbour};
use crate::route::Route;
use candidates::Candidates;
use peer::{Event, Peer};

/// Events on their way from connections: 16 KiB each at most, mostly.
const EVENTS: usize = 64;
/// Time between two words about how it goes.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// A connection that has no dictionary after so long makes way for another.
const USELESS_PATIENCE: Duration = Duration::from_secs(20);

/// What is wanted, and where to look.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// SHA-1 of the info dictionary.
    pub info_hash: InfoHash,
    /// Tracker URLs.
    pub trackers: Vec<String>,
    /// Peers that the user or the link named.
    pub peers: Vec<SocketAddr>,
    /// TCP port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Connections at most, both ways together.
    pub max_connections: u16,
    /// Whether connections are encrypted.
    pub encryption: Encryption,
    /// How connections leave this machine.
    pub route: Route,
    /// The distributed hash table, if it is to be asked, too.
    pub dht: Option<Dht>,
    /// Announces in the local network, if they are wanted.
    pub lsd: Option<Lsd>,
}

/// How it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The figures changed.
    Status(Status),
    /// A sentence about a tracker.
    Tracker(String),
    /// A sentence about another source of peers.
    Source(String),
    /// A connection was closed because of what the peer did.
    Dropped(SocketAddr, String),
}

/// Figures of the search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Addresses known.
    pub known: usize,
    /// Connections.
    pub connected: usize,
    /// Those that say that they have the dictionary.
    pub having: usize,
    /// Pieces of the dictionary that have come, and all of them; 0 before that is known.
    pub pieces: (u32, u32),
}

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}: {source}; choose another with --port")]
pub struct ListenError {
    /// As asked for.
    pub port: u16,
    /// What the system said.
    pub source: std::io::Error,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The info dictionary; its hash is right.
    pub info: Vec<u8>,
    /// Peers from which it came: they are likely to have the payload, too.
    pub peers: Vec<SocketAddr>,
    /// The port on which we listened, and of which trackers were told.
    pub port: u16,
}

/// Looks for the info dictionary until it is there.
pub async fn fetch(wanted: Wanted, notices: UnboundedSender<Notice>) -> Result<Found, ListenError> {
    let failed = |source| ListenError {
        port: wanted.port,
        source,
    };
    let listener = listen(wanted.port, &wanted.route).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let (events, heard) = mpsc::channel(EVENTS);
    let (sources, found) = mpsc::channel(EVENTS);
    let identity = Identity {
        info_hash: wanted.info_hash,
        peer_id: crate::chance::peer_id(),
        encryption: wanted.encryption,
        dht: false,
    };
    let mut search = Search {
        fetch: Fetch::new(wanted.info_hash),
        candidates: Candidates::new(&wanted.peers),
        peers: BTreeMap::new(),
        next_key: 0,
        tasks: JoinSet::new(),
        limit: usize::from(wanted.max_connections),
        identity,
        route: wanted.route,
        port,
        epoch: Clock::now(),
        events,
        notices,
        said: None,
    };
    announce::start(
        &mut search.tasks,
        &wanted.trackers,
        &search.route,
        identity,
        port,
        &sources,
        &search.notices,
    );
    drop(sources);
    let dht = wanted.dht.as_ref();
    let dht = dht.map(|it| it.want(wanted.info_hash, Some(port)));
    let lsd = wanted.lsd.as_ref();
    let lsd = lsd.map(|it| it.want(wanted.info_hash, port));
    let info = search.run(&listener, heard, found, dht, lsd).await;
    Ok(Found {
        info,
        peers: search.candidates.useful(),
        port,
    })
}

struct Search {
    fetch: Fetch,
    candidates: Candidates,
    peers: BTreeMap<PeerKey, Peer>,
    /// Keys are not used again: what is under way may still name them.
    next_key: u32,
    /// Connections and trackers; they end with the search.
    tasks: JoinSet<()>,
    limit: usize,
    identity: Identity,
    route: Route,
    port: u16,
    epoch: Clock,
    events: Sender<(PeerKey, Event)>,
    notices: UnboundedSender<Notice>,
    said: Option<Status>,
}

impl Search {
    async fn run(
        &mut self,
        listener: &TcpListener,
        mut heard: Receiver<(PeerKey, Event)>,
        mut found: Receiver<Vec<SocketAddr>>,
        mut dht: Option<Receiver<Find>>,
        mut lsd: Option<Receiver<SocketAddr>>,
    ) -> Vec<u8> {
        let mut status_at = Clock::now();
        loop {
            if let Some(info) = self.fetch.take_done() {
                return info;
            }
            let now = Clock::now();
            self.dial(now);
            self.ask();
            if status_at <= now {
                status_at = now + STATUS_INTERVAL;
                self.say();
            }
            let timer = self.fetch.poll_timeout();
            let timer = timer.map(|at| self.epoch + Duration::from_nanos(at.as_nanos()));
            let wake = timer.map_or(status_at, |it| it.min(status_at));
            tokio::select! {
                Some((peer, event)) = heard.recv() => self.on_event(peer, event),
                Some(addresses) = found.recv() => self.candidates.add(&addresses),
                address = next_neighbour(&mut lsd) => self.candidates.add(&[address]),
                find = next_find(&mut dht) => match find {
                    Find::Peers(peers) => self.candidates.add(&peers),
                    Find::Searched(nodes) => self.notify(Notice::Source(searched(nodes))),
                },
                Ok((stream, address)) = listener.accept() => self.accept(stream, canonical(address)),
                () = tokio::time::sleep_until(wake) => {}
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    fn dial(&mut self, now: Clock) {
        while self.candidates.is_due(now) && self.make_room(now) {
            let Some(address) = self.candidates.next(now) else {
                return;
            };
            self.begin(address, None);
        }
    }

    /// Room for one more connection. One of those that have nothing to give makes way.
    fn make_room(&mut self, now: Clock) -> bool {
        if self.peers.len() < self.limit {
            return true;
        }
        let useless = self
            .peers
            .iter()
            .filter(|(key, peer)| !self.fetch.has(**key) && peer.since + USELESS_PATIENCE <= now);
        let oldest = useless.min_by_key(|it| it.1.since).map(|it| *it.0);
        if let Some(peer) = oldest.and_then(|key| self.remove(key)) {
            self.candidates.closed(peer.address, peer.dialled, now);
        }
        oldest.is_some()
    }

    fn accept(&mut self, stream: TcpStream, address: SocketAddr) {
        // Whoever comes must not take the place of those that we dial.
        let guests = self.peers.values().filter(|it| !it.dialled).count();
        if guests < self.limit.div_ceil(2) && self.candidates.may_come(address) {
            self.begin(address, Some(stream));
        }
    }

    fn begin(&mut self, address: SocketAddr, accepted: Option<TcpStream>) {
        let key = PeerKey(self.next_key);
        self.next_key += 1;
        let dialled = accepted.is_none();
        let (peer, orders) = Peer::new(address, dialled);
        self.peers.insert(key, peer);
        let line = peer::Line {
            key,
            identity: self.identity,
            route: self.route.clone(),
            port: self.port,
            orders,
            events: self.events.clone(),
        };
        self.tasks.spawn(line.run(address, accepted));
    }

    /// Sends requests.
    fn ask(&mut self) {
        let now = self.now();
        while let Some((key, piece)) = self.fetch.poll_request(now) {
            self.tell(key, MetadataMessage::Request(piece));
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
            self.blame(key, "it does not read");
        }
    }

    fn on_event(&mut self, key: PeerKey, event: Event) {
        if !self.peers.contains_key(&key) {
            return;
        }
        match event {
            Event::Connected => {
                if let Some(peer) = self.peers.get_mut(&key) {
                    peer.connected = true;
                }
            }
            Event::Hello(hello) => self.on_hello(key, &hello),
            Event::Metadata(MetadataMessage::Request(piece)) => {
                self.tell(key, MetadataMessage::Reject(piece));
            }
            Event::Metadata(message) => {
                let now = self.now();
                if let Err(violation) = self.fetch.on_message(now, key, &message) {
                    self.blame(key, &violation.to_string());
                } else if matches!(message, MetadataMessage::Data { .. })
                    && let Some(peer) = self.peers.get_mut(&key)
                {
                    self.candidates.note_useful(peer.address, peer.dialled);
                }
            }
            // Its address stays as it is: being dialled, and so never dialled again.
            Event::Ourselves => drop(self.remove(key)),
            Event::Closed(why) => {
                if let Some(peer) = self.remove(key) {
                    tracing::debug!(address = %peer.address, why, "closed");
                    self.candidates
                        .closed(peer.address, peer.dialled, Clock::now());
                }
            }
        }
    }

    fn on_hello(&mut self, key: PeerKey, hello: &ExtendedHandshake) {
        let id = hello.extensions.get(METADATA_NAME).copied().unwrap_or(0);
        if let (Some(peer), true) = (self.peers.get_mut(&key), id > 0) {
            peer.metadata_id = id;
            // 0 is what some clients say as long as they have none themselves.
            if let Some(bytes) = hello.metadata_bytes.filter(|it| *it > 0)
                && let Err(violation) = self.fetch.join(key, bytes)
            {
                self.blame(key, &violation.to_string());
            }
        }
    }

    /// Closes a connection for what the peer did; its address is not tried again.
    fn blame(&mut self, key: PeerKey, why: &str) {
        if let Some(peer) = self.remove(key) {
            self.candidates.ban(peer.address, peer.dialled);
            self.notify(Notice::Dropped(peer.address, why.to_owned()));
        }
    }

    fn remove(&mut self, key: PeerKey) -> Option<Peer> {
        self.fetch.leave(key);
        self.peers.remove(&key)
    }

    fn say(&mut self) {
        let status = Status {
            known: self.candidates.count(),
            connected: self.peers.values().filter(|it| it.connected).count(),
            having: self.fetch.peer_count(),
            pieces: self.fetch.progress().unwrap_or_default(),
        };
        if self.said != Some(status) {
            self.said = Some(status);
            self.notify(Notice::Status(status));
        }
    }

    fn notify(&self, notice: Notice) {
        // A user who went away needs no notices.
        drop(self.notices.send(notice));
    }
}
