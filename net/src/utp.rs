//! uTP over UDP sockets: [`unchoke_core::utp`] with a task for each connection. The task serves the
//! far end of a pipe; the client uses the near end.
//!
//! Never used with a proxy. An incoming connection is reported, and gets its pipe, only after its
//! first payload bytes: they prove that the peer's address is not forged.

mod line;
mod pipe;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::UdpSocket;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::client::Internet;
use unchoke_core::client::doors::{Door, Doors};
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::{FIRST_PAYLOAD, MAX_CONNECTIONS, MAX_HALF_OPEN};
use unchoke_core::utp::{Connection, Kind, Packet, reset};

use line::{Line, Stage};

use crate::chance::random_u64;
use crate::dht::{Datagram, Ports};
use crate::listen::{bind_datagrams, send_datagram};
use crate::route::Route;

pub use pipe::Pipe;

/// Most bytes read of a datagram.
const MAX_DATAGRAM_BYTES: usize = 2048;
/// Most packets queued for the task of a connection. More packets are dropped, as a network does.
const WAITING: usize = 512;
/// Most incoming connections waiting to be accepted.
const STRANGERS: usize = 16;

/// How connections use uTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UtpMode {
    /// No uTP.
    Off,
    /// Incoming uTP connections are accepted. We dial by uTP if TCP fails or takes long.
    #[default]
    Allow,
    /// Only uTP, no TCP.
    Only,
}

/// Incoming connections.
pub type Strangers = Receiver<(Pipe, SocketAddr)>;

type Key = (SocketAddr, u16);

/// The sockets and connections of one port.
struct Port {
    epoch: Clock,
    sockets: [Option<Arc<UdpSocket>>; 2],
    known: Mutex<Known>,
    tasks: Mutex<JoinSet<()>>,
    strangers: Sender<(Pipe, SocketAddr)>,
}

/// The connections.
struct Known {
    /// By peer address and connection id.
    lines: BTreeMap<Key, Entry>,
    /// The incoming ones without payload bytes.
    half_open: Doors<Internet>,
    /// Most connections, apart from half-open ones.
    most: usize,
}

struct Entry {
    packets: Sender<Vec<u8>>,
    /// The number of an incoming connection.
    door: Option<Door>,
}

impl Known {
    fn new(most: usize) -> Self {
        Self {
            lines: BTreeMap::new(),
            half_open: Doors::default(),
            most,
        }
    }

    fn is_full(&self) -> bool {
        self.lines.len().saturating_sub(self.half_open.strangers()) >= self.most
    }

    /// Makes room for an incoming connection, and returns its number. The place is taken from the
    /// oldest half-open connection of the host that has the most.
    fn knock(&mut self, now: Instant, address: SocketAddr) -> Option<Door> {
        if self.is_full() {
            return None;
        }
        let (door, evicted) = self
            .half_open
            .knock(now, address, MAX_HALF_OPEN, FIRST_PAYLOAD);
        // Its task ends when its queue is dropped.
        self.lines
            .retain(|_, it| evicted.is_none() || it.door != evicted);
        Some(door)
    }

    /// Removes a connection whose task has ended, unless another has its key by now.
    fn remove(&mut self, key: &Key, door: Option<Door>) {
        if let Some(door) = door {
            self.half_open.take(door);
        }
        if self.lines.get(key).is_some_and(|it| it.door == door) {
            self.lines.remove(key);
        }
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").finish_non_exhaustive()
    }
}

/// uTP on one port, until the last clone is dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Utp {
    port: Arc<Port>,
    /// The tasks that read the sockets. They end when this is dropped.
    readers: Arc<JoinSet<()>>,
}

impl Utp {
    /// Listens on `port` for both families, with the sockets of the DHT if it has that port. Returns
    /// the handle and the incoming connections. Fails if there is a proxy, or if no socket can be
    /// opened.
    pub fn start(route: &Route, port: u16, dht: Option<&Ports>) -> io::Result<(Self, Strangers)> {
        Self::start_with(route, port, dht, MAX_CONNECTIONS, bind_datagrams)
    }

    /// The same with at most `most` connections, apart from half-open ones, on the sockets that `bind`
    /// opens.
    pub(crate) fn start_with(
        route: &Route,
        port: u16,
        dht: Option<&Ports>,
        most: usize,
        bind: fn(&Route, bool, u16) -> io::Result<UdpSocket>,
    ) -> io::Result<(Self, Strangers)> {
        if route.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let shared = dht.and_then(|it| it.share(port));
        let (theirs, packets) =
            shared.map_or(([None, None], None), |it| (it.sockets, Some(it.packets)));
        let mut readers = JoinSet::new();
        let (strangers, heard) = mpsc::channel(STRANGERS);
        let mut own = Vec::new();
        let mut failure = None;
        let mut ipv4 = true;
        let sockets = theirs.map(|theirs| {
            let family = std::mem::replace(&mut ipv4, false);
            theirs.or_else(|| {
                let opened = bind(route, family, port).map(Arc::new);
                let opened = opened.map_err(|error| failure = Some(error)).ok()?;
                own.push(Arc::clone(&opened));
                Some(opened)
            })
        });
        if let (true, Some(error)) = (sockets.iter().all(Option::is_none), failure) {
            return Err(error);
        }
        let port = Arc::new(Port {
            epoch: Clock::now(),
            sockets,
            known: Mutex::new(Known::new(most)),
            tasks: Mutex::default(),
            strangers,
        });
        for socket in own {
            readers.spawn(read(socket, Arc::downgrade(&port)));
        }
        if let Some(packets) = packets {
            readers.spawn(hear(packets, Arc::downgrade(&port)));
        }
        let utp = Self {
            port,
            readers: Arc::new(readers),
        };
        Ok((utp, heard))
    }

