//! Computes one number per run. Statistics treat the run as the unit, not the peer.

use serde::Deserialize;
use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::time::Instant;
use unchoke_sim::result::{NodeResult, RunResult};
use unchoke_sim::spec::{NodeSpec, SwarmSpec};

use super::availability::Availability;
use super::contacts::Contacts;
use super::formula::mundinger;
use crate::findings::stats::fairness::spearman;
use crate::findings::stats::moments::{mean, quantile, standard_deviation};

/// Which number to compute, and over which peers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The quantity.
    pub of: Quantity,
    /// Only peers of this class.
    pub class: Option<String>,
    /// The class that `class` is compared with, for ratios of classes.
    pub over: Option<String>,
    /// Only peers that run the client with this name.
    pub client: Option<String>,
    /// The client that `client` is compared with, for ratios of clients.
    pub over_client: Option<String>,
    /// Only pairs of peers of the same class.
    #[serde(default)]
    pub same_class: bool,
    /// Which quantile, for quantities that are quantiles.
    #[serde(default = "median")]
    pub quantile: f64,
    /// Only peers that arrive, or only the time, after this many seconds.
    #[serde(default)]
    pub from_s: f64,
    /// Only until this many seconds.
    pub until_s: Option<f64>,
}

fn median() -> f64 {
    0.5
}

/// A quantity of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Kumar-Ross bound divided by the time of the last completion. The theorem says at most 1.
    KumarRossEfficiency,
    /// Optimum of Mundinger, Weber and Weiss divided by the time of the last completion.
    MundingerEfficiency,
    /// The same, multiplied by the number of copies that the origins sent. It is 1 if the last
    /// completion is late only because the origins sent blocks more than once.
    MundingerPerCopy,
    /// Mean download time, s. NaN if a peer did not complete.
    DownloadTime,
    /// The same, a quantile over the peers.
    DownloadTimeQuantile,
    /// Mean download time of `class` divided by that of the class `over`.
    DownloadTimeRatio,
    /// Payload sent by leechers, divided by what their uplinks could carry while they were present.
    Utilisation,
    /// Rank correlation over the peers between uplink capacity and sent/received payload.
    CapacityAndShare,
    /// How much a class prefers itself: the share of its unchoke time that `class` gives to itself,
    /// divided by the share of its connection time that is with itself. 1 for random unchoking.
    /// Legout et al. 2007.
    Clustering,
    /// Coefficient of variation over the peers of the time for which the origins unchoked them.
    ServiceVariation,
    /// Growth of the number of leechers per arrival: slope over the time after `from_s`.
    Growth,
    /// Standard deviation of the download times divided by their mean.
    TimeVariation,
    /// Payload sent by a peer divided by the file size, mean over the peers.
    MeanShare,
    /// Payload sent by a peer divided by the file size, largest over the peers.
    MostShare,
    /// Payload sent by the origins divided by the file size.
    OriginCopies,
    /// The same, counting only blocks that arrived before the first other peer became a seed.
    OriginCopiesAtFirstSeed,
    /// For each pair of leechers, the difference in blocks between the two directions: a quantile
    /// over the pairs.
    PairDeficit,
    /// For each pair of leechers, the share of time in which the first had a piece that the second
    /// lacked: a quantile over the pairs. Legout et al. 2006.
    Availability,
}

/// A run, and what was computed from its event log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) spec: &'a SwarmSpec,
    pub(crate) result: &'a RunResult,
    /// `None` if no measure [`Measure::needs_contacts`].
    pub(crate) contacts: Option<&'a Contacts>,
    /// `None` if no measure [`Measure::needs_availability`].
    pub(crate) availability: Option<&'a Availability>,
}

fn seconds(at: Instant) -> f64 {
    (at - Instant::START).as_secs_f64()
}

impl Measure {
    /// Whether it needs to know which peer served which, from the event log.
    #[must_use]
    pub fn needs_contacts(&self) -> bool {
        matches!(
            self.of,
            Quantity::Clustering
                | Quantity::ServiceVariation
                | Quantity::PairDeficit
                | Quantity::OriginCopiesAtFirstSeed
        )
    }

    /// Whether it needs to know which peer had pieces for which, from the event log.
    #[must_use]
    pub fn needs_availability(&self) -> bool {
        self.of == Quantity::Availability
    }

