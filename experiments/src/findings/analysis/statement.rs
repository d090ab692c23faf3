//! The short statements of a plan: how much is saved, and in what time, over all scenarios in
//! scope.

use super::comparison::{Comparison, answers};
use super::{Analysis, Average, Quantity, average};
use crate::findings::verdict::Joint;
use crate::plan::{Adoption, Estimand, Plan, Primary};

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Index of the contrast in the plan.
    pub contrast: usize,
    /// Share of adopters.
    pub adoption: Adoption,
    /// What is saved: a reading of bandwidth, or time.
    pub estimand: Estimand,
    /// Mean saving over the scenarios in scope.
    pub saving: Average,
    /// Mean ratio of the completion times of the same peers.
    pub time: Average,
    /// Beside a saving of time: mean saving of the adopters' upload, or of the swarm's bytes if all adopt.
    pub bytes: Option<Average>,
    /// Whether it is shown that in every scenario in scope as much is saved as claimed and that what must be kept is
    /// kept.
    pub joint: Joint,
    /// Number of scenarios in which the claim is shown.
    pub shown: usize,
    /// Whether the plan's claim is about this reading.
    pub claimed: bool,
    /// Whether the baseline has no such bytes in any scenario in scope, so that none can be saved.
    pub nothing_to_save: bool,
}

/// The statement on a contrast at an adoption; `None` if the comparison was not made.
#[must_use]
pub fn statement(
    plan: &Plan,
    analysis: &Analysis,
    contrast: usize,
    (estimand, adoption): (Estimand, Adoption),
) -> Option<Statement> {
    let quantity = Quantity::Saving(estimand);
    let group = quantity.group(adoption);
    let in_scope = |it: &&Comparison| plan.scenarios[it.of.scenario].is_in_scope();
    let times = analysis.comparisons.iter().filter(|it| {
        let of = it.of;
        (of.quantity, of.contrast, of.adoption, of.group)
            == (Quantity::Time, Some(contrast), adoption, group)
    });
    let is_reading = |it: &&super::Overall| {
        (it.estimand, it.contrast, it.adoption) == (estimand, contrast, adoption)
    };
    let reading = analysis.overall.iter().find(is_reading)?;
    let savings = answers(&analysis.comparisons, quantity, contrast, adoption);
    let spent = match adoption {
        Adoption::ALL => Estimand::E3,
        _ => Estimand::E1,
    };
    let bytes = Quantity::Saving(spent);
    let bytes = answers(&analysis.comparisons, bytes, contrast, adoption).filter(in_scope);
    Some(Statement {
        contrast,
        adoption,
        estimand,
        shown: reading.shown,
        claimed: (plan.primary == Primary::Time) == (estimand == Estimand::T),
        nothing_to_save: reading.nothing_to_save,
        saving: average(savings.filter(in_scope))?,
        time: average(times.filter(in_scope))?,
        bytes: average(bytes).filter(|_| estimand == Estimand::T),
        joint: reading.joint,
    })
}

/// For every contrast: the upload of adopters that are a minority, and the bytes of the swarm
/// and of the origin at the largest. Where the claim is about time: first the times of both.
#[must_use]
pub fn statements(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = Vec::new();
    for (contrast, it) in plan.contrasts.iter().enumerate() {
        let few = Adoption::minority(&it.adoption);
        let many = it.adoption.iter().max().copied().unwrap_or(Adoption::ALL);
        let mut of = match plan.primary {
            Primary::Bytes => Vec::new(),
            Primary::Time => vec![(Estimand::T, few), (Estimand::T, many)],
        };
        of.dedup();
        of.extend([
            (Estimand::E1, few),
            (Estimand::E3, many),
            (Estimand::E4, many),
        ]);
        let stated = of.into_iter();
        all.extend(stated.filter_map(|it| statement(plan, analysis, contrast, it)));
    }
    all
}

/// The statements at each share of adopters, for the contrasts that have several.
#[must_use]
pub fn by_adoption(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = Vec::new();
    for (contrast, it) in plan.contrasts.iter().enumerate() {
        if it.adoption.len() < 2 {
            continue;
        }
        let mut levels = it.adoption.clone();
        levels.sort();
        for adoption in levels {
            let each = [Estimand::T, Estimand::E1, Estimand::E3, Estimand::E4];
            let stated = each.map(|it| statement(plan, analysis, contrast, (it, adoption)));
            all.extend(stated.into_iter().flatten());
        }
    }
    all
}
