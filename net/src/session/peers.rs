//! Sockets of the peers: dialled connections, incoming connections, handshakes, and one connection
//! for each peer. The client core decides who may connect; this module carries the decisions out.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use tokio::sync::mpsc::Sender;
use tokio::task::{AbortHandle, JoinSet};
use unchoke_core::client::doors::Door;
use unchoke_core::ids::PeerKey;
use unchoke_core::torrent::Unsent;

use crate::connection::{
    Connection, HandshakeError, Identity, Introduced, Link, Secured, Shared, answer,
};
use crate::dial::dial;
use crate::transport::{ACCEPT_PAUSE, Incoming, Transports, prepare};

/// A report of the tasks that accept, dial or do handshakes.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A peer connected to us.
    Knock(Secured, SocketAddr),
    /// The handshakes are done.
    Met(Door, Secured, Introduced),
    /// The connection failed.
    Failed(Door, HandshakeError),
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) link: Link,
    /// Its number before it had a peer key.
    pub(super) door: Door,
    pub(super) connection: Connection,
    pub(super) address: SocketAddr,
    pub(super) unwritten: Unwritten,
}

/// Lengths of the blocks that were handed to a connection and are not written yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Unwritten(VecDeque<u32>);

impl Unwritten {
    pub(super) fn hand_over(&mut self, length: u32) {
        self.0.push_back(length);
    }

    /// The oldest `blocks` were written.
    pub(super) fn written(&mut self, blocks: usize) {
        self.0.drain(..blocks.min(self.0.len()));
    }

    /// The oldest block could not be read and will not be sent.
    pub(super) fn unread(&mut self) {
        let length = self.0.pop_front();
        self.0.extend(length);
    }

    /// The blocks that will not be sent if the connection closes now. Bytes in the buffer of the
    /// system count as sent; a block that is only partly written does not.
    pub(super) fn unsent(&self) -> Unsent {
        Unsent {
            blocks: u32::try_from(self.0.len()).expect("as many as the credit"),
            payload: self.0.iter().copied().map(u64::from).sum(),
        }
    }
}

/// A connection whose handshake is running or has just finished.
#[derive(Debug)]
struct HalfOpen {
    address: SocketAddr,
    task: AbortHandle,
    stream: Option<Secured>,
}

#[derive(Debug)]
pub(super) struct Peers {
    identity: Identity,
    transports: Transports,
    shared: Shared,
    arrivals: Sender<Arrival>,
    /// The tasks that accept, dial and do handshakes. They end with the session.
    tasks: JoinSet<()>,
    /// The latest incoming connection, until the core decides about it.
    knocking: Option<(Secured, SocketAddr)>,
    doors: BTreeMap<Door, HalfOpen>,
    /// Indexed by `PeerKey`.
    slots: Vec<Option<Slot>>,
    serial: u64,
}

impl Peers {
    pub(super) fn new(
        identity: Identity,
        transports: Transports,
        shared: Shared,
        arrivals: Sender<Arrival>,
    ) -> Self {
        Self {
            identity,
            transports,
            shared,
            arrivals,
            tasks: JoinSet::new(),
            knocking: None,
            doors: BTreeMap::new(),
            slots: Vec::new(),
            serial: 0,
        }
    }

    /// Accepts incoming connections.
    pub(super) fn listen(&mut self, incoming: Incoming) {
        self.tasks
            .spawn(accept_all(incoming, self.arrivals.clone()));
    }

    pub(super) fn transports(&self) -> &Transports {
        &self.transports
    }

