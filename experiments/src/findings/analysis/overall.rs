//! The claim over all scenarios.

use super::comparison::{Comparison, Finding, answers};
use super::quantity::Quantity;
use crate::findings::stats::meta::{RandomEffects, random_effects};
use crate::findings::verdict::{Direction, Size};
use crate::plan::{Adoption, Estimand, Plan};

/// One reading of the claim: an estimand against a baseline at an adoption, over the scenarios.
#[derive(Clone, Debug, PartialEq)]
pub struct Overall {
    /// The reading.
    pub estimand: Estimand,
    /// Position in the plan's baselines.
    pub baseline: usize,
    /// Share of peers that run the candidate.
    pub adoption: Adoption,
    /// Supported only if supported in every scenario; refuted if any scenario refutes it at the level that
    /// they share.
    pub size: Size,
    /// The least favourable of the scenarios.
    pub direction: Direction,
    /// Scenarios that support the claim.
    pub passing: usize,
    /// Scenarios.
    pub scenarios: usize,
    /// Position of the scenario with the smallest saving, and that saving.
    pub worst: (usize, f64),
    /// The largest saving.
    pub best: f64,
    /// Log ratios with the scenario as a random effect; `None` where an error is zero or a ratio
    /// does not exist.
    pub pooled: Option<RandomEffects>,
}

/// Every reading of the plan, by estimand, baseline and adoption.
#[must_use]
pub fn overall(plan: &Plan, comparisons: &[Comparison]) -> Vec<Overall> {
    let mut readings = Vec::new();
    for estimand in &plan.estimands {
        for baseline in 0..plan.baselines.len() {
            for adoption in &plan.adoption {
                let quantity = Quantity::Bytes(*estimand);
                let each = answers(comparisons, quantity, baseline, *adoption);
                let each: Vec<&Comparison> = each.collect();
                readings.extend(reading(*estimand, baseline, *adoption, &each));
            }
        }
    }
    readings
}

fn reading(
    estimand: Estimand,
    baseline: usize,
    adoption: Adoption,
    each: &[&Comparison],
) -> Option<Overall> {
    let in_general = each.iter().filter_map(|it| match it.finding {
        Finding::Bytes { in_general, .. } => Some((in_general.size, in_general.direction)),
        Finding::Times { .. } => None,
    });
    let (sizes, directions): (Vec<Size>, Vec<Direction>) = in_general.unzip();
    let by_saving =
        |a: &&&Comparison, b: &&&Comparison| a.estimate.value.total_cmp(&b.estimate.value);
    let worst = each.iter().min_by(by_saving)?;
    let best = each.iter().max_by(by_saving)?;
    let effects: Vec<f64> = each.iter().map(|it| it.log_ratio.value).collect();
    let errors: Vec<f64> = each.iter().map(|it| it.log_ratio.error).collect();
    let finite = effects.iter().all(|it| it.is_finite());
    Some(Overall {
        estimand,
        baseline,
        adoption,
        size: Size::in_general(&sizes),
        direction: Direction::in_general(&directions),
        // To support the claim, a scenario needs the same bound alone and among others.
        passing: sizes.iter().filter(|it| **it == Size::Supported).count(),
        scenarios: each.len(),
        worst: (worst.of.scenario, worst.estimate.value),
        best: best.estimate.value,
        pooled: if finite {
            random_effects(&effects, &errors)
        } else {
            None
        },
    })
}
