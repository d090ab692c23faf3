//! Tables and text of a plan with factors.

use std::fmt::Write as _;

use serde_json::json;

use crate::findings::analysis::Quantity;
use crate::findings::factorial::{Cell, Effect, Sign, Study};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::{exp, figure};
use crate::findings::table::Table;
use crate::plan::count;
use crate::plan::design::letter;
use crate::show::output::{Files, PLAN_FILE, RESULTS_SCHEMA};
use crate::show::words::{percent, title};

/// The deterministic files of the results.
#[must_use]
pub fn files(study: &Study<'_>) -> Files {
    Files::with(vec![
        (PLAN_FILE, study.plan.to_toml()),
        ("cells.csv", cells(study)),
        ("effects.csv", effects(study)),
    ])
}

/// Value and 95 % interval; empty if runs were cut short.
fn three(it: &Estimate, cut: bool) -> [String; 3] {
    if cut {
        return Default::default();
    }
    [it.value, it.ci95.0, it.ci95.1].map(figure)
}

/// The same of a log ratio, converted to a saving.
fn saving(it: &Estimate, cut: bool) -> [String; 3] {
    three(&it.map(|log| 1.0 - exp(log)), cut)
}

/// `cells.csv`: one row for each run of the design, scenario and quantity.
fn cells(study: &Study<'_>) -> String {
    let mut columns = vec!["scenario".to_owned()];
    columns.extend(study.factorial.factors.iter().map(|it| it.name.clone()));
    columns.extend(
        [
            "quantity",
            "runs",
            "saving",
            "ci95_low",
            "ci95_high",
            "log_ratio",
        ]
        .map(str::to_owned),
    );
    let mut table = Table::new(&columns);
    for it in &study.cells {
        let mut row = vec![study.plan.scenarios[it.scenario].name.clone()];
        row.extend((0..study.factorial.factors.len()).map(|factor| {
            let high = it.high >> factor & 1 == 1;
            if high { "high" } else { "low" }.to_owned()
        }));
        row.extend([it.quantity.id().to_owned(), it.logs.len().to_string()]);
        row.extend(saving(&it.log_ratio, it.cut.is_some()));
        let [log_ratio, ..] = three(&it.log_ratio, it.cut.is_some());
        row.push(log_ratio);
        table.row(row);
    }
    table.finish()
}

/// `effects.csv`: one row for each scenario, quantity and factor.
fn effects(study: &Study<'_>) -> String {
    let mut table = Table::new(&[
        "scenario",
        "quantity",
        "factor",
        "runs",
        "ratio_change_percent",
        "ci95_low",
        "ci95_high",
        "saving_at_low",
        "saving_at_low_ci95_low",
        "saving_at_low_ci95_high",
        "saving_at_high",
        "saving_at_high_ci95_low",
        "saving_at_high_ci95_high",
        "sign_flips",
    ]);
    for it in &study.effects {
        let change = it.percent();
        let mut row = vec![
            study.plan.scenarios[it.scenario].name.clone(),
            it.quantity.id().to_owned(),
            study.factorial.factors[it.factor].name.clone(),
            study.plan.seeds_of(it.scenario).to_string(),
        ];
        row.extend(three(&change, it.cut));
        row.extend(saving(&it.low, it.cut));
        row.extend(saving(&it.high, it.cut));
        row.push(it.flips().to_string());
        table.row(row);
    }
    table.finish()
}

/// One sentence for each scenario and quantity: how the saving varies over the settings, and which
/// factors change its sign.
#[must_use]
pub fn sentences(study: &Study<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for (scenario, within) in study.plan.scenarios.iter().enumerate() {
        for quantity in crate::findings::factorial::effects::quantities(study.plan) {
            let here = |it: &&Cell| it.scenario == scenario && it.quantity == quantity;
            let cells: Vec<&Cell> = study.cells.iter().filter(here).collect();
            if let Some(cut) = cells.iter().find_map(|it| it.cut) {
                sentences.push(format!("{}, {}: {cut}.", within.name, title(quantity)));
                continue;
            }
            let of = |sign| {
                let shown = cells.iter().filter(|it| Sign::of(&it.log_ratio) == sign);
                shown.count()
            };
            let savings = cells.iter().map(|it| 1.0 - exp(it.log_ratio.value));
            let (least, most) = savings.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, it| {
                (ends.0.min(it), ends.1.max(it))
            });
            let (less, more) = (of(Sign::Less), of(Sign::More));
            let mut text = format!(
                "{}, {}: {} than under {} over {}; less in {less}, more in {more}, unclear in {}",
                within.name,
                title(quantity),
                range(least, most),
                study.plan.pair(0).1.name,
                count(cells.len(), "setting"),
                cells.len() - less - more
            );
            if less + more > 0 {
                text.push_str(&turned(study, scenario, quantity, less > 0 && more > 0));
            } else {
                text.push('.');
            }
            sentences.push(text);
        }
    }
    sentences
}

/// Savings between two ends, in words: what is below zero is more.
fn range(least: f64, most: f64) -> String {
    if most < 0.0 {
        format!("{} to {} more", percent(-most), percent(-least))
    } else {
        format!("{} to {} less", percent(least), percent(most))
    }
}

/// The factors that change the sign, as text.
fn turned(study: &Study<'_>, scenario: usize, quantity: Quantity, both: bool) -> String {
    let here = |it: &&Effect| it.scenario == scenario && it.quantity == quantity;
    let flips = study.effects.iter().filter(here).filter(|it| it.flips());
    let names: Vec<&str> = flips
        .map(|it| study.factorial.factors[it.factor].name.as_str())
        .collect();
    match (names.is_empty(), both) {
        (false, _) => format!(". The sign flips with {}.", names.join(", ")),
        (true, true) => ". The sign depends on a combination of factors, on none by itself.".into(),
        (true, false) => ". No factor turns the sign round.".to_owned(),
    }
}

/// The whole text for standard output.
#[must_use]
pub fn words(study: &Study<'_>) -> String {
    let mut text = format!("{}\n", study.factorial.design.described());
    let mut put = |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
    for (at, it) in study.factorial.factors.iter().enumerate() {
        let (low, high) = (it.low.join(", "), it.high.join(", "));
        put(format!(
            "{}  {:18} low: {low}; high: {high}",
            letter(at),
            it.name
        ));
    }
    put(String::new());
    for it in sentences(study) {
        put(it);
    }
    text
}

/// The effects as one JSON document.
#[must_use]
pub fn json(study: &Study<'_>, hash: &str) -> String {
    let row = |it: &Effect| {
        let change = it.percent();
        json!({
            "scenario": study.plan.scenarios[it.scenario].name, "quantity": it.quantity.id(),
            "factor": study.factorial.factors[it.factor].name, "ratio_change_percent": change.value,
            "ci95": [change.ci95.0, change.ci95.1], "sign_flips": it.flips(),
        })
    };
    let document = json!({
        "schema_version": RESULTS_SCHEMA, "plan": study.plan.name, "results_sha256": hash,
        "design": study.factorial.design.described(),
        "rows": study.effects.iter().map(row).collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a value is JSON");
    text.push('\n');
    text
}
