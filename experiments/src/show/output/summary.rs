//! `summary.csv`: every comparison and every reading of the claim, one row each. The gate reads it.

use super::tables::ci95;
use crate::findings::analysis::{Analysis, Comparison, Level, LevelKind, Overall, Quantity};
use crate::findings::stats::math::{exp, figure};
use crate::findings::stats::meta::RandomEffects;
use crate::findings::table::Table;
use crate::findings::verdict::waste_needed;
use crate::plan::{Adoption, Estimand, Plan};
use crate::run::unit::Mix;

/// The scenario column of a row over all scenarios.
pub const ALL_SCENARIOS: &str = "all";

/// Columns of `summary.csv`.
pub const COLUMNS: [&str; 31] = [
    "scenario",
    "baseline",
    "adoption",
    "group",
    "quantity",
    "scale",
    "headline",
    "runs",
    "candidate_mean",
    "baseline_mean",
    "estimate",
    "ci95_low",
    "ci95_high",
    "bound95_low",
    "bound95_high",
    "method",
    "size_verdict",
    "direction_verdict",
    "time_verdict",
    "log_ratio",
    "log_ratio_se",
    "paired_correlation",
    "variance_reduction",
    "candidate_completed_fraction",
    "baseline_completed_fraction",
    "runs_needed",
    "baseline_waste",
    "baseline_waste_needed",
    "scenarios_passing",
    "prediction95_low",
    "prediction95_high",
];

/// The text of `summary.csv`.
#[must_use]
pub fn summary(plan: &Plan, analysis: &Analysis) -> String {
    let mut table = Table::new(&COLUMNS);
    for it in &analysis.comparisons {
        table.row(comparison(plan, analysis, it));
    }
    for it in &analysis.overall {
        table.row(reading(plan, it));
    }
    table.finish()
}

/// Columns that a registered summary has beyond [`COLUMNS`]: the master seed, and one value a seed (see
/// `Comparison::by_seed`).
pub const BY_SEED: [&str; 2] = ["master_seed", "by_seed"];

/// The summary with [`BY_SEED`], so that a later one is compared with it seed by seed.
#[must_use]
pub fn registered(plan: &Plan, analysis: &Analysis) -> String {
    let mut table = Table::new(&[&COLUMNS[..], &BY_SEED].concat());
    for it in &analysis.comparisons {
        let values: Vec<String> = it.by_seed.iter().map(|it| figure(*it)).collect();
        let seeds = [plan.master_seed.to_string(), values.join(" ")];
        table.row(comparison(plan, analysis, it).into_iter().chain(seeds));
    }
    for it in &analysis.overall {
        let none = [String::new(), String::new()];
        table.row(reading(plan, it).into_iter().chain(none));
    }
    table.finish()
}

/// Mean waste of a policy by itself, and the waste it would need for the claimed saving against
/// this candidate (swarm cost only).
#[must_use]
pub fn waste_bound(plan: &Plan, levels: &[Level], scenario: usize, baseline: usize) -> (f64, f64) {
    let waste = |mix: Mix| {
        let found = levels
            .iter()
            .find(|it| it.scenario == scenario && it.mix == mix && it.kind == LevelKind::Waste);
        found.map_or(f64::NAN, |it| it.mean.value)
    };
    let needed = waste_needed(waste(Mix::Candidate), plan.margins.claim.fraction());
    (waste(Mix::Baseline(baseline)), needed)
}

fn comparison(plan: &Plan, analysis: &Analysis, it: &Comparison) -> Vec<String> {
    let baseline = it
        .baseline
        .map_or(&plan.candidate.name, |at| &plan.baselines[at].name);
    let (mut waste, mut needed) = (String::new(), String::new());
    if let (Some(at), Quantity::Bytes(Estimand::E3), Adoption::ALL) =
        (it.baseline, it.quantity, it.adoption)
    {
        let (has, needs) = waste_bound(plan, &analysis.levels, it.scenario, at);
        (waste, needed) = (figure(has), figure(needs));
    }
    let [low, high] = ci95(&it.estimate);
    vec![
        plan.scenarios[it.scenario].name.clone(),
        baseline.clone(),
        it.adoption.label(),
        it.group.name().to_owned(),
        it.quantity.id().to_owned(),
        it.quantity.scale().to_owned(),
        it.is_headline().to_string(),
        it.runs.to_string(),
        figure(it.candidate_mean),
        figure(it.baseline_mean),
        figure(it.estimate.value),
        low,
        high,
        figure(it.estimate.bound95.0),
        figure(it.estimate.bound95.1),
        it.method.name().to_owned(),
        it.size
            .map_or("", crate::findings::verdict::Size::word)
            .to_owned(),
        it.direction
            .map_or("", crate::findings::verdict::Direction::word)
            .to_owned(),
        it.time
            .map_or("", crate::findings::verdict::Time::word)
            .to_owned(),
        figure(it.log_ratio),
        figure(it.log_error),
        figure(it.pairing.correlation),
        figure(it.pairing.variance_reduction),
        figure(it.completed.0),
        figure(it.completed.1),
        it.runs_needed.map_or_else(String::new, |it| it.to_string()),
        waste,
        needed,
        String::new(),
        String::new(),
        String::new(),
    ]
}

fn reading(plan: &Plan, it: &Overall) -> Vec<String> {
    let group = Quantity::Bytes(it.estimand).group(it.adoption);
    let pooled = |value: fn(&RandomEffects) -> f64| {
        it.pooled
            .as_ref()
            .map_or_else(String::new, |it| figure(value(it)))
    };
    // A large ratio is a small saving: the ends change places.
    let prediction = it.pooled.as_ref().and_then(|it| it.prediction95);
    let [low, high] = prediction.map_or_else(Default::default, |(low, high)| {
        [high, low].map(|end| figure(1.0 - exp(end)))
    });
    let mut row = vec![String::new(); COLUMNS.len()];
    let mut put = |column: &str, text: String| {
        let at = COLUMNS.iter().position(|it| *it == column);
        row[at.expect("a column of the table")] = text;
    };
    put("scenario", ALL_SCENARIOS.to_owned());
    put("baseline", plan.baselines[it.baseline].name.clone());
    put("adoption", it.adoption.label());
    put("group", group.name().to_owned());
    put("quantity", it.estimand.id().to_owned());
    put("scale", "saving".to_owned());
    put("headline", "true".to_owned());
    put("runs", it.scenarios.to_string());
    put("estimate", pooled(|it| 1.0 - exp(it.mean)));
    put("method", "DerSimonian-Laird".to_owned());
    put("size_verdict", it.size.word().to_owned());
    put("direction_verdict", it.direction.word().to_owned());
    put("log_ratio", pooled(|it| it.mean));
    put("log_ratio_se", pooled(|it| it.error));
    put("scenarios_passing", it.passing.to_string());
    put("prediction95_low", low);
    put("prediction95_high", high);
    row
}
