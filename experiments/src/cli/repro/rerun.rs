//! Repeats runs of a plan and compares them with the committed results.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Verdict;
use super::claims::Rerun;
use crate::cli::args::PlanArgs;
use crate::cli::{Exit, Failure, args};
use crate::plan::Plan;
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::runner::run_one;
use crate::run::swarm::Swarms;
use crate::run::unit::{Unit, distinct};

/// A row of the committed table of runs.
struct Row {
    unit: String,
    /// Digest of the run.
    digest: String,
    events: u64,
}

/// Repeats `count` runs and compares digests. Takes runs with few events, so that it finishes
/// within an afternoon.
pub(super) fn sample(claim: &Rerun, count: usize) -> Result<Verdict, Failure> {
    let (plan, engine) = super::super::load(&claim.plan, &PlanArgs::default())?;
    let folder = Path::new("results").join(&plan.name);
    if let Some(why) = stale(&folder, &engine)? {
        return Ok(Verdict::CannotTell(why));
    }
    let units = expand(&plan, &engine)?;
    let rows = rows(&folder.join("runs.csv.gz"))?;
    let picked = pick(&units, &rows, count);
    if picked.is_empty() {
        let why = format!(
            "no run in {} is one of the plan as it is now",
            folder.display()
        );
        return Ok(Verdict::Fail(why));
    }
    let same = |(unit, row): &(&Unit, &Row)| again(&plan, &engine, unit, row);
    let other: Vec<Option<String>> = picked.par_iter().map(same).collect::<Result<_, _>>()?;
    let (picked, total) = (picked.len(), distinct(&units).len());
    Ok(match other.into_iter().flatten().next() {
        Some(why) => Verdict::Fail(why),
        None => Verdict::Pass(format!("{picked} of {total} runs, the same digests")),
    })
}

/// Why the results in the folder cannot be compared with this program, if so.
fn stale(folder: &Path, engine: &Swarms) -> Result<Option<String>, Failure> {
    let text = args::read(&folder.join("manifest.json"))?;
    let manifest: Value = serde_json::from_str(&text)
        .map_err(|it| Failure::usage(format!("{}/manifest.json: {it}", folder.display())))?;
    let made_by = manifest["engine"].as_str().unwrap_or("an unknown engine");
    let own = engine.version();
    Ok((made_by != own).then(|| {
        format!(
            "{} was made by engine {made_by}, this is {own}: run the plan again, or check out the commit of its \
             manifest",
            folder.display()
        )
    }))
}

fn rows(file: &Path) -> Result<Vec<Row>, Failure> {
    let bad = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let opened = File::open(file).map_err(|it| bad(it.to_string()))?;
    let mut reader = csv::Reader::from_reader(GzDecoder::new(opened));
    let head = reader.headers().map_err(|it| bad(it.to_string()))?.clone();
    let position = |name: &str| {
        let found = head.iter().position(|it| it == name);
        found.ok_or_else(|| bad(format!("has no column {name}")))
    };
    let (unit, digest, events) = (position("unit")?, position("digest")?, position("events")?);
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|it| bad(it.to_string()))?;
        let field = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let events = field(events).parse();
        rows.push(Row {
            unit: field(unit),
            digest: field(digest),
            events: events.map_err(|_| bad("`events` is no number".to_owned()))?,
        });
    }
    Ok(rows)
}

/// Picks `count` runs from the cheaper half, in the order of a hash of their ids.
fn pick<'a>(units: &'a [Unit], rows: &'a [Row], count: usize) -> Vec<(&'a Unit, &'a Row)> {
    let by_id: std::collections::BTreeMap<&str, &Row> =
        rows.iter().map(|it| (it.unit.as_str(), it)).collect();
    let known = distinct(units).into_iter();
    let known = known.filter_map(|it| Some((it, *by_id.get(it.id.as_str())?)));
    let mut known: Vec<(&Unit, &Row)> = known.collect();
    known.sort_by_key(|it| (it.1.events, it.0.id.clone()));
    known.truncate(known.len().div_ceil(2));
    known.sort_by_key(|it| Sha256::digest(it.0.id.as_bytes()));
    known.truncate(count);
    known
}

/// Repeats a run; returns the difference, if any.
fn again(plan: &Plan, engine: &Swarms, unit: &Unit, row: &Row) -> Result<Option<String>, Failure> {
    let outcome = run_one(plan, unit, engine)?;
    let digest = format!("{:016x}", outcome.digest);
    Ok((digest != row.digest).then(|| {
        format!(
            "unit {} has digest {digest}, and {} is committed; look inside with `lab replay {} --unit {}`",
            unit.id, row.digest, plan.name, unit.id
        )
    }))
}

/// Runs the whole plan in a folder of its own and compares the hash over its tables.
pub(super) fn whole(claim: &Rerun) -> Result<Verdict, Failure> {
    let (plan, engine) = super::super::load(&claim.plan, &PlanArgs::default())?;
    let folder = Path::new("results").join(&plan.name);
    if let Some(why) = stale(&folder, &engine)? {
        return Ok(Verdict::CannotTell(why));
    }
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
        let text = args::read(&folder.join("manifest.json"))?;
        let manifest: Option<Value> = serde_json::from_str(&text).ok();
        Ok(manifest.and_then(|it| it["results_sha256"].as_str().map(str::to_owned)))
    };
    let (committed, now) = (hash(&folder)?, hash(own.path())?);
    Ok(if committed.is_some() && committed == now {
        Verdict::Pass(format!(
            "all tables the same, sha256 {}",
            now.unwrap_or_default()
        ))
    } else {
        let [was, is] = [committed, now].map(|it| it.unwrap_or_else(|| "nothing".to_owned()));
        Verdict::Fail(format!(
            "the tables have sha256 {is}, and {was} is committed"
        ))
    })
}
