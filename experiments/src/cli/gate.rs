//! `lab gate`: works on existing results without running anything. Compares them with those of a
//! revision, or shows which changes a check could detect.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use comfy_table::{ContentArrangement, Table as Shown, presets};

use super::check::{incomplete, registered_rows};
use super::{Exit, Failure, args, print};
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::gate::{
    Accepted, Compared, Key, Power, Row, State, Words, Worse, causes, compare, power,
};
use crate::plan::{ALL_SCENARIOS, Changes, Percent, Tolerance, Tolerances, load};
use crate::run::store::write_whole;
use crate::show::output::{PLAN_FILE, manifest};

/// Widest line, in characters.
const WIDTH: u16 = 98;

/// `lab gate`: compares results with those of another revision, or says what a check of them can see.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("question").required(true).args(["power", "baseline_from"])))]
pub(super) struct GateArgs {
    /// Folder of results, or a summary.csv, or what `--save-baseline` wrote.
    results: PathBuf,
    /// Print the least change that each row can see, and the seeds that see half of it.
    #[arg(long)]
    power: bool,
    /// Compare with the same file at this revision, e.g. `HEAD^` or `main`.
    #[arg(long, value_name = "REV")]
    baseline_from: Option<String>,
    /// How much worse is still the same: points of a saving, percent of a ratio. Left out: what the plan.toml
    /// beside the results says in `[gate]`, or 5 %.
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<Percent>,
    /// A row that may be worse, and why: `SCENARIO, CONTRAST, 10 % adopting, QUANTITY of GROUP: REASON`, as the
    /// output names rows that regressed; `*` stands for any scenario, adoption or group. May be repeated.
    #[arg(long, value_name = "ROW: REASON", conflicts_with = "power")]
    accept: Vec<Accepted>,
    /// What is inconclusive or missing fails as well.
    #[arg(long, conflicts_with = "power")]
    strict: bool,
    /// With `--power`: write the table as CSV.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline_from")]
    out: Option<PathBuf>,
}

pub(super) fn gate(args: &GateArgs) -> Result<Exit, Failure> {
    let mut file = args.results.clone();
    if file.is_dir() {
        file.push("summary.csv");
    }
    let rows = registered_rows(&file, None)?;
    let tolerances = tolerances(args, &file)?;
    match &args.baseline_from {
        Some(revision) => beside(args, (&file, &tolerances), &rows, revision),
        None => powers(args, (&file, &tolerances), &rows),
    }
}

/// Seconds that one run took when the results were made, by the manifest beside them; `None` if there
/// is no manifest, or nothing was run then.
fn seconds_a_run(file: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(file.with_file_name(manifest::FILE)).ok()?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    let host = &manifest["host"];
    let (wall_s, runs) = (host["wall_s"].as_f64()?, host["units_run_now"].as_f64()?);
    (runs > 0.0).then(|| wall_s / runs)
}

/// Seconds for the seeds that see half of the change and are not there yet. A seed of a row is a pair
/// of runs.
fn more_seconds(it: &Power, a_run: Option<f64>) -> Option<f64> {
    let more = it.seeds_for_half?.saturating_sub(it.seeds);
    Some(2.0 * more as f64 * a_run?)
}

/// What is asked for, or what the plan beside the results says.
fn tolerances(args: &GateArgs, file: &Path) -> Result<Tolerances, Failure> {
    if let Some(it) = args.tolerance {
        return Ok(Tolerances::all(Tolerance::Share(it)));
    }
    let plan = file.with_file_name(PLAN_FILE);
    if !plan.exists() {
        return Ok(Tolerances::default());
    }
    let text = args::read(&plan)?;
    let plan = load(&plan.to_string_lossy(), &text, &Changes::default())?;
    Ok(plan.tolerances)
}

