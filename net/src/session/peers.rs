//! Sockets: attempts, strangers at the door, and one connection a peer. Who may connect is decided
//! by the client core; this does as it says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::Sender;
use tokio::task::{AbortHandle, JoinSet};
use unchoke_core::client::doors::Door;
use unchoke_core::ids::PeerKey;
use unchoke_core::torrent::Unsent;

use crate::connection::{
    Connection, HandshakeError, Identity, Introduced, Link, Secured, Shared, answer, greet,
};
use crate::listen::canonical;
use crate::route::Route;
use crate::stream::Stream;
use crate::utp::{Strangers, Utp};

/// Wait after a failed accept, which is most often a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that the system takes beyond what the network carries.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 1 << 17;

/// What the tasks of connections without a key have to say.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Somebody connected.
    Knock(Stream, SocketAddr),
    /// Handshakes are done.
    Met(Door, Secured, Introduced),
    /// There is no connection.
    Failed(Door, HandshakeError),
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) link: Link,
    /// Its number before it had a key.
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

    /// The oldest is written.
    pub(super) fn written(&mut self) {
        self.0.pop_front();
    }

    /// The oldest could not be read: it will not be sent.
    pub(super) fn unread(&mut self) {
        let length = self.0.pop_front();
        self.0.extend(length);
    }

    /// What will not be sent if the connection closes now. What is written and waits in the system
    /// counts as sent, and a block of which a part is written does not.
    pub(super) fn unsent(&self) -> Unsent {
        Unsent {
            blocks: u32::try_from(self.0.len()).expect("as many as the credit"),
            payload: self.0.iter().copied().map(u64::from).sum(),
        }
    }
}

/// A connection whose handshake is under way, or just done.
#[derive(Debug)]
struct HalfOpen {
    address: SocketAddr,
    task: AbortHandle,
    stream: Option<Secured>,
}

#[derive(Debug)]
pub(super) struct Peers {
    identity: Identity,
    route: Route,
    /// Whether TCP is used.
    tcp: bool,
    utp: Option<Utp>,
    shared: Shared,
    arrivals: Sender<Arrival>,
    /// The listener, the attempts and the handshakes; they end with the session.
    tasks: JoinSet<()>,
    /// Who has just connected, until the core says what to do with it.
    knocking: Option<(Stream, SocketAddr)>,
    doors: BTreeMap<Door, HalfOpen>,
    /// Indexed by `PeerKey`.
    slots: Vec<Option<Slot>>,
    serial: u64,
}

impl Peers {
    pub(super) fn new(
        identity: Identity,
        route: Route,
        shared: Shared,
        arrivals: Sender<Arrival>,
    ) -> Self {
        Self {
            identity,
            route,
            tcp: false,
            utp: None,
            shared,
            arrivals,
            tasks: JoinSet::new(),
            knocking: None,
            doors: BTreeMap::new(),
            slots: Vec::new(),
            serial: 0,
        }
    }

    /// Takes who connects by TCP, and dials by it.
    pub(super) fn listen(&mut self, listener: TcpListener) {
        self.tcp = true;
        self.tasks
            .spawn(accept_all(listener, self.arrivals.clone()));
    }

