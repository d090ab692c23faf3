//! One number of each run. The unit of the statistics is the run, not the peer.

use serde::Deserialize;
use unchoke_core::time::Instant;
use unchoke_sim::result::{NodeResult, RunResult};
use unchoke_sim::spec::{NodeSpec, SwarmSpec};

use super::contacts::Contacts;
use super::formula::mundinger;
use crate::stats::fairness::spearman;
use crate::stats::moments::{mean, standard_deviation};

/// What makes one number of a run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Which number.
    pub of: Quantity,
    /// Only peers of this class.
    pub class: Option<String>,
    /// The class that `class` is compared with, for ratios of classes.
    pub over: Option<String>,
    /// Only peers that arrive, or only the time, from so many seconds on.
    #[serde(default)]
    pub from_s: f64,
    /// And until so many seconds.
    pub until_s: Option<f64>,
}

/// A number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Bound of Kumar and Ross over the time until the last completion. At most 1 by theorem.
    KumarRossEfficiency,
    /// Optimum of Mundinger, Weber and Weiss over the time until the last completion.
    MundingerEfficiency,
    /// Mean download time, s. A peer that did not complete makes it not a number.
    DownloadTime,
    /// Mean download time of `class` over that of the class `over`.
    DownloadTimeRatio,
    /// Payload that leechers sent over what their uplinks could have carried while they were there.
    Utilisation,
    /// Rank correlation of uplink and (sent over received payload), over the peers.
    CapacityAndShare,
    /// Share of its unchoke time that `class` gives to itself, over the share of the time that it
    /// is connected to itself: 1 for unchoking at random. Legout et al. 2007.
    Clustering,
    /// Coefficient of variation, over the peers, of the time for which the origins unchoked them.
    ServiceVariation,
    /// Growth of the number of leechers, per arrival: slope over the time from `from_s` on.
    Growth,
}

/// A run with what its event log told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) spec: &'a SwarmSpec,
    pub(crate) result: &'a RunResult,
    /// `None` if no measure [`Measure::needs_contacts`].
    pub(crate) contacts: Option<&'a Contacts>,
}

fn seconds(at: Instant) -> f64 {
    (at - Instant::START).as_secs_f64()
}

impl Measure {
    /// It is about who served whom: the event log must be listened to.
    #[must_use]
    pub fn needs_contacts(&self) -> bool {
        matches!(self.of, Quantity::Clustering | Quantity::ServiceVariation)
    }

    /// The number of this run; not a number where the run does not have it.
    pub(crate) fn of(&self, seen: Seen<'_>) -> f64 {
        match self.of {
            Quantity::KumarRossEfficiency => {
                let bound = seen
                    .result
                    .bound
                    .map_or(f64::NAN, |it| it.time().as_secs_f64());
                bound / seen.last_completion()
            }
            Quantity::MundingerEfficiency => seen.mundinger() / seen.last_completion(),
            Quantity::DownloadTime => self.download_time(seen, self.class.as_deref()),
            Quantity::DownloadTimeRatio => {
                let of = |class: &Option<String>| self.download_time(seen, class.as_deref());
                of(&self.class) / of(&self.over)
            }
            Quantity::Utilisation => self.utilisation(seen),
            Quantity::CapacityAndShare => self.capacity_and_share(seen),
            Quantity::Clustering => self.clustering(seen),
            Quantity::ServiceVariation => self.service_variation(seen),
            Quantity::Growth => self.growth(seen),
        }
    }

