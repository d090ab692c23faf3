//! Asks the choking policy and carries out its decisions.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::conn::{Conn, Delivery};
use super::traffic::TrafficId;
use super::{Bucket, Reason, Torrent};
use crate::choke::{Decision, PeerView, Scope, Slots, Snapshot, Trigger};
use crate::ids::PeerKey;
use crate::message::Message;
use crate::meter::Estimator;
use crate::time::Instant;

impl Torrent {
    pub(super) fn view(&self, now: Instant, peer: PeerKey, conn: &Conn) -> PeerView {
        let have_count = self.remotes.count(peer);
        let traffic = &self.traffic[conn.traffic];
        let next = traffic.queue.front(&self.config.geometry);
        let moment = |at: Instant| (at != Instant::NEVER).then_some(at);
        PeerView {
            peer,
            am_choking: conn.am_choking,
            am_interested: conn.am_interested,
            peer_choking: conn.peer_choking,
            peer_interested: conn.peer_interested,
            is_seed: self.is_seed(peer, conn),
            snubbed: conn.delivery == Delivery::Snubbed,
            connected_at: conn.connected_at,
            last_block_at: moment(traffic.last_block_at),
            unchoked_at: moment(conn.unchoked_at),
            down_rate: traffic.down_meter.rate(self.estimator, now),
            up_rate: traffic.up_meter.rate(self.estimator, now),
            down_bytes: traffic.down_bytes,
            up_bytes: traffic.up_bytes,
            down_bytes_round: u64::from(traffic.down_round),
            up_bytes_round: traffic.up_bytes - traffic.up_at_round,
            up_bytes_since_unchoke: traffic.up_bytes.saturating_sub(traffic.up_at_unchoke),
            queued_requests: u32::try_from(traffic.queue.len()).unwrap_or(u32::MAX),
            next_piece: next.map(|it| it.piece),
            unflushed_blocks: u32::from(conn.unflushed),
            have_count,
            have_messages: have_count.wrapping_sub(conn.had_before),
            wanted_count: self.remotes.wanted(peer, self.settled()),
        }
    }

