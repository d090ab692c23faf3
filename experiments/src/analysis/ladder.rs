//! The ladder: from the first rung to the last, what each step changes.

use super::compare::{Comparison, Quantity, Question};
use super::runs::Runs;
use crate::measure::{Group, measure_group, measure_swarm};
use crate::outcome::Outcome;
use crate::plan::{Estimand, Plan};
use crate::stats::bootstrap::Resamples;
use crate::stats::interval::{Estimate, t_estimate};
use crate::stats::math::exp;
use crate::stats::moments::mean;
use crate::unit::{Mix, mix_of};

/// One step of the ladder in one scenario: a rung against the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Position of the upper rung in the plan's ladder, from 1.
    pub rung: usize,
    /// The paired comparison, of all peers.
    pub comparison: Comparison,
    /// What the step takes away, as a share of what the first rung has: these add up.
    pub points: Estimate,
}

/// Steps averaged over the scenarios with equal weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanStep {
    /// Position of the upper rung in the plan's ladder, from 1.
    pub rung: usize,
    /// What is compared.
    pub quantity: Quantity,
    /// What the step takes away, as a share of what the first rung has.
    pub points: Estimate,
}

/// All steps.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// By scenario, rung and quantity.
    pub steps: Vec<Step>,
    /// By rung and quantity.
    pub means: Vec<MeanStep>,
    /// Points of each seed, in the order of the steps.
    seeds: Vec<Vec<f64>>,
}

/// Rungs of the plan's ladder, the first one first; none if the plan has no ladder.
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
                let of = |mix| values(runs, mix, comparison.quantity);
                let first = mean(&of(ladder[0]));
                let points = of(pair[0]).into_iter().zip(of(pair[1]));
                let points: Vec<f64> = points.map(|(from, to)| (from - to) / first).collect();
                self.steps.push(Step {
                    rung,
                    comparison,
                    points: t_estimate(&points),
                });
                self.seeds.push(points);
            }
        }
    }

    /// Averages over the scenarios, seed by seed, where all have as many seeds.
    pub(super) fn finish(&mut self, plan: &Plan) {
        let (least, most) = plan.seed_range();
        let mut quantities: Vec<Quantity> = Vec::new();
        for it in &self.steps {
            if !quantities.contains(&it.comparison.quantity) {
                quantities.push(it.comparison.quantity);
            }
        }
        for rung in 1..plan.ladder.len() {
            for quantity in quantities.iter().copied() {
                let each = self.steps.iter().zip(&self.seeds);
                let each: Vec<&Vec<f64>> = each
                    .filter(|(it, _)| it.rung == rung && it.comparison.quantity == quantity)
                    .map(|it| it.1)
                    .collect();
                if least != most || each.is_empty() {
                    continue;
                }
                let seeds = 0..least as usize;
                let over = |seed: usize| mean(&each.iter().map(|it| it[seed]).collect::<Vec<_>>());
                self.means.push(MeanStep {
                    rung,
                    quantity,
                    points: t_estimate(&seeds.map(over).collect::<Vec<f64>>()),
                });
            }
        }
    }

    /// The averaged steps of a quantity, the lowest first.
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
        Quantity::Bytes(Estimand::E1) => group().upload_per_copy,
        Quantity::Bytes(Estimand::E2) => group().total_per_copy,
        Quantity::Bytes(Estimand::E3) => swarm().cost,
        Quantity::Bytes(Estimand::E4) => swarm().origin_per_copy,
        Quantity::Bytes(Estimand::E5) => swarm().waste(),
        Quantity::Time => exp(group().mean_log_time),
        Quantity::Tail => group().tail_time,
    }
}
