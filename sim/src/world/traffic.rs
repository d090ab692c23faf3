//! Sending and receiving messages.
//!
//! Blocks are flows. Control messages are small and many, and a flow for each would cost more than
//! all blocks. So they leave at once, but they still use capacity: while blocks occupy the uplink
//! of the sender (or the downlink of the receiver), the bytes of control messages become a debt of
//! that link, and the next block that begins on the link is longer by the debt. A link without
//! blocks has spare capacity and carries control messages for free. Blocks and control messages
//! together therefore never exceed a capacity, and the solver's invariant covers both.

use unchoke_core::client::{Input, Next};
use unchoke_core::geometry::{BLOCK_BYTES, BlockRun};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::torrent::{self, ManyTorrents as _};
use unchoke_core::wire::{PIECE_HEADER_BYTES, REQUEST_BYTES, wire_len};

use super::engine::Engine;
use super::{Event, World};
use crate::link::FlowId;
use crate::node::Peer;
use crate::places::Nodes;
use crate::stream::{EndId, EndState, HAVE_BYTES, Item};
use crate::trace::Happening;

impl<N> Event<N> {
    /// Whether this event is a batch of requests to `end` whose last block comes right before
    /// `next`; if so, adds `next` to it. Clients send requests in bursts for consecutive blocks;
    /// one event for a burst costs little more than one for a single request.
    fn goes_on_with(&mut self, end: EndId, next: BlockRun) -> bool {
        match self {
            Self::Requests { to, blocks } => *to == end && blocks.append(next),
            _ => false,
        }
    }
}

