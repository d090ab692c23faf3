//! What reaches a shard: the decisions of the centre, and the events that only this engine has.

use unchoke_core::client::Input;
use unchoke_core::ids::PeerKey;

use super::mail::Notice;
use super::shard::Shard;
use crate::link::FlowId;
use crate::stream::EndId;
use crate::world::engine::{Engine as _, Knock};
use crate::world::tracker::Tracker;
use crate::world::{Event, World};

impl World<'_, Shard> {
    /// Takes in what the centre decided when the last window was over.
    pub(super) fn hear(&mut self, rates: &mut Vec<(FlowId, u64, u128)>, tracker: &Tracker) {
        for (flow, rate, credit) in rates.drain(..) {
            self.engine.held.impose(self.now, flow, rate, credit);
        }
        self.flows.free(&mut self.engine.freed);
        for ask in std::mem::take(&mut self.engine.asks) {
            let at = self.engine.at(ask.node);
            let Some(mut peer) = self.peers[at].take() else {
                continue;
            };
            let outcome = ask
                .answers
                .then(|| self.heard(ask.node, &mut peer, tracker));
            self.peers[at] = Some(peer);
            let tracker = ask.tracker;
            self.tell(ask.node, Input::Announced { tracker, outcome });
        }
    }

    /// Whether announces wait for answers.
    pub(super) fn has_asks(&self) -> bool {
        !self.engine.asks.is_empty()
    }

    pub(super) fn on_knock(&mut self, knock: Knock, number: u32) {
        let (dialler, node) = (knock.node, self.engine.present);
        let delay_ns = self.spec.delay_ns(dialler, node);
        let line = self.engine.line(delay_ns);
        let end = self.streams.open(dialler, node, delay_ns, line);
        self.transport.open(end);
        self.engine.set_remote(end, knock.from);
        let (dials, index) = (&mut self.engine.dials, end.index() / 2);
        dials.resize(dials.len().max(index + 1), 0);
        dials[index] = number;
        self.on_dial(end.other());
    }

    /// The node at the other side of `end` knows the connection under this key.
    pub(super) fn on_key(&mut self, end: EndId, key: PeerKey) {
        self.streams[end.other()].set_key(key);
        let (node, own) = (self.streams[end].node, self.streams[end].key());
        if let Some(peer) = self.peers[self.engine.at(node)].as_mut() {
            peer.met(own, end, key);
        }
    }

    pub(super) fn on_inflow(&mut self, begins: bool) {
        let at = self.engine.at(self.engine.present);
        if begins {
            self.access[at].begin_inflow();
        } else {
            self.access[at].end_inflow();
        }
    }

    pub(super) fn tell_inflow(&mut self, end: EndId, begins: bool) {
        self.post(end, Event::Own(Notice::Inflow { begins }));
    }
}
