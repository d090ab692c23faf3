//! `--check`: compares a run with registered results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use comfy_table::{ContentArrangement, Table, TableStyle, presets};
use serde_json::json;

use super::args::{self, Format, ResultOptions};
use super::job::Job;
use super::revision::read_at;
use super::{Exit, Failure, print};
use crate::gate::{
    Cause, Change, Compared, HEAD, Key, Row, State, Words, causes, compare, counted, junit, read,
};
use crate::plan::{ALL_SCENARIOS, Plan};
use crate::run::store::write_whole;

/// Most rows of a Markdown table. CI services show at most one megabyte.
const MOST_ROWS: usize = 200;

/// The rows of a run and the registered rows.
pub(super) struct Check<'a> {
    job: &'a Job<'a>,
    summary: &'a str,
    compared: Compared,
    seeds: String,
    tolerance: String,
    reproduce: String,
}

/// The file with the registered rows.
pub(super) fn registered_file(plan: &Plan, options: &ResultOptions) -> PathBuf {
    let usual = || {
        PathBuf::from("results")
            .join(&plan.name)
            .join("summary.csv")
    };
    options.baseline.clone().unwrap_or_else(usual)
}

/// The file with the registered rows of a run, and its rows.
pub(super) fn registered(job: &Job<'_>) -> Result<(PathBuf, BTreeMap<Key, Row>), Failure> {
    let path = registered_file(&job.plan, job.options);
    let rows = registered_rows(&path, job.options.baseline_from.as_deref())?;
    Ok((path, rows))
}

/// The rows of a file, either now or at a revision.
pub(super) fn registered_rows(
    path: &Path,
    revision: Option<&str>,
) -> Result<BTreeMap<Key, Row>, Failure> {
    let (text, at) = match revision {
        None => (args::read(path)?, String::new()),
        Some(it) => (read_at(it, path)?, format!(" at {it}")),
    };
    read(&text).map_err(|it| Failure::usage(format!("{}{at}: {it}", path.display())))
}

/// A sentence about rows that are missing in the registered table but expected for this run, if
/// any.
pub(super) fn incomplete(before: &BTreeMap<Key, Row>, now: &BTreeMap<Key, Row>) -> Option<String> {
    // A plan may have grown a little since. More is a table of which most was lost.
    let both = now.keys().filter(|it| before.contains_key(it)).count();
    if both > 0 && 2 * both < now.len() {
        return Some(format!(
            "is incomplete: it has {both} of the {} rows of this run; restore it, or register anew with \
             --save-baseline",
            now.len()
        ));
    }
    lacking(before, now).map(|key| {
        format!(
            "is incomplete: it has rows of {} in {} with {} adopting, and not that of {} ({}); restore \
             it, or register anew with --save-baseline",
            key.contrast, key.scenario, key.adoption, key.quantity, key.group
        )
    })
}

/// Finds a row of this run that the registered table should have: it has other rows with the same
/// scenario, contrast and share of adopters. For a reading over all scenarios, it has several
/// scenarios.
fn lacking<'a>(before: &BTreeMap<Key, Row>, now: &'a BTreeMap<Key, Row>) -> Option<&'a Key> {
    let part = |it: &Key| {
        (
            it.scenario.clone(),
            it.contrast.clone(),
            it.adoption.clone(),
        )
    };
    let parts: BTreeSet<_> = before.keys().map(part).collect();
    let several = |it: &Key| {
        let of_it = |key: &&Key| key.contrast == it.contrast && key.adoption == it.adoption;
        let scenarios: BTreeSet<_> = before.keys().filter(of_it).map(|it| &it.scenario).collect();
        it.scenario == ALL_SCENARIOS && scenarios.len() > 1
    };
    let is_new =
        |it: &&Key| !before.contains_key(*it) && (parts.contains(&part(it)) || several(it));
    now.keys().find(is_new)
}

impl<'a> Check<'a> {
    /// Compares `now`, a summary with values by seed, with the registered rows.
    pub(super) fn of(job: &'a Job<'a>, summary: &'a str, now: &str) -> Result<Self, Failure> {
        let (path, before) = registered(job)?;
        let now = read(now).expect("our own table");
        let left_out = |it: &Key| {
            let left_out = &job.plan.left_out;
            left_out.holds(&it.scenario, &it.contrast, &it.adoption, &it.quantity)
        };
        let tolerances = job.options.tolerances(&job.plan);
        let compared = compare(&before, &now, &tolerances, left_out);
        if let Some(it) = incomplete(&before, &now) {
            return Err(Failure::usage(format!("{}: {it}", path.display())));
        }
        if compared.compared() == 0 {
            let message = format!("{}: has no row in common with this run", path.display());
            return Err(Failure::usage(message));
        }
        Ok(Self {
            job,
            summary,
            compared,
            seeds: job.plan.seeds_said(),
            tolerance: tolerances.to_string(),
            reproduce: format!("{}{}", job.reproduce, job.options.check_typed()),
        })
    }

