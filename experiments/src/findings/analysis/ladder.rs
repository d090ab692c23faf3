//! The ladder: how much each step changes, from the first rung to the last.

use super::compare::Question;
use super::comparison::Comparison;
use super::quantity::Quantity;
use super::runs::Runs;
use crate::findings::measure::{Group, measure_group, measure_swarm};
use crate::findings::stats::bootstrap::{Resamples, jackknife_error};
use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::exp;
use crate::plan::{Estimand, Plan};
use crate::run::outcome::Outcome;
use crate::run::unit::{Mix, mix_of};

/// One step of the ladder in one scenario: a rung compared with the one below.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Index of the upper rung in the plan's ladder, from 1.
    pub rung: usize,
    /// The paired comparison over all peers.
    pub comparison: Comparison,
    /// Reduction by the step, as a share of the first rung's value; means over seeds. The shares of
    /// all steps add up.
    pub points: Estimate,
}

/// Steps averaged over the scenarios with equal weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanStep {
    /// Index of the upper rung in the plan's ladder, from 1.
    pub rung: usize,
    /// What is compared.
    pub quantity: Quantity,
    /// Reduction by the step, as a share of the first rung's value.
    pub points: Estimate,
}

/// All steps.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// By scenario, rung and quantity.
    pub steps: Vec<Step>,
    /// By rung and quantity.
    pub means: Vec<MeanStep>,
    /// For each step, the values from which its points are computed.
    shares: Vec<Share>,
}

/// Numerator and denominator of a share by seed, in the unit of the quantity.
#[derive(Clone, Debug)]
struct Share {
    /// Reduction by the step.
    taken: Vec<f64>,
    /// Value of the first rung.
    first: Vec<f64>,
}

impl Share {
    /// Ratio of the means over the given seeds.
    fn over(&self, seeds: &[u32]) -> f64 {
        let sum = |values: &[f64]| seeds.iter().map(|it| values[*it as usize]).sum::<f64>();
        sum(&self.taken) / sum(&self.first)
    }
}

/// Mean of the shares with an interval over seeds: Student's t with the jackknife error. The
/// jackknife leaves out one seed at a time, from the step, from the first rung and from all
/// scenarios together, because the first rung varies from seed to seed too.
fn points(shares: &[&Share]) -> Estimate {
    let mean_over = |seeds: &[u32]| {
        let sum: f64 = shares.iter().map(|it| it.over(seeds)).sum();
        sum / shares.len() as f64
    };
    let runs = shares[0].taken.len();
    let all: Vec<u32> = (0..).take(runs).collect();
    Bounds::t_about(mean_over(&all), jackknife_error(runs, mean_over), runs).estimate()
}

/// Rungs of the plan's ladder, lowest first; none if the plan has no ladder.
fn rungs(plan: &Plan) -> Vec<Mix> {
    let mix = |name: &String| mix_of(plan, name).expect("checked when the plan was read");
    plan.ladder.iter().map(mix).collect()
}

impl Ladder {
    pub(super) fn add(&mut self, plan: &Plan, scenario: usize, runs: &Runs, draws: &Resamples) {
        let ladder = rungs(plan);
        for (rung, pair) in (1..).zip(ladder.windows(2)) {
            let question = Question::between(scenario, pair[1], pair[0]);
            for comparison in question.answer(plan, runs, draws) {
                let of = |mix| values(runs, mix, comparison.of.quantity);
                let taken = of(pair[0]).into_iter().zip(of(pair[1]));
                let share = Share {
                    taken: taken.map(|(from, to)| from - to).collect(),
                    first: of(ladder[0]),
                };
                self.steps.push(Step {
                    rung,
                    comparison,
                    points: points(&[&share]),
                });
                self.shares.push(share);
            }
        }
    }

    /// Averages over the scenarios, if all have the same number of seeds.
    pub(super) fn finish(&mut self, plan: &Plan) {
        let (least, most) = plan.seed_range();
        let mut quantities: Vec<Quantity> = Vec::new();
        for it in &self.steps {
            if !quantities.contains(&it.comparison.of.quantity) {
                quantities.push(it.comparison.of.quantity);
            }
        }
        for rung in 1..plan.ladder.len() {
            for quantity in quantities.iter().copied() {
                let each = self.steps.iter().zip(&self.shares);
                let each: Vec<&Share> = each
                    .filter(|(it, _)| it.rung == rung && it.comparison.of.quantity == quantity)
                    .map(|it| it.1)
                    .collect();
                if least != most || each.is_empty() {
                    continue;
                }
                self.means.push(MeanStep {
                    rung,
                    quantity,
                    points: points(&each),
                });
            }
        }
    }

    /// The averaged steps of a quantity, lowest first.
    pub fn means_of(&self, quantity: Quantity) -> impl Iterator<Item = &MeanStep> {
        self.means.iter().filter(move |it| it.quantity == quantity)
    }
}

/// The quantity in each run of a mix, in its own unit.
fn values(runs: &Runs, mix: Mix, quantity: Quantity) -> Vec<f64> {
    runs.of_mix(mix)
        .map(|it| value(runs, it, quantity))
        .collect()
}

fn value(runs: &Runs, outcome: &Outcome, quantity: Quantity) -> f64 {
    let group = || measure_group(outcome, &runs.members(outcome, Group::All));
    let swarm = || measure_swarm(outcome);
    match quantity {
        Quantity::Saving(Estimand::E1) => group().upload_per_copy,
        Quantity::Saving(Estimand::E2) => group().total_per_copy,
        Quantity::Saving(Estimand::E3) => swarm().cost,
        Quantity::Saving(Estimand::E4) => swarm().origin_per_copy,
        Quantity::Saving(Estimand::E5) => swarm().waste(),
        Quantity::Saving(Estimand::T) | Quantity::Time => exp(group().mean_log_time),
        Quantity::Tail => group().tail_time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: usize = 24;

    /// Values of the first rung by run: from 100 to 200.
    fn first() -> Vec<f64> {
        (0..RUNS)
            .map(|it| 100.0 + 100.0 * (it * 7 % RUNS) as f64 / 23.0)
            .collect()
    }

    #[test]
    fn the_first_rung_varies_with_the_seed_as_the_step_does() {
        // A reduction by a tenth in every run has no error, however much the runs differ.
        let tenth = Share {
            taken: first().iter().map(|it| it / 10.0).collect(),
            first: first(),
        };
        let it = points(&[&tenth]);
        assert!((it.value - 0.1).abs() < 1e-12, "{it:?}");
        assert!(it.ci95.1 - it.ci95.0 < 1e-12, "{it:?}");
        // A constant reduction is as uncertain as the first rung: the mean of 100 to 200 has a
        // standard error of 30.7 / sqrt 24 = 6.3, which is 4.2 % of it.
        let same = Share {
            taken: vec![15.0; RUNS],
            first: first(),
        };
        let it = points(&[&same]);
        let half = (it.ci95.1 - it.ci95.0) / 2.0;
        assert!((it.value - 0.1).abs() < 1e-12, "{it:?}");
        assert!((half / 0.1 - 2.07 * 0.042).abs() < 0.01, "{half}");
        // One of two scenarios has no error, so the error of the mean is half of the other's.
        let mean = points(&[&tenth, &same]);
        let both = (mean.ci95.1 - mean.ci95.0) / 2.0;
        assert!((both / half - 0.5).abs() < 0.01, "{both} of {half}");
    }
}
