//! Results on standard output.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use super::args::{Color, ResultOptions};
use crate::findings::analysis::{Analysis, Level, LevelKind, Quantity, answers};
use crate::plan::{Plan, Status};
use crate::run::unit::mix_name;
use crate::run::unit::pure_mixes;
use crate::show::output::RESULTS_SCHEMA;
use crate::show::words;

/// Tables and verdicts for people.
pub(super) fn human(plan: &Plan, analysis: &Analysis, options: &ResultOptions) -> String {
    let mut text = String::new();
    let mut put = |it: &str| writeln!(text, "{it}").expect("writing to a string does not fail");
    match &plan.status {
        Status::Registered => {}
        Status::Exploratory => put("exploratory: options changed the registered plan\n"),
        Status::Amended { .. } => put(&format!("{}\n", words::status(&plan.status))),
    }
    let color = colored(options.color);
    if !options.quiet {
        for scenario in 0..plan.scenarios.len() {
            let name = &plan.scenarios[scenario].name;
            put(&format!(
                "{name}: mean [95 % CI], median below; n = {} seeds",
                plan.seeds_of(scenario)
            ));
            put(&format!("{}\n", levels(plan, analysis, scenario)));
        }
        put(&format!(
            "Paired differences: saving [95 % CI] a scenario, verdicts over all of them; n = {}",
            plan.seeds_said()
        ));
        put(&format!("{}\n", readings(plan, analysis, color, false)));
        put(&format!(
            "Completion time, ratio to the baseline [95 % CI], margins {} (mean) and {} (p95)",
            plan.margins.time, plan.margins.tail
        ));
        put(&format!("{}\n", times(plan, analysis)));
    }
    if options.verbose {
        put(&format!("{}\n", every(plan, analysis)));
    }
    let twins = analysis
        .comparisons
        .iter()
        .filter(|it| it.of.baseline.is_none())
        .count();
    put(&format!(
        "A/A       {twins} comparisons of {} with itself: all exactly zero",
        plan.candidate.name
    ));
    for line in words::arithmetic(plan, analysis) {
        put(&format!("bound     {line}"));
    }
    put(&format!("complete  {}", words::completion(plan, analysis)));
    for line in words::warmups(plan, analysis) {
        put(&format!("warm-up   {line}"));
    }
    for (estimand, size, direction) in words::verdicts(plan, analysis) {
        put(&format!(
            "{}  size  {}: {size}",
            estimand.id(),
            estimand.title()
        ));
        put(&format!("    dir.  {direction}"));
    }
    text
}

fn colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal(),
    }
}

/// A table without rows.
pub(super) fn empty(head: &[String]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head);
    table
}

fn levels(plan: &Plan, analysis: &Analysis, scenario: usize) -> Table {
    let mut head = vec![String::new()];
    head.extend(pure_mixes(plan).into_iter().map(|it| mix_name(plan, it)));
    let mut table = empty(&head);
    let cell = |it: &Level| {
        let show = |value: f64| it.kind.shown(value);
        let (low, high) = it.mean.ci95;
        format!(
            "{} [{}, {}]\n{}",
            show(it.mean.value),
            show(low),
            show(high),
            show(it.median)
        )
    };
    for kind in LevelKind::ALL {
        let of_kind = |it: &&Level| it.scenario == scenario && it.kind == kind;
        let cells = analysis.levels.iter().filter(of_kind).map(cell);
        table.add_row(std::iter::once(kind.title().to_owned()).chain(cells));
    }
    table
}

fn readings(plan: &Plan, analysis: &Analysis, color: bool, markup: bool) -> Table {
    let mut head = ["reading", "baseline", "adoption"]
        .map(str::to_owned)
        .to_vec();
    head.extend(plan.scenarios.iter().map(|it| it.name.clone()));
    head.extend(["size", "direction", "both"].map(str::to_owned));
    let mut table = empty(&head);
    if markup {
        table.load_style(presets::ASCII_MARKDOWN);
    }
    for it in &analysis.overall {
        let mut row = vec![
            Cell::new(format!("{} {}", it.estimand.id(), it.estimand.title())),
            Cell::new(&plan.baselines[it.baseline].name),
            Cell::new(it.adoption.label()),
        ];
        let quantity = Quantity::Bytes(it.estimand);
        let each = answers(&analysis.comparisons, quantity, it.baseline, it.adoption);
        row.extend(each.map(|it| Cell::new(words::estimate(it))));
        for word in [it.size.word(), it.direction.word(), it.joint.word()] {
            row.push(painted(word, color));
        }
        table.add_row(row);
    }
    table
}