    fn words(&self) -> Words<'_> {
        Words {
            plan: &self.job.plan.name,
            tolerance: &self.tolerance,
            seeds: &self.seeds,
            strict: self.job.options.strict,
            accepted: false,
            reproduce: &self.reproduce,
        }
    }

    /// Prints the result, and writes it to the files for CI systems.
    pub(super) fn finish(&self) -> Result<Exit, Failure> {
        let options = self.job.options;
        if let Some(file) = &options.junit {
            write_whole(file, junit(&self.words(), &self.compared).as_bytes())?;
        }
        print(&match options.format {
            Format::Json => self.json(),
            Format::Csv => self.summary.to_owned(),
            Format::Human => self.human(),
            Format::Markdown => self.markdown(),
        })?;
        Ok(if self.fails() {
            Exit::CheckFailed
        } else {
            Exit::Done
        })
    }

    fn fails(&self) -> bool {
        match self.compared.overall() {
            State::Regressed => true,
            State::Missing | State::Inconclusive => self.job.options.strict,
            State::Improved | State::NoChange => false,
        }
    }

    /// What is not as it was, if anything, one row a cause, then the sentences.
    fn human(&self) -> String {
        let causes = causes(&self.compared.changes);
        let changed: Vec<&Cause<'_>> = causes
            .iter()
            .filter(|it| it.state() != State::NoChange)
            .collect();
        let mut text = String::new();
        if !changed.is_empty() {
            let heads: Vec<&Change> = changed.iter().map(|it| it.head).collect();
            let table = self.table(&heads, presets::UTF8_FULL_CONDENSED);
            text = format!("{table}\n\n");
            let folded = changed.iter().filter(|it| !it.follows.is_empty());
            for it in folded {
                writeln!(text, "{}: {}", it.state().word(), it.tail()).expect("text grows");
            }
        }
        let words = self.words();
        write!(
            text,
            "gate      {}\nrepeat    {}\n{}\n",
            words.counts(&self.compared),
            self.reproduce,
            words.closing(&self.compared)
        )
        .expect("writing to a string does not fail");
        text
    }

    /// The whole result as Markdown.
    pub(super) fn markdown(&self) -> String {
        let words = self.words();
        let mut rows = self.sorted();
        let more = rows.split_off(rows.len().min(MOST_ROWS));
        let causes = causes(&self.compared.changes);
        let heads: Vec<&Change> = causes.iter().map(|it| it.head).collect();
        let mut text = format!(
            "## Gate of {}: {}\n\n{}\n\n{}\n\n",
            words.plan,
            self.compared.overall().word(),
            words.closing(&self.compared),
            self.table(&heads, presets::ASCII_MARKDOWN)
        );
        for it in causes.iter().filter(|it| !it.follows.is_empty()) {
            writeln!(text, "- {}: {}", it.state().word(), it.tail()).expect("text grows");
        }
        write!(
            text,
            "\n<details><summary>Every row</summary>\n\n{}\n\n</details>\n\n",
            self.table(&rows, presets::ASCII_MARKDOWN)
        )
        .expect("text grows");
        let mut put = |it: &str| writeln!(text, "{it}\n").expect("text grows");
        if !more.is_empty() {
            put(&format!(
                "{} left out here: {}.",
                unchoke_core::text::counted(more.len() as u64, "more row").are(),
                counted(&more)
            ));
        }
        put(&format!("{}.", words.counts(&self.compared)));
        let paired = self.compared.changes.iter().filter_map(|it| it.difference);
        put(&format!(
            "Registered and now: savings and ratios over paired seeds with their intervals. Difference: \
             now less registered, of a ratio in percent of the registered one. Its interval is \
             Student's t on the differences seed by seed in the {} rows of which the registered file \
             has them (--save-baseline writes them) for the same seeds; elsewhere it has both \
             intervals in it as if they were independent (MOVER).",
            paired.filter(|it| it.paired).count()
        ));
        put(&format!("```sh\n{}\n```", self.reproduce));
        text
    }

    /// The rows by severity, the worst first. Rows of equal severity keep the order of the
    /// registered table.
    fn sorted(&self) -> Vec<&Change> {
        let mut rows: Vec<&Change> = self.compared.changes.iter().collect();
        rows.sort_by_key(|it| it.state);
        rows
    }

    fn table(&self, rows: &[&Change], style: TableStyle) -> Table {
        let mut table = Table::new();
        table
            .load_style(style)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(HEAD);
        let words = self.words();
        for it in rows {
            table.add_row(words.cells(it));
        }
        table
    }

    fn json(&self) -> String {
        let words = self.words();
        let row = |it: &Change| {
            let (low, high) = it.difference.map(|it| it.ci95).unzip();
            json!({
                "scenario": it.key.scenario, "quantity": it.key.quantity, "group": it.key.group,
                "contrast": it.key.contrast, "adoption": it.key.adoption,
                "registered": it.before.estimate,
                "now": it.now.as_ref().and_then(|it| it.estimate),
                "tolerance": it.tolerance,
                "difference": it.difference.map(|it| it.value),
                "difference_ci95_low": low, "difference_ci95_high": high,
                "paired": it.difference.is_some_and(|it| it.paired),
                "state": it.state.word(), "verdict_moved": it.turn.is_some(),
            })
        };
        let cause = |it: &Cause<'_>| {
            let key = &it.head.key;
            json!({
                "state": it.state().word(), "client": it.client, "rows": 1 + it.follows.len(),
                "scenario": key.scenario, "quantity": key.quantity, "group": key.group,
                "contrast": key.contrast, "adoption": key.adoption,
            })
        };
        let compared = &self.compared;
        let rows: Vec<_> = compared.changes.iter().map(row).collect();
        let document = json!({
            "schema_version": 4,
            "plan": words.plan,
            "outcome": compared.overall().word(),
            "fails": self.fails(),
            "tolerance": words.tolerance,
            "causes": causes(&compared.changes).iter().map(cause).collect::<Vec<_>>(),
            "reproduce": words.reproduce,
            "not_compared": {
                "left_out_by_options": compared.left_out,
                "over_other_scenarios": compared.other_scenarios,
                "another_candidate_against_itself": compared.other_twin,
                "not_registered": compared.new,
            },
            "rows": rows,
        });
        let mut text = serde_json::to_string_pretty(&document).expect("a value is JSON");
        text.push('\n');
        text
    }
}
