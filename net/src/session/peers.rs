//! Who is connected: dialling, accepting, and one connection a peer.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use unchoke_core::connector::{Connector, Limits};
use unchoke_core::ids::{PeerId, PeerKey};
use unchoke_core::time::Instant;
use unchoke_core::torrent::Unsent;

use crate::connection::{
    Connection, HandshakeError, Identity, Introduced, Link, Secured, Shared, answer, greet,
};
use crate::listen::canonical;

/// Time for TCP to connect. rqbit: 10 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Accepted connections whose handshake is not done yet.
const HALF_OPEN: usize = 64;
/// Wait after a failed accept, which is most often a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that the system takes beyond what the network carries.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 1 << 17;
/// Peers remembered as banned by address and name; their ports mean nothing.
const MAX_BANNED: usize = 1000;

/// A connection with handshakes done, or the failure to make one.
#[derive(Debug)]
pub(super) enum Arrival {
    Met {
        stream: Secured,
        introduced: Introduced,
        address: SocketAddr,
        outgoing: bool,
    },
    Failed(SocketAddr, HandshakeError),
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) link: Link,
    pub(super) connection: Connection,
    pub(super) address: SocketAddr,
    pub(super) unwritten: Unwritten,
    peer_id: PeerId,
    outgoing: bool,
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

    /// What will not be sent if the connection closes now. What is written and waits in the system
    /// counts as sent, and a block of which a part is written does not.
    pub(super) fn unsent(&self) -> Unsent {
        Unsent {
            blocks: u32::try_from(self.0.len()).expect("as many as the credit"),
            payload: self.0.iter().copied().map(u64::from).sum(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Peers {
    identity: Identity,
    shared: Shared,
    connector: Connector<SocketAddr>,
    /// When the connector has an address to dial; looked up only after a change, as that looks at
    /// every candidate.
    dial_at: Option<Instant>,
    arrivals: Sender<Arrival>,
    /// The listener and the attempts; they end with the session.
    tasks: JoinSet<()>,
    /// Indexed by `PeerKey`.
    slots: Vec<Option<Slot>>,
    free: BinaryHeap<Reverse<u32>>,
    serial: u64,
    banned: BTreeSet<(IpAddr, PeerId)>,
}

/// What became of an arrival.
pub(super) enum Verdict {
    /// It is connected as this peer, in place of the second if there is one.
    Joined(PeerKey, Option<PeerKey>),
    /// It was closed, for this reason.
    Refused(&'static str),
}

impl Peers {
    pub(super) fn new(
        identity: Identity,
        shared: Shared,
        max_connections: u16,
        arrivals: Sender<Arrival>,
    ) -> Self {
        Self {
            identity,
            shared,
            connector: Connector::new(Limits::new(max_connections)),
            dial_at: Some(Instant::START),
            arrivals,
            tasks: JoinSet::new(),
            slots: Vec::new(),
            free: BinaryHeap::new(),
            serial: 0,
            banned: BTreeSet::new(),
        }
    }

    pub(super) fn listen(&mut self, listener: TcpListener) {
        let (identity, arrivals) = (self.identity, self.arrivals.clone());
        self.tasks.spawn(accept_all(listener, identity, arrivals));
    }

    pub(super) fn add(&mut self, address: SocketAddr) {
        let usable =
            address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast();
        if usable {
            self.connector.add(canonical(address));
            self.changed();
        }
    }

    /// The connector may have something new to dial.
    fn changed(&mut self) {
        self.dial_at = Some(Instant::START);
    }

    pub(super) fn count(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(super) fn is_short(&self) -> bool {
        self.connector.is_short()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.dial_at
    }

    /// Starts the attempts that are due.
    pub(super) fn dial(&mut self, now: Instant) {
        if self.dial_at.is_none_or(|at| at > now) {
            return;
        }
        while let Some(address) = self.connector.poll_dial(now) {
            let (identity, arrivals) = (self.identity, self.arrivals.clone());
            self.tasks.spawn(async move {
                let arrival = match dial(address, identity).await {
                    Ok((stream, introduced)) => Arrival::Met {
                        stream,
                        introduced,
                        address,
                        outgoing: true,
                    },
                    Err(error) => Arrival::Failed(address, error),
                };
                // The session may be over.
                drop(arrivals.send(arrival).await);
            });
        }
        while self.tasks.try_join_next().is_some() {}
        self.dial_at = self.connector.poll_timeout();
    }

    pub(super) fn failed(&mut self, address: SocketAddr, now: Instant) {
        self.connector.failed(address, now);
        self.changed();
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

    /// Takes in a connection, or closes it. A connection that gives way is still in its slot:
    /// [`Self::remove`] it.
    pub(super) fn admit(
        &mut self,
        stream: Secured,
        introduced: Introduced,
        address: SocketAddr,
        outgoing: bool,
        now: Instant,
    ) -> Verdict {
        self.changed();
        if outgoing {
            self.connector.connected(address);
        } else if !self.connector.may_accept(None) {
            return Verdict::Refused("all connections are taken");
        } else {
            self.connector.accepted();
        }
        let replaced = match self.rival(introduced.peer_id, address, outgoing) {
            Ok(replaced) => replaced,
            Err((reason, wait)) => {
                self.let_go(address, outgoing, now, wait);
                return Verdict::Refused(reason);
            }
        };
        let key = self.free.pop().map_or_else(
            || {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).expect("at most 65535 connections")
            },
            |Reverse(key)| key,
        );
        self.serial += 1;
        let link = Link {
            peer: PeerKey(key),
            serial: self.serial,
        };
        self.slots[key as usize] = Some(Slot {
            link,
            connection: Connection::spawn(stream, link, self.shared.clone()),
            address,
            unwritten: Unwritten::default(),
            peer_id: introduced.peer_id,
            outgoing,
        });
        Verdict::Joined(PeerKey(key), replaced)
    }

    /// Whom a newcomer replaces, or why it cannot stay and when to try its address again.
    fn rival(
        &mut self,
        peer_id: PeerId,
        address: SocketAddr,
        outgoing: bool,
    ) -> Result<Option<PeerKey>, (&'static str, Duration)> {
        const LONG: Duration = Duration::from_mins(10);
        if peer_id == self.identity.peer_id {
            if outgoing {
                self.connector.ban(address);
            }
            return Err(("it is ourselves", LONG));
        }
        if self.banned.contains(&(address.ip(), peer_id)) {
            return Err(("it is banned", LONG));
        }
        let known = || self.iter().filter(|slot| slot.peer_id == peer_id);
        let same_way = known().filter(|slot| slot.outgoing == outgoing).count();
        let other_way = known().find(|slot| slot.outgoing != outgoing);
        // Both ends keep the link opened by the side with the greater name, so they agree.
        let keep_ours = self.identity.peer_id > peer_id;
        match other_way {
            // The peer has two addresses and was dialled under both. Who dialled closes the second;
            // who answered waits for that, or each side might close another one and none be left.
            _ if same_way > usize::from(!outgoing) => Err(("it is connected already", LONG)),
            Some(slot) if outgoing == keep_ours => Ok(Some(slot.link.peer)),
            Some(_) => Err(("it is connected already", LONG)),
            None => Ok(None),
        }
    }

    fn let_go(&mut self, address: SocketAddr, outgoing: bool, now: Instant, wait: Duration) {
        self.changed();
        if outgoing {
            self.connector.closed(address, now, wait);
        } else {
            self.connector.accepted_closed();
        }
    }

    /// Closes a connection; its address may be tried again after `wait`.
    pub(super) fn remove(&mut self, peer: PeerKey, now: Instant, wait: Duration) -> Option<Slot> {
        let slot = self.slots.get_mut(peer.0 as usize)?.take()?;
        self.free.push(Reverse(peer.0));
        self.let_go(slot.address, slot.outgoing, now, wait);
        Some(slot)
    }

    /// Never deal with this peer again. Call before [`Self::remove`].
    pub(super) fn ban(&mut self, peer: PeerKey) {
        let Some(slot) = self.slot(peer) else { return };
        let (address, peer_id, outgoing) = (slot.address, slot.peer_id, slot.outgoing);
        if outgoing {
            self.connector.ban(address);
        }
        if self.banned.len() < MAX_BANNED {
            self.banned.insert((address.ip(), peer_id));
        }
    }

    /// Closes everything. What each connection has not written, as far as it has said so by now.
    pub(super) fn close(&mut self) -> Vec<(Link, Unwritten)> {
        self.tasks.abort_all();
        let slots = self.slots.drain(..).flatten();
        slots.map(|it| (it.link, it.unwritten)).collect()
    }
}

/// Connects, and greets in each way that the user wants, until the peer answers one.
async fn dial(
    address: SocketAddr,
    identity: Identity,
) -> Result<(Secured, Introduced), HandshakeError> {
    let mut ways = identity.encryption.greetings().iter().peekable();
    while let Some(greeting) = ways.next() {
        let mut stream = connect(address).await?;
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

async fn connect(address: SocketAddr) -> Result<Secured, HandshakeError> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
    let stream = connecting.await.map_err(|_| HandshakeError::TimedOut)??;
    prepare(&stream)?;
    Ok(stream.into())
}

/// Messages are small and must not wait for each other; and blocks that the system has taken but
/// not sent can no longer be held back by a choke, so it may take few.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    stream.set_nodelay(true)
}

async fn accept_all(listener: TcpListener, identity: Identity, arrivals: Sender<Arrival>) {
    let mut half_open = JoinSet::new();
    loop {
        while half_open.try_join_next().is_some() {}
        if half_open.len() >= HALF_OPEN {
            // Each of them ends within the handshake timeout.
            half_open.join_next().await;
            continue;
        }
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let arrivals = arrivals.clone();
        half_open.spawn(async move {
            let address = canonical(address);
            let prepared = prepare(&stream);
            let mut stream = Secured::from(stream);
            let answered = match prepared {
                Ok(()) => answer(&mut stream, identity).await,
                Err(error) => Err(error.into()),
            };
            match answered {
                Ok(introduced) => {
                    let arrival = Arrival::Met {
                        stream,
                        introduced,
                        address,
                        outgoing: false,
                    };
                    // The session may be over.
                    drop(arrivals.send(arrival).await);
                }
                Err(error) => tracing::debug!(%address, %error, "no handshake"),
            }
        });
    }
}
