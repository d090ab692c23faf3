//! What nodes send, and what arrives.
//!
//! Blocks are flows. Control messages are small and many: a flow for each would cost more than all
//! blocks. They leave at once and occupy the links all the same: while blocks occupy the uplink of
//! the sender (or the downlink of the receiver), their bytes become a debt of that link, and the
//! next block that begins on a link in debt is longer on the wire by the debt. A link without
//! blocks has time to spare and takes them for nothing. So blocks and control messages together
//! never exceed a capacity, and the solver's invariant covers both.

use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::ids::PieceIndex;
use unchoke_core::message::Message;
use unchoke_core::torrent::Input;
use unchoke_core::wire::PIECE_HEADER_BYTES;

use super::{Event, World};
use crate::link::{FlowId, HostId};
use crate::node::Peer;
use crate::queue::LineId;
use crate::stream::{EndId, EndState, bytes_of};
use crate::trace::Happening;

/// Bytes of a `have` message. BEP 3: length, id, piece.
pub(super) const HAVE_BYTES: u32 = 9;

/// `have`s whose receivers are looked at together.
const WARM_AHEAD: u32 = 16;

/// Debt that one block pays at most, so that no block becomes much longer than a block.
const PAYMENT_MAX: u32 = BLOCK_BYTES;

impl World<'_> {
    /// `peer`, which is the node of `end`, hands over a message.
    pub(super) fn send(&mut self, peer: &Peer, end: EndId, message: Message) {
        self.checker.handed += bytes_of(&message);
        let (node, other) = (self.streams[end].node, self.streams[end.other()].node);
        match message {
            Message::Piece(block) => {
                let has = peer.torrent.have().has(block.piece);
                assert!(has, "node {node} serves piece {} and lacks it", block.piece);
                let choking = self.streams[end].choking;
                assert!(!choking, "node {node} serves {other} and chokes it");
                self.streams.push(end, message);
                if !self.streams[end].flowing {
                    self.start_flow(end);
                }
                return;
            }
            Message::Choke => {
                self.streams[end].choking = true;
                self.note(Happening::Choke { node, other });
            }
            Message::Unchoke => {
                self.streams[end].choking = false;
                self.note(Happening::Unchoke { node, other });
            }
            _ => {}
        }
        if self.streams.is_empty(end) {
            self.emit(end, message);
        } else {
            self.streams.push(end, message);
        }
    }

    /// Tells everybody that `peer` has `piece`: the hot path. Ends of one line share an event.
    pub(super) fn broadcast(&mut self, node: u32, peer: &Peer, piece: PieceIndex) {
        let mut last: Option<(LineId, u32)> = None;
        for end in peer.ends.iter().flatten() {
            self.checker.handed += u64::from(HAVE_BYTES);
            let it = self.streams[*end];
            if !self.streams.is_empty(*end) {
                self.streams.push(*end, Message::Have(piece));
                continue;
            }
            let Some(index) = it.line.index() else {
                self.emit(*end, Message::Have(piece));
                continue;
            };
            self.owe_up(node, HAVE_BYTES);
            if self.have_targets.len() <= index {
                self.have_targets.resize_with(index + 1, Default::default);
            }
            self.have_targets[index].push_back(end.other());
            match &mut last {
                Some((line, count)) if *line == it.line => *count += 1,
                _ => {
                    self.flush_haves(last, piece);
                    last = Some((it.line, 1));
                }
            }
        }
        self.flush_haves(last, piece);
    }

    fn flush_haves(&mut self, batch: Option<(LineId, u32)>, piece: PieceIndex) {
        if let Some((line, count)) = batch {
            let event = Event::Haves { line, piece, count };
            self.queue.push_line(self.now, line, event);
        }
    }

    /// A message leaves: its last byte is on the wire.
    fn emit(&mut self, end: EndId, message: Message) {
        let it = &self.streams[end];
        let (line, delay_ns, node) = (it.line, it.delay_ns, it.node);
        if !matches!(message, Message::Piece(_)) {
            self.owe_up(node, u32::try_from(bytes_of(&message)).expect("short"));
        }
        let to = end.other();
        let event = Event::Message { to, message };
        self.queue.push_on(self.now, line, delay_ns, event);
    }

    /// A message of `bytes`, which is a packet of its own, leaves `node`.
    fn owe_up(&mut self, node: u32, bytes: u32) {
        self.transport.count_packet(node);
        let bytes = self.transport.alone_on_wire(bytes);
        self.access[node as usize].owe_up(bytes);
    }

    /// Such a message comes to `node`.
    fn owe_down(&mut self, node: u32, bytes: u32) {
        let bytes = self.transport.alone_on_wire(bytes);
        self.access[node as usize].owe_down(bytes);
    }

    fn start_flow(&mut self, end: EndId) {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        self.access[src as usize].up_flows += 1;
        self.access[dst as usize].down_flows += 1;
        self.streams[end].flowing = true;
        let bytes = self.begin_block(end);
        let ends = (HostId(src), HostId(dst));
        let ceiling = self.begin_ramp(end);
        self.links
            .start(self.now, FlowId(end.0), ends, bytes, ceiling);
    }

    /// The block in front of the stream is next: its bytes on the wire, debts included.
    fn begin_block(&mut self, end: EndId) -> u64 {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        let front = self.streams.front(end).expect("a block waits");
        let bytes = self.transport.on_wire(bytes_of(front));
        let up_debt = self.access[src as usize].up_debt;
        let down_debt = self.access[dst as usize].down_debt;
        let payment = up_debt.max(down_debt).min(PAYMENT_MAX);
        self.access[src as usize].up_debt -= payment.min(up_debt);
        self.access[dst as usize].down_debt -= payment.min(down_debt);
        self.streams[end].surcharge = u16::try_from(payment).expect("at most a block");
        bytes + u64::from(payment)
    }

    /// The block in front of a stream has left.
    pub(super) fn on_block_left(&mut self, end: EndId) {
        let message = self.streams.pop(end).expect("a block was on its way");
        let Message::Piece(block) = message else {
            unreachable!("only blocks are flows");
        };
        let it = &self.streams[end];
        let (node, key) = (it.node, it.key);
        let bytes = u64::from(PIECE_HEADER_BYTES + block.length);
        let wire = self.transport.on_wire(bytes) + u64::from(it.surcharge);
        self.access[node as usize].up_bytes += wire;
        self.window.0 += u64::from(block.length);
        self.emit(end, message);
        while self
            .streams
            .front(end)
            .is_some_and(|it| !matches!(it, Message::Piece(_)))
        {
            let message = self.streams.pop(end).expect("just seen");
            self.emit(end, message);
        }
        let more = !self.streams.is_empty(end);
        if more {
            self.next_block(end);
        }
        self.feed(node, Input::Writable { peer: key });
        // The core may have handed over another block, or closed the connection.
        if !more && self.streams[end].flowing {
            if self.streams.is_empty(end) {
                self.stop_flow(end);
            } else {
                self.next_block(end);
            }
        }
    }

    fn next_block(&mut self, end: EndId) {
        let bytes = self.begin_block(end);
        self.links.extend(self.now, FlowId(end.0), bytes);
    }

    /// A message arrives.
    pub(super) fn on_arrival(&mut self, to: EndId, message: Message) {
        let it = &self.streams[to];
        let bytes = bytes_of(&message);
        if it.state != EndState::Open {
            self.checker.dropped += bytes;
            return;
        }
        self.checker.received += bytes;
        let (node, peer) = (it.node, it.key);
        if let Message::Piece(block) = message {
            let other = self.streams[to.other()].node;
            self.access[node as usize].down_bytes += self.transport.on_wire(bytes);
            self.count_headers(other, node, bytes);
            self.window.1 += u64::from(block.length);
            self.blocks += 1;
            self.note(Happening::Block { node, other, block });
        } else {
            self.owe_down(node, u32::try_from(bytes).expect("short"));
        }
        self.feed(node, Input::Message { peer, message });
    }

    /// A `have` arrives at a number of ends.
    pub(super) fn on_haves(&mut self, line: LineId, piece: PieceIndex, count: u32) {
        let index = line.index().expect("only lines carry these");
        for done in 0..count {
            if done % WARM_AHEAD == 0 {
                self.warm(index, piece, WARM_AHEAD.min(count - done));
            }
            let to = self.have_targets[index].pop_front();
            let to = to.expect("as many as were counted");
            self.on_arrival(to, Message::Have(piece));
        }
    }

    /// Looks at what the next few `have`s will touch. The receivers are strangers to each other and
    /// to the cache: one after the other each would wait for memory several times, all together
    /// they wait once.
    fn warm(&self, line: usize, piece: PieceIndex, count: u32) {
        let targets = self.have_targets[line].iter().take(count as usize);
        let seen = targets.fold(0_u32, |seen, to| {
            let end = &self.streams[*to];
            self.peers[end.node as usize].as_ref().map_or(seen, |peer| {
                let has = peer.torrent.peer_has(end.key, piece);
                let copies = peer.torrent.availability()[piece.0 as usize];
                seen + u32::from(copies) + u32::from(has)
            })
        });
        std::hint::black_box(seen);
    }

    /// Hands `input` to the core of `node`, if it is present, and carries out what that asks for.
    pub(super) fn feed(&mut self, node: u32, input: Input) {
        let Some(mut peer) = self.peers[node as usize].take() else {
            return;
        };
        self.inputs += 1;
        peer.torrent.handle_input(self.now, input);
        while let Some(output) = peer.torrent.poll_output() {
            self.apply(node, &mut peer, output);
        }
        let leaving = peer.leaving;
        self.peers[node as usize] = Some(peer);
        if leaving {
            self.leave(node);
        } else {
            self.arm(node);
        }
    }
}
