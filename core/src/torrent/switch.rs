//! Replaces the choking policy while the torrent runs.

use alloc::vec::Vec;

use super::{Torrent, TrafficTable};
use crate::choke::{Chosen, Disclosure, Scope, Trigger, UploadOrder};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::time::Instant;

impl Torrent {
    /// Whether the policy can be replaced by this one while the torrent runs. A policy that hides
    /// pieces must start with the torrent: announced pieces cannot be taken back. And a torrent
    /// that hid pieces would have to announce them all at once.
    #[must_use]
    pub fn can_switch_to(&self, chosen: &Chosen) -> bool {
        !self.hides_pieces() && chosen.build().disclosure() == Disclosure::All
    }

    /// Replaces the policy. All present peers are reported to the new policy as new connections,
    /// and its first round is at once. Measured rates stay.
    pub(super) fn on_policy(&mut self, now: Instant, chosen: &Chosen) {
        if !self.can_switch_to(chosen) {
            return;
        }
        let policy = chosen.build();
        let estimator = policy.estimator();
        self.traffic.measure_by(self.estimator, estimator, now);
        self.estimator = estimator;
        self.triggers = policy.triggers();
        self.asked_on_blocks = self.triggers.block != Scope::Never;
        self.order = Self::order_of(&policy, self.is_done());
        self.ordered = self.order != UploadOrder::Independent;
        self.policy = policy;
        for traffic in self.traffic.iter_mut() {
            (traffic.cap, traffic.weight, traffic.pass) = (None, 1, 0);
        }
        self.tick = 0;
        self.next_tick = match self.triggers.tick {
            Some(_) => now,
            None => Instant::NEVER,
        };
        let standing = |it: &PeerKey| {
            let conn = &self.conns[it.0 as usize];
            conn.open && !conn.closing && !conn.agreed.web()
        };
        let peers: Vec<PeerKey> = self.keys().filter(standing).collect();
        for peer in peers {
            if self.ordered {
                self.traffic_id(peer); // With an upload order every peer has a row.
            }
            if self.triggers.tick.is_none() {
                // Choke everybody first: the new policy would never choke a peer it does not
                // consider.
                self.set_choking(now, peer, true);
            }
            self.trigger(now, Trigger::Connected(peer));
            if self.conns[peer.0 as usize].peer_interested {
                self.trigger(now, Trigger::Interest(peer));
            }
        }
        // Uploads may have waited for a cap or a turn that no longer exists.
        self.next_allowance = now;
        self.note_deadline();
    }
}

impl TrafficTable {
    /// From now on `to` measures the rates. The current rates, measured by `from`, are kept.
    fn measure_by(&mut self, from: Estimator, to: Estimator, now: Instant) {
        for traffic in self.iter_mut() {
            traffic.down_meter = traffic.down_meter.convert(from, to, now);
            traffic.up_meter = traffic.up_meter.convert(from, to, now);
        }
        self.begin_anew(to);
    }
}
