//! uTP over UDP sockets: [`unchoke_core::utp`] with a task for each connection. The task serves the
//! far end of a pipe; the client uses the near end.
//!
//! Never used with a proxy. An incoming connection is reported only after its first payload bytes:
//! they prove that the peer's address is not forged.

mod line;
mod pipe;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::UdpSocket as Listening;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::client::Internet;
use unchoke_core::client::doors::{Door, Doors};
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::{FIRST_PAYLOAD, MAX_CONNECTIONS, MAX_HALF_OPEN};
use unchoke_core::utp::{Connection, Kind, Packet, reset};

use line::{Greeting, Line};
use pipe::{FarEnd, pipe};

use crate::chance::random_u64;
use crate::dht::{Datagram, Dht};
use crate::listen::bind_datagrams;
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

struct Shared {
    epoch: Clock,
    sockets: [Option<Arc<UdpSocket>>; 2],
    known: Mutex<Known>,
    tasks: Mutex<JoinSet<()>>,
    strangers: Sender<(Pipe, SocketAddr)>,
}

/// The connections.
#[derive(Default)]
struct Known {
    /// By peer address and connection id.
    lines: BTreeMap<Key, Entry>,
    /// The incoming ones without payload bytes.
    half_open: Doors<Internet>,
}

struct Entry {
    packets: Sender<Vec<u8>>,
    /// The number of an incoming connection.
    door: Option<Door>,
}

impl Known {
    fn is_full(&self) -> bool {
        self.lines.len().saturating_sub(self.half_open.strangers()) >= MAX_CONNECTIONS
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

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// uTP on one port, until the last clone is dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Utp {
    shared: Arc<Shared>,
    /// The tasks that read the sockets. They end when this is dropped.
    readers: Arc<JoinSet<()>>,
}

impl Utp {
    /// Listens on `port` for both families, and on the sockets of `dht` if it has that port. Returns
    /// the handle and the incoming connections. Fails if there is a proxy, or if no socket can be
    /// opened.
    pub fn start(route: &Route, port: u16, dht: Option<&Dht>) -> io::Result<(Self, Strangers)> {
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
            let opened = theirs.map_or_else(|| open(route, family, port, &mut own), Ok);
            opened
                .map_err(|error| failure = Some(error))
                .ok()
                .map(Arc::new)
        });
        if let (true, Some(error)) = (sockets.iter().all(Option::is_none), failure) {
            return Err(error);
        }
        let shared = Arc::new(Shared {
            epoch: Clock::now(),
            sockets,
            known: Mutex::default(),
            tasks: Mutex::default(),
            strangers,
        });
        for socket in own {
            readers.spawn(read(socket, Arc::downgrade(&shared)));
        }
        if let Some(packets) = packets {
            readers.spawn(hear(packets, Arc::downgrade(&shared)));
        }
        let utp = Self {
            shared,
            readers: Arc::new(readers),
        };
        Ok((utp, heard))
    }

    /// Closes all connections and the sockets, so that the port is free when this returns. Other
    /// clones must be gone.
    pub async fn close(self) {
        if let Some(mut readers) = Arc::into_inner(self.readers) {
            readers.shutdown().await;
        }
        let tasks = &self.shared.tasks;
        let mut tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Connects to a peer.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Pipe> {
        let shared = &self.shared;
        let drawn = random_u64().to_be_bytes();
        let (id, seq) = (u16::from_be_bytes([drawn[0], drawn[1]]), drawn[2]);
        let now = shared.now();
        let connection = Connection::dial(now, id, u16::from(seq));
        let (near, far) = pipe()?;
        let (opened, open) = oneshot::channel();
        let fits = !shared.known().is_full()
            && shared.run(address, connection, far, Greeting::Dialled(opened));
        if !fits {
            return Err(io::Error::other("too many uTP connections"));
        }
        match open.await {
            Ok(()) => Ok(near),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Opens a socket. Returns one end to send with, and adds the end to read from to `own`.
fn open(route: &Route, ipv4: bool, port: u16, own: &mut Vec<Listening>) -> io::Result<UdpSocket> {
    let socket = bind_datagrams(route, ipv4, port)?;
    own.push(Listening::from_std(socket.try_clone()?)?);
    Ok(socket)
}

/// Reads a socket of our own. The reference is weak: a strong one would keep the sockets open for
/// ever.
async fn read(socket: Listening, shared: Weak<Shared>) {
    let mut buffer = [0; MAX_DATAGRAM_BYTES];
    loop {
        let received = socket.recv_from(&mut buffer).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match received {
            Ok((length, from)) => shared.on_datagram(&buffer[..length], from),
            Err(error) => tracing::debug!(%error, "a packet is lost"),
        }
    }
}

/// Takes the packets that came to the sockets of the DHT.
async fn hear(mut packets: Receiver<Datagram>, shared: Weak<Shared>) {
    while let Some((bytes, from)) = packets.recv().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.on_datagram(&bytes, from);
    }
}

impl Shared {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    fn socket(&self, address: SocketAddr) -> Option<&Arc<UdpSocket>> {
        self.sockets[usize::from(!address.is_ipv4())].as_ref()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_datagram(self: &Arc<Self>, bytes: &[u8], from: SocketAddr) {
        let Some(packet) = Packet::decode(bytes) else {
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
            drop(task.try_send(bytes.to_vec()));
        } else if packet.kind == Kind::Syn {
            self.on_syn(&packet, from);
        } else if let (Some(answer), Some(socket)) =
            (reset(self.now(), &packet, 0), self.socket(from))
        {
            // A reset that cannot be sent does no harm.
            drop(socket.send_to(&answer, from));
        }
    }

    fn on_syn(self: &Arc<Self>, packet: &Packet<'_>, from: SocketAddr) {
        let now = self.now();
        let Some(door) = self.known().knock(now, from) else {
            return;
        };
        let seq = u16::try_from(random_u64() >> 48).expect("16 bits");
        let connection = Connection::accept(now, packet, seq);
        let begun = pipe().is_ok_and(|(near, far)| {
            self.run(from, connection, far, Greeting::Accepted(near, door))
        });
        if !begun {
            self.known().half_open.take(door);
        }
    }

    /// Starts the task of a connection. Returns false if its key is taken or there is no socket.
    fn run(
        self: &Arc<Self>,
        address: SocketAddr,
        connection: Connection,
        pipe: FarEnd,
        greeting: Greeting,
    ) -> bool {
        let key = (address, connection.receive_id());
        let (sender, packets) = mpsc::channel(WAITING);
        let Some(socket) = self.socket(address).cloned() else {
            return false;
        };
        let door = match greeting {
            Greeting::Accepted(_, door) => Some(door),
            Greeting::Dialled(_) | Greeting::Done => None,
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
            pipe,
            packets,
            greeting,
            unread: Vec::new(),
            pipe_closed: false,
            begun: Clock::now(),
            epoch: self.epoch,
            shared: Arc::downgrade(self),
        };
        let shared = Arc::downgrade(self);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            line.run().await;
            if let Some(shared) = shared.upgrade() {
                shared.known().remove(&key, door);
            }
        });
        true
    }
}

#[cfg(test)]
mod tests;
