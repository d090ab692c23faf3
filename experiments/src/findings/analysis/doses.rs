//! Completion times in pure swarms that also contain outsiders: peers whose policy the scenario
//! sets, for example free-riders.

use super::runs::Runs;
use crate::findings::measure::{Group, GroupMeasure, geometric_mean_time, measure_group};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::math::{exp, ln};
use crate::findings::verdict::Unfinished;
use crate::plan::Plan;
use crate::run::outcome::Outcome;
use crate::run::unit::{Mix, pure_mixes};

/// Times in the swarms of one policy in one scenario with outsiders. All estimates are over seeds,
/// with 95 % Student t intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Dose {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy of the other peers.
    pub mix: Mix,
    /// Outsiders as a share of all leechers, 0 to 1.
    pub share: f64,
    /// The times; `None` if more than 1 % of a group did not complete.
    pub times: Option<DoseTimes>,
}

/// Geometric-mean completion times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoseTimes {
    /// Of the outsiders, seconds.
    pub outsiders_s: Estimate,
    /// Of the other peers, seconds.
    pub others_s: Estimate,
    /// Of the outsiders ÷ of the other peers.
    pub ratio: Estimate,
}

/// The doses of a scenario; none if it has no outsiders.
pub(super) fn doses(plan: &Plan, scenario: usize, runs: &Runs) -> Vec<Dose> {
    let mut all = Vec::new();
    for mix in pure_mixes(plan) {
        let members = |it: &Outcome| [Group::Outsiders, Group::All].map(|of| runs.members(it, of));
        let peers = runs.of_mix(mix).map(members);
        let peers = peers.fold([0, 0], |sum, it| {
            [sum[0] + it[0].len(), sum[1] + it[1].len()]
        });
        if peers.contains(&0) {
            continue;
        }
        let groups = |it: &Outcome| members(it).map(|group| measure_group(it, &group));
        let each: Vec<[GroupMeasure; 2]> = runs.of_mix(mix).map(groups).collect();
        all.push(Dose {
            scenario,
            mix,
            share: peers[0] as f64 / (peers[0] + peers[1]) as f64,
            times: times(&each),
        });
    }
    all
}

/// `each` has the outsiders and the other peers of each run.
fn times(each: &[[GroupMeasure; 2]]) -> Option<DoseTimes> {
    let completed = [0, 1].map(|group| {
        let all: usize = each.iter().map(|it| it[group].peers).sum();
        let completed: usize = each.iter().map(|it| it[group].completed).sum();
        completed as f64 / all as f64
    });
    if Unfinished::of(completed).is_some() {
        return None;
    }
    let over = |value: &dyn Fn(&[GroupMeasure; 2]) -> f64| {
        t_estimate(&each.iter().map(value).collect::<Vec<f64>>())
    };
    let logs = over(&|it| ln(geometric_mean_time(&it[0])) - ln(geometric_mean_time(&it[1])));
    Some(DoseTimes {
        outsiders_s: over(&|it| geometric_mean_time(&it[0])),
        others_s: over(&|it| geometric_mean_time(&it[1])),
        ratio: logs.map(exp),
    })
}
