//! Data of the figures, reduced over seeds.

use std::collections::BTreeSet;

use unchoke_core::ledger::{Kind, Ledger, Waste};

use super::runs::Runs;
use crate::findings::measure::{Group, completion_s, peers};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::moments::quantile_sorted;
use crate::plan::Plan;
use crate::run::outcome::{Outcome, Sample};
use crate::run::unit::Mix;
use crate::run::unit::pure_mixes;

/// Data of all figures.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    /// Rows of `completion.csv`.
    pub completions: Vec<Completion>,
    /// Rows of `timeseries.csv`.
    pub moments: Vec<Moment>,
    /// Rows of `matrix.csv`; one matrix per element.
    pub matrices: Vec<Matrix>,
    /// Bytes by cause; one policy in one scenario per element.
    pub bytes: Vec<Bytes>,
}

/// Completion times of one policy in one scenario, pooled over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy.
    pub mix: Mix,
    /// Number of peers over all runs.
    pub peers: usize,
    /// Share of them that completed.
    pub completed: f64,
    /// Quantiles 0 %, 1 % ... 100 % in seconds. A peer that did not complete counts with its time
    /// until the horizon.
    pub quantiles_s: Vec<f64>,
    /// The same quantiles computed for each run: mean over seeds with 95 % Student t intervals.
    pub by_run_s: Vec<Estimate>,
}

/// A pure swarm at a point in time, over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy.
    pub mix: Mix,
    /// Seconds since the start.
    pub at_s: f64,
    /// Number of runs.
    pub runs: usize,
    /// Peers that lack a piece.
    pub leechers: Estimate,
    /// Peers that have every piece, origins included.
    pub seeds: Estimate,
    /// Useful payload received by all nodes, bytes/s.
    pub down_rate: Estimate,
}

/// Useful payload between access classes under one policy, summed over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy.
    pub mix: Mix,
    /// Number of runs.
    pub runs: usize,
    /// Names of the access classes.
    pub classes: Vec<String>,
    /// Useful payload bytes: row sends, column receives.
    pub bytes: Vec<u64>,
}

/// Bytes of one policy by cause, summed over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy.
    pub mix: Mix,
    /// Number of runs.
    pub runs: usize,
    /// Sum over all nodes of all runs.
    pub total: Ledger,
}

impl Bytes {
    /// All bytes other than useful payload; see [`causes`].
    #[must_use]
    pub fn causes(&self) -> Vec<(&'static str, f64)> {
        causes(&self.total)
    }
}

/// Payload that was sent but never received, bytes: lost when a connection closed, or in flight at
/// the end. `total` is the sum of the ledgers of all nodes.
#[must_use]
pub fn lost(total: &Ledger) -> u64 {
    total.payload_sent.saturating_sub(total.payload_received())
}

/// All bytes in `total` other than useful payload, by cause, as shares of the useful payload.
/// `total` is the sum of the ledgers of all nodes. Causes of wasted payload are counted by the
/// receiver. Payload that never arrived was lost when a connection closed.
#[must_use]
pub fn causes(total: &Ledger) -> Vec<(&'static str, f64)> {
    let useful = total.payload_useful as f64;
    let wasted = |cause: Waste| total.payload_wasted[cause as usize];
    let sent = |kind: Kind| total.protocol[kind as usize].sent;
    let named = [Kind::Have, Kind::Request, Kind::PieceHeader];
    let others: u64 = Kind::ALL
        .into_iter()
        .filter(|it| !named.contains(it))
        .map(sent)
        .sum();
    let rows = [
        ("endgame duplicates", wasted(Waste::Endgame)),
        ("timeout duplicates", wasted(Waste::Timeout)),
        ("late after a choke", wasted(Waste::AfterChoke)),
        (
            "wrong or never asked for",
            wasted(Waste::HashFailure) + wasted(Waste::Unrequested),
        ),
        ("lost with a connection", lost(total)),
        ("have", sent(Kind::Have)),
        ("request", sent(Kind::Request)),
        ("block headers", sent(Kind::PieceHeader)),
        ("other protocol", others),
    ];
    rows.into_iter()
        .map(|(name, bytes)| (name, bytes as f64 / useful))
        .collect()
}

/// Most points of a time series; more cannot be seen in a figure.
const MOST_MOMENTS: usize = 240;

