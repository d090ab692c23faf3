//! The distributed hash table (DHT): a thread with two [`unchoke_core::dht::Node`]s, one for IPv4
//! and one for IPv6. It serves all torrents of this process. BEP 5 and 32.
//!
//! The DHT is off with a proxy, because its datagrams would bypass the proxy, and for private
//! torrents.

mod saved;
mod task;

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::net::UdpSocket;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};
use unchoke_core::ids::InfoHash;

use crate::listen::bind_datagrams_somewhere;
use crate::route::Route;

pub use saved::default_file;

/// Bootstrap nodes, used while we know no other nodes. Most clients use the same ones.
pub const PUBLIC_NODES: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "router.utorrent.com:6881",
];

/// Capacity of the queue of search results.
const FINDS: usize = 64;
/// Capacity of the queue of datagrams for uTP. More are dropped, as a network does.
const PACKETS: usize = 1024;
/// Most nodes named by one torrent whose host names are resolved.
const MAX_NAMES: usize = 16;

/// Options of the DHT.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bootstrap nodes as `HOST:PORT`, used while we know no other nodes.
    pub bootstrap: Vec<String>,
    /// UDP port; 0, or a port in use, lets the system choose.
    pub port: u16,
    /// File that keeps the known nodes between runs.
    pub file: Option<PathBuf>,
    /// Route for datagrams.
    pub route: Route,
}

/// A result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// Addresses of peers.
    Peers(Vec<SocketAddr>),
    /// A search ended; the number of nodes that answered.
    Searched(u32),
}

/// A datagram and its sender.
pub(crate) type Datagram = (Vec<u8>, SocketAddr);

/// The sockets of the DHT, for uTP on the same port.
#[derive(Debug)]
pub(crate) struct SharedPort {
    /// For IPv4 and IPv6, as far as the DHT uses the port there.
    pub(crate) sockets: Sockets,
    /// Datagrams that are no messages of the DHT.
    pub(crate) packets: Receiver<Datagram>,
}

#[derive(Debug)]
enum Order {
    Want(InfoHash, Option<u16>, Sender<Find>),
    Nodes(Vec<SocketAddr>),
    Names(Vec<String>),
    Share(Sender<Datagram>),
}

/// For IPv4 and IPv6.
type Sockets = [Option<Arc<UdpSocket>>; 2];

/// The way to the thread, and its sockets.
#[derive(Debug)]
struct Running {
    orders: UnboundedSender<Order>,
    sockets: Sockets,
}

/// A handle of the running DHT thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dht {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    running: Mutex<Option<Running>>,
    ports: [Option<u16>; 2],
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The runtime of the thread. Dropping it never waits for a name look-up that is still running, so it
/// may also be dropped in async code, for which a plain runtime panics.
struct Background(Option<Runtime>);

