//! Another policy in place of the one that runs.

use alloc::vec::Vec;

use super::{Torrent, TrafficTable};
use crate::choke::{Chosen, Disclosure, Trigger, UploadOrder};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::time::Instant;

impl Torrent {
    /// Whether the policy can be exchanged for this one while the torrent runs. What hides pieces has
    /// to begin with the torrent: what peers were told cannot be taken back, and what they were not
    /// told would have to be told all at once.
    #[must_use]
    pub fn can_switch_to(&self, chosen: &Chosen) -> bool {
        !self.hides_pieces() && chosen.build().disclosure() == Disclosure::All
    }

    /// The policy is this one from now on. It is told of everybody as if they had just come, and has
    /// its first round at once; rates go on as they are.
    pub(super) fn on_policy(&mut self, now: Instant, chosen: &Chosen) {
        if !self.can_switch_to(chosen) {
            return;
        }
        let policy = chosen.build();
        let estimator = policy.estimator();
        self.traffic.measure_by(self.estimator, estimator, now);
        self.estimator = estimator;
        self.triggers = policy.triggers();
        self.order = Self::order_of(&policy, self.is_done());
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
            if self.order != UploadOrder::Independent {
                self.traffic_id(peer); // Where it stands among all is kept from the start.
            }
            if self.triggers.tick.is_none() {
                // Nothing else would ever choke whom this policy does not mean.
                self.set_choking(now, peer, true);
            }
            self.trigger(now, Trigger::Connected(peer));
            if self.conns[peer.0 as usize].peer_interested {
                self.trigger(now, Trigger::Interest(peer));
            }
        }
        // What waited for a cap or a turn that are no more.
        self.next_allowance = now;
    }
}

impl TrafficTable {
    /// Rates are measured by `to` from now on, and are what they were by `from`.
    fn measure_by(&mut self, from: Estimator, to: Estimator, now: Instant) {
        for traffic in self.iter_mut() {
            traffic.down_meter = traffic.down_meter.convert(from, to, now);
            traffic.up_meter = traffic.up_meter.convert(from, to, now);
        }
        self.begin_anew(to);
    }
}
