//! Arrivals, announces, timers and departures.

use unchoke_core::client::announcer::Wishes;
use unchoke_core::client::{Heard, Input};
use unchoke_core::rng::Purpose;
use unchoke_core::time::Instant;
use unchoke_core::tracker;

use super::Event;
use super::World;
use crate::node::Peer;
use crate::result::Sample;
use crate::spec::Stay;
use crate::trace::Happening;

impl World<'_> {
    pub(super) fn on_arrive(&mut self, node: u32) {
        let spec = &self.spec.nodes[node as usize];
        let tracker_rng = self.randomness.stream(Purpose::Tracker, node);
        let mut peer = Box::new(Peer::new(self.client(node), tracker_rng));
        // Timers ring after all other events of an instant. So the client of this node starts, and asks the
        // tracker, when all nodes that arrive at the same instant are registered.
        self.arm(node, &mut peer);
        self.peers[node as usize] = Some(peer);
        self.nodes[node as usize].arrived_at = Some(self.now);
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
                self.queue.push_any(self.now.after(time), event);
            }
        }
        // Register now, not at the first announce: the peers of a flash crowd should learn of each
        // other.
        if self.tracker.answers(self.now) {
            self.tracker.join(node);
        }
        self.note(Happening::Join { node });
    }

    /// The timer of `node` rings.
    pub(super) fn on_timer(&mut self, node: u32) {
        self.timers.set(node, None);
        if let Some(peer) = self.peers[node as usize].as_mut() {
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
            self.timers.set(node, Some(deadline));
        }
    }

    /// The client of `node` announces. The tracker answers at once, or not at all during an outage.
    pub(super) fn announce(
        &mut self,
        node: u32,
        peer: &mut Peer,
        tracker: usize,
        event: Option<tracker::Event>,
    ) {
        if event == Some(tracker::Event::Stopped) {
            return self.tracker.leave(node);
        }
        let answers = self.tracker.answers(self.now);
        let outcome = answers.then(|| {
            self.tracker.join(node);
            let wanted = peer.client.peers_wanted();
            let peers = self.tracker.announce(node, wanted, &mut peer.tracker_rng);
            let wishes = Wishes {
                interval: Some(self.spec.tracker.interval),
                min_interval: None,
            };
            let peers = peers.into_iter().map(|it| self.address(it)).collect();
            Heard { wishes, peers }
        });
        self.replies
            .push_back(Input::Announced { tracker, outcome });
    }

    /// `node` has every piece.
    pub(super) fn complete(&mut self, node: u32, peer: &mut Peer) {
        self.nodes[node as usize].completed_at = Some(self.now);
        self.unfinished -= 1;
        self.leechers -= 1;
        self.seeds += 1;
        self.note(Happening::Complete { node });
        match self.spec.nodes[node as usize].stay {
            Stay::AtOnce => peer.leaving = true,
            Stay::For(time) => {
                self.queue
                    .push_any(self.now.after(time), Event::Leave { node });
            }
            Stay::Forever => {}
        }
    }

    /// The patience of `node` is over.
    pub(super) fn give_up(&mut self, node: u32) {
        let peer = self.peers[node as usize].as_ref();
        if peer.is_some_and(|it| !it.torrent().is_complete()) {
            self.leave(node);
        }
    }

    pub(super) fn leave(&mut self, node: u32) {
        self.tell(node, Input::Stop);
        self.cut_all(node);
        let Some(peer) = self.peers[node as usize].take() else {
            return;
        };
        let it = &mut self.nodes[node as usize];
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
        self.timers.set(node, None);
        self.tracker.leave(node);
        self.note(Happening::Leave { node });
        if let Some(follower) = self.followers.get(&node) {
            let event = Event::Arrive { node: *follower };
            self.queue.push_any(self.now, event);
        }
    }

    pub(super) fn on_sample(&mut self) {
        let every = self.spec.sample_every;
        let rate = |bytes: u64| {
            let scaled = u128::from(bytes) * 1_000_000_000 / every.as_nanos().max(1);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let (up, down) = std::mem::take(&mut self.window);
        self.series.push(Sample {
            at: self.now,
            leechers: self.leechers,
            seeds: self.seeds,
            down_rate: rate(down),
            up_rate: rate(up),
        });
        self.check_capacities();
        if !every.is_zero() {
            self.queue.push_any(self.now.after(every), Event::Sample);
        }
    }
}
