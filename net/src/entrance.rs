//! One listening port for all torrents of a process, so that one port mapping and one rule of a
//! firewall are enough.
//!
//! The first handshake of an incoming connection decides which torrent gets it: in the clear its
//! info-hash, encrypted also the hash of the torrent by which the peer encrypts. Connections for
//! torrents that are not here are closed. A torrent answers the handshake itself.
//!
//! Connections whose torrent is unknown are limited in number and in time, as [`Doors`]: a host that
//! opens many only displaces its own. So a flood costs a bounded amount of memory, and an honest
//! handshake, which takes a round trip, gets through.

mod mapping;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant as Clock, timeout};
use unchoke_core::client::Internet;
use unchoke_core::client::doors::{Door, Doors};
use unchoke_core::ids::InfoHash;
use unchoke_core::portmap::Transport;
use unchoke_core::time::Instant;
use unchoke_core::utp::limits::MAX_CONNECTIONS;

use crate::connection::{Asked, Encryption, HandshakeError, Secured, identify};
use crate::dht::Ports;
use crate::listen::listen;
use crate::route::Route;
use crate::transport::{ACCEPT_PAUSE, Incoming, start_utp};
use crate::utp::{Utp, UtpMode};
use mapping::Kept;
pub(crate) use mapping::News;

/// Connections whose torrent is unknown, for each torrent here: what a torrent with a port of its own
/// allows.
const UNKNOWN_EACH: usize = 64;
/// Fewest and most of them altogether.
const UNKNOWN_ALL: [u16; 2] = [100, 1000];
/// Time until the torrent of a connection must be known. libtorrent `handshake_timeout`: 10 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most connections that wait for one torrent.
const WAITING: usize = 16;

/// What all torrents of the port have in common.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The route of connections.
    pub route: Route,
    /// The setting for encryption.
    pub encryption: Encryption,
    /// The setting for uTP.
    pub utp: UtpMode,
    /// Most connections of all torrents together.
    pub connections: usize,
}

/// A connection, and the address of the peer.
pub(crate) type Arrival = (Secured, SocketAddr);

/// The listening port. Cheap to clone; the port is open until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Entrance {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    port: u16,
    options: Options,
    epoch: Clock,
    guests: Mutex<Guests>,
    unknown: Mutex<Unknown>,
    running: Mutex<Running>,
    kept: Mutex<Option<Kept>>,
}

/// A place of a torrent at the port, until its stream of connections is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// The connections for the torrent.
    pub(crate) arrivals: Receiver<Arrival>,
    /// The sockets to dial by uTP, if it is used.
    pub(crate) utp: Option<Utp>,
}

/// The torrents that take connections, by info-hash. Of several with the same, the last gets the
/// connections: those before it are about to end.
#[derive(Debug, Default)]
struct Guests(BTreeMap<InfoHash, Vec<Sender<Arrival>>>);

impl Guests {
    /// Forgets the torrents that have ended.
    fn look(&mut self) {
        self.0.retain(|_, guests| {
            guests.retain(|it| !it.is_closed());
            !guests.is_empty()
        });
    }

    fn names(&mut self) -> Vec<InfoHash> {
        self.look();
        self.0.keys().copied().collect()
    }

    /// The torrent that a peer asks for. It must not encrypt for one torrent and ask for another.
    fn asked(&mut self, asked: Asked) -> Option<Sender<Arrival>> {
        self.look();
        let find = |it| self.0.get(&it).and_then(|it| it.last());
        let guest = find(asked.info_hash)?;
        let by_cipher = asked.by_cipher.unwrap_or(asked.info_hash);
        let same = find(by_cipher).is_some_and(|it| it.same_channel(guest));
        same.then(|| guest.clone())
    }
}

/// The connections whose torrent is unknown.
#[derive(Debug, Default)]
struct Unknown {
    doors: Doors<Internet>,
    tasks: BTreeMap<Door, AbortHandle>,
    /// They end with the port.
    all: JoinSet<()>,
}