    /// The leechers it is about, with what became of them.
    fn peers<'a>(
        &'a self,
        seen: Seen<'a>,
        class: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a NodeSpec, &'a NodeResult)> {
        let until = self.until_s.unwrap_or(f64::INFINITY);
        let nodes = seen.spec.nodes.iter().zip(&seen.result.nodes);
        nodes.filter(move |(spec, _)| {
            let at = seconds(spec.arrives_at);
            let listed = &seen.spec.classes[usize::from(spec.class)];
            !spec.origin
                && (self.from_s..=until).contains(&at)
                && class.is_none_or(|it| it == listed)
        })
    }

    fn download_time(&self, seen: Seen<'_>, class: Option<&str>) -> f64 {
        let times = self.peers(seen, class).map(|(_, it)| {
            let time = it.download_time();
            time.map_or(f64::NAN, |it| it.as_secs_f64())
        });
        mean(&times.collect::<Vec<f64>>())
    }

    fn utilisation(&self, seen: Seen<'_>) -> f64 {
        let (mut sent, mut possible) = (0.0, 0.0);
        for (spec, it) in self.peers(seen, self.class.as_deref()) {
            let Some(arrived_at) = it.arrived_at else {
                continue;
            };
            let end = it.left_at.unwrap_or(seen.result.ended_at);
            sent += it.ledger.payload_sent as f64;
            possible += (end - arrived_at).as_secs_f64() * spec.up as f64;
        }
        sent / possible
    }

    fn capacity_and_share(&self, seen: Seen<'_>) -> f64 {
        let peers = self
            .peers(seen, self.class.as_deref())
            .filter_map(|(spec, it)| {
                let received = it.ledger.payload_useful;
                let share = it.ledger.payload_sent as f64 / received as f64;
                (received > 0).then_some((spec.up as f64, share))
            });
        let (capacities, shares): (Vec<f64>, Vec<f64>) = peers.unzip();
        spearman(&capacities, &shares)
    }

    fn clustering(&self, seen: Seen<'_>) -> f64 {
        let (Some(contacts), Some(class)) = (seen.contacts, self.class.as_deref()) else {
            return f64::NAN;
        };
        let (mut unchoked, mut connected) = ([0.0; 2], [0.0; 2]);
        for (_, from) in self.peers(seen, Some(class)) {
            for (_, to) in self.peers(seen, None) {
                let own = usize::from(from.class == to.class);
                unchoked[own] += contacts.unchoked(from.node, to.node);
                connected[own] += contacts.connected(from.node, to.node);
            }
        }
        let share = |times: [f64; 2]| times[1] / (times[0] + times[1]);
        share(unchoked) / share(connected)
    }

    fn service_variation(&self, seen: Seen<'_>) -> f64 {
        let Some(contacts) = seen.contacts else {
            return f64::NAN;
        };
        let origins = || seen.result.nodes.iter().filter(|it| it.origin);
        let served = self.peers(seen, self.class.as_deref()).map(|(_, it)| {
            let times = origins().map(|origin| contacts.unchoked(origin.node, it.node));
            times.sum::<f64>()
        });
        let served: Vec<f64> = served.collect();
        standard_deviation(&served) / mean(&served)
    }

    fn growth(&self, seen: Seen<'_>) -> f64 {
        let until = self.until_s.unwrap_or(f64::INFINITY);
        let series = seen.result.series.iter();
        let points = series.map(|it| (seconds(it.at), f64::from(it.leechers)));
        let points: Vec<(f64, f64)> = points
            .filter(|(at, _)| (self.from_s..=until).contains(at))
            .collect();
        let arrivals = seen.spec.nodes.iter().filter(|it| !it.origin);
        let last = arrivals
            .map(|it| seconds(it.arrives_at))
            .fold(0.0, f64::max);
        let rate = self.peers(seen, None).count() as f64 / (last.min(until) - self.from_s);
        slope(&points) / rate
    }
}

/// Slope of a line through points, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let middle = points.iter().fold((0.0, 0.0), |sum, it| {
        (sum.0 + it.0 / count, sum.1 + it.1 / count)
    });
    let (mut both, mut square) = (0.0, 0.0);
    for (x, y) in points {
        both += (x - middle.0) * (y - middle.1);
        square += (x - middle.0) * (x - middle.0);
    }
    both / square
}

impl Seen<'_> {
    /// From the first arrival until everybody has completed, s.
    fn last_completion(&self) -> f64 {
        let leechers = || self.result.nodes.iter().filter(|it| !it.origin);
        let done = leechers().map(|it| it.completed_at.map_or(f64::NAN, seconds));
        let first = leechers().map(|it| it.arrived_at.map_or(f64::NAN, seconds));
        let last = done.fold(0.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) });
        last - first.fold(f64::INFINITY, f64::min)
    }

    /// Optimum for the users of this run, who all upload as fast as the server.
    fn mundinger(&self) -> f64 {
        let mut up = self.spec.nodes.iter().map(|it| it.up);
        let Some(first) = up.next().filter(|first| up.all(|it| it == *first)) else {
            return f64::NAN;
        };
        let users = self.spec.nodes.iter().filter(|it| !it.origin).count();
        let users = u32::try_from(users).expect("fewer than 2^32 nodes");
        let geometry = &self.spec.geometry;
        let size = geometry.total_bytes() as f64;
        mundinger(size, first as f64, users, geometry.piece_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes() {
        assert!((slope(&[(0.0, 1.0), (2.0, 5.0), (4.0, 9.0)]) - 2.0).abs() < 1e-12);
        assert!(slope(&[(1.0, 1.0)]).is_nan());
    }
}
