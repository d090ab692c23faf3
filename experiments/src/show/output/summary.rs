//! `summary.csv`: one row for every comparison and every reading of the claim. The gate reads it.

use serde::Serialize;

use super::tables::ci95;
use crate::findings::analysis::{Analysis, Comparison, Level, LevelKind, Overall, Quantity};
use crate::findings::stats::math::{exp, figure};
use crate::findings::stats::meta::RandomEffects;
use crate::findings::table::Table;
use crate::findings::verdict::waste_needed;
use crate::plan::{ALL_SCENARIOS, Adoption, Estimand, Plan};
use crate::run::unit::Mix;

/// One row of `summary.csv`, with its columns in this order. Fields without a value are empty.
#[derive(Debug, Default, Serialize)]
struct Row<'a> {
    scenario: &'a str,
    contrast: &'a str,
    candidate: &'a str,
    baseline: &'a str,
    adoption: String,
    group: &'a str,
    quantity: &'a str,
    scale: &'a str,
    headline: bool,
    runs: usize,
    candidate_mean: String,
    baseline_mean: String,
    estimate: String,
    ci95_low: String,
    ci95_high: String,
    bound95_low: String,
    bound95_high: String,
    method: &'a str,
    size_verdict: String,
    direction_verdict: String,
    time_verdict: String,
    joint_verdict: String,
    log_ratio: String,
    log_ratio_se: String,
    paired_correlation: String,
    variance_reduction: String,
    candidate_completed_fraction: String,
    baseline_completed_fraction: String,
    runs_needed: Option<u64>,
    baseline_waste: String,
    baseline_waste_needed: String,
    scenarios_passing: Option<usize>,
    prediction95_low: String,
    prediction95_high: String,
    /// Only in a registered summary: see [`BY_SEED`].
    #[serde(skip_serializing_if = "Option::is_none")]
    master_seed: Option<String>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_seed: Option<String>,
}

