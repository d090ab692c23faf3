//! `--check`: the gate.

use std::path::PathBuf;

use comfy_table::{ContentArrangement, Table, TableStyle, presets};
use serde_json::json;

use super::args::{self, Format};
use super::run::Job;
use super::{Exit, Failure, print};
use crate::gate::{Change, State, compare, junit, read, shown};
use crate::store::write_whole;

pub(super) fn check(job: &Job<'_>, summary: &str) -> Result<Exit, Failure> {
    let usual = || {
        PathBuf::from("results")
            .join(&job.plan.name)
            .join("summary.csv")
    };
    let path = job.options.baseline.clone().unwrap_or_else(usual);
    let text = args::read(&path)?;
    let before = read(&text).map_err(|it| Failure::usage(format!("{}: {it}", path.display())))?;
    let now = read(summary).expect("our own table");
    let changes = compare(&before, &now, job.options.tolerance.fraction());
    if changes.is_empty() {
        let message = format!("{}: has no row in common with this run", path.display());
        return Err(Failure::usage(message));
    }
    if let Some(file) = &job.options.junit {
        write_whole(
            file,
            junit(&job.plan.name, &changes, &reproduce(job)).as_bytes(),
        )?;
    }
    let failed = changes.iter().any(Change::fails);
    print(&match job.options.format {
        Format::Json => as_json(job, &changes, failed),
        Format::Csv => summary.to_owned(),
        Format::Human => human(job, &changes, before.len(), presets::UTF8_FULL_CONDENSED),
        Format::Markdown => human(job, &changes, before.len(), presets::ASCII_MARKDOWN),
    })?;
    Ok(if failed {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// The line that repeats this check.
fn reproduce(job: &Job<'_>) -> String {
    format!("{}{}", job.reproduce, job.options.check_typed())
}

/// What the table says of a row.
fn word(it: &Change) -> String {
    match (it.moved, it.state) {
        (true, State::Unchanged) => "verdict moved".to_owned(),
        (true, state) => format!("{}, verdict moved", state.word()),
        (false, state) => state.word().to_owned(),
    }
}

fn human(job: &Job<'_>, changes: &[Change], registered: usize, preset: TableStyle) -> String {
    let count = |state: State| changes.iter().filter(|it| it.state == state).count();
    let failing = changes.iter().filter(|it| it.fails()).count();
    let closing = match (failing, count(State::Inconclusive)) {
        (0, 0) => "Every registered verdict still holds.",
        (0, _) => "Every registered verdict still holds; the inconclusive rows prove nothing.",
        _ => "The gate does not let this pass.",
    };
    format!(
        "{}gate      {} of {registered} registered rows compared, tolerance {}: {} unchanged, {} \
         improved, {} inconclusive, {} regressed; {} verdicts moved\nrepeat    {}\n\
         {closing}\n",
        table(changes, preset).map_or_else(String::new, |it| format!("{it}\n\n")),
        changes.len(),
        job.options.tolerance,
        count(State::Unchanged),
        count(State::Improved),
        count(State::Inconclusive),
        count(State::Regressed),
        changes.iter().filter(|it| it.moved).count(),
        reproduce(job),
    )
}

/// What is not as it was, if anything.
fn table(changes: &[Change], preset: TableStyle) -> Option<Table> {
    let mut table = Table::new();
    table
        .load_style(preset)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "scenario",
        "metric",
        "of",
        "baseline",
        "adoption",
        "registered",
        "now",
        "",
    ]);
    for it in changes
        .iter()
        .filter(|it| it.moved || it.state != State::Unchanged)
    {
        table.add_row([
            it.key.scenario.clone(),
            it.key.quantity.clone(),
            it.key.group.clone(),
            it.key.baseline.clone(),
            it.key.adoption.clone(),
            shown(&it.before),
            shown(&it.now),
            word(it),
        ]);
    }
    (table.row_count() > 0).then_some(table)
}

fn as_json(job: &Job<'_>, changes: &[Change], failed: bool) -> String {
    let rows: Vec<_> = changes
        .iter()
        .map(|it| {
            json!({
                "scenario": it.key.scenario, "quantity": it.key.quantity, "group": it.key.group,
                "baseline": it.key.baseline, "adoption": it.key.adoption,
                "registered": it.before.estimate, "now": it.now.estimate,
                "state": it.state.word(), "verdict_moved": it.moved,
            })
        })
        .collect();
    let document = json!({ "schema_version": 1, "plan": job.plan.name, "passed": !failed,
                           "reproduce": reproduce(job), "rows": rows });
    let mut text = serde_json::to_string_pretty(&document).expect("a value is JSON");
    text.push('\n');
    text
}
