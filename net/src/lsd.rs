//! Local service discovery: finds peers in the local network, with sockets around
//! [`unchoke_core::lsd`]. BEP 14.
//!
//! Never used with a proxy or for private torrents.

mod echoes;
mod interfaces;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant as Clock;
use unchoke_core::ids::InfoHash;
use unchoke_core::lsd::{Beacon, GROUP_V4, GROUP_V6, MAX_BYTES, PORT};
use unchoke_core::time::Instant;

use crate::chance::random_u64;
use crate::route::Route;

use echoes::Echoes;

/// Capacity of the queue of found addresses.
const FINDS: usize = 16;
/// Time between two checks for searches that were dropped.
const LOOK: Duration = Duration::from_secs(1);

type Order = (InfoHash, u16, Sender<SocketAddr>);

/// Announces all torrents of this process in the local network, and listens to the announces of
/// others. It runs in a task of the runtime that it was started in, until the last clone is
/// dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lsd {
    orders: UnboundedSender<Order>,
}

impl Lsd {
    /// Starts the task. Fails if there is a proxy, or no interface of a network with several
    /// machines.
    pub fn start(route: &Route) -> io::Result<Self> {
        if route.has_proxy() {
            return Err(io::Error::other("datagrams do not go through the proxy"));
        }
        let ears = [true, false].map(|ipv4| interfaces::listen(route, ipv4).ok());
        let mouths = interfaces::mouths(route);
        if mouths.is_empty() {
            return Err(io::Error::other("no interface reaches a local network"));
        }
        let (orders, taken) = mpsc::unbounded_channel();
        tokio::spawn(run(ears, mouths, taken));
        Ok(Self { orders })
    }

    /// Announces a torrent and the port on which we listen for it, until the receiver is dropped.
    /// Returns a receiver of the addresses of peers that announce the same torrent. Never call this
    /// for a private torrent.
    #[must_use]
    pub fn want(&self, info_hash: InfoHash, port: u16) -> Receiver<SocketAddr> {
        let (sender, finds) = mpsc::channel(FINDS);
        // If the task has ended, nothing is found.
        drop(self.orders.send((info_hash, port, sender)));
        finds
    }
}

/// The next address. Waits for ever if there is no search.
pub(crate) async fn next_neighbour(finds: &mut Option<Receiver<SocketAddr>>) -> SocketAddr {
    let address = match finds {
        Some(finds) => finds.recv().await,
        None => None,
    };
    match address {
        Some(address) => address,
        None => std::future::pending().await,
    }
}

struct Task {
    epoch: Clock,
    beacon: Beacon,
    mouths: Vec<UdpSocket>,
    echoes: Echoes,
    wanted: Vec<(InfoHash, Sender<SocketAddr>)>,
}

async fn run(
    ears: [Option<UdpSocket>; 2],
    mouths: Vec<UdpSocket>,
    mut orders: UnboundedReceiver<Order>,
) {
    let cookie = format!("{:016x}", random_u64());
    let mut task = Task {
        epoch: Clock::now(),
        beacon: Beacon::new(Instant::START, cookie.into_bytes()),
        mouths,
        echoes: Echoes::default(),
        wanted: Vec::new(),
    };
    let [v4, v6] = ears;
    let (mut first, mut second) = ([0; MAX_BYTES + 1], [0; MAX_BYTES + 1]);
    loop {
        task.speak();
        tokio::select! {
            // IPv4 first, so that two clients that hear each other by both families usually choose the same.
            biased;
            order = orders.recv() => match order {
                Some((info_hash, port, sender)) => {
                    let now = task.now();
                    task.wanted.push((info_hash, sender));
                    task.beacon.add(now, info_hash, port);
                }
                None => return,
            },
            (length, from) = receive(v4.as_ref(), &mut first) => task.hear(&first[..length], from),
            (length, from) = receive(v6.as_ref(), &mut second) => task.hear(&second[..length], from),
            () = tokio::time::sleep(LOOK) => task.look(),
        }
    }
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> (usize, SocketAddr) {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    loop {
        match socket.recv_from(buffer).await {
            Ok(received) => return received,
            Err(error) => tracing::debug!(%error, "an announce is lost"),
        }
        tokio::task::yield_now().await;
    }
}

impl Task {
    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    /// Sends the announces that are due, into every network.
    fn speak(&mut self) {
        let Some(announce) = self.beacon.poll(self.now()) else {
            return;
        };
        for mouth in &self.mouths {
            let ipv4 = mouth.local_addr().is_ok_and(|it| it.is_ipv4());
            let group: SocketAddr = if ipv4 {
                (GROUP_V4, PORT).into()
            } else {
                (GROUP_V6, PORT).into()
            };
            if let Err(error) = mouth.try_send_to(&announce.encode(ipv4), group) {
                tracing::debug!(%group, %error, "an announce was not sent");
            }
        }
    }

    fn hear(&mut self, bytes: &[u8], from: SocketAddr) {
        let now = self.now();
        let Some(heard) = self.beacon.hear(now, from, bytes) else {
            return;
        };
        let address = heard.address;
        if self.echoes.is_echo(now, heard.cookie, address.ip()) {
            return;
        }
        for (torrent, sender) in &self.wanted {
            if heard.torrents.contains(torrent) {
                // A full queue holds enough addresses already.
                sender.try_send(address).ok();
            }
        }
    }

    /// Removes searches that were dropped.
    fn look(&mut self) {
        let gone = self.wanted.extract_if(.., |it| it.1.is_closed());
        let gone: Vec<InfoHash> = gone.map(|it| it.0).collect();
        for torrent in gone {
            if !self.wanted.iter().any(|it| it.0 == torrent) {
                self.beacon.remove(torrent);
            }
        }
    }
}