fn beside(
    args: &GateArgs,
    (file, tolerances): (&Path, &Tolerances),
    now: &BTreeMap<Key, Row>,
    revision: &str,
) -> Result<Exit, Failure> {
    let before = registered_rows(file, Some(revision))?;
    if let Some(it) = incomplete(&before, now) {
        let message = format!("{} at {revision}: {it}", file.display());
        return Err(Failure::usage(message));
    }
    let compared = compare(&before, now, tolerances, |_| false);
    if let Some(why) = nearly_empty(&compared) {
        return Err(Failure::usage(format!(
            "{}: {why} that are registered at {revision}: this is no comparison; restore the file, or run the plan \
             again",
            file.display()
        )));
    }
    let mut reproduce = format!(
        "lab gate {} --baseline-from {}",
        args::quoted(&args.results.to_string_lossy()),
        args::quoted(revision)
    );
    for it in &args.accept {
        let row = args::quoted(&it.to_string());
        write!(reproduce, " --accept {row}").expect("text grows");
    }
    let worse = Worse::of(&compared.changes, &args.accept);
    let words = Words {
        accepted: worse.refused.is_empty(),
        plan: &file.to_string_lossy(),
        tolerance: &tolerances.to_string(),
        seeds: &seeds(now),
        strict: args.strict,
        reproduce: &reproduce,
    };
    let mut text = String::new();
    let mut put = |it: &str| writeln!(text, "{it}").expect("text grows");
    for cause in causes(&compared.changes) {
        if cause.state() == State::NoChange {
            continue;
        }
        put(&cause.head.key.named());
        put(&format!("    {}", words.numbers(cause.head)));
        if !cause.follows.is_empty() {
            put(&format!("    {}", cause.tail()));
        }
    }
    put(&format!(
        "gate      {}\nrepeat    {reproduce}\n{}",
        words.counts(&compared),
        words.closing(&compared)
    ));
    list(&args.accept, &compared, &worse, &mut put);
    print(&text)?;
    let open = compared.changes.iter().any(|it| it.state.is_open());
    Ok(if !worse.refused.is_empty() || args.strict && open {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// Says that the results lack most figures of the registered ones, if they do. An unfinished copy must not count as
/// inconclusive, which passes.
fn nearly_empty(compared: &Compared) -> Option<String> {
    let figures = || {
        compared
            .changes
            .iter()
            .filter(|it| it.before.estimate.is_some())
    };
    let there = figures().filter(|it| it.now.as_ref().is_some_and(|it| it.estimate.is_some()));
    let (there, all) = (there.count(), figures().count());
    let most = there * 2 >= all && compared.compared() > 0;
    (!most).then(|| format!("has {there} of the {all} figures"))
}

/// Tells which rows that regressed are accepted, and which are not.
fn list(accept: &[Accepted], compared: &Compared, worse: &Worse<'_>, put: &mut impl FnMut(&str)) {
    for (it, reason) in &worse.accepted {
        put(&format!("accepted  {}: {reason}", it.key.named()));
    }
    let is_used = |it: &&Accepted| worse.accepted.iter().any(|(row, _)| it.names(&row.key));
    for it in accept.iter().filter(|it| !is_used(it)) {
        let is_there = compared.changes.iter().any(|row| it.names(&row.key));
        let why = if is_there {
            "not worse"
        } else {
            "no such row:"
        };
        put(&format!("{why} {it}"));
    }
    for it in &worse.refused {
        put(&format!("worse     {}", it.key.named()));
    }
}

/// Fewest and most paired seeds of the rows. Rows over all scenarios have a number of scenarios there.
fn seeds(rows: &BTreeMap<Key, Row>) -> String {
    let own = || rows.iter().filter(|(key, _)| key.scenario != ALL_SCENARIOS);
    let runs = || own().filter_map(|it| it.1.runs);
    match (runs().min(), runs().max()) {
        (Some(few), Some(many)) if few != many => format!("{few} to {many}"),
        (_, many) => many.map_or_else(|| "?".to_owned(), |it| it.to_string()),
    }
}

fn powers(
    args: &GateArgs,
    (file, tolerances): (&Path, &Tolerances),
    rows: &BTreeMap<Key, Row>,
) -> Result<Exit, Failure> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|it| it.1.position);
    let known = rows
        .iter()
        .filter_map(|(key, row)| Some((*key, *row, power(key, row, tolerances)?)));
    let known: Vec<(&Key, &Row, Power)> = known.collect();
    if known.is_empty() {
        return Err(Failure::usage(format!(
            "{}: no row has an interval from two seeds or more",
            file.display()
        )));
    }
    let a_run = seconds_a_run(file);
    if let Some(path) = &args.out {
        write_whole(path, csv(&known, a_run).as_bytes())?;
    }
    print(&format!(
        "{}\nSees: the least change for the worse whose 95 % interval lies wholly beyond the tolerance,\n\
         {tolerances}.\nOne of just this size is seen every other time. For half: seeds that see half of it; - where \
         the\ntolerance alone is more. Time: what the runs of these seeds would add, from the run that made the\n\
         results; - where it is not known. {}\nno interval, no width, or only a verdict over all scenarios.\n",
        table(&known, a_run),
        match rows.len() - known.len() {
            1 => "1 row has".to_owned(),
            more => format!("{more} rows have"),
        }
    ))?;
    Ok(Exit::Done)
}

fn table(rows: &[(&Key, &Row, Power)], a_run: Option<f64>) -> Shown {
    let mut table = Shown::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header([
        "scenario", "against", "adopting", "metric", "seeds", "sees", "for half", "time",
    ]);
    for (key, row, it) in rows {
        let unit = if row.is_ratio { "%" } else { "points" };
        table.add_row([
            key.scenario.clone(),
            key.contrast.clone(),
            key.adoption.clone(),
            format!("{} of {}", key.quantity, key.group),
            it.seeds.to_string(),
            format!("{:.1} {unit}", it.sees * 100.0),
            it.seeds_for_half
                .map_or_else(|| "-".to_owned(), |it| it.to_string()),
            more_seconds(it, a_run).map_or_else(|| "-".to_owned(), duration),
        ]);
    }
    table
}

/// Seconds, or minutes if there are many.
fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

fn csv(rows: &[(&Key, &Row, Power)], a_run: Option<f64>) -> String {
    let mut table = Table::new(&[
        "scenario",
        "contrast",
        "adoption",
        "group",
        "quantity",
        "scale",
        "seeds",
        "noise",
        "sees",
        "seeds_for_half",
        "seconds_for_half",
    ]);
    for (key, row, it) in rows {
        let scale = if row.is_ratio { "ratio" } else { "saving" };
        table.row([
            key.scenario.clone(),
            key.contrast.clone(),
            key.adoption.clone(),
            key.group.clone(),
            key.quantity.clone(),
            scale.to_owned(),
            it.seeds.to_string(),
            figure(it.noise),
            figure(it.sees),
            it.seeds_for_half
                .map_or_else(String::new, |it| it.to_string()),
            more_seconds(it, a_run).map_or_else(String::new, figure),
        ]);
    }
    table.finish()
}
