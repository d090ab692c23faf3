//! Figures of each policy by itself, without comparison.

use super::runs::Runs;
use crate::findings::measure::{Group, geometric_mean_time, measure_group, measure_swarm};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::moments::median;
use crate::plan::Plan;
use crate::run::outcome::Outcome;
use crate::run::unit::{Mix, pure_mixes};

/// A figure of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelKind {
    /// Geometric-mean completion time.
    Time,
    /// 95th percentile of completion time.
    Tail,
    /// Payload uploaded by a peer per completed copy.
    Upload,
    /// Bytes sent by origin seeds per completed copy, in copies.
    Origin,
    /// Bytes sent by all nodes per useful byte.
    Cost,
    /// Bytes beyond the useful ones, per useful byte.
    Waste,
    /// Share of peers that completed.
    Completed,
}

impl LevelKind {
    /// All of them, in table order.
    pub const ALL: [Self; 7] = [
        Self::Time,
        Self::Tail,
        Self::Upload,
        Self::Origin,
        Self::Cost,
        Self::Waste,
        Self::Completed,
    ];

    /// Column name, unit last.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Time => "geometric_mean_time_s",
            Self::Tail => "p95_time_s",
            Self::Upload => "upload_per_copy_bytes",
            Self::Origin => "origin_copies_per_copy",
            Self::Cost => "sent_per_useful_byte",
            Self::Waste => "waste_per_useful_byte",
            Self::Completed => "completed_fraction",
        }
    }

    /// Name in text, with the unit that [`LevelKind::shown`] prints.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Time => "time, geometric mean (s)",
            Self::Tail => "time, 95th percentile (s)",
            Self::Upload => "upload per copy (MB)",
            Self::Origin => "origin copies per copy",
            Self::Cost => "sent per useful byte",
            Self::Waste => "waste (%)",
            Self::Completed => "completed (%)",
        }
    }

    /// The value as tables show it. It is not defined if it is a share of something that nobody got or sent.
    #[must_use]
    pub fn shown(self, value: f64) -> String {
        if !value.is_finite() {
            return "undefined".to_owned();
        }
        match self {
            Self::Time | Self::Tail => format!("{value:.1}"),
            Self::Upload => format!("{:.2}", value / 1e6),
            Self::Origin => format!("{value:.3}"),
            Self::Cost => format!("{value:.4}"),
            Self::Waste => format!("{:.2}", value * 100.0),
            Self::Completed => format!("{:.1}", value * 100.0),
        }
    }

    /// Least and largest possible value.
    const fn range(self) -> (f64, f64) {
        match self {
            Self::Completed => (0.0, 1.0),
            // Every useful byte was sent.
            Self::Cost => (1.0, f64::INFINITY),
            Self::Time | Self::Tail | Self::Upload | Self::Origin | Self::Waste => {
                (0.0, f64::INFINITY)
            }
        }
    }

    fn of(self, runs: &Runs, outcome: &Outcome) -> f64 {
        let swarm = measure_swarm(outcome);
        let all = measure_group(outcome, &runs.members(outcome, Group::All));
        match self {
            Self::Time => geometric_mean_time(&all),
            Self::Tail => all.tail_time,
            Self::Upload => all.upload_per_copy,
            Self::Origin => swarm.origin_per_copy / outcome.file_bytes as f64,
            Self::Cost => swarm.cost,
            Self::Waste => swarm.waste(),
            Self::Completed => all.completed as f64 / all.peers as f64,
        }
    }
}

/// One figure of one policy in one scenario, over its seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy, or the mix.
    pub mix: Mix,
    /// The figure.
    pub kind: LevelKind,
    /// Number of runs.
    pub runs: usize,
    /// Median over the runs.
    pub median: f64,
    /// Mean over the runs with Student intervals.
    pub mean: Estimate,
}

impl Level {
    /// Mean with Student's intervals, without what no run can give: of a few runs that differ much, the interval
    /// would reach below zero, or above all peers.
    #[must_use]
    pub fn possible(&self) -> Estimate {
        let (least, most) = self.kind.range();
        // An interval without ends says that nothing is known.
        let possible = |it: f64| {
            if it.is_finite() {
                it.clamp(least, most)
            } else {
                it
            }
        };
        self.mean.map(possible)
    }
}

pub(super) fn levels(plan: &Plan, scenario: usize, runs: &Runs) -> Vec<Level> {
    let mut levels = Vec::new();
    for mix in pure_mixes(plan) {
        for kind in LevelKind::ALL {
            let values: Vec<f64> = runs.of_mix(mix).map(|it| kind.of(runs, it)).collect();
            levels.push(Level {
                scenario,
                mix,
                kind,
                runs: values.len(),
                median: median(&values),
                mean: t_estimate(&values),
            });
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_only_what_is_possible() {
        let times = [1.0, 1.0, 40.0];
        assert!(t_estimate(&times).ci95.0 < 0.0);
        let of = |kind: LevelKind, values: &[f64]| {
            let level = Level {
                scenario: 0,
                mix: Mix::Candidate,
                kind,
                runs: values.len(),
                median: median(values),
                mean: t_estimate(values),
            };
            level.possible().ci95
        };
        let (low, high) = of(LevelKind::Time, &times);
        assert!((low, high > 40.0) == (0.0, true), "{low} {high}");
        let (low, high) = of(LevelKind::Completed, &[1.0, 1.0, 0.5]);
        assert!((low > 0.0, high) == (true, 1.0), "{low} {high}");
        assert!(of(LevelKind::Time, &[1.0]).0.is_infinite());
    }
}