    /// The port on which packets of this family come and go, if there is one.
    #[must_use]
    pub fn port(&self, ipv4: bool) -> Option<u16> {
        let socket = self.port.sockets[usize::from(!ipv4)].as_ref()?;
        socket.local_addr().ok().map(|it| it.port())
    }

    /// Closes all connections and our own sockets; those of a DHT stay open. If this was the only
    /// clone, and no DHT has the port, the port is free when this returns.
    pub async fn close(self) {
        if let Some(mut readers) = Arc::into_inner(self.readers) {
            readers.shutdown().await;
        }
        let tasks = &self.port.tasks;
        let mut tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Connects to a peer.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Pipe> {
        let port = &self.port;
        let drawn = random_u64().to_be_bytes();
        let (id, seq) = (u16::from_be_bytes([drawn[0], drawn[1]]), drawn[2]);
        let now = port.now();
        let connection = Connection::dial(now, id, u16::from(seq));
        let (opened, open) = oneshot::channel();
        let fits = !port.known().is_full() && port.run(address, connection, Stage::Dialled(opened));
        if !fits {
            return Err(io::Error::other("too many uTP connections"));
        }
        let timed_out = |_| Err(io::ErrorKind::TimedOut.into());
        open.await.unwrap_or_else(timed_out)
    }
}

/// Reads a socket of our own. The reference is weak: a strong one would keep the sockets open for
/// ever.
async fn read(socket: Arc<UdpSocket>, port: Weak<Port>) {
    let mut buffer = [0; MAX_DATAGRAM_BYTES];
    loop {
        let received = socket.recv_from(&mut buffer).await;
        let Some(port) = port.upgrade() else {
            return;
        };
        match received {
            Ok((length, from)) => port.on_datagram(buffer[..length].to_vec(), from),
            Err(error) => tracing::debug!(%error, "a packet is lost"),
        }
    }
}

/// Takes the packets that came to the sockets of the DHT.
async fn hear(mut packets: Receiver<Datagram>, port: Weak<Port>) {
    while let Some((bytes, from)) = packets.recv().await {
        let Some(port) = port.upgrade() else {
            return;
        };
        port.on_datagram(bytes, from);
    }
}

impl Port {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    fn socket(&self, address: SocketAddr) -> Option<&Arc<UdpSocket>> {
        self.sockets[usize::from(!address.is_ipv4())].as_ref()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_datagram(self: &Arc<Self>, bytes: Vec<u8>, from: SocketAddr) {
        let Some(packet) = Packet::decode(&bytes) else {
            return;
        };
        // The id of a SYN is one less than the id of later packets.
        let id = match packet.kind {
            Kind::Syn => packet.id.wrapping_add(1),
            _ => packet.id,
        };
        let queue = |id| Some(self.known().lines.get(&(from, id))?.packets.clone());
        let known = queue(id);
        // A reset may carry the id of either direction.
        let known = known.or_else(|| {
            let other = [packet.id.wrapping_add(1), packet.id.wrapping_sub(1)];
            let other = other.into_iter().find_map(queue);
            other.filter(|_| packet.kind == Kind::Reset)
        });
        if let Some(task) = known {
            // A packet that does not fit in the queue is lost, and the peer sends it again.
            drop(task.try_send(bytes));
        } else if packet.kind == Kind::Syn {
            self.on_syn(&packet, from);
        } else if let (Some(answer), Some(socket)) =
            (reset(self.now(), &packet, 0), self.socket(from))
        {
            // A reset that cannot be sent does no harm.
            drop(send_datagram(socket, &answer, from));
        }
    }

    fn on_syn(self: &Arc<Self>, packet: &Packet<'_>, from: SocketAddr) {
        let now = self.now();
        let Some(door) = self.known().knock(now, from) else {
            return;
        };
        let seq = u16::try_from(random_u64() >> 48).expect("16 bits");
        let connection = Connection::accept(now, packet, seq);
        if !self.run(from, connection, Stage::Accepted(door)) {
            self.known().half_open.take(door);
        }
    }

    /// Starts the task of a connection. Returns false if its key is taken or there is no socket.
    fn run(self: &Arc<Self>, address: SocketAddr, connection: Connection, stage: Stage) -> bool {
        let key = (address, connection.receive_id());
        let (sender, packets) = mpsc::channel(WAITING);
        let Some(socket) = self.socket(address).cloned() else {
            return false;
        };
        let door = match stage {
            Stage::Accepted(door) => Some(door),
            Stage::Dialled(_) | Stage::Piped(_) => None,
        };
        let mut known = self.known();
        if known.lines.contains_key(&key) {
            return false;
        }
        let entry = Entry {
            packets: sender,
            door,
        };
        known.lines.insert(key, entry);
        drop(known);
        let line = Line {
            connection,
            address,
            socket,
            packets,
            stage,
            unread: Vec::new(),
            pipe_closed: false,
            begun: Clock::now(),
            epoch: self.epoch,
            port: Arc::downgrade(self),
        };
        let port = Arc::downgrade(self);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            line.run().await;
            if let Some(port) = port.upgrade() {
                port.known().remove(&key, door);
            }
        });
        true
    }
}

#[cfg(test)]
mod tests;
