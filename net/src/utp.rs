//! uTP over UDP sockets: [`unchoke_core::utp`] with a task for each connection. The task serves the
//! far end of a pipe; the client uses the near end.
//!
//! Never used with a proxy. An incoming connection is reported only after its first payload bytes:
//! they prove that the peer's address is not forged.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::{UdpSocket, UnixStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant as Clock;
use unchoke_core::client::Internet;
use unchoke_core::client::doors::{Door, Doors};
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::{FIRST_PAYLOAD, MAX_CONNECTIONS, MAX_HALF_OPEN};
use unchoke_core::utp::{Connection, Kind, Packet, reset};

use crate::chance::random_u64;
use crate::listen::bind_datagrams;
use crate::route::Route;

/// Most bytes read of a datagram.
const MAX_DATAGRAM_BYTES: usize = 2048;
/// Most packets queued for the task of a connection. More packets are dropped, as a network does.
const WAITING: usize = 512;
/// Most incoming connections waiting to be accepted.
const STRANGERS: usize = 16;
/// Bytes moved between pipe and connection at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// How connections use uTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UtpMode {
    /// No uTP.
    #[default]
    Off,
    /// Incoming uTP connections are accepted. We dial by uTP if TCP fails.
    Allow,
    /// Only uTP, no TCP.
    Only,
}

/// Incoming connections.
pub type Strangers = Receiver<(UnixStream, SocketAddr)>;

type Key = (SocketAddr, u16);

