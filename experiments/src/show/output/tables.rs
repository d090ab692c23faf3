//! CSV tables: one row per item, units in the column names, empty fields for missing values.

use unchoke_core::ledger::{Kind, Waste};

use crate::findings::analysis::sweep::Response;
use crate::findings::analysis::{
    Analysis, Class, Fairness, Ladder, Level, MEASURES, Pictures, RunRow, Statement, by_adoption,
};
use crate::findings::measure::geometric_mean_time;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::plan::Plan;
use crate::run::unit::mix_name;

/// Low and high end of the two-sided 95 % interval.
pub(super) fn ci95(estimate: &Estimate) -> [String; 2] {
    [figure(estimate.ci95.0), figure(estimate.ci95.1)]
}

/// `runs.csv`: one row per run.
#[must_use]
pub fn runs(plan: &Plan, rows: &[RunRow]) -> String {
    let mut columns: Vec<String> = [
        "unit",
        "scenario",
        "policy",
        "adoption",
        "seed_index",
        "run_seed",
        "replica",
        "peers",
        "completed",
        "adopters",
        "geometric_mean_time_s",
        "mean_time_s",
        "median_time_s",
        "p95_time_s",
        "max_time_s",
        "bound_s",
        "adopter_geometric_mean_time_s",
        "adopter_p95_time_s",
        "upload_per_copy_bytes",
        "adopter_upload_per_copy_bytes",
        "adopter_total_per_copy_bytes",
        "sent_per_useful_byte",
        "redundant_per_useful_byte",
        "protocol_per_useful_byte",
        "origin_per_copy_bytes",
        "jain_goodput_over_capacity",
        "gini_upload",
        "spearman_capacity_goodput",
        "slope_log_goodput_log_capacity",
        "file_bytes",
        "useful_bytes",
        "payload_sent_bytes",
        "in_flight_bytes",
        "lost_bytes",
        "transport_sent_bytes",
    ]
    .map(str::to_owned)
    .to_vec();
    columns.extend(Waste::ALL.map(|it| format!("wasted_{}_bytes", it.name())));
    columns.extend(Kind::ALL.map(|it| format!("sent_{}_bytes", it.name())));
    columns.extend(["blocks", "events", "ended_s", "digest"].map(str::to_owned));
    let mut table = Table::new(&columns);
    for row in rows {
        table.row(run(plan, row));
    }
    table.finish()
}

fn run(plan: &Plan, row: &RunRow) -> Vec<String> {
    let (unit, swarm, all, outcome) = (&row.unit, &row.swarm, &row.all, &row.outcome);
    let adopters = |value: fn(&crate::findings::measure::GroupMeasure) -> f64| {
        row.adopters
            .as_ref()
            .map_or_else(String::new, |it| figure(value(it)))
    };
    let mut fields = vec![
        unit.id.clone(),
        plan.scenarios[unit.scenario].name.clone(),
        unit.mix_name(plan),
        unit.adoption_label(),
        unit.seed_index.to_string(),
        unit.run_seed.to_string(),
        unit.replica.to_string(),
        all.peers.to_string(),
        all.completed.to_string(),
        row.adopters.map_or(0, |it| it.peers).to_string(),
        figure(geometric_mean_time(all)),
        figure(swarm.mean_time),
        figure(swarm.median_time),
        figure(all.tail_time),
        figure(swarm.max_time),
        outcome
            .bound_ns
            .map_or_else(String::new, |it| figure(it as f64 / 1e9)),
        adopters(geometric_mean_time),
        adopters(|it| it.tail_time),
        figure(all.upload_per_copy),
        adopters(|it| it.upload_per_copy),
        adopters(|it| it.total_per_copy),
        figure(swarm.cost),
        figure(swarm.redundant),
        figure(swarm.protocol),
        figure(swarm.origin_per_copy),
        figure(swarm.jain),
        figure(swarm.gini),
        figure(swarm.spearman),
        figure(swarm.slope),
        outcome.file_bytes.to_string(),
        outcome.total.payload_useful.to_string(),
        outcome.total.payload_sent.to_string(),
        outcome.in_flight_bytes.to_string(),
        outcome.lost_bytes.to_string(),
        outcome.transport_sent_bytes.to_string(),
    ];
    fields.extend(outcome.total.payload_wasted.map(|it| it.to_string()));
    fields.extend(outcome.total.protocol_sent().map(|it| it.to_string()));
    fields.extend([
        outcome.blocks.to_string(),
        outcome.events.to_string(),
        figure(outcome.ended_ns as f64 / 1e9),
        format!("{:016x}", outcome.digest),
    ]);
    fields
}