impl<E: Engine> World<'_, E> {
    /// `peer`, the node of `end`, sends a message.
    pub(super) fn send(&mut self, peer: &Peer, end: EndId, message: Message) {
        match message {
            Message::Piece(block) => return self.send_block(peer, end, block),
            Message::Request(block) => return self.send_requests(end, BlockRun::of(block)),
            Message::AllowedFast(piece) => self.note_grant(end, piece),
            Message::Choke => self.note_choke(end, true),
            Message::Unchoke => self.note_choke(end, false),
            _ => {}
        }
        self.send_item(end, Item::Message(message));
    }

    /// `peer`, the node of `end`, sends a block.
    fn send_block(&mut self, peer: &Peer, end: EndId, block: BlockRef) {
        let it = &self.streams[end];
        let (node, key, idle) = (it.node, it.key(), it.flow().is_none());
        let has = peer.torrent().have().has(block.piece);
        assert!(has, "node {node} serves piece {} and lacks it", block.piece);
        assert!(
            !it.choking || self.is_granted(end, block.piece),
            "node {node} serves a peer and chokes it"
        );
        let item = Item::Block(block);
        self.checker.handed += item.bytes();
        self.streams.push(end, item);
        self.access[self.engine.at(node)].set_busy(key, true);
        if idle {
            self.start_flow(end);
        }
    }

    /// The node of `end` requests these blocks.
    pub(super) fn send_requests(&mut self, end: EndId, blocks: BlockRun) {
        self.send_item(end, Item::Requests(blocks));
    }

    /// What is no block leaves at once, or waits behind the blocks in the stream.
    fn send_item(&mut self, end: EndId, item: Item) {
        self.checker.handed += item.bytes();
        if self.streams.is_empty(end) {
            self.emit(end, item);
        } else {
            self.streams.push(end, item);
        }
    }

    #[cold]
    fn note_grant(&mut self, end: EndId, piece: PieceIndex) {
        self.grants.entry(end).or_default().push(piece);
    }

    #[cold]
    fn note_choke(&mut self, end: EndId, choking: bool) {
        let (node, other) = (self.streams[end].node, self.streams[end.other()].node);
        self.streams[end].choking = choking;
        self.note(if choking {
            Happening::Choke { node, other }
        } else {
            Happening::Unchoke { node, other }
        });
    }

    fn is_granted(&self, end: EndId, piece: PieceIndex) -> bool {
        let grants = self.grants.get(&end);
        grants.is_some_and(|it| it.contains(&piece))
    }

    /// Something leaves: its last byte is on the wire.
    pub(super) fn emit(&mut self, end: EndId, item: Item) {
        let node = self.streams[end].node;
        match &item {
            Item::Block(_) => {}
            Item::Requests(blocks) => self.owe_up_each(node, REQUEST_BYTES, blocks.count),
            Item::Haves(run) => self.owe_up_each(node, HAVE_BYTES, run.count()),
            Item::Message(message) => self.owe_up(node, wire_len(message)),
        }
        let to = self.engine.there(end);
        let (mine, theirs) = (&self.streams[end], &self.streams[end.other()]);
        let event = match item {
            Item::Block(block) => Event::Block { to, block },
            Item::Requests(blocks) => {
                let last = self.engine.last_posted(self.now, mine, theirs);
                if last.is_some_and(|it| it.goes_on_with(to, blocks)) {
                    return;
                }
                Event::Requests { to, blocks }
            }
            Item::Haves(run) => Event::Haves { to, run },
            Item::Message(message) => Event::Message { to, message },
        };
        self.engine.post(self.now, mine, theirs, event);
    }

    /// Requests for these blocks arrive at an end: the same as [`Self::on_arrival`] of each in turn. But
    /// requests that only wait in the queue of the core are not inputs of their own.
    pub(super) fn on_requests(&mut self, to: EndId, run: BlockRun) {
        let it = &self.streams[to];
        let (node, key, piece) = (it.node, it.key(), run.first.piece);
        let first = run.first.begin / BLOCK_BYTES;
        let mut blocks = first..first + run.count;
        while !blocks.is_empty() {
            // An answer to the one before may have closed the connection.
            if self.streams[to].state != EndState::Open {
                self.checker.dropped += u64::from(REQUEST_BYTES * (blocks.end - blocks.start));
                return;
            }
            let Some(peer) = self.peers[self.engine.at(node)].as_mut() else {
                return;
            };
            let client = &mut peer.client;
            let queued = client.queue_requests(self.now, key, piece, blocks.clone());
            self.inputs += u64::from(queued);
            self.take_in_requests(node, queued);
            blocks.start += queued;
            if let Some(index) = blocks.next() {
                self.take_in_requests(node, 1);
                let message = Message::Request(self.spec.geometry.block(piece, index));
                self.feed(to, torrent::Input::Message { peer: key, message });
            }
        }
    }

    /// Counts `count` requests that arrive at `node`.
    fn take_in_requests(&mut self, node: u32, count: u32) {
        self.checker.received += u64::from(REQUEST_BYTES * count);
        let bytes = self.transport.alone_on_wire(REQUEST_BYTES);
        self.access[self.engine.at(node)].owe_down(bytes * count);
    }

    /// A message of `bytes` leaves `node` in a packet of its own.
    pub(super) fn owe_up(&mut self, node: u32, bytes: u32) {
        self.owe_up_each(node, bytes, 1);
    }

    /// `count` messages of `bytes` each leave `node`, each in a packet of its own.
    pub(super) fn owe_up_each(&mut self, node: u32, bytes: u32, count: u32) {
        self.transport.count_packets(self.engine.at(node), count);
        let bytes = self.transport.alone_on_wire(bytes);
        self.access[self.engine.at(node)].owe_up(bytes * count);
    }

    /// A message of `bytes` arrives at `node` in a packet of its own.
    pub(super) fn owe_down(&mut self, node: u32, bytes: u32) {
        let bytes = self.transport.alone_on_wire(bytes);
        self.access[self.engine.at(node)].owe_down(bytes);
    }

    /// The first block of a stream has left.
    pub(super) fn on_block_left(&mut self, flow: FlowId) {
        let (end, surcharge) = self.flows.of(flow);
        let Some(Item::Block(block)) = self.streams.pop(end) else {
            unreachable!("a block was on its way");
        };
        let it = &self.streams[end];
        let (node, key) = (it.node, it.key());
        let bytes = u64::from(PIECE_HEADER_BYTES + block.length);
        let wire = self.transport.on_wire(bytes) + u64::from(surcharge);
        self.access[self.engine.at(node)].up_bytes += wire;
        self.payload.0 += u64::from(block.length);
        if E::IS_SPLIT {
            self.count_headers_sent(node, bytes);
        }
        self.emit(end, Item::Block(block));
        while self.streams.front(end).is_some_and(|it| !it.is_block()) {
            let item = self.streams.pop(end).expect("just seen");
            self.emit(end, item);
        }
        let more = !self.streams.is_empty(end);
        if more {
            self.next_block(end, flow);
        } else {
            self.access[self.engine.at(node)].set_busy(key, false);
        }
        self.grant(end);
        // The core may have sent another block in between, or closed the connection.
        if !more && self.streams[end].flow().is_some() {
            if self.streams.is_empty(end) {
                self.stop_flow(end, flow);
            } else {
                self.next_block(end, flow);
            }
        }
    }

    /// The stream of `end` can take one more block. Usually a block leaves and nothing else happens.
    fn grant(&mut self, end: EndId) {
        let it = &self.streams[end];
        let (node, key) = (it.node, it.key());
        let Some(mut peer) = self.peers[self.engine.at(node)].take() else {
            return;
        };
        let block = peer.client.hand_out(self.now, key);
        if let Some(block) = block {
            self.inputs += 1;
            self.send_block(&peer, end, block);
        }
        self.peers[self.engine.at(node)] = Some(peer);
        if block.is_none() {
            self.feed(end, torrent::Input::Writable { peer: key });
        }
    }

    /// A block arrives.
    pub(super) fn on_block(&mut self, to: EndId, block: BlockRef) {
        let it = &self.streams[to];
        let bytes = u64::from(PIECE_HEADER_BYTES + block.length);
        if it.state != EndState::Open {
            self.checker.dropped += bytes;
            return;
        }
        self.checker.received += bytes;
        let (node, peer, other) = (it.node, it.key(), self.streams[to.other()].node);
        self.access[self.engine.at(node)].down_bytes += self.transport.on_wire(bytes);
        if !E::IS_SPLIT {
            self.count_headers_sent(other, bytes);
        }
        self.count_acks_sent(node, bytes);
        E::on_block_came(self, to);
        self.payload.1 += u64::from(block.length);
        self.blocks += 1;
        self.note(Happening::Block { node, other, block });
        let message = Message::Piece(block);
        self.feed(to, torrent::Input::Message { peer, message });
    }

    /// Another message arrives.
    pub(super) fn on_arrival(&mut self, to: EndId, message: Message) {
        if let Message::Have(piece) = message {
            return self.on_have(to, piece);
        }
        let it = &self.streams[to];
        let bytes = wire_len(&message);
        if it.state != EndState::Open {
            self.checker.dropped += u64::from(bytes);
            return;
        }
        self.checker.received += u64::from(bytes);
        let (node, peer) = (it.node, it.key());
        self.owe_down(node, bytes);
        self.feed(to, torrent::Input::Message { peer, message });
    }

    /// Hands an input that comes over the open end `to` to its client, if the node is present.
    pub(super) fn feed(&mut self, to: EndId, input: torrent::Input) {
        let it = &self.streams[to];
        let (node, key) = (it.node, it.key());
        let Some(mut peer) = self.lend(node) else {
            return;
        };
        self.inputs += 1;
        self.asking = Some((key, to));
        peer.client.pass_on(self.now, input);
        self.carry_out(node, &mut peer);
        self.asking = None;
        self.take_back(node, peer);
    }

    /// The end of `peer` under `key`. Most outputs are about the connection over which the input came.
    pub(super) fn end_of(&self, peer: &Peer, key: PeerKey) -> EndId {
        match self.asking {
            Some((asking, end)) if asking == key => end,
            _ => peer.end(key),
        }
    }

    /// Hands an input to the client of `node`, if the node is present.
    pub(super) fn tell(&mut self, node: u32, input: Input<Nodes>) {
        let Some(mut peer) = self.lend(node) else {
            return;
        };
        self.inputs += 1;
        peer.client.handle_input(self.now, input);
        self.carry_out(node, &mut peer);
        self.take_back(node, peer);
    }

    /// Takes the peer of `node` out of its place, if the node is present: ready for inputs.
    #[expect(clippy::inline_always, reason = "once for each input")]
    #[inline(always)]
    fn lend(&mut self, node: u32) -> Option<Box<Peer>> {
        let mut peer = self.peers[self.engine.at(node)].take()?;
        self.hand_over(node, &mut peer);
        peer.client.swap_outputs(&mut self.outputs);
        Some(peer)
    }

    /// Puts a lent peer back into its place, and sets its timer.
    #[expect(clippy::inline_always, reason = "once for each input")]
    #[inline(always)]
    fn take_back(&mut self, node: u32, mut peer: Box<Peer>) {
        peer.client.swap_outputs(&mut self.outputs);
        self.access[self.engine.at(node)].indifferent = peer.client.indifferent();
        let leaves = std::mem::take(&mut peer.leaving);
        if !leaves {
            self.arm(node, &mut peer);
        }
        self.peers[self.engine.at(node)] = Some(peer);
        if leaves {
            self.leave(node);
        }
    }

    /// Carries out the outputs of the client of `node`, and hands in the inputs that result. Kept small:
    /// rare outputs are carried out by functions that are not inlined.
    fn carry_out(&mut self, node: u32, peer: &mut Peer) {
        loop {
            while let Some((key, blocks)) = peer.client.poll_requests() {
                self.send_requests(self.end_of(peer, key), blocks);
            }
            match peer.client.poll_next() {
                Some(Next::Torrent(output)) => self.apply(node, peer, output),
                Some(Next::Own(output)) => self.apply_own(node, peer, &output),
                None => {
                    let Some(reply) = self.replies.pop_front() else {
                        return;
                    };
                    self.inputs += 1;
                    peer.client.handle_input(self.now, reply);
                }
            }
        }
    }
}