struct Shared {
    epoch: Clock,
    sockets: [Option<Arc<UdpSocket>>; 2],
    known: Mutex<Known>,
    tasks: Mutex<JoinSet<()>>,
    strangers: Sender<(UnixStream, SocketAddr)>,
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
    /// Listens on `port` for both families. Returns the handle and the incoming connections. Fails
    /// if there is a proxy, or if no socket can be opened.
    pub fn start(route: &Route, port: u16) -> io::Result<(Self, Strangers)> {
        if route.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let open = |ipv4| UdpSocket::from_std(bind_datagrams(route, ipv4, port)?);
        let sockets = match [open(true), open(false)] {
            [Err(error), Err(_)] => return Err(error),
            sockets => sockets.map(|it| it.ok().map(Arc::new)),
        };
        let (strangers, heard) = mpsc::channel(STRANGERS);
        let shared = Arc::new(Shared {
            epoch: Clock::now(),
            sockets,
            known: Mutex::default(),
            tasks: Mutex::default(),
            strangers,
        });
        let mut readers = JoinSet::new();
        for socket in shared.sockets.iter().flatten() {
            // Hold a weak reference: a strong one would keep the sockets open for ever.
            let (socket, shared) = (Arc::clone(socket), Arc::downgrade(&shared));
            readers.spawn(async move {
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
            });
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
    pub async fn connect(&self, address: SocketAddr) -> io::Result<UnixStream> {
        let shared = &self.shared;
        let drawn = random_u64().to_be_bytes();
        let (id, seq) = (u16::from_be_bytes([drawn[0], drawn[1]]), drawn[2]);
        let now = shared.now();
        let connection = Connection::dial(now, id, u16::from(seq));
        let (near, far) = UnixStream::pair()?;
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

/// The side that waits until the connection is established.
enum Greeting {
    Dialled(oneshot::Sender<()>),
    /// The near end of the pipe, for the session that accepts the connection, and its number.
    Accepted(UnixStream, Door),
    Done,
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
            drop(socket.try_send_to(&answer, from));
        }
    }

    fn on_syn(self: &Arc<Self>, packet: &Packet<'_>, from: SocketAddr) {
        let now = self.now();
        let Some(door) = self.known().knock(now, from) else {
            return;
        };
        let seq = u16::try_from(random_u64() >> 48).expect("16 bits");
        let connection = Connection::accept(now, packet, seq);
        let begun = UnixStream::pair().is_ok_and(|(near, far)| {
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
        pipe: UnixStream,
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

/// One connection and the far end of its pipe.
struct Line {
    connection: Connection,
    address: SocketAddr,
    socket: Arc<UdpSocket>,
    pipe: UnixStream,
    packets: Receiver<Vec<u8>>,
    greeting: Greeting,
    /// Received bytes that the pipe has not taken yet.
    unread: Vec<u8>,
    /// Whether the near end was closed.
    pipe_closed: bool,
    begun: Clock,
    epoch: Clock,
    shared: Weak<Shared>,
}

impl Line {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    async fn run(mut self) {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            self.greet();
            self.forward();
            self.send();
            let ended = self.connection.ended().is_some();
            if ended && (self.unread.is_empty() || self.pipe_closed) {
                return;
            }
            let due = Duration::from_nanos(self.connection.poll_timeout().as_nanos());
            let far = Duration::from_mins(1);
            let wait = due.saturating_sub(self.epoch.elapsed()).min(far);
            let may_read =
                !self.pipe_closed && self.connection.is_open() && self.connection.room() > 0;
            tokio::select! {
                packet = self.packets.recv() => match packet {
                    Some(bytes) => self.take(&bytes),
                    None => return,
                },
                ready = self.pipe.readable(), if may_read => {
                    let most = self.connection.room().min(chunk.len());
                    match ready.and_then(|()| self.pipe.try_read(&mut chunk[..most])) {
                        Ok(0) => self.hang_up(),
                        Ok(count) => drop(self.connection.write(&chunk[..count])),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => self.hang_up(),
                    }
                }
                _ = self.pipe.writable(), if !self.unread.is_empty() && !self.pipe_closed => {}
                () = tokio::time::sleep(wait) => {
                    let now = self.now();
                    self.connection.handle_timeout(now);
                }
            }
            if let Greeting::Accepted(..) = self.greeting
                && self.begun.elapsed() > FIRST_PAYLOAD
            {
                return;
            }
        }
    }

    /// Handles a packet and all packets queued behind it, so that one acknowledgement covers all.
    fn take(&mut self, first: &[u8]) {
        let now = self.now();
        if let Some(packet) = Packet::decode(first) {
            self.connection.handle_packet(now, &packet);
        }
        for _ in 0..WAITING {
            let Ok(bytes) = self.packets.try_recv() else {
                return;
            };
            if let Some(packet) = Packet::decode(&bytes) {
                self.connection.handle_packet(now, &packet);
            }
        }
    }

    /// Closes the connection because the near end was closed.
    fn hang_up(&mut self) {
        self.pipe_closed = true;
        self.unread.clear();
        self.connection.close();
    }

    /// Reports the connection as soon as it is established.
    fn greet(&mut self) {
        let ready = match &self.greeting {
            Greeting::Dialled(_) => self.connection.is_open(),
            Greeting::Accepted(..) => {
                self.fetch();
                !self.unread.is_empty()
            }
            Greeting::Done => false,
        };
        if !ready {
            return;
        }
        match std::mem::replace(&mut self.greeting, Greeting::Done) {
            // If the caller of `connect` gave up, its end of the pipe is closed.
            Greeting::Dialled(opened) => opened.send(()).unwrap_or_default(),
            Greeting::Accepted(near, door) => {
                if let Some(shared) = self.shared.upgrade() {
                    shared.known().half_open.take(door);
                    // If the queue is full, the near end is dropped, and we then close the
                    // connection.
                    drop(shared.strangers.try_send((near, self.address)));
                }
            }
            Greeting::Done => {}
        }
    }

    /// Reads one chunk of received bytes. The rest stays in the receive window.
    fn fetch(&mut self) {
        if self.unread.is_empty() {
            self.unread = self.connection.read(CHUNK_BYTES);
        }
    }

    /// Moves received bytes into the pipe.
    fn forward(&mut self) {
        if matches!(self.greeting, Greeting::Accepted(..)) {
            return;
        }
        loop {
            self.fetch();
            if self.unread.is_empty() || self.pipe_closed {
                break;
            }
            match self.pipe.try_write(&self.unread) {
                Ok(count) => drop(self.unread.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.hang_up(),
            }
        }
        if self.connection.is_eof() && !self.pipe_closed {
            // The peer has closed its direction. Close ours as well, as over TCP.
            self.hang_up();
        }
    }

    fn send(&mut self) {
        let now = self.now();
        while let Some(bytes) = self.connection.poll_transmit(now) {
            // A packet that could not be sent is sent again later.
            if let Err(error) = self.socket.try_send_to(&bytes, self.address) {
                tracing::trace!(%error, "a packet was not sent");
            }
        }
    }
}

#[cfg(test)]
mod tests;