    pub(super) fn count(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(super) fn slot(&self, peer: PeerKey) -> Option<&Slot> {
        self.slots.get(peer.0 as usize)?.as_ref()
    }

    pub(super) fn slot_mut(&mut self, peer: PeerKey) -> Option<&mut Slot> {
        self.slots.get_mut(peer.0 as usize)?.as_mut()
    }

    /// Whether an event is about a connection that is still open.
    pub(super) fn is_current(&self, link: Link) -> bool {
        self.slot(link.peer).is_some_and(|slot| slot.link == link)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// Holds an incoming connection for [`Self::answer`]. Drops the previous one.
    pub(super) fn hold(&mut self, knocking: Option<(Secured, SocketAddr)>) {
        self.knocking = knocking;
        // Free the memory of tasks that have ended.
        while self.tasks.try_join_next().is_some() {}
    }

    pub(super) fn dial(&mut self, door: Door, address: SocketAddr) {
        let (transports, identity) = (self.transports.clone(), self.identity);
        self.half_open(door, address, async move {
            dial(&transports, address, identity).await
        });
    }

    /// Starts the handshake of the held connection.
    pub(super) fn answer(&mut self, door: Door) {
        let Some((mut stream, address)) = self.knocking.take() else {
            return;
        };
        let identity = self.identity;
        self.half_open(door, address, async move {
            prepare(stream.stream())?;
            let introduced = answer(&mut stream, identity).await?;
            Ok((stream, introduced))
        });
    }

    fn half_open<F>(&mut self, door: Door, address: SocketAddr, handshake: F)
    where
        F: Future<Output = Result<(Secured, Introduced), HandshakeError>> + Send + 'static,
    {
        let arrivals = self.arrivals.clone();
        let task = self.tasks.spawn(async move {
            let arrival = match handshake.await {
                Ok((stream, introduced)) => Arrival::Met(door, stream, introduced),
                Err(error) => Arrival::Failed(door, error),
            };
            // Sending fails if the session has ended.
            drop(arrivals.send(arrival).await);
        });
        let half_open = HalfOpen {
            address,
            task,
            stream: None,
        };
        self.doors.insert(door, half_open);
    }

    /// Notes that a handshake is done. Returns false if the core no longer wants the connection.
    pub(super) fn met(&mut self, door: Door, stream: Secured) -> bool {
        let half_open = self.doors.get_mut(&door);
        half_open.map(|it| it.stream = Some(stream)).is_some()
    }

    /// Drops a handshake that failed or is no longer wanted. Returns the address of the peer.
    pub(super) fn drop(&mut self, door: Door) -> Option<SocketAddr> {
        let half_open = self.doors.remove(&door)?;
        half_open.task.abort();
        Some(half_open.address)
    }

    /// Assigns the peer key `peer` to the connection of `door`.
    pub(super) fn join(&mut self, door: Door, peer: PeerKey) {
        let Some(half_open) = self.doors.remove(&door) else {
            return;
        };
        let stream = half_open
            .stream
            .expect("it joins when its handshake is done");
        let link = self.link(peer);
        let slot = peer.0 as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot] = Some(Slot {
            link,
            door,
            connection: Connection::spawn(stream, link, self.shared.clone()),
            address: half_open.address,
            unwritten: Unwritten::default(),
        });
    }

    /// Identifies a new connection of this peer key, with a serial number that was never used
    /// before.
    pub(super) fn link(&mut self, peer: PeerKey) -> Link {
        self.serial += 1;
        Link {
            peer,
            serial: self.serial,
        }
    }

    /// What all connections share.
    pub(super) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Closes a connection.
    pub(super) fn remove(&mut self, peer: PeerKey) -> Option<Slot> {
        self.slots.get_mut(peer.0 as usize)?.take()
    }

    /// Closes all connections. Returns, for each, the blocks that it has not reported as written
    /// yet.
    pub(super) fn close(&mut self) -> Vec<(Link, Unwritten)> {
        self.tasks.abort_all();
        let slots = self.slots.drain(..).flatten();
        slots.map(|it| (it.link, it.unwritten)).collect()
    }
}

async fn accept_all(mut incoming: Incoming, arrivals: Sender<Arrival>) {
    loop {
        match incoming.next().await {
            Ok((stream, address)) => {
                let knock = Arrival::Knock(stream, address);
                if arrivals.send(knock).await.is_err() {
                    return; // The session has ended.
                }
            }
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
