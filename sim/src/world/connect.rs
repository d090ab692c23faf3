//! Connections made, refused and closed.
//!
//! Setting one up takes what TCP and the handshake take: the handshake of who dials arrives after
//! one and a half round trips, the answer half a round trip later.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use unchoke_core::client::redial::{Ended, Fate, after};
use unchoke_core::client::source::Source;
use unchoke_core::ids::PeerId;
use unchoke_core::message::{ExtendedHandshake, Message};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Input, PeerLink, Torrent, Unsent};
use unchoke_core::wire::{PEX_ID, PEX_NAME, PIECE_HEADER_BYTES};

use super::{Event, World};
use crate::node::Peer;
use crate::spec::NetworkSpec;
use crate::stream::{EndId, EndState, bytes_of};
use crate::trace::Happening;

/// An attempt that nobody answers is given up after so long. libtorrent `peer_connect_timeout`.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

fn peer_id(node: u32) -> PeerId {
    let mut id = *b"-UC0001-000000000000";
    id[16..].copy_from_slice(&node.to_be_bytes());
    PeerId(id)
}

/// Port that everybody listens on.
const PORT: u16 = 6881;

/// Address of node 0; the others follow.
const FIRST_ADDRESS: u32 = 0x0100_0000;

/// Addresses from one node to the next.
fn distance(network: &NetworkSpec) -> u32 {
    if network.shared_subnets { 1 } else { 256 }
}

/// Where a node listens.
fn address(network: &NetworkSpec, node: u32) -> SocketAddr {
    let ip = Ipv4Addr::from(FIRST_ADDRESS + node * distance(network));
    SocketAddr::from((ip, PORT))
}

/// The node that listens there, if any can.
pub(super) fn node_at(network: &NetworkSpec, address: SocketAddr) -> Option<u32> {
    let IpAddr::V4(ip) = address.ip() else {
        return None;
    };
    let offset = u32::from(ip).checked_sub(FIRST_ADDRESS)?;
    let each = distance(network);
    offset.is_multiple_of(each).then_some(offset / each)
}

/// What a client that exchanges peers says. BEP 10.
pub(super) fn hello() -> ExtendedHandshake {
    ExtendedHandshake {
        extensions: BTreeMap::from([(PEX_NAME.to_owned(), PEX_ID)]),
        listen_port: Some(PORT),
        ..ExtendedHandshake::default()
    }
}