/// Accepts connections once there is a torrent. The DHT of the first torrent starts before, so that
/// uTP can use its sockets.
#[derive(Debug, Default)]
struct Running {
    /// Until connections are accepted.
    listener: Option<TcpListener>,
    utp: Option<Utp>,
    /// The task that accepts connections. It ends with the port.
    accepting: JoinSet<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entrance {
    /// Opens the port.
    pub fn open(options: Options) -> io::Result<Self> {
        let listener = listen(options.port, &options.route)?;
        let port = listener.local_addr()?.port();
        let running = Running {
            listener: Some(listener),
            ..Running::default()
        };
        let inner = Arc::new(Inner {
            port,
            options,
            epoch: Clock::now(),
            guests: Mutex::default(),
            unknown: Mutex::default(),
            running: Mutex::new(running),
            kept: Mutex::default(),
        });
        Ok(Self { inner })
    }

    /// The port, which the system may have chosen.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// A place for a torrent with these info-hashes.
    pub(crate) fn enter(
        &self,
        info_hashes: impl IntoIterator<Item = InfoHash>,
        dht: Option<&Ports>,
    ) -> io::Result<Place> {
        let utp = self.inner.start(dht)?;
        let (sender, arrivals) = mpsc::channel(WAITING);
        let mut guests = lock(&self.inner.guests);
        guests.look();
        for info_hash in info_hashes {
            guests.0.entry(info_hash).or_default().push(sender.clone());
        }
        Ok(Place { arrivals, utp })
    }

    /// Asks the gateway to forward these ports, unless another torrent did that before. Returns the
    /// news about the mappings.
    pub(crate) fn map(&self, ports: Vec<(Transport, u16)>) -> Option<News> {
        let mut kept = lock(&self.inner.kept);
        if kept.is_none() {
            *kept = Kept::start(&self.inner.options.route, ports).ok();
        }
        kept.as_ref().map(Kept::news)
    }

    /// Closes the port once all torrents have ended, and removes its mappings.
    pub async fn close(self) {
        let kept = lock(&self.inner.kept).take();
        if let Some(kept) = kept {
            kept.close().await;
        }
        let utp = lock(&self.inner.running).utp.take();
        if let Some(utp) = utp {
            utp.close().await;
        }
    }
}

impl Inner {
    /// Accepts connections from now on. Returns uTP, if it is used.
    fn start(self: &Arc<Self>, dht: Option<&Ports>) -> io::Result<Option<Utp>> {
        let mut running = lock(&self.running);
        if running.listener.is_some() {
            let options = &self.options;
            let most = options.connections.max(MAX_CONNECTIONS);
            let started = start_utp(&options.route, options.utp, self.port, dht, most)?;
            let (utp, strangers) = started.unzip();
            let listener = running.listener.take();
            let incoming = Incoming {
                listener: listener.filter(|_| options.utp != UtpMode::Only),
                strangers,
                shared: None,
            };
            running.utp = utp;
            let accepting = accept_all(incoming, Arc::downgrade(self));
            running.accepting.spawn(accepting);
        }
        Ok(running.utp.clone())
    }

    /// A peer connects. Reads its handshake until the torrent is known.
    fn knock(self: &Arc<Self>, stream: Secured, address: SocketAddr) {
        let now = Instant::START.after(self.epoch.elapsed());
        let most = most_unknown(lock(&self.guests).0.len());
        let mut unknown = lock(&self.unknown);
        while unknown.all.try_join_next().is_some() {}
        let (door, evicted) = unknown.doors.knock(now, address, most, PATIENCE);
        if evicted.is_some() {
            tracing::debug!(%address, most, "too many connections without a handshake: one is closed");
        }
        if let Some(task) = evicted.and_then(|it| unknown.tasks.remove(&it)) {
            task.abort();
        }
        if evicted == Some(door) {
            return;
        }
        let inner = Arc::downgrade(self);
        let task = unknown.all.spawn(async move {
            match timeout(PATIENCE, introduce(&inner, stream, address)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%address, %error, "no connection"),
                Err(_) => tracing::debug!(%address, "no handshake in time"),
            }
            if let Some(inner) = inner.upgrade() {
                let mut unknown = lock(&inner.unknown);
                unknown.doors.take(door);
                unknown.tasks.remove(&door);
            }
        });
        unknown.tasks.insert(door, task);
    }
}

/// Most connections whose torrent is unknown, with this number of info-hashes here.
fn most_unknown(torrents: usize) -> u16 {
    let [least, most] = UNKNOWN_ALL;
    let wanted = u16::try_from(UNKNOWN_EACH * torrents).unwrap_or(most);
    wanted.clamp(least, most)
}

async fn accept_all(mut incoming: Incoming, inner: Weak<Inner>) {
    loop {
        let accepted = incoming.next().await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        match accepted {
            Ok((stream, address)) => inner.knock(stream, address),
            Err(error) => {
                drop(inner);
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Finds out which torrent a peer asks for, and hands the connection over.
async fn introduce(
    inner: &Weak<Inner>,
    mut stream: Secured,
    address: SocketAddr,
) -> Result<(), HandshakeError> {
    let held = || {
        let guests = inner.upgrade();
        guests
            .map(|it| lock(&it.guests).names())
            .unwrap_or_default()
    };
    let encryption = inner.upgrade().map(|it| it.options.encryption);
    let asked = identify(&mut stream, encryption.unwrap_or_default(), held).await?;
    let guest = inner.upgrade().and_then(|it| lock(&it.guests).asked(asked));
    let guest = guest.ok_or(HandshakeError::OtherTorrent(asked.info_hash))?;
    // Sending fails if the torrent has just ended.
    drop(guest.send((stream, address)).await);
    Ok(())
}

#[cfg(test)]
mod tests;
