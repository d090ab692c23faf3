//! The distributed hash table: a thread with [`unchoke_core::dht::Node`]s, one for IPv4 and one for IPv6,
//! that serves all torrents of this process. BEP 5 and 32.
//!
//! It is never used with a proxy, whose purpose it would defeat, nor for private torrents.

mod saved;
mod task;

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};
use unchoke_core::ids::InfoHash;

use crate::listen::bind_datagrams;
use crate::route::Route;

pub use saved::default_file;

/// Nodes that are asked when we know no others, as in most clients.
pub const PUBLIC_NODES: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "dht.libtorrent.org:25401",
    "router.utorrent.com:6881",
];

/// Finds that wait to be looked at.
const FINDS: usize = 64;
/// Names of nodes in one torrent that are looked up.
const MAX_NAMES: usize = 16;

/// How to take part.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes as `HOST:PORT` that are asked when we know no others.
    pub bootstrap: Vec<String>,
    /// UDP port; 0 lets the system choose, and so does one that is taken.
    pub port: u16,
    /// Where the nodes that we know are kept between runs.
    pub file: Option<PathBuf>,
    /// How datagrams leave this machine.
    pub route: Route,
}

/// What comes of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// Peers.
    Peers(Vec<SocketAddr>),
    /// A search is over: how many nodes answered.
    Searched(u32),
}

#[derive(Debug)]
enum Order {
    Want(InfoHash, Option<u16>, Sender<Find>),
    Nodes(Vec<SocketAddr>),
    Names(Vec<String>),
}

/// A running node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dht {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    orders: Mutex<Option<UnboundedSender<Order>>>,
    ports: [Option<u16>; 2],
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Dht {
    /// Starts a node. Fails if there is a proxy, or no socket of either family.
    pub fn start(options: Options) -> io::Result<Self> {
        if options.route.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let v4 = socket(&options.route, true, options.port);
        let port = v4.as_ref().ok().and_then(port_of);
        let v6 = socket(&options.route, false, port.unwrap_or(options.port));
        let sockets = match (v4, v6) {
            (Err(error), Err(_)) => return Err(error),
            (v4, v6) => [v4.ok(), v6.ok()],
        };
        let ports = sockets.each_ref().map(|it| it.as_ref().and_then(port_of));
        let (orders, taken) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("dht".into())
            .spawn(move || {
                runtime.block_on(task::run(options, sockets, taken));
                // A name that is being looked up is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                orders: Mutex::new(Some(orders)),
                ports,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// The UDP port for nodes of one family.
    #[must_use]
    pub fn port(&self, ipv4: bool) -> Option<u16> {
        self.inner.ports[usize::from(!ipv4)]
    }

    /// Looks for peers of a torrent until the receiver is dropped, and says that we are one on
    /// `port`, if any. Never for a private torrent.
    #[must_use]
    pub fn want(&self, info_hash: InfoHash, port: Option<u16>) -> Receiver<Find> {
        let (sender, finds) = mpsc::channel(FINDS);
        self.order(Order::Want(info_hash, port, sender));
        finds
    }

    /// Nodes may be at these addresses.
    pub fn nodes(&self, addresses: Vec<SocketAddr>) {
        self.order(Order::Nodes(addresses));
    }

    /// Nodes may be at these hosts and ports, as a torrent names them.
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

    fn order(&self, order: Order) {
        let orders = self.inner.orders.lock();
        if let Some(orders) = &*orders.unwrap_or_else(PoisonError::into_inner) {
            // A node that has broken off finds nothing more.
            drop(orders.send(order));
        }
    }

    /// Ends it, and waits until what it knows is saved.
    pub fn close(&self) {
        let orders = &self.inner.orders;
        drop(orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = &self.inner.thread;
        let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has said so.
            drop(thread.join());
        }
    }
}

/// The next find; none ever of a search that is not made, or of a thread that has ended.
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

/// What is said of a search.
pub(crate) fn searched(nodes: u32) -> String {
    match nodes {
        0 => "DHT: no node has answered yet".into(),
        1 => "DHT: one node answered".into(),
        _ => format!("DHT: {nodes} nodes answered"),
    }
}

fn port_of(socket: &std::net::UdpSocket) -> Option<u16> {
    socket.local_addr().ok().map(|it| it.port())
}

/// A socket on `port`, or on another if that is taken.
fn socket(route: &Route, ipv4: bool, port: u16) -> io::Result<std::net::UdpSocket> {
    bind_datagrams(route, ipv4, port).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse => bind_datagrams(route, ipv4, 0),
        _ => Err(error),
    })
}
