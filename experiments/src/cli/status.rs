//! `lab status`: shows how many units of a plan are finished.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::folder::named;
use super::shares::{Shared, SharedPlan};
use super::{Exit, Failure, print};
use crate::plan::{Plan, count};
use crate::run::inspect::{Depth, Tally, tally};
use crate::run::sidecar::{Notes, notes};
use crate::run::store::{Store, file_name};

/// `lab status`: reads the first and the last line of each unit file. Exit code 3 if units are
/// missing, 4 if there are different results for one unit.
#[derive(Args, Clone, Debug)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    shared: SharedPlan,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = StatusFormat::Human)]
    format: StatusFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    /// Lines for people.
    Human,
    /// One JSON document.
    Json,
}

pub(super) fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let Shared { plan, parts, .. } = args.shared.read()?;
    let folder = args.shared.plan_args.folder(&plan).join("units");
    let store = Store::at(&folder, &parts.version());
    let tally = tally(&store, &parts.units(), Depth::Ends)?;
    let notes = notes(&folder)?;
    print(&match args.format {
        StatusFormat::Human => human(&plan, &tally, &notes),
        StatusFormat::Json => json(&plan, &tally, &notes),
    })?;
    Ok(exit(&tally))
}

/// Exit code for a tally.
pub(super) fn exit(tally: &Tally) -> Exit {
    if !tally.beside.conflicts.is_empty() {
        Exit::Broken
    } else if tally.done < tally.units() {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

/// One line for each count above zero.
pub(super) fn counts(tally: &Tally) -> String {
    let beside = &tally.beside;
    let files = |what: &str, names: &[String]| format!("{what}: {}", named(names));
    let damaged: Vec<String> = tally.damaged.iter().map(|it| file_name(it)).collect();
    let lines = [
        (tally.done, "done".to_owned()),
        (tally.missing.len(), "missing".to_owned()),
        (
            damaged.len(),
            files("damaged, `lab run` will run them again", &damaged),
        ),
        (
            tally.other_engine,
            "made by another version of the engine: they will be run again".to_owned(),
        ),
        (
            beside.conflicts.len(),
            files(
                "conflicting: two results of one unit differ, the second is kept as *.conflict",
                &beside.conflicts,
            ),
        ),
        (
            beside.temporary.len(),
            "temporary files of programs that were killed: they may be deleted".to_owned(),
        ),
        (
            beside.foreign.len(),
            files(
                "of another plan, or of this one with other settings, and in none of its tables",
                &beside.foreign,
            ),
        ),
    ];
    let mut text = String::new();
    for (count, what) in lines.iter().filter(|it| it.0 > 0) {
        writeln!(text, "{count:8} {what}").expect("writing to a string does not fail");
    }
    text
}

fn human(plan: &Plan, tally: &Tally, notes: &Notes) -> String {
    let total = tally.units();
    let mut text = format!("{}: {}\n{}", plan.name, count(total, "unit"), counts(tally));
    let mut put = |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
    if notes.runs > 0 {
        let mean = notes.cpu_s / notes.runs as f64;
        put(format!(
            "{} noted on {}: {mean:.2} s each on a processor, {:.2} s the longest, at most \
             {:.0} MB a process",
            count(notes.runs, "run"),
            count(notes.hosts.len(), "machine"),
            notes.longest_s,
            notes.peak_memory_bytes as f64 / 1e6
        ));
        let left = total - tally.done;
        if left > 0 {
            put(format!(
                "what is left takes about {:.2} processor hours",
                left as f64 * mean / 3600.0
            ));
        }
    }
    text
}

fn json(plan: &Plan, tally: &Tally, notes: &Notes) -> String {
    let document = json!({
        "schema_version": 1,
        "plan": plan.name,
        "done": tally.done,
        "missing": tally.missing.len(),
        "damaged": tally.damaged.len(),
        "other_engine": tally.other_engine,
        "conflicting": tally.beside.conflicts.len(),
        "temporary_files": tally.beside.temporary.len(),
        "first_missing": tally.missing.first().or(tally.damaged.first()),
        "damaged_files": tally.damaged.iter().map(|it| file_name(it)).collect::<Vec<_>>(),
        "conflicting_files": tally.beside.conflicts,
        "foreign_files": tally.beside.foreign,
        "unit_bytes": tally.bytes,
        "noted": {
            "runs": notes.runs,
            "cpu_s": notes.cpu_s,
            "longest_s": notes.longest_s,
            "peak_memory_bytes": notes.peak_memory_bytes,
            "hosts": notes.hosts,
        },
    });
    format!("{document:#}\n")
}
