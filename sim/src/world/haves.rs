//! The `have` messages. They are half of all messages, and each needs so little work that its cost
//! is memory access.
//!
//! `have`s to ends with the same delay share one event. At most receivers a `have` only changes a
//! count, and the core says on which connections that is so ([`Torrent::indifferent`]). Such
//! `have`s wait in a small buffer per node, in cache lines of its own. When the core needs another
//! input, the waiting `have`s are handed in first, each with its time of arrival.
//!
//! [`Torrent::indifferent`]: unchoke_core::torrent::Torrent::indifferent

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Input, ManyTorrents as _, WAITING_HAVES};

use super::warm::AHEAD;
use super::{Event, World};
use crate::node::Peer;
use crate::queue::{LineId, give_back};
use crate::stream::{EndId, EndState};

/// Bytes of a `have` message. BEP 3: length, id, piece.
pub(super) const HAVE_BYTES: u32 = 9;

/// A `have` that has arrived but has not been handed to the core.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    at: Instant,
    piece: PieceIndex,
    peer: PeerKey,
}

/// The waiting `have`s of a node; two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Inbox([Waiting; WAITING_HAVES as usize]);

/// The waiting `have`s of all nodes. Each node has room for [`WAITING_HAVES`]; `Access::waiting`
/// counts the ones in use.
#[derive(Clone, Debug)]
pub(super) struct Inboxes {
    nodes: Vec<Inbox>,
}

impl Inboxes {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes: vec![Inbox::default(); nodes],
        }
    }

    /// The `have`s waiting at `node`: sender and piece.
    pub(super) fn waiting(
        &self,
        node: u32,
        waiting: u8,
    ) -> impl Iterator<Item = (PeerKey, PieceIndex)> {
        let places = self.nodes[node as usize].0.iter();
        places
            .take(usize::from(waiting))
            .map(|it| (it.peer, it.piece))
    }

    /// Reads the place that the next `have` at `node` will take, so that the processor loads it.
    pub(super) fn look_at(&self, node: u32, waiting: u8) -> u32 {
        let places = &self.nodes[node as usize].0;
        places[usize::from(waiting) % places.len()].piece.0
    }
}

impl World<'_> {
    /// Sends a `have` for `piece` to every peer of `peer`.
    #[inline(never)]
    pub(super) fn broadcast(&mut self, node: u32, peer: &Peer, piece: PieceIndex) {
        if self.looks_ahead {
            self.warm_ends(&peer.ends);
        }
        let mut last: Option<(LineId, u32)> = None;
        let (mut handed, mut in_line) = (0, 0);
        for end in peer.ends.iter().flatten() {
            handed += 1;
            if !self.streams.is_empty(*end) {
                self.streams.push(*end, Message::Have(piece));
                continue;
            }
            let line = self.streams[*end].line;
            let Some(index) = line.index() else {
                self.emit(*end, Message::Have(piece));
                continue;
            };
            in_line += 1;
            if self.have_targets.len() <= index {
                self.have_targets.resize_with(index + 1, Default::default);
            }
            self.have_targets[index].push_back(end.other());
            match &mut last {
                Some((before, count)) if *before == line => *count += 1,
                _ => {
                    self.flush_haves(last, piece);
                    last = Some((line, 1));
                }
            }
        }
        self.flush_haves(last, piece);
        self.checker.handed += u64::from(HAVE_BYTES) * handed;
        self.owe_up_each(node, HAVE_BYTES, in_line);
    }

    fn flush_haves(&mut self, batch: Option<(LineId, u32)>, piece: PieceIndex) {
        if let Some((line, count)) = batch {
            let event = Event::Haves { line, piece, count };
            self.queue.push_line(self.now, line, event);
        }
    }

    /// A `have` arrives at `count` ends.
    pub(super) fn on_haves(&mut self, line: LineId, piece: PieceIndex, count: u32) {
        let index = line.index().expect("only lines carry these");
        for done in 0..count {
            if self.looks_ahead && done % AHEAD == 0 {
                self.warm_haves(index, piece, AHEAD.min(count - done));
            }
            let to = self.have_targets[index].pop_front();
            self.on_have(to.expect("as many as were counted"), piece);
        }
        give_back(&mut self.have_targets[index]);
    }

    /// A `have` arrives at the end `to`.
    pub(super) fn on_have(&mut self, to: EndId, piece: PieceIndex) {
        let it = &self.streams[to];
        if it.state != EndState::Open {
            self.checker.dropped += u64::from(HAVE_BYTES);
            return;
        }
        self.checker.received += u64::from(HAVE_BYTES);
        let (node, peer) = (it.node, it.key());
        self.owe_down(node, HAVE_BYTES);
        if u32::from(self.access[node as usize].waiting) == WAITING_HAVES {
            self.make_room(node);
        }
        let access = &mut self.access[node as usize];
        let waits = access.may_wait(peer);
        let place = access.waiting as usize;
        if !waits || place == WAITING_HAVES as usize {
            let message = Message::Have(piece);
            return self.feed(node, Input::Message { peer, message });
        }
        access.waiting += 1;
        self.inputs += 1;
        let at = self.now;
        self.inboxes.nodes[node as usize].0[place] = Waiting { at, piece, peer };
    }

    /// Hands the waiting `have`s to the core of `node`, before the core gets any other input.
    #[inline]
    pub(super) fn hand_over(&mut self, node: u32, peer: &mut Peer) {
        if self.access[node as usize].waiting > 0 {
            self.hand_over_some(node, peer);
        }
    }

    fn hand_over_some(&mut self, node: u32, peer: &mut Peer) {
        let access = &mut self.access[node as usize];
        let count = std::mem::take(&mut access.waiting) as usize;
        let waiting = &self.inboxes.nodes[node as usize].0[..count];
        let haves = waiting.iter().map(|it| (it.at, it.peer, it.piece));
        peer.client.count_deferred(haves);
        let silent = peer.client.poll_output().is_none();
        assert!(
            silent,
            "node {node} was not indifferent to a deferred `have`"
        );
    }

    /// Hands over the `have`s that wait at `node`, and nothing else.
    fn make_room(&mut self, node: u32) {
        if let Some(mut peer) = self.peers[node as usize].take() {
            self.hand_over(node, &mut peer);
            self.access[node as usize].indifferent = peer.client.indifferent();
            self.peers[node as usize] = Some(peer);
        }
    }

    /// Hands over the waiting `have`s of all nodes.
    pub(super) fn hand_over_all(&mut self) {
        for node in 0..u32::try_from(self.peers.len()).expect("as many as in the spec") {
            self.make_room(node);
        }
    }
}