    fn snapshot<'a>(&self, now: Instant, peers: &'a [PeerView]) -> Snapshot<'a> {
        Snapshot {
            now,
            am_seed: self.is_done(),
            upload_capacity: self.config.capacity(),
            upload_rate: self.upload_meter.rate(Estimator::EMA_10_S, now),
            piece_count: self.config.geometry.piece_count(),
            piece_bytes: self.config.geometry.piece_bytes(),
            total_bytes: self.config.geometry.total_bytes(),
            left_bytes: self.left_bytes(),
            peers,
        }
    }

    /// Asks the policy, if it asked to be called for this trigger.
    pub(super) fn trigger(&mut self, now: Instant, trigger: Trigger) {
        let (scope, peer) = match trigger {
            Trigger::Tick(_) => (Scope::All, None),
            Trigger::Interest(peer) => (self.triggers.interest, Some(peer)),
            Trigger::Connected(peer) => (self.triggers.connected, Some(peer)),
            Trigger::Disconnected(peer) => (self.triggers.disconnected, Some(peer)),
            Trigger::Block(peer) => (self.triggers.block, Some(peer)),
        };
        let decision = match scope {
            Scope::Never => return,
            Scope::Peer => {
                let conn = peer.map(|peer| (peer, &self.conns[peer.0 as usize]));
                let open = conn.filter(|(_, conn)| conn.open && !conn.closing);
                let one = open.map(|(peer, conn)| self.view(now, peer, conn));
                self.ask(now, trigger, one.as_slice())
            }
            Scope::Unchoked if peer.is_some_and(|peer| self.am_choking(peer)) => return,
            Scope::All | Scope::Unchoked => {
                let open = (0..)
                    .zip(&self.conns)
                    .filter(|(_, conn)| conn.open && !conn.closing && !conn.agreed.web());
                let mut all = Vec::with_capacity(self.open as usize);
                all.extend(open.map(|(key, conn)| self.view(now, PeerKey(key), conn)));
                self.ask(now, trigger, &all)
            }
        };
        self.obey(now, decision);
    }

    fn ask(&mut self, now: Instant, trigger: Trigger, peers: &[PeerView]) -> Decision {
        let snapshot = self.snapshot(now, peers);
        let decision = self.policy.decide(trigger, &snapshot, &mut self.choke_rng);
        if self.rounds.is_some() {
            self.note_round(trigger, &snapshot, &decision);
        }
        decision
    }

    pub(super) fn block_trigger(&mut self, now: Instant, peer: PeerKey) {
        if self.asked_on_blocks && !self.conns[peer.0 as usize].agreed.web() {
            self.trigger(now, Trigger::Block(peer));
        }
    }

    fn obey(&mut self, now: Instant, decision: Decision) {
        for (peer, cap) in decision.caps {
            self.capped = true;
            let Some(conn) = self.conn(peer) else {
                continue;
            };
            if cap.is_none() && conn.traffic == TrafficId::NONE {
                continue; // Keep the current state.
            }
            let traffic = self.traffic_mut(peer);
            match (cap, traffic.cap.as_mut()) {
                (Some(rate), Some(bucket)) => bucket.set_rate(rate, now),
                (cap, _) => traffic.cap = cap.map(|rate| Box::new(Bucket::new(rate, now))),
            }
        }
        for (peer, weight) in decision.weights {
            let conn = self.conn(peer);
            if conn.is_some_and(|it| weight != 1 || it.traffic != TrafficId::NONE) {
                self.traffic_mut(peer).weight = weight.max(1);
            }
        }
        match decision.slots {
            Slots::Keep => {}
            Slots::Unchoke(peer) => self.set_choking(now, peer, false),
            Slots::Choke(peer) => self.set_choking(now, peer, true),
            Slots::Exactly(mut unchoked) => {
                unchoked.sort_unstable();
                for peer in self.keys() {
                    self.set_choking(now, peer, unchoked.binary_search(&peer).is_err());
                }
            }
        }
        for peer in decision.disconnect {
            if !self.is_needed(peer) {
                self.disconnect(peer, Reason::Policy);
            }
        }
    }

    /// Whether `peer` is protected from a policy that drops slow peers: it is the only connected
    /// peer with some piece that we need, or it is idle because we ask it for nothing.
    pub(super) fn is_needed(&self, peer: PeerKey) -> bool {
        let Some(conn) = self.conns.get(peer.0 as usize) else {
            return false;
        };
        if !conn.open || !conn.am_interested {
            return false;
        }
        self.is_idle(peer) || self.lone_sources().contains(&peer)
    }

    pub(super) fn set_choking(&mut self, now: Instant, peer: PeerKey, choking: bool) {
        let grace = self.config.limits.queued_requests;
        let Some(conn) = self.conn(peer) else { return };
        if conn.am_choking == choking {
            return;
        }
        conn.am_choking = choking;
        if choking {
            // Requests that are on their way when we choke are not the peer's fault. There may be
            // as many of them as the peer may have queued.
            conn.invalid_requests = -i16::try_from(grace).unwrap_or(i16::MAX);
            self.send(now, peer, Message::Choke);
            self.refuse_queue(now, peer);
        } else {
            conn.unchoked_at = now;
            conn.invalid_requests = 0;
            let id = conn.traffic;
            if let Some(traffic) = self.traffic.get_mut(id) {
                traffic.up_at_unchoke = traffic.up_bytes;
            }
            self.send(now, peer, Message::Unchoke);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;

    use super::Torrent;
    use crate::choke::{self, Decision, Parameters};
    use crate::geometry::{BLOCK_BYTES, Geometry};
    use crate::ids::PeerKey;
    use crate::pick;
    use crate::rng::Streams;
    use crate::time::Instant;
    use crate::torrent::{Config, Input, PeerLink};

    /// A seed with one connection.
    fn seed() -> Torrent {
        let geometry = Geometry::new(u64::from(BLOCK_BYTES), BLOCK_BYTES).expect("one block");
        let config = Arc::new(Config::new(geometry));
        let everything = config.everything();
        let policy = choke::build("bep3", &Parameters::new()).expect("a policy");
        let picker = pick::build("rarest_first").expect("a picker");
        let now = Instant::START;
        let mut torrent = Torrent::new(config, everything, policy, picker, Streams::new(1), 0, now);
        let (peer, link) = (PEER, PeerLink::default());
        torrent.handle_input(now, Input::PeerConnected { peer, link });
        torrent
    }

    const PEER: PeerKey = PeerKey(0);

    fn rows_after(decision: Decision) -> usize {
        let mut torrent = seed();
        torrent.obey(Instant::START, decision);
        torrent.traffic.iter().count()
    }

    #[test]
    fn only_what_changes_something_takes_a_row() {
        let caps = |cap| Decision {
            caps: alloc::vec![(PEER, cap)],
            ..Decision::default()
        };
        let weights = |weight| Decision {
            weights: alloc::vec![(PEER, weight)],
            ..Decision::default()
        };
        assert_eq!(rows_after(caps(None)), 0);
        assert_eq!(rows_after(weights(1)), 0);
        assert_eq!(rows_after(caps(Some(1000))), 1);
        assert_eq!(rows_after(weights(2)), 1);
    }

    #[test]
    fn a_cap_is_lifted() {
        let mut torrent = seed();
        for cap in [Some(1000), None] {
            let decision = Decision {
                caps: alloc::vec![(PEER, cap)],
                ..Decision::default()
            };
            torrent.obey(Instant::START, decision);
            assert_eq!(torrent.traffic(PEER).cap.is_some(), cap.is_some());
        }
    }
}
