//! Arrival, announces, timers, departure.

use std::time::Duration;

use unchoke_core::connector::{Connector, Limits};
use unchoke_core::rng::Purpose;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Input;

use super::{CONNECTIONS_FORESEEN, Event, World, turnover};
use crate::node::Peer;
use crate::result::Sample;
use crate::spec::Stay;
use crate::trace::Happening;

/// A tracker that did not answer is asked again after so long: what the announces of the core
/// (`tracker::Announcer`) come to at their second failure.
const RETRY: Duration = Duration::from_secs(55);

impl World<'_> {
    pub(super) fn on_arrive(&mut self, node: u32) {
        let spec = &self.spec.nodes[node as usize];
        let around = self.spec.clients[usize::from(spec.client)].around();
        let connections = around.connections;
        let tracker_rng = self.randomness.stream(Purpose::Tracker, node);
        let mut peer = Peer::new(
            self.torrent(node),
            Connector::new(Limits::new(connections)),
            tracker_rng,
            connections.min(CONNECTIONS_FORESEEN),
        );
        peer.enough = around.enough;
        peer.initiate = around.initiate;
        // At a phase of its own, or a flash crowd would exchange connections all at once.
        let interval_ns = u64::try_from(turnover::INTERVAL.as_nanos()).expect("minutes");
        let phase = Duration::from_nanos(peer.tracker_rng.below(interval_ns));
        peer.next_turnover = self.now.after(turnover::INTERVAL).after(phase);
        self.peers[node as usize] = Some(Box::new(peer));
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
        // Here and not as it announces, so that a flash crowd sees itself.
        if self.tracker.answers(self.now) {
            self.tracker.join(node);
        }
        self.note(Happening::Join { node });
        // After all others that arrive at this instant, so that a flash crowd sees itself.
        self.queue.push_any(self.now, Event::Announce { node });
    }

    /// The core or the connector of `node` has something to do by itself.
    pub(super) fn on_timer(&mut self, node: u32) {
        self.timers.set(node, None);
        let Some(peer) = self.peers[node as usize].as_mut() else {
            return;
        };
        peer.armed = Instant::NEVER;
        let now = self.now;
        let short = now >= peer.may_announce && peer.connector.connections() < peer.enough;
        let dial = now >= peer.next_dial;
        let turn_over = now >= peer.next_turnover;
        let tick = peer.torrent.poll_timeout().is_some_and(|it| now >= it);
        if short || now >= peer.must_announce {
            self.on_announce(node);
        } else if dial {
            self.dial(node);
        }
        if turn_over {
            self.turn_over(node);
        }
        if tick {
            self.feed(node, Input::Timeout);
        }
        self.arm(node);
    }

    /// Sees to it that the timer of `node` rings at its deadline at the latest.
    pub(super) fn arm(&mut self, node: u32) {
        if let Some(peer) = self.peers[node as usize].as_mut() {
            let deadline = peer.deadline();
            if deadline < peer.armed {
                peer.armed = deadline;
                self.timers.set(node, Some(deadline));
            }
        }
    }

    pub(super) fn on_announce(&mut self, node: u32) {
        let now = self.now;
        let interval = self.spec.tracker.interval;
        let client = usize::from(self.spec.nodes[node as usize].client);
        let short = self.spec.clients[client].rerequest_interval;
        let Some(peer) = self.peers[node as usize].as_mut() else {
            return;
        };
        if self.tracker.answers(now) {
            self.tracker.join(node);
            for other in self.tracker.announce(node, &mut peer.tracker_rng) {
                peer.connector.add(other);
            }
            peer.may_announce = now.after(short.min(interval));
            peer.must_announce = now.after(interval);
        } else {
            peer.may_announce = now.after(RETRY);
            peer.must_announce = now.after(RETRY);
        }
        self.dial(node);
        self.arm(node);
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

    /// `node` has waited for its download for long enough.
    pub(super) fn give_up(&mut self, node: u32) {
        let peer = self.peers[node as usize].as_ref();
        if peer.is_some_and(|it| !it.torrent.is_complete()) {
            self.leave(node);
        }
    }

    pub(super) fn leave(&mut self, node: u32) {
        let Some(mut peer) = self.peers[node as usize].take() else {
            return;
        };
        self.hand_over(node, &mut peer);
        for end in std::mem::take(&mut peer.ends).into_iter().flatten() {
            self.close(&mut peer.torrent, end);
        }
        let it = &mut self.nodes[node as usize];
        it.left_at = Some(self.now);
        it.final_ledger = *peer.torrent.ledger();
        it.final_pieces = peer.torrent.have_count();
        if peer.torrent.is_complete() {
            self.seeds -= 1;
        } else {
            // It aborted: nobody waits for it any more.
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