/// `levels.csv`: figures of each policy by itself.
#[must_use]
pub fn levels(plan: &Plan, levels: &[Level]) -> String {
    let mut table = Table::new(&[
        "scenario",
        "policy",
        "metric",
        "runs",
        "median",
        "mean",
        "ci95_low",
        "ci95_high",
    ]);
    for it in levels {
        let [low, high] = ci95(&it.mean);
        table.row([
            plan.scenarios[it.scenario].name.clone(),
            mix_name(plan, it.mix),
            it.kind.id().to_owned(),
            it.runs.to_string(),
            figure(it.median),
            figure(it.mean.value),
            low,
            high,
        ]);
    }
    table.finish()
}

/// `timeseries.csv`: swarms of one policy over time, mean over seeds with 95 % t intervals.
#[must_use]
pub fn timeseries(plan: &Plan, pictures: &Pictures) -> String {
    let mut columns = vec![
        "scenario".to_owned(),
        "policy".to_owned(),
        "at_s".to_owned(),
    ];
    columns.push("runs".to_owned());
    for name in ["leechers", "seeds", "down_rate_bytes_per_s"] {
        columns.extend(["mean", "ci95_low", "ci95_high"].map(|it| format!("{name}_{it}")));
    }
    let mut table = Table::new(&columns);
    for it in &pictures.moments {
        let mut fields = vec![
            plan.scenarios[it.scenario].name.clone(),
            mix_name(plan, it.mix),
            figure(it.at_s),
            it.runs.to_string(),
        ];
        for estimate in [&it.leechers, &it.seeds, &it.down_rate] {
            fields.push(figure(estimate.value));
            fields.extend(ci95(estimate));
        }
        table.row(fields);
    }
    table.finish()
}

/// `completion.csv`: quantiles of completion time, pooled over seeds, and of single runs as means
/// over seeds.
#[must_use]
pub fn completion(plan: &Plan, pictures: &Pictures) -> String {
    let mut table = Table::new(&[
        "scenario",
        "policy",
        "peers",
        "completed_fraction",
        "quantile",
        "time_s",
        "run_mean_s",
        "run_ci95_low",
        "run_ci95_high",
    ]);
    for it in &pictures.completions {
        for (percent, (time, run)) in it.quantiles_s.iter().zip(&it.by_run_s).enumerate() {
            let [low, high] = ci95(run);
            table.row([
                plan.scenarios[it.scenario].name.clone(),
                mix_name(plan, it.mix),
                it.peers.to_string(),
                figure(it.completed),
                figure(percent as f64 / 100.0),
                figure(*time),
                figure(run.value),
                low,
                high,
            ]);
        }
    }
    table.finish()
}

/// `classes.csv`: completion time and share ratio of each access class in pure swarms.
#[must_use]
pub fn classes(plan: &Plan, classes: &[Class]) -> String {
    let mut table = Table::new(&[
        "scenario",
        "policy",
        "class",
        "up_rate_bytes_per_s",
        "runs",
        "geometric_mean_time_s",
        "time_ci95_low",
        "time_ci95_high",
        "share_ratio",
        "share_ratio_ci95_low",
        "share_ratio_ci95_high",
    ]);
    for it in classes {
        let [time_low, time_high] = ci95(&it.time);
        let [share_low, share_high] = ci95(&it.share_ratio);
        table.row([
            plan.scenarios[it.scenario].name.clone(),
            mix_name(plan, it.mix),
            it.name.clone(),
            figure(it.up_rate),
            it.runs.to_string(),
            figure(it.time.value),
            time_low,
            time_high,
            figure(it.share_ratio.value),
            share_low,
            share_high,
        ]);
    }
    table.finish()
}

/// `fairness.csv`: measures of fairness in pure swarms of candidate and baseline, for each
/// contrast.
#[must_use]
pub fn fairness(plan: &Plan, rows: &[Fairness]) -> String {
    let mut table = Table::new(&[
        "scenario",
        "contrast",
        "measure",
        "runs",
        "candidate_mean",
        "baseline_mean",
        "difference",
        "ci95_low",
        "ci95_high",
    ]);
    for it in rows {
        let [low, high] = ci95(&it.difference);
        table.row([
            plan.scenarios[it.scenario].name.clone(),
            plan.contrasts[it.contrast].name.clone(),
            MEASURES[it.measure].0.to_owned(),
            it.runs.to_string(),
            figure(it.candidate),
            figure(it.baseline),
            figure(it.difference.value),
            low,
            high,
        ]);
    }
    table.finish()
}

