//! Access classes under each policy, and the fairness of swarms of candidate and baseline.

use super::runs::Runs;
use crate::findings::measure::{Group, SwarmMeasure, measure_group, measure_swarm};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::math::exp;
use crate::findings::stats::moments::mean;
use crate::plan::{Adoption, Plan};
use crate::run::outcome::Outcome;
use crate::run::unit::{Mix, pure_mixes};

/// One access class in swarms of one policy, over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// The policy.
    pub mix: Mix,
    /// Name of the class.
    pub name: String,
    /// Mean uplink, bytes/s.
    pub up_rate: f64,
    /// Number of runs.
    pub runs: usize,
    /// Geometric-mean completion time, seconds.
    pub time: Estimate,
    /// Payload uploaded divided by payload downloaded.
    pub share_ratio: Estimate,
}

/// A fairness measure in pure swarms of the candidate and of the baseline of a contrast, paired by
/// seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Index in the plan's contrasts.
    pub contrast: usize,
    /// Index in [`MEASURES`].
    pub measure: usize,
    /// Number of runs.
    pub runs: usize,
    /// Mean under the candidate.
    pub candidate: f64,
    /// Mean under the baseline.
    pub baseline: f64,
    /// Candidate minus baseline.
    pub difference: Estimate,
}

/// Name in files, name in text, and how to compute it from a run.
pub type Measure = (&'static str, &'static str, fn(&SwarmMeasure) -> f64);

/// The fairness measures. They contradict each other, so a statement must name its measure.
pub const MEASURES: [Measure; 4] = [
    (
        "jain_goodput_over_capacity",
        "Jain's index of goodput over uplink: 1 if everybody gets in proportion to its link",
        |it| it.jain,
    ),
    (
        "gini_upload",
        "Gini coefficient of payload uploaded: 0 if everybody uploads the same",
        |it| it.gini,
    ),
    (
        "spearman_capacity_goodput",
        "rank correlation of uplink and goodput: 1 if faster links always get more",
        |it| it.spearman,
    ),
    (
        "slope_log_goodput_log_capacity",
        "slope of log goodput on log uplink: 0 egalitarian, 1 proportional",
        |it| it.slope,
    ),
];

/// The classes of a scenario, by policy.
pub(super) fn classes(plan: &Plan, scenario: usize, runs: &Runs) -> Vec<Class> {
    let mut all = Vec::new();
    for mix in pure_mixes(plan) {
        let outcomes: Vec<&Outcome> = runs.of_mix(mix).collect();
        let names = outcomes.first().map_or(&[][..], |it| &it.classes);
        for (at, name) in names.iter().enumerate() {
            let (mut rates, mut times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for outcome in &outcomes {
                let mut members = runs.members(outcome, Group::All);
                members.retain(|it| usize::from(outcome.nodes[*it].class) == at);
                if members.is_empty() {
                    continue;
                }
                let up = members.iter().map(|it| outcome.nodes[*it].up_rate as f64);
                rates.push(up.sum::<f64>() / members.len() as f64);
                let it = measure_group(outcome, &members);
                times.push(it.mean_log_time);
                ratios.push(it.upload_per_copy / outcome.file_bytes as f64);
            }
            if times.is_empty() {
                continue;
            }
            all.push(Class {
                scenario,
                mix,
                name: name.clone(),
                up_rate: mean(&rates),
                runs: times.len(),
                time: t_estimate(&times).map(exp),
                share_ratio: t_estimate(&ratios),
            });
        }
    }
    all
}

/// Fairness of pure swarms in a scenario, by contrast and measure.
pub(super) fn fairness(plan: &Plan, scenario: usize, runs: &Runs) -> Vec<Fairness> {
    let mut all = Vec::new();
    for (contrast, it) in plan.contrasts.iter().enumerate() {
        if !it.adoption.contains(&Adoption::ALL) {
            continue;
        }
        let swarms =
            |mix: Mix| -> Vec<SwarmMeasure> { runs.of_mix(mix).map(measure_swarm).collect() };
        let (candidate, baseline) = (swarms(it.candidate.into()), swarms(it.baseline.into()));
        for (measure, (_, _, value)) in MEASURES.iter().enumerate() {
            let of = |all: &[SwarmMeasure]| -> Vec<f64> { all.iter().map(value).collect() };
            let (candidate, baseline) = (of(&candidate), of(&baseline));
            let pairs = candidate.iter().zip(&baseline);
            let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
            all.push(Fairness {
                scenario,
                contrast,
                measure,
                runs: differences.len(),
                candidate: mean(&candidate),
                baseline: mean(&baseline),
                difference: t_estimate(&differences),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::toy::analysed;

    #[test]
    fn faster_classes_and_every_contrast_have_their_rows() {
        let (plan, analysis) = analysed();
        // Two scenarios, three policies, two classes of peers.
        assert_eq!(analysis.classes.len(), 2 * 3 * 2);
        let of = |name: &str| {
            let found = analysis.classes.iter().find(|it| it.name == name);
            found.expect("a class").clone()
        };
        // Uplinks are 1 to 4 kB/s (slow) and 5 to 8 kB/s (fast). Peers upload 0.4 or 0.8 copies.
        assert!((of("slow").up_rate - 2500.0).abs() < 1e-9);
        assert!((of("fast").up_rate - 6500.0).abs() < 1e-9);
        assert!(of("slow").share_ratio.value < 1.0);
        assert_eq!(
            analysis.fairness.len(),
            2 * plan.contrasts.len() * MEASURES.len()
        );
        let it = &analysis.fairness[0];
        let difference = it.candidate - it.baseline;
        assert!((it.difference.value - difference).abs() < 1e-12, "{it:?}");
    }
}
