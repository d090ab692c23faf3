//! Opens, refuses and closes connections, as the clients ask.
//!
//! Opening a connection takes as long as TCP and the handshakes do: the dialler's handshake arrives
//! after one and a half round trips, the answer half a round trip later. If a client that was
//! dialled changes its mind, it closes only after its answer to the handshake, as a real client
//! does.

use unchoke_core::client::Input;
use unchoke_core::client::doors::Door;
use unchoke_core::client::explain::Unmet;
use unchoke_core::client::redial::Ended;
use unchoke_core::ids::PeerKey;
use unchoke_core::torrent::{self, Unsent};
use unchoke_core::wire::PIECE_HEADER_BYTES;

use super::engine::{Engine, Knock};
use super::{Event, World};
use crate::node::{Contact, Peer};
use crate::places::{Address, Nodes};
use crate::stream::{EndId, EndState, Item};
use crate::trace::Happening;

impl<E: Engine> World<'_, E> {
    /// The client of `node`, which is `peer`, dials `target`.
    pub(super) fn dial(&mut self, node: u32, peer: &mut Peer, door: Door, target: u32) {
        let delay_ns = self.spec.delay_ns(node, target);
        let line = self.engine.line(delay_ns);
        let end = self.streams.open(node, target, delay_ns, line);
        self.transport.open(end);
        peer.open(door, end);
        if self.spec.nodes[target as usize].reachable {
            let wait = 3 * delay_ns + self.connect_ns();
            let knock = Knock { from: end, node };
            self.engine.knock(self.now, wait, knock, target);
        }
    }

    /// Where a node listens.
    pub(super) fn address(&self, node: u32) -> Address {
        Address::new(node * self.distance())
    }

    /// The node that listens at this address.
    pub(super) fn node_at(&self, address: Address) -> Option<u32> {
        let (offset, each) = (address.offset(), self.distance());
        let node = offset / each;
        let is_one = offset.is_multiple_of(each) && (node as usize) < self.spec.nodes.len();
        is_one.then_some(node)
    }

    /// Difference between the addresses of two consecutive nodes.
    fn distance(&self) -> u32 {
        if self.spec.network.shared_subnets {
            1
        } else {
            256
        }
    }

    /// The dialler's handshake has arrived at the end `to`.
    pub(super) fn on_dial(&mut self, to: EndId) {
        let (node, dialler) = (self.streams[to].node, self.streams[to.other()].node);
        self.knocking = Some(to);
        let address = self.address(dialler);
        self.tell(node, Input::Knock { address });
        if self.knocking.take().is_some() {
            // The node has left, or its client does not answer.
            let there = self.engine.there(to);
            self.post(to, Event::Refused { to: there });
            if E::IS_SPLIT {
                self.streams.release(to);
            }
        }
    }

    /// The client of `peer` answers the dialler that just knocked. The dialler's handshake is
    /// already here.
    pub(super) fn answer(&mut self, peer: &mut Peer, door: Door) {
        let end = self.knocking.take().expect("somebody knocked");
        peer.open(door, end);
        self.replies.push_back(self.met(door, end));
    }

    /// The input for a client when both handshakes of the connection of `end` are done.
    fn met(&self, door: Door, end: EndId) -> Input<Nodes> {
        let (node, other) = (self.streams[end].node, self.streams[end.other()].node);
        let exchanges = |node: u32| {
            let client = usize::from(self.spec.nodes[node as usize].client);
            self.spec.clients[client].peer_exchange
        };
        Input::Met {
            door,
            name: self.address(other),
            fast: true,
            extended: exchanges(node) && exchanges(other),
        }
    }

    /// Schedules an event that is not a message at the other end, behind everything that `end`
    /// sent.
    pub(super) fn post(&mut self, end: EndId, event: Event<E::Notice>) {
        let (mine, theirs) = (&self.streams[end], &self.streams[end.other()]);
        self.engine.post(self.now, mine, theirs, event);
    }

    /// The answering handshake has arrived.
    pub(super) fn on_opened(&mut self, to: EndId) {
        let node = self.streams[to].node;
        // Closed unless the client accepts the connection.
        self.streams[to].state = EndState::Closed;
        if let Some(door) = self.door(to) {
            self.tell(node, self.met(door, to));
        }
        if self.streams[to].state == EndState::Closed && !self.streams[to].said_fin {
            self.say_fin(to);
        }
    }

    /// The door of an end; `None` if its node has left or has given up the attempt.
    fn door(&self, end: EndId) -> Option<Door> {
        let node = self.streams[end].node;
        self.peers[self.engine.at(node)].as_ref()?.door(end)
    }

    /// The client accepts the connection at `door`: it is open now.
    pub(super) fn join(&mut self, node: u32, peer: &mut Peer, door: Door, key: PeerKey) {
        let end = peer.take_end(door).expect("handshakes are done");
        self.streams[end].set_key(key);
        self.streams[end].state = EndState::Open;
        let (other, line) = (self.streams[end.other()], self.streams[end].line);
        peer.join(key, Contact::new(end, other.node, other.key(), line));
        E::tell_key(self, end, key);
        if end.dialled() {
            let other = self.streams[end.other()].node;
            self.note(Happening::Connect { node, other });
            self.schedule_break(node, end);
        } else {
            E::post_opened(self, end);
        }
        for _ in 0..self.spec.network.send_buffer_blocks.max(1) {
            let credit = torrent::Input::Writable { peer: key };
            self.replies.push_back(Input::Torrent(credit));
        }
    }

    /// The client of `peer` does not want the connection at `door`.
    pub(super) fn drop_door(&mut self, peer: &mut Peer, door: Door) {
        let Some(end) = peer.take_end(door) else {
            return;
        };
        let waits = self.streams[end].state == EndState::Opening;
        self.streams[end].state = EndState::Closed;
        if !end.dialled() {
            E::post_opened(self, end);
            self.say_fin(end);
        } else if waits && !self.is_reachable(end.other()) {
            // The other side cannot be reached, so no answer will come.
            self.streams.release(end);
        }
    }

    fn is_reachable(&self, end: EndId) -> bool {
        self.spec.nodes[self.streams[end].node as usize].reachable
    }

    /// The attempt failed: no answer to the handshake will come.
    pub(super) fn on_refused(&mut self, to: EndId) {
        let (node, door) = (self.streams[to].node, self.door(to));
        self.streams.release(to);
        if let (Some(door), Some(peer)) = (door, self.peers[self.engine.at(node)].as_mut()) {
            peer.take_end(door);
            let how = Unmet::Refused;
            self.tell(node, Input::Failed { door, how });
        }
    }

    /// The other side closed, and nothing of it is in flight any more. Close this side too.
    pub(super) fn on_fin(&mut self, to: EndId) {
        let it = &mut self.streams[to];
        it.finished = true;
        self.access[self.engine.at(it.node)].lingering -= u16::from(it.said_fin);
        if self.streams[to].state == EndState::Open {
            self.lose(to);
        }
        let is_over = if E::IS_SPLIT {
            self.streams[to].said_fin
        } else {
            self.streams[to.other()].finished
        };
        if is_over {
            self.streams.release(to);
        }
    }

    /// Closes an open end that its client did not ask to close, and tells the client.
    pub(super) fn lose(&mut self, end: EndId) {
        let (node, key) = (self.streams[end].node, self.streams[end].key());
        let mut peer = self.peers[self.engine.at(node)].take().expect("it is open");
        let unsent = self.close(&mut peer, end);
        self.peers[self.engine.at(node)] = Some(peer);
        let (peer, how) = (key, Ended::ByPeer);
        self.tell(node, Input::Closed { peer, how, unsent });
    }

    /// The client of `host` closes a connection.
    pub(super) fn hang_up(&mut self, host: &mut Peer, peer: PeerKey) {
        let (how, unsent) = (Ended::ByDriver, self.close(host, host.end(peer)));
        self.replies.push_back(Input::Closed { peer, how, unsent });
    }

    /// Closes an open end of `peer` without telling its client. Messages still in the stream are
    /// dropped.
    fn close(&mut self, peer: &mut Peer, end: EndId) -> Unsent {
        peer.part(self.streams[end].key());
        self.asking = None;
        let (node, other) = (self.streams[end].node, self.streams[end.other()].node);
        let dialler = if end.dialled() { end } else { end.other() };
        let stands = peer.contacts.iter().flatten().any(|it| it.node == other);
        // When two nodes dialled each other, only the connection that stays counts for the trace.
        if self.streams[dialler].has_key() && !stands {
            self.note(Happening::Disconnect { node, other });
        }
        self.cut(end)
    }

    /// Closes one side of a connection.
    pub(super) fn cut(&mut self, end: EndId) -> Unsent {
        let it = &mut self.streams[end];
        assert_eq!(it.state, EndState::Open, "closed twice");
        self.grants.remove(&end);
        it.state = EndState::Closed;
        let flow = it.flow();
        // Bytes left of the block being sent. Zero if a block has just left and the next has not
        // begun.
        let left = flow.map(|it| self.engine.left(self.now, it));
        let mut left = left.filter(|it| *it > 0);
        if let Some(flow) = flow {
            self.stop_flow(end, flow);
        }
        let mut unsent = Unsent::default();
        while let Some(item) = self.streams.pop(end) {
            self.checker.dropped += item.bytes();
            if let Item::Block(block) = item {
                let length = u64::from(block.length);
                unsent.blocks += u32::from(left.is_none());
                unsent.payload += left.take().map_or(length, |it| it.min(length));
            }
        }
        let (node, key) = (self.streams[end].node, self.streams[end].key());
        self.access[self.engine.at(node)].set_busy(key, false);
        let bytes = unsent.payload + u64::from(unsent.blocks * PIECE_HEADER_BYTES);
        self.checker.handed -= bytes;
        self.checker.dropped -= bytes;
        self.say_fin(end);
        unsent
    }

    /// Sends the `Fin` of `end`: nothing follows it.
    fn say_fin(&mut self, end: EndId) {
        let it = &mut self.streams[end];
        it.said_fin = true;
        self.access[self.engine.at(it.node)].lingering += u16::from(!it.finished);
        let to = self.engine.there(end);
        self.post(end, Event::Fin { to });
    }
}
