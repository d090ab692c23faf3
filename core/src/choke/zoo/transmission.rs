//! `transmission`: what Transmission does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter, SECOND};
use crate::choke::parts::rank::{best_first, draw, rate};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
use crate::ids::PeerKey;
use crate::meter::{Estimator, millis};
use crate::rng::Rng;

/// Transmission (`libtransmission/peer-mgr.cc`, commit 85fc9d9). Every 10 s peers that only upload
/// are choked. The others are ranked by rate over the last 2 s; of equal peers unchoked ones come
/// first, then the order is random. All peers are unchoked down to the eighth interested one,
/// whether interested or not. While our upload is at its limit no further peer is unchoked. One
/// more interested peer, drawn at random, is unchoked for 50 s, outside the ranking. A seed ranks
/// by what it sends.
///
/// The client compares its upload with the limit that its user set. Here the capacity in the
/// snapshot is that limit; without one the upload is never at its limit. Not modelled: torrents
/// marked private, where the client ranks by both rates together.
#[derive(Clone, Debug)]
pub struct Transmission {
    slots: usize,
    tick: Duration,
    optimistic_ticks: u64,
    window: Duration,
    saturation_percent: u64,
    optimistic: Option<PeerKey>,
    /// Rechokes for which the optimistic unchoke still lasts.
    ticks_left: u64,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "transmission",
    summary: "Transmission: best eight by the rate of 2 s, one optimistic for 50 s, no new ones when full",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            8,
            0,
            "interested peers unchoked by rate; `upload_slots_per_torrent`",
        ),
        Parameter::tick(10),
        Parameter::new(
            "optimistic_ticks",
            5,
            1,
            "rechokes for which an optimistic unchoke lasts; replaced at the fifth later one",
        ),
        Parameter::new(
            "window_ns",
            2 * SECOND,
            1_000_000,
            "span over which rates are measured",
        ),
        Parameter::new(
            "saturation_percent",
            100,
            0,
            "share of the upload capacity from which nobody is newly unchoked; 0 for never",
        ),
    ],
    make: |values| {
        Box::new(Transmission {
            slots: values.count("slots"),
            tick: values.span("tick_ns"),
            optimistic_ticks: values.get("optimistic_ticks"),
            window: values.span("window_ns"),
            saturation_percent: values.get("saturation_percent"),
            optimistic: None,
            ticks_left: 0,
        })
    },
};

impl Transmission {
    fn is_saturated(&self, snapshot: &Snapshot<'_>) -> bool {
        let Some(capacity) = snapshot.upload_capacity else {
            return false;
        };
        let sent: u128 = snapshot.peers.iter().map(|it| u128::from(it.up_rate)).sum();
        let limit = u128::from(capacity) * u128::from(self.saturation_percent);
        self.saturation_percent > 0 && sent * 100 >= limit
    }

    /// Ends the optimistic unchoke if its time is over or its peer has left or is a seed now.
    fn age_optimistic(&mut self, snapshot: &Snapshot<'_>) {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        let here = |it: &PeerKey| snapshot.peer(*it).is_some_and(|view| !view.is_seed);
        self.optimistic = self.optimistic.filter(|it| self.ticks_left > 0 && here(it));
    }
}

impl ChokePolicy for Transmission {
    fn triggers(&self) -> Triggers {
        Triggers::on_tick(self.tick)
    }

    fn estimator(&self) -> Estimator {
        Estimator::Window {
            window_ms: millis(self.window),
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        if let Trigger::Disconnected(peer) = trigger {
            self.optimistic = self.optimistic.filter(|it| *it != peer);
        }
        let Trigger::Tick(_) = trigger else {
            return Decision::default();
        };
        self.age_optimistic(snapshot);
        let saturated = self.is_saturated(snapshot);
        let optimistic = self.optimistic;
        let takes_part = |it: &&PeerView| !it.is_seed && Some(it.peer) != optimistic;
        let mut salts = Vec::new();
        salts.resize_with(snapshot.peers.len(), || rng.next_u64());
        let salted = snapshot.peers.iter().zip(salts);
        let salted: Vec<(&PeerView, u64)> = salted.filter(|(it, _)| takes_part(it)).collect();
        let salt_of = |peer: &PeerView| {
            let at = salted.binary_search_by_key(&peer.peer, |(it, _)| it.peer);
            at.map_or(0, |at| salted[at].1)
        };
        let ranked = best_first(salted.iter().map(|(it, _)| *it), |it| {
            (rate(snapshot, it), !it.am_choking, salt_of(it))
        });
        let mut covered = 0;
        let mut ranked = ranked.into_iter();
        let mut unchoked = Vec::new();
        while covered < self.slots
            && let Some(peer) = ranked.next()
        {
            covered += usize::from(peer.peer_interested);
            if !saturated || !peer.am_choking {
                unchoked.push(peer.peer);
            }
        }
        if self.optimistic.is_none() && !saturated {
            let mut below: Vec<PeerKey> = ranked
                .filter(|it| it.peer_interested)
                .map(|it| it.peer)
                .collect();
            self.optimistic = draw(&mut below, rng);
            self.ticks_left = self.optimistic_ticks;
        }
        unchoked.extend(self.optimistic);
        Decision::exactly(unchoked)
    }
}
