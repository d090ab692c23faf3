//! Arrivals, announces, timers and departures.

use unchoke_core::client::announcer::Wishes;
use unchoke_core::client::{Heard, Input};
use unchoke_core::rng::Purpose;
use unchoke_core::time::Instant;
use unchoke_core::tracker::Event as Announce;

use super::engine::Engine;
use super::tracker::Tracker;
use super::{Event, World};
use crate::node::Peer;
use crate::places::Nodes;
use crate::result::Count;
use crate::spec::Stay;
use crate::trace::Happening;

impl<E: Engine> World<'_, E> {
    pub(super) fn on_arrive(&mut self, node: u32) {
        let spec = &self.spec.nodes[node as usize];
        let tracker_rng = self.randomness.stream(Purpose::Tracker, node);
        let mut peer = Box::new(Peer::new(self.client(node), tracker_rng));
        // Timers ring after all other events of an instant. So the client of this node starts, and asks the
        // tracker, when all nodes that arrive at the same instant are registered.
        self.arm(node, &mut peer);
        self.peers[self.engine.at(node)] = Some(peer);
        self.nodes[self.engine.at(node)].arrived_at = Some(self.now);
        if spec.origin {
            self.seeds += 1;
        } else {
            self.leechers += 1;
        }
        for (limit, event) in [
            (spec.patience, Event::GiveUp { node }),
            (spec.session, Event::Leave { node }),
        ] {
            if let Some(time) = limit.filter(|_| !spec.origin) {
                self.engine.plan(self.now.after(time), node, event);
            }
        }
        // Register now, not at the first announce: the peers of a flash crowd should learn of each
        // other.
        self.register(node);
        self.note(Happening::Join { node });
    }

    /// The timer of `node` rings.
    pub(super) fn on_timer(&mut self, node: u32) {
        self.set_timer(node, None);
        if let Some(peer) = self.peers[self.engine.at(node)].as_mut() {
            peer.armed = Instant::NEVER;
            self.tell(node, Input::Timeout);
        }
    }

    /// Makes the timer of `node` ring at the deadline of its client at the latest. `peer` is that node.
    #[inline]
    pub(super) fn arm(&mut self, node: u32, peer: &mut Peer) {
        let deadline = peer.client.poll_timeout().unwrap_or(Instant::NEVER);
        if deadline < peer.armed {
            peer.armed = deadline;
            self.set_timer(node, Some(deadline));
        }
    }

    /// Sets or clears the timer of `node`.
    fn set_timer(&mut self, node: u32, at: Option<Instant>) {
        let place = self.engine.at(node);
        self.timers
            .set(place.try_into().expect("no more than nodes"), at);
    }

    /// The tracker learns of `node`, unless it is out of order. Returns whether it answers.
    fn register(&mut self, node: u32) -> bool {
        let answers = self.spec.tracker.answers(self.now);
        if answers {
            self.engine.register(node);
        }
        answers
    }

    /// The client of `node`, which is `peer`, announces to the tracker of this number.
    pub(super) fn announce(
        &mut self,
        node: u32,
        peer: &mut Peer,
        tracker: usize,
        event: Option<Announce>,
    ) {
        if event == Some(Announce::Stopped) {
            return self.engine.unregister(node);
        }
        let answers = self.register(node);
        E::ask(self, node, peer, tracker, answers);
    }

    /// What the client of `node`, which is `peer`, hears from a tracker that knows the node.
    pub(super) fn heard(&self, node: u32, peer: &mut Peer, tracker: &Tracker) -> Heard<Nodes> {
        let wanted = peer.client.peers_wanted();
        let peers = tracker.announce(node, wanted, &mut peer.tracker_rng);
        let wishes = Wishes {
            interval: Some(self.spec.tracker.interval),
            min_interval: None,
        };
        let peers = peers.into_iter().map(|it| self.address(it)).collect();
        Heard { wishes, peers }
    }

    /// `node` has every piece.
    pub(super) fn complete(&mut self, node: u32, peer: &mut Peer) {
        self.nodes[self.engine.at(node)].completed_at = Some(self.now);
        self.unfinished -= 1;
        self.leechers -= 1;
        self.seeds += 1;
        self.note(Happening::Complete { node });
        match self.spec.nodes[node as usize].stay {
            Stay::AtOnce => peer.leaving = true,
            Stay::For(time) => {
                let at = self.now.after(time);
                self.engine.plan(at, node, Event::Leave { node });
            }
            Stay::Forever => {}
        }
    }

    /// The patience of `node` is over.
    pub(super) fn give_up(&mut self, node: u32) {
        let peer = self.peers[self.engine.at(node)].as_ref();
        if peer.is_some_and(|it| !it.torrent().is_complete()) {
            self.leave(node);
        }
    }

    pub(super) fn leave(&mut self, node: u32) {
        self.tell(node, Input::Stop);
        self.cut_all(node);
        let Some(peer) = self.peers[self.engine.at(node)].take() else {
            return;
        };
        let it = &mut self.nodes[self.engine.at(node)];
        it.left_at = Some(self.now);
        it.final_ledger = *peer.torrent().ledger();
        it.final_pieces = peer.torrent().have_count();
        if peer.torrent().is_complete() {
            self.seeds -= 1;
        } else {
            // It leaves incomplete, so the run no longer waits for it.
            self.leechers -= 1;
            self.unfinished -= 1;
        }
        self.set_timer(node, None);
        self.engine.unregister(node);
        self.note(Happening::Leave { node });
        self.engine.vacate(self.now, node);
    }

    /// What has happened since the last point of the time series, and who is present.
    pub(super) fn count(&mut self) -> Count {
        self.check_capacities();
        let (up, down) = std::mem::take(&mut self.payload);
        Count {
            leechers: self.leechers,
            seeds: self.seeds,
            up,
            down,
        }
    }
}
