//! The `have` messages. They are half of all messages, and each needs so little work that its cost
//! is memory access.
//!
//! `have`s to ends with the same delay share one event. At most receivers a `have` only changes a
//! count, and the core says on which connections that is so ([`Torrent::indifferent`]). Such
//! `have`s wait at the node (`access`). When the core needs another input, the waiting `have`s are
//! handed in first, each with its time of arrival. So most `have`s touch one cache line of their
//! receiver.
//!
//! [`Torrent::indifferent`]: unchoke_core::torrent::Torrent::indifferent

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::torrent::{Input, ManyTorrents as _};

use super::World;
use super::engine::Engine;
use crate::access::Target;
use crate::have_run::HaveRun;
use crate::node::Peer;
use crate::stream::{EndId, EndState, HAVE_BYTES};

impl<E: Engine> World<'_, E> {
    /// Sends a `have` for `piece` to every peer of `peer`.
    #[inline(never)]
    pub(super) fn broadcast(&mut self, node: u32, peer: &Peer, piece: PieceIndex) {
        let mut batch = None;
        let (mut handed, mut in_batches) = (0, 0);
        for (key, contact) in (0..).map(PeerKey).zip(&peer.contacts) {
            let Some(contact) = contact else { continue };
            handed += 1;
            if self.is_busy(node, key, contact.end) {
                self.streams.push_have(contact.end, piece);
                continue;
            }
            in_batches += u32::from(E::post_have(self, node, contact, piece, &mut batch));
        }
        self.engine.flush_haves(self.now, batch, piece);
        self.checker.handed += u64::from(HAVE_BYTES) * handed;
        self.owe_up_each(node, HAVE_BYTES, in_batches);
    }

    /// Whether something waits in the stream of `end`, which is connection `key` of `node`.
    fn is_busy(&self, node: u32, key: PeerKey, end: EndId) -> bool {
        let noted = self.access[self.engine.at(node)].is_busy(key);
        debug_assert!(noted.is_none_or(|it| it != self.streams.is_empty(end)));
        noted.unwrap_or_else(|| !self.streams.is_empty(end))
    }

    /// A `have` arrives at all these targets. At most of them it waits, which is done here at once; see
    /// [`Self::take_in`].
    pub(super) fn deliver(&mut self, targets: &[Target], piece: PieceIndex) {
        let (now, bytes) = (self.now, self.transport.alone_on_wire(HAVE_BYTES));
        for to in targets {
            let access = &mut self.access[self.engine.at(to.node)];
            if !access.may_wait(to.key) || !access.keep(now, to.key, piece) {
                self.on_have(to.end, piece);
                continue;
            }
            access.owe_down(bytes);
            self.inputs += 1;
            self.checker.received += u64::from(HAVE_BYTES);
        }
    }

    /// The `have`s of a run arrive at the end `to`.
    pub(super) fn on_have_run(&mut self, to: EndId, run: HaveRun) {
        run.iter().for_each(|piece| self.on_have(to, piece));
    }

    /// A `have` arrives at the end `to`.
    pub(super) fn on_have(&mut self, to: EndId, piece: PieceIndex) {
        if self.streams[to].state == EndState::Open {
            self.take_in(to, piece);
        } else {
            self.checker.dropped += u64::from(HAVE_BYTES);
        }
    }

    /// A `have` arrives at an open connection. It waits if it changes nothing but counts.
    fn take_in(&mut self, to: EndId, piece: PieceIndex) {
        let it = &self.streams[to];
        let (node, key) = (it.node, it.key());
        self.checker.received += u64::from(HAVE_BYTES);
        self.owe_down(node, HAVE_BYTES);
        let mut waits = self.only_counts(node, key, piece);
        if waits && !self.access[self.engine.at(node)].keep(self.now, key, piece) {
            self.make_room(node);
            let still = self.only_counts(node, key, piece);
            waits = still && self.access[self.engine.at(node)].keep(self.now, key, piece);
        }
        if waits {
            self.inputs += 1;
        } else {
            let message = Message::Have(piece);
            self.feed(to, Input::Message { peer: key, message });
        }
    }

    fn only_counts(&self, node: u32, key: PeerKey, piece: PieceIndex) -> bool {
        let access = &self.access[self.engine.at(node)];
        let core = || {
            let peer = self.peers[self.engine.at(node)].as_ref();
            let waiting = access.waiting_count();
            peer.is_some_and(|it| it.client.only_counts(key, piece, waiting))
        };
        access.indifferent.has(key) || core()
    }

    /// Hands the waiting `have`s to the core of `node`, before the core gets any other input.
    #[inline]
    pub(super) fn hand_over(&mut self, node: u32, peer: &mut Peer) {
        if self.access[self.engine.at(node)].waiting_count() > 0 {
            self.hand_over_some(node, peer);
        }
    }

    fn hand_over_some(&mut self, node: u32, peer: &mut Peer) {
        let access = &mut self.access[self.engine.at(node)];
        peer.client.count_deferred(access.waiting());
        access.hand_over();
        let silent = peer.client.poll_output().is_none();
        assert!(
            silent,
            "node {node} was not indifferent to a deferred `have`"
        );
    }

    /// Hands over the `have`s that wait at `node`, and nothing else.
    fn make_room(&mut self, node: u32) {
        if let Some(mut peer) = self.peers[self.engine.at(node)].take() {
            self.hand_over(node, &mut peer);
            self.access[self.engine.at(node)].indifferent = peer.client.indifferent();
            self.peers[self.engine.at(node)] = Some(peer);
        }
    }

    /// Hands over the waiting `have`s of all nodes.
    pub(super) fn hand_over_all(&mut self) {
        for at in 0..self.peers.len() {
            self.make_room(self.engine.node(at));
        }
    }
}