/// `matrix.csv`: useful bytes from access class to access class, summed over seeds.
#[must_use]
pub fn matrix(plan: &Plan, pictures: &Pictures) -> String {
    let mut table = Table::new(&["scenario", "policy", "runs", "from", "to", "useful_bytes"]);
    for it in &pictures.matrices {
        for (from, row) in it.bytes.chunks(it.classes.len().max(1)).enumerate() {
            for (to, bytes) in row.iter().enumerate() {
                table.row([
                    plan.scenarios[it.scenario].name.clone(),
                    mix_name(plan, it.mix),
                    it.runs.to_string(),
                    it.classes[from].clone(),
                    it.classes[to].clone(),
                    bytes.to_string(),
                ]);
            }
        }
    }
    table.finish()
}

/// Columns of a statement, with its contrast by name.
const STATEMENT: [&str; 11] = [
    "contrast",
    "adoption",
    "quantity",
    "scenarios",
    "seeds",
    "saving",
    "saving_ci95_low",
    "saving_ci95_high",
    "time_ratio",
    "time_ci95_low",
    "time_ci95_high",
];

/// Runs that were cut short show neither a saving nor a time.
fn statement(it: &Statement, contrast: &str, seeds: &str) -> [String; 11] {
    let shown = |of: &Estimate| {
        let [low, high] = ci95(of);
        let all = [figure(of.value), low, high];
        if it.saving.cut {
            Default::default()
        } else {
            all
        }
    };
    let [saving, low, high] = shown(&it.saving.estimate);
    let [time, time_low, time_high] = shown(&it.time.estimate);
    [
        contrast.to_owned(),
        it.adoption.label(),
        it.estimand.id().to_owned(),
        it.saving.scenarios.to_string(),
        seeds.to_owned(),
        saving,
        low,
        high,
        time,
        time_low,
        time_high,
    ]
}

/// `sweep.csv`: the statements at each value of the plan's sweeps.
#[must_use]
pub fn sweeps(responses: &[Response]) -> String {
    let columns: Vec<&str> = ["sweep", "key", "value"]
        .into_iter()
        .chain(STATEMENT)
        .collect();
    let mut table = Table::new(&columns);
    for response in responses {
        for point in &response.points {
            for it in &point.statements {
                let of = [
                    response.sweep.name.clone(),
                    response.sweep.key.clone(),
                    point.value.clone(),
                ];
                let stated = statement(it, &point.contrasts[it.contrast], &point.seeds);
                table.row(of.into_iter().chain(stated));
            }
        }
    }
    table.finish()
}

/// `adoption.csv`: the statements at each share of adopters; `None` if no contrast has several.
#[must_use]
pub fn adoption(plan: &Plan, analysis: &Analysis) -> Option<String> {
    let statements = by_adoption(plan, analysis);
    if statements.is_empty() {
        return None;
    }
    let mut table = Table::new(&STATEMENT);
    for it in statements {
        let contrast = &plan.contrasts[it.contrast].name;
        table.row(statement(&it, contrast, &plan.seeds_said()));
    }
    Some(table.finish())
}

/// `ladder.csv`: one row for each scenario, step and quantity.
#[must_use]
pub fn ladder(plan: &Plan, ladder: &Ladder) -> String {
    let mut table = Table::new(&[
        "scenario",
        "from",
        "to",
        "quantity",
        "scale",
        "runs",
        "from_mean",
        "to_mean",
        "estimate",
        "ci95_low",
        "ci95_high",
        "method",
        "share_of_first_rung",
        "share_ci95_low",
        "share_ci95_high",
        "variance_reduction",
    ]);
    for it in &ladder.steps {
        let comparison = &it.comparison;
        let [low, high] = ci95(&comparison.estimate);
        let [share_low, share_high] = ci95(&it.points);
        table.row([
            plan.scenarios[comparison.of.scenario].name.clone(),
            plan.ladder[it.rung - 1].clone(),
            plan.ladder[it.rung].clone(),
            comparison.of.quantity.id().to_owned(),
            comparison.of.quantity.scale().to_owned(),
            comparison.runs.to_string(),
            figure(comparison.means.baseline),
            figure(comparison.means.candidate),
            figure(comparison.estimate.value),
            low,
            high,
            comparison.method.name().to_owned(),
            figure(it.points.value),
            share_low,
            share_high,
            figure(comparison.pairing.variance_reduction),
        ]);
    }
    table.finish()
}