fn painted(word: &str, color: bool) -> Cell {
    let cell = Cell::new(word);
    if !color {
        return cell;
    }
    cell.fg(match word {
        "supported" | "saves" | "shown" => comfy_table::Color::Green,
        "refuted" | "costs" => comfy_table::Color::Red,
        _ => comfy_table::Color::Yellow,
    })
}

fn times(plan: &Plan, analysis: &Analysis) -> Table {
    let mut head = ["time of", "baseline", "adoption"]
        .map(str::to_owned)
        .to_vec();
    head.extend(
        plan.scenarios
            .iter()
            .map(|it| format!("{}: mean; p95", it.name)),
    );
    let mut table = empty(&head);
    for (at, baseline) in plan.baselines.iter().enumerate() {
        for adoption in &plan.adoption {
            let of = |quantity| answers(&analysis.comparisons, quantity, at, *adoption);
            let mut row = vec![
                Quantity::Time.group(*adoption).name().to_owned(),
                baseline.name.clone(),
                adoption.label(),
            ];
            let both = of(Quantity::Time).zip(of(Quantity::Tail));
            row.extend(both.map(|(mean, tail)| {
                format!("{}; {}", words::estimate(mean), words::estimate(tail))
            }));
            table.add_row(row);
        }
    }
    table
}

/// Every comparison, one row each.
fn every(plan: &Plan, analysis: &Analysis) -> Table {
    let head = [
        "scenario",
        "baseline",
        "adoption",
        "group",
        "quantity",
        "estimate",
        "size",
        "direction",
        "time",
        "both",
        "method",
        "variance removed",
        "runs needed",
    ];
    let mut table = empty(&head.map(str::to_owned));
    for it in &analysis.comparisons {
        let of = it.of;
        let baseline = of.baseline.map(|at| plan.baselines[at].name.as_str());
        let [size, direction, time, joint] = it.words();
        table.add_row([
            &plan.scenarios[of.scenario].name,
            baseline.unwrap_or("itself"),
            &of.adoption.label(),
            of.group.name(),
            of.quantity.id(),
            &words::estimate(it),
            &size,
            &direction,
            &time,
            &joint,
            it.method.name(),
            &format!("{:.2}", it.pairing.variance_reduction),
            &it.runs_needed()
                .map_or_else(String::new, |it| it.to_string()),
        ]);
    }
    table
}

/// Verdicts as Markdown.
pub(super) fn markdown(plan: &Plan, analysis: &Analysis, reproduce: &str) -> String {
    let mut text = format!("## {}\n\n", plan.name);
    let mut put = |it: &str| writeln!(text, "{it}").expect("writing to a string does not fail");
    for (estimand, size, direction) in words::verdicts(plan, analysis) {
        put(&format!(
            "- **{} {}** size: {size}",
            estimand.id(),
            estimand.title()
        ));
        put(&format!("  direction: {direction}"));
    }
    put(&format!("\n{}\n", readings(plan, analysis, false, true)));
    put(&format!("`{reproduce}`"));
    text
}

/// The rows of the summary as JSON, figures as numbers.
pub(super) fn json(plan: &Plan, hash: &str, summary: &str) -> String {
    let mut reader = csv::Reader::from_reader(summary.as_bytes());
    let columns = reader.headers().expect("our own table").clone();
    let value = |text: &str| match (text, text.parse::<f64>()) {
        ("", _) => Value::Null,
        ("true", _) => json!(true),
        ("false", _) => json!(false),
        (_, Ok(number)) => json!(number),
        (text, Err(_)) => json!(text),
    };
    let rows: Vec<Value> = reader
        .records()
        .map(|record| {
            let record = record.expect("our own table");
            let fields = columns.iter().zip(&record);
            Value::Object(
                fields
                    .map(|(name, it)| (name.to_owned(), value(it)))
                    .collect::<Map<_, _>>(),
            )
        })
        .collect();
    let document = json!({
        "schema_version": RESULTS_SCHEMA,
        "plan": plan.name,
        "status": plan.status.word(),
        "results_sha256": hash,
        "rows": rows,
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a value is JSON");
    text.push('\n');
    text
}
