//! Timers: rechoke, snubs, keep-alives, silence, rate caps.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Asked` is no function of any lifetime, a closure is"
)]

use alloc::boxed::Box;
use core::time::Duration;

use super::conn::Delivery;
use super::interest::MOST_COSTLY;
use super::patience::{DOUBT, MOST_HALVINGS, span_millis};
use super::pending::Mark;
use super::{Bucket, Reason, Torrent};
use crate::choke::Trigger;
use crate::ids::PeerKey;
use crate::message::Message;
use crate::meter::Estimator;
use crate::time::Instant;

/// How often connections are checked. Snubs and keep-alives may be this much late, which is little
/// compared with their limits of a minute and more.
pub(super) const PERIOD: Duration = Duration::from_secs(10);

/// Most unanswered requests to remember, so that a late block is recognised.
const FORGET_ABOVE: usize = 2048;

impl Torrent {
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if now >= self.next_allowance {
            self.next_allowance = Instant::NEVER;
            self.schedule_uploads(now);
            self.fill_all(now);
        }
        if now >= self.next_upkeep {
            self.next_upkeep = now.after(PERIOD);
            self.keys().for_each(|peer| self.look_after(now, peer));
            self.end_slow_exclusivity(now);
            self.keep_for_the_fast(now);
            self.keys()
                .for_each(|peer| self.reveal_to_the_idle(now, peer));
            self.exchange_contacts(now);
            self.fill_all(now);
        }
        if now >= self.next_tick {
            self.touch_meters(now);
            self.trigger(now, Trigger::Tick(self.tick));
            self.tick += 1;
            let period = self
                .triggers
                .tick
                .expect("a policy with ticks has a period");
            // A late timer must not shift the rhythm, nor make up for missed rounds in a burst.
            let due = self.next_tick.after(period);
            self.next_tick = if due > now { due } else { now.after(period) };
            for traffic in self.traffic.iter_mut() {
                traffic.begin_round();
            }
        }
        self.note_deadline();
    }

    /// Changes the caps.
    pub(super) fn on_limit(&mut self, now: Instant, upload: Option<u64>, download: Option<u64>) {
        let change = |bucket: &mut Option<Box<Bucket>>, rate: Option<u64>| match (rate, bucket) {
            (Some(rate), Some(bucket)) => bucket.set_rate(rate, now),
            (rate, bucket) => *bucket = rate.map(|rate| Box::new(Bucket::new(rate, now))),
        };
        change(&mut self.upload, upload);
        change(&mut self.download, download);
        self.capped |= upload.is_some();
        // Uploads that waited for the old rate must be checked again.
        self.next_allowance = now;
        self.note_deadline();
    }

    /// Reads all meters once a round, because reading changes them: `Measure.get_rate` of
    /// BitTorrent 3.4.2 updates the rate that it returns.
    fn touch_meters(&mut self, now: Instant) {
        let estimator = self.estimator;
        if let Estimator::Mainline { .. } = estimator {
            for traffic in self.traffic.iter_mut() {
                traffic.down_meter.add(estimator, now, 0);
                traffic.up_meter.add(estimator, now, 0);
            }
        }
    }

    fn look_after(&mut self, now: Instant, peer: PeerKey) {
        let limits = self.config.limits;
        let Some(conn) = self.conn(peer) else { return };
        let (id, heard_at, sent_at) = (conn.traffic, conn.last_heard_at, conn.last_sent_at);
        if core::mem::take(&mut conn.costly) > MOST_COSTLY {
            self.trigger(now, Trigger::Interest(peer));
        }
        self.look_at_requests(now, peer);
        if let Some(traffic) = self.traffic.get_mut(id)
            && traffic.pending.len() > FORGET_ABOVE
        {
            self.asked(peer, |asked| asked.forget());
        }
        if self.conns[peer.0 as usize].agreed.web() {
            return; // A web seed is connected only while we request something.
        }
        if now - heard_at.max(self.remotes.last_have_at(peer)) > limits.idle {
            self.disconnect(peer, Reason::Idle);
        } else if now - sent_at.max(self.last_broadcast_at) > limits.keep_alive {
            self.send(now, peer, Message::KeepAlive);
        }
    }

    /// Gives up requests that will not be answered. Also if the peer chokes us: with BEP 6 it must
    /// reject requests that it will not answer, but it may fail to do so.
    fn look_at_requests(&mut self, now: Instant, peer: PeerKey) {
        let conn = &self.conns[peer.0 as usize];
        let (live, before) = (conn.live, conn.delivery);
        let stalled = before >= Delivery::Stalled;
        if live == 0 && !stalled {
            return;
        }
        let traffic = &self.traffic[conn.traffic];
        let (silence, latency) = (traffic.silence(now), traffic.latency);
        let after = if silence > span_millis(self.config.snub_after) {
            Delivery::Snubbed
        } else if silence > self.stall_after(latency) {
            Delivery::Stalled
        } else {
            before
        };
        if stalled {
            self.conns[peer.0 as usize].delivery = before.max(after);
        } else if after >= Delivery::Stalled {
            self.give_up_requests(peer, Mark::Overdue);
            let conn = &mut self.conns[peer.0 as usize];
            conn.delivery = after;
            conn.halvings = conn.halvings.saturating_add(1).min(MOST_HALVINGS);
        } else {
            self.asked(peer, |asked| {
                asked.expire(now);
                asked.recount_overdue();
            });
            let conn = &mut self.conns[peer.0 as usize];
            conn.halvings = conn.halvings.saturating_sub(u8::from(!conn.overdue));
            if silence > span_millis(DOUBT) {
                self.asked(peer, |asked| asked.become_unproven());
                self.end_exclusivity(peer);
            }
        }
    }
}
