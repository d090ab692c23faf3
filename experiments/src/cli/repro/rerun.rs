//! Repeats runs of a plan and compares them with the committed results.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use csv::StringRecord;
use flate2::read::GzDecoder;
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use unchoke_core::text::counted;

use super::Verdict;
use super::claims::Rerun;
use crate::cli::args::PlanArgs;
use crate::cli::{Exit, Failure, args};
use crate::findings::analysis::Runs;
use crate::plan::Plan;
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::json::fault;
use crate::run::runner::run_one;
use crate::run::swarm::Swarms;
use crate::run::unit::{Unit, distinct};
use crate::show::output::tables;

/// The committed table of runs, or a table of one run.
struct Table {
    head: StringRecord,
    rows: Vec<StringRecord>,
}

/// These columns say which run of the plan a row is.
const NAMES: [&str; 5] = ["unit", "scenario", "policy", "adoption", "replica"];

/// In a steady scenario these columns count only peers of a time window, which depends on all runs
/// of the scenario. One run alone cannot give them.
const WINDOWED: [&str; 9] = [
    "peers",
    "completed",
    "adopters",
    "geometric_mean_time_s",
    "p95_time_s",
    "adopter_geometric_mean_time_s",
    "adopter_p95_time_s",
    "upload_per_copy_bytes",
    "adopter_upload_per_copy_bytes",
];

/// Repeats `count` runs and compares their rows, which include the digest. Takes runs with few
/// events, so that it finishes within an afternoon.
pub(super) fn sample(claim: &Rerun, count: usize) -> Result<Verdict, Failure> {
    let (plan, engine) = super::super::load(&claim.plan, &PlanArgs::default())?;
    let folder = Path::new("results").join(&plan.name);
    let file = folder.join("runs.csv.gz");
    if !file.exists() {
        return Ok(Verdict::CannotTell(format!(
            "the table of runs {} is not committed, so there is nothing to compare single runs with; \
             `lab repro --full` repeats the whole plan",
            file.display()
        )));
    }
    let version = Version::of(&folder, &engine)?;
    let units = expand(&plan, &engine)?;
    let table = Table::read(&file)?;
    let picked = pick(&plan, &units, &table, count)?;
    if picked.is_empty() {
        let why = format!(
            "no run in {} is one of the plan as it is now",
            folder.display()
        );
        return Ok(Verdict::Fail(why));
    }
    let same = |(unit, row): &(&Unit, &StringRecord)| again(&plan, &engine, unit, &table, row);
    let other: Vec<Option<String>> = picked.par_iter().map(same).collect::<Result<_, _>>()?;
    let (picked, total) = (picked.len(), distinct(&units).len());
    let other: Vec<String> = other.into_iter().flatten().collect();
    Ok(match other.first() {
        Some(why) => Verdict::Fail(format!(
            "{} of {} {}{}: {why}",
            other.len(),
            counted(picked as u64, "run"),
            if other.len() == 1 {
                "differs"
            } else {
                "differ"
            },
            version.words()
        )),
        None => Verdict::Pass(format!(
            "{picked} of {} repeated, of {total}, the same rows and digests{}",
            counted(picked as u64, "run"),
            version.words()
        )),
    })
}

/// Which engine made the results.
enum Version {
    Own,
    Other { made_by: String, own: String },
}

impl Version {
    fn of(folder: &Path, engine: &Swarms) -> Result<Self, Failure> {
        let manifest = manifest(folder)?;
        let made_by = manifest["engine"].as_str().unwrap_or("of unknown version");
        let own = engine.version();
        Ok(if made_by == own {
            Self::Own
        } else {
            let made_by = made_by.to_owned();
            Self::Other { made_by, own }
        })
    }

    /// What to add to a verdict, with a comma in front.
    fn words(&self) -> String {
        match self {
            Self::Own => String::new(),
            Self::Other { made_by, own } => {
                format!(", though engine {made_by} made the table and this is engine {own}")
            }
        }
    }
}

fn manifest(folder: &Path) -> Result<Value, Failure> {
    let text = args::read(&folder.join("manifest.json"))?;
    serde_json::from_str(&text).map_err(|it| {
        Failure::usage(format!(
            "{}/manifest.json: {}",
            folder.display(),
            fault(&it)
        ))
    })
}

impl Table {
    fn read(file: &Path) -> Result<Self, Failure> {
        let bad = |why: String| Failure::usage(format!("{}: {why}", file.display()));
        let opened = File::open(file).map_err(|it| bad(it.to_string()))?;
        let table = Self::parse(GzDecoder::new(opened)).map_err(|it| bad(it.to_string()))?;
        for name in NAMES.iter().chain(&["events", "digest"]) {
            if !table.head.iter().any(|it| it == *name) {
                return Err(bad(format!("has no column {name}")));
            }
        }
        Ok(table)
    }