    /// The same by uTP.
    pub(super) fn listen_utp(&mut self, utp: Utp, mut strangers: Strangers) {
        self.utp = Some(utp);
        let arrivals = self.arrivals.clone();
        self.tasks.spawn(async move {
            while let Some((stream, address)) = strangers.recv().await {
                let knock = Arrival::Knock(stream.into(), canonical(address));
                if arrivals.send(knock).await.is_err() {
                    return; // The session is over.
                }
            }
        });
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

    /// The live connection that an event is about; `None` for one of the past.
    pub(super) fn is_current(&self, link: Link) -> bool {
        self.slot(link.peer).is_some_and(|slot| slot.link == link)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// Holds the connection for which [`Self::answer`] may be called, or drops the one before.
    pub(super) fn hold(&mut self, knocking: Option<(Stream, SocketAddr)>) {
        self.knocking = knocking;
        // What has ended in the meantime needs no memory.
        while self.tasks.try_join_next().is_some() {}
    }

    pub(super) fn dial(&mut self, door: Door, address: SocketAddr) {
        let identity = self.identity;
        let ways = Ways {
            route: self.route.clone(),
            utp: self.utp.clone(),
            tcp: self.tcp,
        };
        self.half_open(door, address, dial(ways, address, identity));
    }

    /// Does the handshake with the connection held.
    pub(super) fn answer(&mut self, door: Door) {
        let Some((stream, address)) = self.knocking.take() else {
            return;
        };
        let identity = self.identity;
        self.half_open(door, address, async move {
            prepare(&stream)?;
            let mut stream = Secured::from(stream);
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
            // The session may be over.
            drop(arrivals.send(arrival).await);
        });
        let half_open = HalfOpen {
            address,
            task,
            stream: None,
        };
        self.doors.insert(door, half_open);
    }

    /// A handshake is done. False if nobody waits for it any more.
    pub(super) fn met(&mut self, door: Door, stream: Secured) -> bool {
        let half_open = self.doors.get_mut(&door);
        half_open.map(|it| it.stream = Some(stream)).is_some()
    }

    /// A handshake failed, or is not wanted any more: where it was to.
    pub(super) fn drop(&mut self, door: Door) -> Option<SocketAddr> {
        let half_open = self.doors.remove(&door)?;
        half_open.task.abort();
        Some(half_open.address)
    }

    /// The connection behind a door is that of `peer` from now on.
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

    /// A new connection with this key, unlike any other that was.
    pub(super) fn link(&mut self, peer: PeerKey) -> Link {
        self.serial += 1;
        Link {
            peer,
            serial: self.serial,
        }
    }

    /// What connections share.
    pub(super) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Closes a connection.
    pub(super) fn remove(&mut self, peer: PeerKey) -> Option<Slot> {
        self.slots.get_mut(peer.0 as usize)?.take()
    }

    /// Closes everything. What each connection has not written, as far as it has said so by now.
    pub(super) fn close(&mut self) -> Vec<(Link, Unwritten)> {
        self.tasks.abort_all();
        let slots = self.slots.drain(..).flatten();
        slots.map(|it| (it.link, it.unwritten)).collect()
    }
}

/// How a peer is reached.
struct Ways {
    route: Route,
    utp: Option<Utp>,
    tcp: bool,
}

impl Ways {
    /// By TCP, and else by uTP, where they are used.
    async fn connect(&self, address: SocketAddr) -> std::io::Result<Stream> {
        let mut failure = std::io::Error::other("no transport is used");
        if self.tcp {
            match self.route.connect(address).await {
                Ok(stream) => return Ok(stream.into()),
                Err(error) => failure = error,
            }
        }
        match &self.utp {
            Some(utp) => utp.connect(address).await.map(Stream::from),
            None => Err(failure),
        }
    }
}

/// Connects, and greets in each way that the user wants, until the peer answers one.
async fn dial(
    reach: Ways,
    address: SocketAddr,
    identity: Identity,
) -> Result<(Secured, Introduced), HandshakeError> {
    let mut ways = identity.encryption.greetings().iter().peekable();
    while let Some(greeting) = ways.next() {
        let stream = reach.connect(address).await?;
        prepare(&stream)?;
        let mut stream = Secured::from(stream);
        match greet(&mut stream, identity, *greeting).await {
            Ok(introduced) => return Ok((stream, introduced)),
            Err(error) if error.is_about_manners() && ways.peek().is_some() => {
                tracing::debug!(%address, %error, ?greeting, "greeting in another way");
            }
            Err(error) => return Err(error),
        }
    }
    unreachable!("there is a way to greet, and the last one returns")
}

/// Messages are small and must not wait for each other; and blocks that the system has taken but
/// not sent can no longer be held back by a choke, so it may take few.
fn prepare(stream: &Stream) -> std::io::Result<()> {
    let Stream::Tcp(stream) = stream else {
        return Ok(());
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    stream.set_nodelay(true)
}

async fn accept_all(listener: TcpListener, arrivals: Sender<Arrival>) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let knock = Arrival::Knock(stream.into(), canonical(address));
                if arrivals.send(knock).await.is_err() {
                    return; // The session is over.
                }
            }
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
