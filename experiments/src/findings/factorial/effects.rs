//! Main effects of the factors on the candidate's saving, with intervals over seeds.

use crate::findings::analysis::{Quantity, Runs, paired_logs};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::math::exp;
use crate::findings::stats::moments::mean;
use crate::findings::verdict::Unfinished;
use crate::plan::{Estimand, Plan};

/// Log ratios of one cell, one per seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Factors at their high level, one bit each.
    pub high: u32,
    /// What is compared.
    pub quantity: Quantity,
    /// Logarithm of candidate over baseline, one per seed.
    pub logs: Vec<f64>,
    /// Their mean with its interval.
    pub log_ratio: Estimate,
    /// Peers were unfinished when the runs ended, so the figures have no meaning.
    pub cut: Option<Unfinished>,
}

/// Effect of one factor on one quantity in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Index in the factors.
    pub factor: usize,
    /// What is compared.
    pub quantity: Quantity,
    /// Mean log ratio over the cells with the factor at its low level.
    pub low: Estimate,
    /// Mean log ratio over the cells with the factor at its high level.
    pub high: Estimate,
    /// High minus low, paired by seed.
    pub effect: Estimate,
    /// In one cell, peers were unfinished when the runs ended. Then the figures have no meaning.
    pub cut: bool,
}

/// Whether a log ratio is shown to be below or above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The candidate has less: the whole interval is below zero.
    Less,
    /// The candidate has more: the whole interval is above zero.
    More,
    /// The interval contains zero.
    Unclear,
}

impl Sign {
    /// The sign according to a 95 % interval.
    #[must_use]
    pub fn of(it: &Estimate) -> Self {
        if it.ci95.1 < 0.0 {
            Self::Less
        } else if it.ci95.0 > 0.0 {
            Self::More
        } else {
            Self::Unclear
        }
    }
}

impl Effect {
    /// Whether the factor turns a shown saving into a shown loss, or the reverse.
    #[must_use]
    pub fn flips(&self) -> bool {
        let signs = [Sign::of(&self.low), Sign::of(&self.high)];
        !self.cut && signs.contains(&Sign::Less) && signs.contains(&Sign::More)
    }

    /// The effect as a change of the ratio candidate over baseline, in per cent.
    #[must_use]
    pub fn percent(&self) -> Estimate {
        self.effect.map(|it| (exp(it) - 1.0) * 100.0)
    }
}

/// Quantities of a plan with factors: its estimands, and geometric-mean time.
#[must_use]
pub fn quantities(plan: &Plan) -> Vec<Quantity> {
    let bytes = plan.estimands.iter().filter(|it| **it != Estimand::T);
    let bytes = bytes.map(|it| Quantity::Saving(*it));
    bytes.chain([Quantity::Time]).collect()
}

/// The cell of one run of the design, in one scenario.
#[must_use]
pub fn cell(plan: &Plan, scenario: usize, high: u32, runs: &Runs) -> Vec<Cell> {
    let of = |quantity| {
        let (logs, cut) = paired_logs(plan, runs, scenario, quantity);
        Cell {
            scenario,
            high,
            quantity,
            log_ratio: t_estimate(&logs),
            logs,
            cut,
        }
    };
    quantities(plan).into_iter().map(of).collect()
}

/// Main effects of `factors` factors, computed from all cells.
#[must_use]
pub fn effects(plan: &Plan, factors: usize, cells: &[Cell]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for scenario in 0..plan.scenarios.len() {
        for quantity in quantities(plan) {
            let here = |it: &&Cell| it.scenario == scenario && it.quantity == quantity;
            let here: Vec<&Cell> = cells.iter().filter(here).collect();
            effects.extend((0..factors).map(|factor| effect(scenario, factor, quantity, &here)));
        }
    }
    effects
}

fn effect(scenario: usize, factor: usize, quantity: Quantity, cells: &[&Cell]) -> Effect {
    let seeds = cells.iter().map(|it| it.logs.len()).min().unwrap_or(0);
    let at = |level: u32, seed: usize| {
        let there = cells.iter().filter(|it| it.high >> factor & 1 == level);
        mean(&there.map(|it| it.logs[seed]).collect::<Vec<f64>>())
    };
    let over =
        |value: &dyn Fn(usize) -> f64| t_estimate(&(0..seeds).map(value).collect::<Vec<f64>>());
    Effect {
        scenario,
        factor,
        quantity,
        low: over(&|seed| at(0, seed)),
        high: over(&|seed| at(1, seed)),
        effect: over(&|seed| at(1, seed) - at(0, seed)),
        cut: cells.iter().any(|it| it.cut.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::toy::plan;

    #[test]
    fn a_planted_effect_is_found_and_the_others_are_nought() {
        let plan = plan();
        // Log ratio -0.1, plus 0.3 if the second factor is high, plus a little noise by seed.
        let cells: Vec<Cell> = [0_u32, 1, 2, 3]
            .into_iter()
            .map(|high| {
                let level = if high & 2 == 0 { -0.1 } else { 0.2 };
                let logs: Vec<f64> = [-0.01, 0.0, 0.01].map(|it| level + it).to_vec();
                Cell {
                    scenario: 0,
                    high,
                    quantity: Quantity::Time,
                    log_ratio: t_estimate(&logs),
                    logs,
                    cut: None,
                }
            })
            .collect();
        let all: Vec<&Cell> = cells.iter().collect();
        let second = effect(0, 1, Quantity::Time, &all);
        assert!((second.effect.value - 0.3).abs() < 1e-12 && second.flips());
        assert!((second.percent().value - 34.985_88).abs() < 1e-4);
        let first = effect(0, 0, Quantity::Time, &all);
        assert!(first.effect.value.abs() < 1e-12 && !first.flips());
        assert_eq!(quantities(&plan).len(), 6);
    }
}
