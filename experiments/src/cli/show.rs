//! Prints results to standard output.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use super::args::{Color, ResultOptions};
use crate::findings::analysis::{Analysis, Level, LevelKind, Quantity, answers};
use crate::plan::{Plan, Status, count};
use crate::run::unit::mix_name;
use crate::run::unit::pure_mixes;
use crate::show::output::RESULTS_SCHEMA;
use crate::show::words;

/// The answer for people. Tables and verdicts come first if requested.
pub(super) fn human(plan: &Plan, analysis: &Analysis, options: &ResultOptions) -> String {
    let mut text = String::new();
    if options.verbose {
        text = tables(plan, analysis, colored(options.color));
    }
    let mut put = |it: &str| writeln!(text, "{it}").expect("writing to a string does not fail");
    let mut most = words::ANSWER_LINES;
    if plan.status == Status::Exploratory {
        put("exploratory: options changed the registered plan");
        // Together with the lines after the answer there are no more than without.
        most -= 1;
    }
    for line in words::answer(plan, analysis, most) {
        put(&line);
    }
    text
}

/// All tables, all sentences that the answer summarises, and those that its lines have no room for.
fn tables(plan: &Plan, analysis: &Analysis, color: bool) -> String {
    let mut text = String::new();
    let mut put = |it: &str| writeln!(text, "{it}").expect("writing to a string does not fail");
    for scenario in 0..plan.scenarios.len() {
        let name = &plan.scenarios[scenario].name;
        put(&format!(
            "{name}: mean [95 % CI] of swarms of one policy; n = {}",
            count(plan.seeds_of(scenario), "seed")
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
    let of_itself = analysis
        .comparisons
        .iter()
        .filter(|it| it.of.contrast.is_none());
    put(&format!(
        "A/A       {} of {} with itself: all exactly zero",
        count(of_itself.count(), "comparison"),
        plan.candidate.name
    ));
    for line in words::arithmetic(plan, analysis) {
        put(&format!("bound     {line}"));
    }
    put(&format!("complete  {}", words::completion(plan, analysis)));
    for line in words::warmups(plan, analysis) {
        put(&format!("warm-up   {line}"));
    }
    put("");
    for line in words::told_whole(plan, analysis) {
        put(&line);
    }
    put("");
    for (estimand, size, direction) in words::verdicts(plan, analysis) {
        put(&format!(
            "{}  size  {}: {size}",
            estimand.id(),
            estimand.title()
        ));
        put(&format!("    dir.  {direction}"));
    }
    put("");
    text
}

fn colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal(),
    }
}

/// Width if the terminal does not report one.
const USUAL_WIDTH: u16 = 120;

/// A table without rows that wraps at the terminal's width.
pub(super) fn empty(head: &[String]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(USUAL_WIDTH);
    }
    table.set_header(head);
    table
}

/// One row per policy, one column per figure.
fn levels(plan: &Plan, analysis: &Analysis, scenario: usize) -> Table {
    let mut head = vec!["policy".to_owned()];
    head.extend(LevelKind::ALL.map(|it| it.title().to_owned()));
    let mut table = empty(&head);
    for mix in pure_mixes(plan) {
        let of_mix = |it: &&Level| it.scenario == scenario && it.mix == mix;
        let cells = analysis.levels.iter().filter(of_mix).map(words::level);
        table.add_row(std::iter::once(mix_name(plan, mix)).chain(cells));
    }
    table
}

fn readings(plan: &Plan, analysis: &Analysis, color: bool, markup: bool) -> Table {
    let mut head = ["reading", "contrast", "adoption"]
        .map(str::to_owned)
        .to_vec();
    head.extend(plan.scenarios.iter().map(|it| it.name.clone()));
    head.extend(["size", "direction", "both"].map(str::to_owned));
    let mut table = empty(&head);
    if markup {
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for it in &analysis.overall {
        let mut row = vec![
            Cell::new(format!("{} {}", it.estimand.id(), it.estimand.title())),
            Cell::new(plan.versus(it.contrast)),
            Cell::new(it.adoption.label()),
        ];
        let quantity = Quantity::Saving(it.estimand);
        let each = answers(&analysis.comparisons, quantity, it.contrast, it.adoption);
        row.extend(each.map(|it| Cell::new(words::estimate(it))));
        for word in it.words() {
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
    let mut head = ["time of", "contrast", "adoption"]
        .map(str::to_owned)
        .to_vec();
    head.extend(
        plan.scenarios
            .iter()
            .map(|it| format!("{}: mean; p95", it.name)),
    );
    let mut table = empty(&head);
    for (at, contrast) in plan.contrasts.iter().enumerate() {
        for adoption in &contrast.adoption {
            let of = |quantity| answers(&analysis.comparisons, quantity, at, *adoption);
            let mut row = vec![
                Quantity::Time.group(*adoption).name().to_owned(),
                plan.versus(at),
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

/// The verdicts as Markdown.
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

/// The rows of the summary as JSON, with figures as numbers.
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