impl Pictures {
    pub(super) fn add(&mut self, plan: &Plan, scenario: usize, runs: &Runs) {
        let instants = instants(runs);
        for mix in pure_mixes(plan) {
            let outcomes: Vec<&Outcome> = runs.of_mix(mix).collect();
            self.completions.push(completion(scenario, mix, &outcomes));
            self.moments
                .extend(moments(scenario, mix, &outcomes, &instants));
            self.matrices.push(matrix(scenario, mix, &outcomes));
            let mut total = Ledger::default();
            for it in &outcomes {
                total += it.total;
            }
            self.bytes.push(Bytes {
                scenario,
                mix,
                runs: outcomes.len(),
                total,
            });
        }
    }
}

fn completion(scenario: usize, mix: Mix, outcomes: &[&Outcome]) -> Completion {
    let (mut times, mut completed) = (Vec::new(), 0);
    let mut by_run: Vec<Vec<f64>> = vec![Vec::new(); 101];
    for outcome in outcomes {
        let first = times.len();
        for at in peers(outcome, |it| Group::All.holds(it)) {
            let node = &outcome.nodes[at];
            completed += usize::from(node.completed_ns.is_some());
            times.push(completion_s(outcome, node));
        }
        let mut own: Vec<f64> = times[first..].to_vec();
        own.sort_by(f64::total_cmp);
        for (percent, values) in by_run.iter_mut().enumerate() {
            values.push(quantile_sorted(&own, percent as f64 / 100.0));
        }
    }
    times.sort_by(f64::total_cmp);
    Completion {
        scenario,
        mix,
        peers: times.len(),
        completed: completed as f64 / times.len() as f64,
        quantiles_s: (0..=100)
            .map(|it| quantile_sorted(&times, f64::from(it) / 100.0))
            .collect(),
        by_run_s: by_run.iter().map(|it| t_estimate(it)).collect(),
    }
}

/// Times of the samples of all runs of a scenario, thinned to what a figure can show.
fn instants(runs: &Runs) -> Vec<u64> {
    let samples = runs.iter().flat_map(|(_, run)| &run.series);
    let instants: BTreeSet<u64> = samples.map(|it| it.at_ns).collect();
    let every = instants.len().div_ceil(MOST_MOMENTS).max(1);
    instants.into_iter().step_by(every).collect()
}

fn moments(scenario: usize, mix: Mix, outcomes: &[&Outcome], instants: &[u64]) -> Vec<Moment> {
    instants
        .iter()
        .copied()
        .map(|at_ns| {
            let each: Vec<Sample> = outcomes.iter().map(|it| sample_at(it, at_ns)).collect();
            let over = |value: fn(&Sample) -> u64| {
                t_estimate(&each.iter().map(|it| value(it) as f64).collect::<Vec<f64>>())
            };
            Moment {
                scenario,
                mix,
                at_s: at_ns as f64 / 1e9,
                runs: each.len(),
                leechers: over(|it| it.leechers),
                seeds: over(|it| it.seeds),
                down_rate: over(|it| it.down_rate),
            }
        })
        .collect()
}

/// The swarm at a point in time, taken from its latest sample. After the end of a run, rates are
/// zero and the leechers are those that never completed.
fn sample_at(outcome: &Outcome, at_ns: u64) -> Sample {
    let before = outcome.series.partition_point(|it| it.at_ns <= at_ns);
    let latest = before
        .checked_sub(1)
        .map(|it| outcome.series[it])
        .unwrap_or_default();
    if at_ns <= outcome.ended_ns {
        return latest;
    }
    let left = peers(outcome, |it| it.completed_ns.is_none()).len() as u64;
    Sample {
        leechers: left,
        down_rate: 0,
        ..latest
    }
}

fn matrix(scenario: usize, mix: Mix, outcomes: &[&Outcome]) -> Matrix {
    let classes = outcomes
        .first()
        .map_or_else(Vec::new, |it| it.classes.clone());
    let mut bytes = vec![0; classes.len() * classes.len()];
    for outcome in outcomes {
        for (sum, value) in bytes.iter_mut().zip(&outcome.class_matrix) {
            *sum += value;
        }
    }
    Matrix {
        scenario,
        mix,
        runs: outcomes.len(),
        classes,
        bytes,
    }
}