impl World<'_> {
    /// Lets the connector of `node` dial whom it wants.
    pub(super) fn dial(&mut self, node: u32) {
        let Some(mut peer) = self.peers[node as usize].take() else {
            return;
        };
        while peer.connector.in_use() < peer.initiate {
            let Some(target) = peer.connector.poll_dial(self.now) else {
                break;
            };
            if peer.is_connected(target) {
                peer.connector.failed(target, self.now);
                continue;
            }
            peer.dialling.push(target);
            let delay_ns = self.access[node as usize].delay_ns
                + self.access[target as usize].delay_ns
                + self.spec.network.base_delay_ns
                + self.region_delay_ns(node, target);
            let line = self.queue.line(delay_ns);
            let end = self.streams.open(node, target, delay_ns, line);
            self.transport.open(end);
            if self.spec.nodes[target as usize].reachable {
                let to = end.other();
                let wait = 3 * delay_ns + self.connect_ns();
                self.queue.push(self.now, wait, Event::Dial { to });
            } else {
                let timeout = u64::try_from(DIAL_TIMEOUT.as_nanos()).expect("seconds");
                self.queue
                    .push(self.now, timeout, Event::Refused { to: end });
            }
        }
        let wants = peer.connector.in_use() < peer.initiate;
        let next = peer.connector.poll_timeout().filter(|_| wants);
        peer.next_dial = next.unwrap_or(Instant::NEVER);
        self.peers[node as usize] = Some(peer);
    }

    fn region_delay_ns(&self, a: u32, b: u32) -> u64 {
        let region = |node: u32| self.spec.nodes[node as usize].region;
        self.spec.regions.delay_ns(region(a), region(b))
    }

    /// The handshake of a dialler has arrived at the end `to`.
    pub(super) fn on_dial(&mut self, to: EndId) {
        let (node, dialler) = (self.streams[to].node, self.streams[to.other()].node);
        let accepts = self.peers[node as usize].as_ref().is_some_and(|peer| {
            // When both dial each other, the attempt of the lower number stands.
            let crossed = node < dialler && peer.dialling.contains(&dialler);
            peer.connector.may_accept(Some(dialler)) && !crossed && !peer.is_connected(dialler)
        });
        if !accepts {
            return self.announce_to_other(to, Event::Refused { to: to.other() });
        }
        self.announce_to_other(to, Event::Opened { to: to.other() });
        let peer = self.peers[node as usize].as_mut();
        peer.expect("it accepts").connector.accepted();
        self.attach(to);
    }

    /// Sends something that is no message along the stream of `end`.
    fn announce_to_other(&mut self, end: EndId, event: Event) {
        let it = &self.streams[end];
        self.queue.push_on(self.now, it.line, it.delay_ns, event);
    }

    /// The other side accepted.
    pub(super) fn on_opened(&mut self, to: EndId) {
        let (node, other) = (self.streams[to].node, self.streams[to.other()].node);
        let peer = self.peers[node as usize].as_mut();
        let Some(peer) = peer.and_then(|it| it.dialled(other).then_some(it)) else {
            // It has left, or banned the other, in the meantime.
            self.streams[to].state = EndState::Closed;
            return self.announce_to_other(to, Event::Fin { to: to.other() });
        };
        peer.connector.connected(other);
        self.note(Happening::Connect { node, other });
        self.schedule_break(node, to);
        self.attach(to);
        // An attempt less is under way: the next may begin.
        self.dial(node);
        self.arm(node);
    }

    /// Tells the core of the node of `end` of its new connection.
    fn attach(&mut self, end: EndId) {
        let (node, other) = (self.streams[end].node, self.streams[end.other()].node);
        let peer = self.peers[node as usize].as_mut();
        let key = peer.expect("it is present").assign(end, other);
        self.streams[end].set_key(key);
        self.streams[end].state = EndState::Open;
        let exchanges = |node: u32| {
            let client = usize::from(self.spec.nodes[node as usize].client);
            self.spec.clients[client].peer_exchange
        };
        let extended = exchanges(node) && exchanges(other);
        let client = usize::from(self.spec.nodes[node as usize].client);
        let grants = self.spec.clients[client].allowed_fast.grants > 0;
        let link = PeerLink {
            peer_id: peer_id(other),
            fast: true,
            extended,
            outgoing: end.dialled(),
            returning: false,
            address: (extended || grants).then(|| address(&self.spec.network, other)),
            web: false,
        };
        self.feed(node, Input::PeerConnected { peer: key, link });
        for _ in 0..self.spec.network.send_buffer_blocks.max(1) {
            if self.streams[end].state == EndState::Open {
                self.feed(node, Input::Writable { peer: key });
            }
        }
    }

    /// The other side did not accept, or was silent for too long.
    pub(super) fn on_refused(&mut self, to: EndId) {
        let (node, other) = (self.streams[to].node, self.streams[to.other()].node);
        self.streams.release(to);
        if let Some(peer) = self.peers[node as usize].as_mut() {
            if peer.dialled(other) {
                peer.connector.failed(other, self.now);
            }
            self.dial(node);
            self.arm(node);
        }
    }

    /// The other side closed: so do we. Nothing of the other side is under way any more.
    pub(super) fn on_fin(&mut self, to: EndId) {
        self.streams[to].finished = true;
        if self.streams[to].state == EndState::Open {
            self.lose(to, Ended::ByPeer);
        }
        if self.streams[to.other()].finished {
            self.streams.release(to);
        }
    }

    /// Closes an open end that its core did not ask to close, and looks for another.
    pub(super) fn lose(&mut self, end: EndId, ended: Ended) {
        let (node, key) = (self.streams[end].node, self.streams[end].key());
        let mut peer = self.peers[node as usize].take().expect("it is open");
        self.detach(node, &mut peer, end, ended);
        self.peers[node as usize] = Some(peer);
        self.feed(node, Input::PeerDisconnected { peer: key });
        self.unassign(node, end);
        self.dial(node);
        self.arm(node);
    }

    /// Gives the key of a closed end back, unless its node has left.
    fn unassign(&mut self, node: u32, end: EndId) {
        let key = self.streams[end].key();
        if let Some(peer) = self.peers[node as usize].as_mut() {
            peer.unassign(key);
        }
    }

    /// Closes an open end of `peer`, but for telling its core.
    pub(super) fn detach(&mut self, node: u32, peer: &mut Peer, end: EndId, ended: Ended) {
        let other = self.streams[end.other()].node;
        if end.dialled() {
            let wait = match after(ended, Source::Tracker) {
                Fate::Again(wait) => wait,
                // A seed is not dialled by a seed, and who is forgotten by nobody.
                Fate::Seed | Fate::Forgotten => Duration::MAX,
            };
            peer.connector.closed(other, self.now, wait);
        } else {
            peer.connector.accepted_closed();
        }
        self.note(Happening::Disconnect { node, other });
        self.close(&mut peer.torrent, end);
    }

    /// Closes one side of a connection of `torrent`: what has not left never will.
    pub(super) fn close(&mut self, torrent: &mut Torrent, end: EndId) {
        let it = &mut self.streams[end];
        assert_eq!(it.state, EndState::Open, "closed twice");
        self.grants.remove(&end);
        it.state = EndState::Closed;
        let (key, flow) = (it.key(), it.flow());
        // Of the block on its way; none is, if it has just left and the next is not begun.
        let left = flow.map(|it| self.links.left(self.now, it));
        let mut left = left.filter(|it| *it > 0);
        if let Some(flow) = flow {
            self.stop_flow(end, flow);
        }
        let mut unsent = Unsent::default();
        while let Some(message) = self.streams.pop(end) {
            self.checker.dropped += bytes_of(&message);
            if let Message::Piece(block) = message {
                let length = u64::from(block.length);
                unsent.blocks += u32::from(left.is_none());
                unsent.payload += left.take().map_or(length, |it| it.min(length));
            }
        }
        let bytes = unsent.payload + u64::from(unsent.blocks * PIECE_HEADER_BYTES);
        self.checker.handed -= bytes;
        self.checker.dropped -= bytes;
        torrent.take_back(key, unsent);
        self.announce_to_other(end, Event::Fin { to: end.other() });
    }
}