impl Background {
    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("it is there until it is dropped")
    }

    /// Opens the sockets, which belong to this runtime. Fails if none can be opened.
    fn open(&self, options: &Options) -> io::Result<Sockets> {
        let _entered = self.runtime().enter();
        let v4 = socket(&options.route, true, options.port);
        let port = v4.as_ref().ok().and_then(port_of);
        let v6 = socket(&options.route, false, port.unwrap_or(options.port));
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok([v4.ok(), v6.ok()]),
        }
    }

    fn run(&self, work: impl Future<Output = ()>) {
        self.runtime().block_on(work);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Dht {
    /// Starts the thread. Fails if there is a proxy, or if no socket can be opened for either
    /// family.
    pub fn start(options: Options) -> io::Result<Self> {
        if options.route.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let runtime = Background(Some(runtime));
        let sockets = runtime.open(&options)?;
        let ports = sockets.each_ref().map(|it| it.as_ref().and_then(port_of));
        let (orders, taken) = mpsc::unbounded_channel();
        let running = Running {
            orders,
            sockets: sockets.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("dht".into())
            .spawn(move || runtime.run(task::run(options, sockets, taken)))?;
        Ok(Self {
            inner: Arc::new(Inner {
                running: Mutex::new(Some(running)),
                ports,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// The UDP port of the node of one family.
    #[must_use]
    pub fn port(&self, ipv4: bool) -> Option<u16> {
        self.inner.ports[usize::from(!ipv4)]
    }

    /// Searches peers of a torrent until the receiver is dropped. If `port` is given, announces us
    /// as a peer on that port. Never call this for a private torrent.
    #[must_use]
    pub fn want(&self, info_hash: InfoHash, port: Option<u16>) -> Receiver<Find> {
        let (sender, finds) = mpsc::channel(FINDS);
        self.order(Order::Want(info_hash, port, sender));
        finds
    }

    /// Adds addresses that may be DHT nodes.
    pub fn nodes(&self, addresses: Vec<SocketAddr>) {
        self.order(Order::Nodes(addresses));
    }

    /// Adds hosts and ports, from a torrent, that may be DHT nodes.
    pub fn names(&self, names: &[(String, u16)]) {
        let written = names.iter().take(MAX_NAMES).map(|(host, port)| {
            let mut name = String::new();
            let bare = host.parse::<Ipv6Addr>().is_ok();
            let written = if bare {
                write!(name, "[{host}]:{port}")
            } else {
                write!(name, "{host}:{port}")
            };
            written.expect("a string takes everything");
            name
        });
        self.order(Order::Names(written.collect()));
    }

    /// The UDP ports of the nodes, for uTP.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports(Arc::new(OnceLock::from(Some(self.clone()))))
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        let running = self.inner.running.lock();
        running.unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, order: Order) {
        if let Some(running) = &*self.running() {
            // If the thread has failed, the order is lost and nothing more is found.
            drop(running.orders.send(order));
        }
    }

    /// Stops the thread, and waits until the known nodes are saved.
    pub fn close(&self) {
        drop(self.running().take());
        let thread = &self.inner.thread;
        let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If the thread panicked, it has printed its message.
            drop(thread.join());
        }
    }
}

/// The UDP ports of a DHT, which may start later. Who has only this can use the ports, but not the
/// DHT, so a private torrent may have it.
#[derive(Clone, Debug)]
pub struct Ports(pub(crate) Arc<OnceLock<Option<Dht>>>);

impl Ports {
    /// Shares the sockets on `port`. `None` if the DHT uses other ports. Who shared them before gets
    /// nothing more.
    pub(crate) fn share(&self, port: u16) -> Option<SharedPort> {
        let dht = self.0.get()?.as_ref()?;
        let sockets = {
            let running = dht.running();
            let copy = |family: usize| {
                let here = dht.inner.ports[family] == Some(port);
                let socket = running.as_ref()?.sockets[family].as_ref();
                socket.filter(|_| here).cloned()
            };
            [copy(0), copy(1)]
        };
        if sockets.iter().all(Option::is_none) {
            return None;
        }
        let (sender, packets) = mpsc::channel(PACKETS);
        dht.order(Order::Share(sender));
        Some(SharedPort { sockets, packets })
    }
}

/// The next result. Waits for ever if there is no search, or if the thread has ended.
pub(crate) async fn next_find(finds: &mut Option<Receiver<Find>>) -> Find {
    let find = match finds {
        Some(finds) => finds.recv().await,
        None => None,
    };
    match find {
        Some(find) => find,
        None => std::future::pending().await,
    }
}

/// The message about a finished search.
pub(crate) fn searched(nodes: u32) -> String {
    match nodes {
        0 => "DHT: no node has answered yet".into(),
        1 => "DHT: one node answered".into(),
        _ => format!("DHT: {nodes} nodes answered"),
    }
}

fn port_of(socket: &Arc<UdpSocket>) -> Option<u16> {
    socket.local_addr().ok().map(|it| it.port())
}

fn socket(route: &Route, ipv4: bool, port: u16) -> io::Result<Arc<UdpSocket>> {
    bind_datagrams_somewhere(route, ipv4, port).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Bind;

    #[tokio::test]
    async fn an_address_of_another_machine_is_an_error() {
        let elsewhere = Bind::Address([192, 0, 2, 1].into());
        let started = Dht::start(Options {
            bootstrap: Vec::new(),
            port: 0,
            file: None,
            route: Route::new(None, Some(elsewhere)),
        });
        let error = started.expect_err("this address is for documentation");
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