    fn parse(text: impl std::io::Read) -> Result<Self, csv::Error> {
        let mut reader = csv::Reader::from_reader(text);
        let head = reader.headers()?.clone();
        let rows = reader.records().collect::<Result<_, _>>()?;
        Ok(Self { head, rows })
    }

    /// The field of a row in this column; empty if there is no such column.
    fn field<'a>(&self, row: &'a StringRecord, column: &str) -> &'a str {
        let position = self.head.iter().position(|it| it == column);
        position.and_then(|it| row.get(it)).unwrap_or_default()
    }
}

/// Picks `count` runs from the cheaper half, in the order of a hash of their ids.
fn pick<'a>(
    plan: &Plan,
    units: &'a [Unit],
    table: &'a Table,
    count: usize,
) -> Result<Vec<(&'a Unit, &'a StringRecord)>, Failure> {
    let names = |row: &StringRecord| NAMES.map(|it| table.field(row, it).to_owned());
    let by_names: BTreeMap<[String; 5], &StringRecord> =
        table.rows.iter().map(|it| (names(it), it)).collect();
    let mut known = Vec::new();
    for unit in distinct(units) {
        let names = [
            unit.id.clone(),
            plan.scenarios[unit.scenario].name.clone(),
            unit.mix_name(plan),
            unit.adoption_label(),
            unit.replica.to_string(),
        ];
        if let Some(row) = by_names.get(&names) {
            let events = table.field(row, "events");
            let events: u64 = events.parse().map_err(|_| {
                Failure::usage(format!("runs.csv.gz: {events:?} is no number of events"))
            })?;
            known.push((events, unit, *row));
        }
    }
    known.sort_by_key(|it| (it.0, it.1.id.clone()));
    known.truncate(known.len().div_ceil(2));
    known.sort_by_key(|it| Sha256::digest(it.1.id.as_bytes()));
    known.truncate(count);
    Ok(known.into_iter().map(|it| (it.1, it.2)).collect())
}

/// Repeats a run; returns the first difference from its committed row, if any.
fn again(
    plan: &Plan,
    engine: &Swarms,
    unit: &Unit,
    table: &Table,
    committed: &StringRecord,
) -> Result<Option<String>, Failure> {
    let outcome = run_one(plan, unit, engine)?;
    let mut runs = Runs::default();
    runs.insert(unit.clone(), outcome);
    let text = tables::runs(plan, &runs.rows(plan));
    let own = Table::parse(text.as_bytes()).expect("a table of this program");
    let windowed =
        |column: &str| plan.scenarios[unit.scenario].steady && WINDOWED.contains(&column);
    // The digest first: if it differs, so does nearly everything else.
    let columns = ["digest"].into_iter().chain(own.head.iter());
    for column in columns.filter(|it| !windowed(it)) {
        let is = own.field(&own.rows[0], column);
        let was = table.field(committed, column);
        if is != was {
            return Ok(Some(format!(
                "unit {} has {column} {is:?}, and {was:?} is committed; look inside with `lab replay {} --unit {}`",
                unit.id, plan.name, unit.id
            )));
        }
    }
    Ok(None)
}

/// Runs the whole plan in a folder of its own and compares the hash over its tables.
pub(super) fn whole(claim: &Rerun) -> Result<Verdict, Failure> {
    let (plan, engine) = super::super::load(&claim.plan, &PlanArgs::default())?;
    let folder = Path::new("results").join(&plan.name);
    let version = Version::of(&folder, &engine)?;
    let io = |it: std::io::Error| Failure {
        exit: Exit::Io,
        message: format!("lab run {}: {it}", claim.plan),
    };
    let own = tempfile::tempdir().map_err(io)?;
    let mut command = Command::new(std::env::current_exe().map_err(io)?);
    command.args(["run", &claim.plan, "--quiet", "--no-plots", "--out"]);
    let status = command
        .arg(own.path())
        .stdout(Stdio::null())
        .status()
        .map_err(io)?;
    if !status.success() {
        return Ok(Verdict::Fail(format!(
            "`lab run {}` ended with {status}",
            claim.plan
        )));
    }
    let hash = |folder: &Path| -> Result<Option<String>, Failure> {
        Ok(manifest(folder)?["results_sha256"]
            .as_str()
            .map(str::to_owned))
    };
    let (committed, now) = (hash(&folder)?, hash(own.path())?);
    Ok(if committed.is_some() && committed == now {
        Verdict::Pass(format!(
            "all tables the same, sha256 {}{}",
            now.unwrap_or_default(),
            version.words()
        ))
    } else {
        let [was, is] = [committed, now].map(|it| it.unwrap_or_else(|| "nothing".to_owned()));
        Verdict::Fail(format!(
            "the tables have sha256 {is}, and {was} is committed{}",
            version.words()
        ))
    })
}