/// The text of `summary.csv`.
#[must_use]
pub fn summary(plan: &Plan, analysis: &Analysis) -> String {
    let comparisons = analysis.comparisons.iter();
    let readings = analysis.overall.iter().map(|it| reading(plan, it));
    let rows = comparisons.map(|it| comparison(plan, analysis, it));
    Table::of(&rows.chain(readings).collect::<Vec<Row<'_>>>())
}

/// Additional columns of a registered summary: the master seed, and one value per seed (see
/// [`Comparison::by_seed`]).
pub const BY_SEED: [&str; 2] = ["master_seed", "by_seed"];

/// The summary with [`BY_SEED`], so that a later summary can be compared with it seed by seed.
#[must_use]
pub fn registered(plan: &Plan, analysis: &Analysis) -> String {
    let by_seed = |it: &Comparison| {
        let values: Vec<String> = it.by_seed.iter().map(|it| figure(*it)).collect();
        Row {
            master_seed: Some(plan.master_seed.to_string()),
            by_seed: Some(values.join(" ")),
            ..comparison(plan, analysis, it)
        }
    };
    let without = |it: &Overall| Row {
        master_seed: Some(String::new()),
        by_seed: Some(String::new()),
        ..reading(plan, it)
    };
    let readings = analysis.overall.iter().map(without);
    let rows = analysis.comparisons.iter().map(by_seed).chain(readings);
    Table::of(&rows.collect::<Vec<Row<'_>>>())
}

/// For swarm cost only: mean waste of the baseline of a contrast in its pure swarm, and the waste
/// that would allow the claimed saving against the candidate.
#[must_use]
pub fn waste_bound(plan: &Plan, levels: &[Level], scenario: usize, contrast: usize) -> (f64, f64) {
    let waste = |mix: Mix| {
        let found = levels
            .iter()
            .find(|it| it.scenario == scenario && it.mix == mix && it.kind == LevelKind::Waste);
        found.map_or(f64::NAN, |it| it.mean.value)
    };
    let it = &plan.contrasts[contrast];
    let claim = plan.claim_of(Estimand::E3);
    let needed = waste_needed(waste(it.candidate.into()), claim.fraction());
    (waste(it.baseline.into()), needed)
}

fn comparison<'a>(plan: &'a Plan, analysis: &Analysis, it: &Comparison) -> Row<'a> {
    let of = it.of;
    let itself = (&plan.candidate, &plan.candidate);
    let (candidate, baseline) = of.contrast.map_or(itself, |at| plan.pair(at));
    let contrast = of.contrast.map(|at| &plan.contrasts[at].name);
    let [size, direction, time, joint] = it.words();
    let [ci95_low, ci95_high] = ci95(&it.estimate);
    let mut row = Row {
        scenario: &plan.scenarios[of.scenario].name,
        contrast: contrast.unwrap_or(&plan.candidate.name),
        candidate: &candidate.name,
        baseline: &baseline.name,
        adoption: of.adoption.label(),
        group: of.group.name(),
        quantity: of.quantity.id(),
        scale: of.quantity.scale(),
        headline: it.is_headline(),
        runs: it.runs,
        candidate_mean: figure(it.means.candidate),
        baseline_mean: figure(it.means.baseline),
        estimate: figure(it.estimate.value),
        ci95_low,
        ci95_high,
        bound95_low: figure(it.estimate.bound95.0),
        bound95_high: figure(it.estimate.bound95.1),
        method: it.method.name(),
        size_verdict: size,
        direction_verdict: direction,
        time_verdict: time,
        joint_verdict: joint,
        log_ratio: figure(it.log_ratio.value),
        log_ratio_se: figure(it.log_ratio.error),
        paired_correlation: figure(it.pairing.correlation),
        variance_reduction: figure(it.pairing.variance_reduction),
        candidate_completed_fraction: figure(it.completed.candidate),
        baseline_completed_fraction: figure(it.completed.baseline),
        runs_needed: it.runs_needed(),
        ..Row::default()
    };
    if let (Some(at), Quantity::Saving(Estimand::E3), Adoption::ALL) =
        (of.contrast, of.quantity, of.adoption)
    {
        let (has, needs) = waste_bound(plan, &analysis.levels, of.scenario, at);
        row.baseline_waste = figure(has);
        row.baseline_waste_needed = figure(needs);
    }
    row
}

fn reading<'a>(plan: &'a Plan, it: &Overall) -> Row<'a> {
    let pooled = |value: fn(&RandomEffects) -> f64| {
        it.pooled
            .as_ref()
            .map_or_else(String::new, |it| figure(value(it)))
    };
    // A large ratio is a small saving, so the ends change places.
    let prediction = it.pooled.as_ref().and_then(|it| it.prediction95);
    let [prediction95_low, prediction95_high] = prediction
        .map_or_else(Default::default, |(low, high)| {
            [high, low].map(|end| figure(1.0 - exp(end)))
        });
    let [size_verdict, direction_verdict, joint_verdict] = it.words();
    Row {
        scenario: ALL_SCENARIOS,
        contrast: &plan.contrasts[it.contrast].name,
        candidate: &plan.pair(it.contrast).0.name,
        baseline: &plan.pair(it.contrast).1.name,
        adoption: it.adoption.label(),
        group: Quantity::Saving(it.estimand).group(it.adoption).name(),
        quantity: it.estimand.id(),
        scale: "saving",
        headline: true,
        runs: it.scenarios,
        estimate: pooled(|it| 1.0 - exp(it.mean)),
        method: "DerSimonian-Laird",
        size_verdict: size_verdict.to_owned(),
        direction_verdict: direction_verdict.to_owned(),
        joint_verdict: joint_verdict.to_owned(),
        log_ratio: pooled(|it| it.mean),
        log_ratio_se: pooled(|it| it.error),
        scenarios_passing: Some(it.passing),
        prediction95_low,
        prediction95_high,
        ..Row::default()
    }
}
