//! Output of the checks: a table for the terminal, CSV and Markdown.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};

use super::judge::{FEWEST_RUNS, Limits, Verdict};
use super::run::Outcome;
use crate::findings::stats::math::figure;
use crate::findings::table::Table as Csv;
use crate::plan::count;

/// A number with four significant digits.
fn short(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "none" } else { "∞" }.to_owned();
    }
    let rounded: f64 = format!("{x:.3e}")
        .parse()
        .expect("a printed float is a float");
    format!("{rounded}")
}

fn expected(limits: &Limits) -> String {
    let (low, high) = (short(limits.low), short(limits.high));
    match (
        limits.point,
        limits.low.is_finite(),
        limits.high.is_finite(),
    ) {
        (Some(point), _, _) => format!("{} ({low} to {high})", short(point)),
        (None, true, true) => format!("{low} to {high}"),
        (None, true, false) => format!("at least {low}"),
        (None, false, _) => format!("at most {high}"),
    }
}

fn interval(it: &Outcome) -> String {
    let (low, high) = it.interval;
    if low.is_infinite() || high.is_infinite() {
        return "one run".to_owned();
    }
    let kind = if it.check.every_run { "all " } else { "" };
    format!("{kind}{} to {}", short(low), short(high))
}

/// The table for people, with the explanations below it. `left_out` names the checks that were
/// skipped.
#[must_use]
pub fn terminal(outcomes: &[Outcome], left_out: &[String]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "plan", "check", "measured", "interval", "expected", "verdict",
    ]);
    for it in outcomes {
        table.add_row([
            it.plan.clone(),
            it.check.name.clone(),
            short(it.measured),
            interval(it),
            expected(&it.limits),
            it.verdict.to_string(),
        ]);
    }
    let (findings, summary) = (findings(outcomes, ""), summary(outcomes, left_out));
    format!("{table}\n{findings}{summary}\n")
}

fn findings(outcomes: &[Outcome], bullet: &str) -> String {
    let mut text = String::new();
    for it in outcomes.iter().filter(|it| it.verdict != Verdict::Pass) {
        let otherwise = match it.verdict {
            Verdict::CannotTell if it.runs < FEWEST_RUNS => "fewer than five runs",
            Verdict::CannotTell => "more runs would tell",
            Verdict::Pass | Verdict::Fail => "not explained yet",
        };
        let finding = it.check.finding.as_deref().unwrap_or(otherwise);
        let (plan, name, verdict) = (&it.plan, &it.check.name, it.verdict);
        let finding = finding.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(text, "{bullet}{verdict}: {plan}, {name}: {finding}").expect("strings grow");
    }
    text
}

/// Number of checks with each verdict, and the skipped ones.
fn summary(outcomes: &[Outcome], left_out: &[String]) -> String {
    let with = |verdict| outcomes.iter().filter(|it| it.verdict == verdict).count();
    let unexplained = outcomes.iter().filter(|it| it.is_unexplained()).count();
    let mut text = format!(
        "{}: {} PASS, {} FAIL ({unexplained} not explained), {} cannot tell",
        count(outcomes.len(), "check"),
        with(Verdict::Pass),
        with(Verdict::Fail),
        with(Verdict::CannotTell)
    );
    if !left_out.is_empty() {
        let (number, names) = (left_out.len(), left_out.join("; "));
        write!(text, "; {number} not at this size: {names}").expect("strings grow");
    }
    text
}

/// One row per check; the README of the results describes the columns.
#[must_use]
pub fn csv(outcomes: &[Outcome]) -> String {
    let mut out = Csv::new(&[
        "plan",
        "check",
        "case",
        "against",
        "runs",
        "measured",
        "low",
        "high",
        "expected",
        "band_low",
        "band_high",
        "every_run",
        "verdict",
        "source",
        "reason",
        "finding",
    ]);
    for it in outcomes {
        let point = it.limits.point.map_or(String::new(), figure);
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        out.row([
            it.plan.clone(),
            it.check.name.clone(),
            it.check.case.clone(),
            it.check.against.clone().unwrap_or_default(),
            it.runs.to_string(),
            figure(it.measured),
            figure(it.interval.0),
            figure(it.interval.1),
            point,
            figure(it.limits.low),
            figure(it.limits.high),
            it.check.every_run.to_string(),
            it.verdict.to_string(),
            line(&it.source),
            line(&it.check.reason),
            line(it.check.finding.as_deref().unwrap_or_default()),
        ]);
    }
    out.finish()
}

/// The table as Markdown, for readers of the repository.
#[must_use]
pub fn markdown(outcomes: &[Outcome], left_out: &[String], command: &str) -> String {
    let mut text = format!(
        "# Validation\n\nMade by `{command}`. PASS: the whole interval lies in the expected band; \
         FAIL: all of it lies outside; cannot tell: it crosses an end, or there are fewer than five runs. Tolerances and their reasons \
         stand in `experiments/plans/validation/`; they come from the sources, not from the runs.\n\n\
         | plan | check | runs | measured | interval | expected | verdict |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for it in outcomes {
        let (plan, name, runs) = (&it.plan, &it.check.name, it.runs);
        let (measured, interval) = (short(it.measured), interval(it));
        let (expected, verdict) = (expected(&it.limits), it.verdict);
        writeln!(
            text,
            "| {plan} | {name} | {runs} | {measured} | {interval} | {expected} | {verdict} |"
        )
        .expect("strings grow");
    }
    let (findings, summary) = (findings(outcomes, "* "), summary(outcomes, left_out));
    format!("{text}\n{summary}\n\n{findings}")
}