    /// The number for this run; NaN if it is not defined.
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
            Quantity::MundingerPerCopy => {
                seen.mundinger() / seen.last_completion() * seen.origin_copies()
            }
            Quantity::DownloadTime => mean(&self.download_times(seen)),
            Quantity::DownloadTimeQuantile => quantile(&self.download_times(seen), self.quantile),
            Quantity::DownloadTimeRatio => {
                let over = Self {
                    class: self.over.clone(),
                    client: self.over_client.clone(),
                    ..self.clone()
                };
                mean(&self.download_times(seen)) / mean(&over.download_times(seen))
            }
            Quantity::Utilisation => self.utilisation(seen),
            Quantity::CapacityAndShare => self.capacity_and_share(seen),
            Quantity::Clustering => self.clustering(seen),
            Quantity::ServiceVariation => self.service_variation(seen),
            Quantity::Growth => self.growth(seen),
            Quantity::TimeVariation => {
                let times = self.download_times(seen);
                standard_deviation(&times) / mean(&times)
            }
            Quantity::MeanShare => mean(&self.shares(seen)),
            Quantity::MostShare => self.shares(seen).into_iter().fold(f64::NAN, f64::max),
            Quantity::OriginCopies => seen.origin_copies(),
            Quantity::OriginCopiesAtFirstSeed => {
                let blocks = seen.contacts.and_then(Contacts::origin_blocks);
                let bytes = blocks.map(|it| (it * u64::from(BLOCK_BYTES)) as f64);
                bytes.map_or(f64::NAN, |it| it / seen.file_bytes())
            }
            Quantity::PairDeficit => {
                let class = |node: u32| seen.spec.nodes[node as usize].class;
                let counts = |a: u32, b: u32| !self.same_class || class(a) == class(b);
                let owed = seen.contacts.map(|it| it.deficits(counts));
                owed.map_or(f64::NAN, |it| quantile(&it, self.quantile))
            }
            Quantity::Availability => {
                let ratios = seen.availability.map(Availability::ratios);
                ratios.map_or(f64::NAN, |it| quantile(&it, self.quantile))
            }
        }
    }

    /// The leechers to count, with their results.
    fn peers<'a>(&'a self, seen: Seen<'a>) -> impl Iterator<Item = (&'a NodeSpec, &'a NodeResult)> {
        let until = self.until_s.unwrap_or(f64::INFINITY);
        let nodes = seen.spec.nodes.iter().zip(&seen.result.nodes);
        nodes.filter(move |(spec, _)| {
            let at = seconds(spec.arrives_at);
            let class = &seen.spec.classes[usize::from(spec.class)];
            let client = &seen.spec.clients[usize::from(spec.client)].name;
            !spec.origin
                && (self.from_s..=until).contains(&at)
                && self.class.as_ref().is_none_or(|it| it == class)
                && self.client.as_ref().is_none_or(|it| it == client)
        })
    }

    /// Download times, s; NaN for peers that did not complete.
    fn download_times(&self, seen: Seen<'_>) -> Vec<f64> {
        let times = self.peers(seen).map(|(_, it)| {
            let time = it.download_time();
            time.map_or(f64::NAN, |it| it.as_secs_f64())
        });
        times.collect()
    }

    /// Payload sent by each peer divided by the file size.
    fn shares(&self, seen: Seen<'_>) -> Vec<f64> {
        let sent = self.peers(seen).map(|(_, it)| it.ledger.payload_sent);
        sent.map(|it| it as f64 / seen.file_bytes()).collect()
    }

    fn utilisation(&self, seen: Seen<'_>) -> f64 {
        let (mut sent, mut possible) = (0.0, 0.0);
        for (spec, it) in self.peers(seen) {
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
        let peers = self.peers(seen).filter_map(|(spec, it)| {
            let received = it.ledger.payload_useful;
            let share = it.ledger.payload_sent as f64 / received as f64;
            (received > 0).then_some((spec.up as f64, share))
        });
        let (capacities, shares): (Vec<f64>, Vec<f64>) = peers.unzip();
        spearman(&capacities, &shares)
    }

    fn clustering(&self, seen: Seen<'_>) -> f64 {
        let (Some(contacts), Some(_)) = (seen.contacts, &self.class) else {
            return f64::NAN;
        };
        let everybody = Self {
            class: None,
            ..self.clone()
        };
        let (mut unchoked, mut connected) = ([0.0; 2], [0.0; 2]);
        for (_, from) in self.peers(seen) {
            for (_, to) in everybody.peers(seen) {
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
        let served = self.peers(seen).map(|(_, it)| {
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
        let rate = self.peers(seen).count() as f64 / (last.min(until) - self.from_s);
        slope(&points) / rate
    }
}

/// Slope of the least-squares line through points.
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
    fn file_bytes(&self) -> f64 {
        self.spec.geometry.total_bytes() as f64
    }

    /// Payload that the origins sent over the file.
    fn origin_copies(&self) -> f64 {
        let origins = self.result.nodes.iter().filter(|it| it.origin);
        let sent: u64 = origins.map(|it| it.ledger.payload_sent).sum();
        sent as f64 / self.file_bytes()
    }

    /// Time from the first arrival until all have completed, s.
    fn last_completion(&self) -> f64 {
        let leechers = || self.result.nodes.iter().filter(|it| !it.origin);
        let done = leechers().map(|it| it.completed_at.map_or(f64::NAN, seconds));
        let first = leechers().map(|it| it.arrived_at.map_or(f64::NAN, seconds));
        let last = done.fold(0.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) });
        last - first.fold(f64::INFINITY, f64::min)
    }

    /// The optimum for the users of this run, which all upload as fast as the server.
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
