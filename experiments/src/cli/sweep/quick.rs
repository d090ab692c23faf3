//! `lab sweep`: a quick look at the effect of a setting.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use unchoke_core::text::counted;

use super::{point, same_runs};
use crate::cli::figures::Forms;
use crate::cli::folder::{make, make_store};
use crate::cli::parts::{Part, Parts};
use crate::cli::{Exit, Failure, args, print, show, stop};
use crate::findings::analysis::{Level, LevelKind};
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::findings::verdict::Unfinished;
use crate::plan::{Changes, Contender, Plan, count, policies, sets_policy, without_interval};
use crate::run::runner::Options;
use crate::run::store::write_whole;
use crate::run::unit::{Mix, Unit, mix_name, pure_mixes};
use crate::show::figure::{Curve, Panel, Scene, lines};
use crate::show::words;

/// The plan of `lab sweep`. Scenario and policies are filled in from the command line.
const FRAME: &str = include_str!("../../../plans/sweep.toml");
/// Most points of `lab sweep`.
const MOST_POINTS: usize = 200;
/// The table.
const TABLE: &str = "sweep.csv";
/// The file with the command line that made the table.
const COMMAND: &str = "command.txt";

/// `lab sweep`: shows quickly how a setting of a scenario changes results under two policies.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct SweepArgs {
    /// Built-in scenario, or a scenario file.
    scenario: String,
    /// One or two keys of the scenario with their values, e.g. `peers=20,60,180 size='4 MiB,16
    /// MiB'`.
    #[arg(required = true, value_name = "KEY=A,B,...")]
    sweep: Vec<String>,
    /// Change the scenario at every point, e.g. `piece='64 KiB'`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Policies to run, each in a pure swarm; may be repeated.
    #[arg(long, value_name = "ID", default_values = ["tit_for_tat", "unchoke_all"])]
    policy: Vec<String>,
    /// Number of seeds.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seeds: u32,
    /// Folder for sweep.csv and the figure; default: `results/exploratory/sweep`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the table and the figure of another sweep in the folder.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    forms: Forms,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

impl SweepArgs {
    /// The options that change results, as the user would type them.
    fn typed(&self) -> String {
        let places = [&self.scenario].into_iter().chain(&self.sweep);
        let words = places.map(|it| ("", it));
        let set = self.set.iter().map(|it| ("--set ", it));
        let policy = self.policy.iter().map(|it| ("--policy ", it));
        let mut text = "lab sweep".to_owned();
        for (option, word) in words.chain(set).chain(policy) {
            write!(text, " {option}{}", args::quoted(word)).expect("text grows");
        }
        format!("{text} --seeds {}", self.seeds)
    }
}

/// A key with its values.
type Key = (String, Vec<String>);

pub(in crate::cli) fn run(it: &SweepArgs) -> Result<Exit, Failure> {
    let keys = keys(&it.sweep)?;
    refuse_contradictions(it, &keys)?;
    let folder = it.out.clone();
    let folder = folder.unwrap_or_else(|| PathBuf::from("results/exploratory/sweep"));
    let command = it.typed();
    let mut points = Vec::new();
    for values in combinations(&keys) {
        let plan = quick(it, &keys, &values)?;
        points.push((values, point(plan, Path::new(""))?));
    }
    refuse_same(&keys, &points)?;
    if !it.overwrite {
        refuse_other(&folder, &command)?;
    }
    stop::listen()?;
    make(&folder)?;
    let parts = Parts::new(points.iter().map(|it| it.1.clone()));
    let store = make_store(&folder, &parts.version())?;
    let options = Options {
        jobs: it.jobs,
        force: false,
    };
    parts.run(&store, options, it.quiet)?;
    let mut made = Vec::new();
    for (values, part) in &points {
        made.push(Made {
            values,
            plan: &part.plan,
            levels: part.analyse(&store)?.levels,
        });
    }
    write_whole(&folder.join(COMMAND), format!("{command}\n").as_bytes())?;
    let path = folder.join(TABLE);
    write_whole(&path, csv(&keys, &made).as_bytes())?;
    let mut paths = vec![path];
    paths.extend(
        it.forms
            .write(&folder, "sweep", &picture(it, &keys, &made))?,
    );
    let paths: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
    let out = it.out.as_ref().map(|it| it.display().to_string());
    let out = out.map_or_else(String::new, |it| format!(" --out {}", args::quoted(&it)));
    print(&format!(
        "{}\nMeans and 95 % intervals over {}, in swarms of one policy.\nwrote     {}\nrepeat    {command}{out}\n",
        summed(&keys, &made),
        seeds(it),
        paths.join(", ")
    ))?;
    Ok(Exit::Done)
}

/// The number of seeds, in a sentence about intervals.
fn seeds(it: &SweepArgs) -> String {
    without_interval(count(it.seeds, "seed"), it.seeds == 1)
}

fn keys(texts: &[String]) -> Result<Vec<Key>, Failure> {
    let mut keys = Vec::new();
    for text in texts {
        let read = text.split_once('=').map(|(key, values)| {
            let values = values.split(',').map(|it| it.trim().to_owned());
            (key.trim().to_owned(), values.collect::<Vec<_>>())
        });
        let good = |it: &Key| !it.0.is_empty() && it.1.len() > 1 && !it.1.contains(&String::new());
        let Some(key) = read.filter(good) else {
            return Err(Failure::usage(format!(
                "{text}: needs a key and two values or more, e.g. peers=10,20"
            )));
        };
        keys.push(key);
    }
    let points: usize = keys.iter().map(|it| it.1.len()).product();
    if keys.len() > 2 || points > MOST_POINTS {
        return Err(Failure::usage(format!(
            "{} keys with {points} points; give one or two keys with at most {MOST_POINTS}",
            keys.len()
        )));
    }
    Ok(keys)
}

/// The first text that equals an earlier one.
fn twice<'a>(texts: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = std::collections::BTreeSet::new();
    texts.into_iter().find(|it| !seen.insert(*it))
}

/// The value of an option: TOML, or else text.
fn parsed(value: &str) -> toml::Value {
    let text = || toml::Value::String(value.to_owned());
    let table: Result<toml::Table, _> = toml::from_str(&format!("it = {value}"));
    let value = table.ok().and_then(|mut it| it.remove("it"));
    value.unwrap_or_else(text)
}

/// Refuses options that contradict each other.
fn refuse_contradictions(it: &SweepArgs, keys: &[Key]) -> Result<(), Failure> {
    let refused = |why: String| Err(Failure::usage(why));
    let set = it.set.iter().filter_map(|it| it.split_once('='));
    let set: Vec<(&str, &str)> = set.map(|it| (it.0.trim(), it.1)).collect();
    let swept = keys
        .iter()
        .flat_map(|it| it.1.iter().map(|value| (it.0.as_str(), value.as_str())));
    let mut all = swept.chain(set.iter().copied());
    if let Some((key, _)) = all.find(|(key, value)| sets_policy(key, &parsed(value))) {
        return refused(format!(
            "{key}: every run has one of the compared policies; give --policy ID once for each of them"
        ));
    }
    if let Some(key) = twice(keys.iter().map(|it| &it.0)) {
        return refused(format!(
            "{key}: is given twice; give all of its values at once"
        ));
    }
    for (key, values) in keys {
        if let Some(value) = twice(values) {
            return refused(format!(
                "{key}: the value {value} is there twice; leave one out"
            ));
        }
        if let Some((_, value)) = set.iter().find(|it| it.0 == key) {
            return refused(format!(
                "--set {key}={value}: the sweep sets {key} too; leave one of them out"
            ));
        }
    }
    if let Some(policy) = twice(&it.policy) {
        return refused(format!("--policy {policy}: is given twice; leave one out"));
    }
    for policy in &it.policy {
        policies::find(policy)
            .map_err(|error| Failure::usage(format!("--policy {policy}: {error}")))?;
    }
    Ok(())
}

/// Refuses to replace the results of another command.
fn refuse_other(folder: &Path, command: &str) -> Result<(), Failure> {
    if !folder.join(TABLE).exists() {
        return Ok(());
    }
    let made_by = std::fs::read_to_string(folder.join(COMMAND)).unwrap_or_default();
    if made_by.trim_end() == command {
        return Ok(());
    }
    let by = match made_by.lines().next() {
        Some(line) => format!("`{line}`"),
        None => "another command".to_owned(),
    };
    Err(Failure::usage(format!(
        "{}: holds the results of {by}; name another folder with --out, or replace them with --overwrite",
        folder.display()
    )))
}

/// Refuses two values of a key that mean the same, for example `4 MiB` and `4096 KiB`.
fn refuse_same(keys: &[Key], points: &[(Vec<String>, Part)]) -> Result<(), Failure> {
    for (at, (key, values)) in keys.iter().enumerate() {
        let units = |value: &str| -> Vec<&Unit> {
            let of_it = points.iter().filter(|it| it.0[at] == value);
            of_it.flat_map(|it| &it.1.units).collect()
        };
        if let Some([one, other]) = same_runs(values, units) {
            return Err(Failure::usage(format!(
                "{key}: {one} and {other} give the same runs; leave one out"
            )));
        }
    }
    Ok(())
}

fn combinations(keys: &[Key]) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for (_, values) in keys {
        let longer = |it: &Vec<String>| -> Vec<Vec<String>> {
            let with = |value: &String| [&it[..], std::slice::from_ref(value)].concat();
            values.iter().map(with).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// The plan for one point.
fn quick(it: &SweepArgs, keys: &[Key], values: &[String]) -> Result<Plan, Failure> {
    let changes = Changes {
        seeds: Some(it.seeds),
        ..Changes::default()
    };
    let mut plan = args::built_in("lab sweep", FRAME, &changes)?;
    let scenario = &mut plan.scenarios[0];
    scenario.source.clone_from(&it.scenario);
    scenario.name.clone_from(&it.scenario);
    scenario.set.extend(it.set.iter().cloned());
    let own = keys.iter().zip(values);
    scenario
        .set
        .extend(own.map(|((key, _), value)| format!("{key}={value}")));
    let frame = plan.candidate.clone();
    let contender = |id: &String| Contender {
        name: id.clone(),
        policy: id.clone(),
        ..frame.clone()
    };
    let mut contenders = it.policy.iter().map(contender);
    plan.candidate = contenders.next().unwrap_or(frame.clone());
    plan.baselines = contenders.collect();
    plan.set_against_each();
    Ok(plan)
}

/// Results at one combination of values.
struct Made<'a> {
    values: &'a [String],
    plan: &'a Plan,
    levels: Vec<Level>,
}

impl Made<'_> {
    fn level(&self, mix: Mix, kind: LevelKind) -> Option<&Level> {
        let mut levels = self.levels.iter();
        levels.find(|it| it.mix == mix && it.kind == kind)
    }

    /// Why nothing can be said of the policy here, if so.
    fn cut(&self, mix: Mix) -> Option<Unfinished> {
        let completed = self.level(mix, LevelKind::Completed)?.mean.value;
        Unfinished::of([completed; 2])
    }
}

/// `sweep.csv`.
fn csv(keys: &[Key], made: &[Made<'_>]) -> String {
    let mut columns: Vec<String> = keys.iter().map(|it| it.0.clone()).collect();
    let more = [
        "policy",
        "metric",
        "runs",
        "mean",
        "ci95_low",
        "ci95_high",
        "verdict",
    ];
    columns.extend(more.map(str::to_owned));
    let mut table = Table::new(&columns);
    for it in made {
        for level in &it.levels {
            let estimate = level.possible();
            let cut = it.cut(level.mix);
            let cut = cut.filter(|_| level.kind != LevelKind::Completed);
            let mut row = it.values.to_vec();
            row.extend([
                mix_name(it.plan, level.mix),
                level.kind.id().to_owned(),
                level.runs.to_string(),
                figure(estimate.value),
                figure(estimate.ci95.0),
                figure(estimate.ci95.1),
                cut.map_or_else(String::new, |it| it.to_string()),
            ]);
            table.row(row);
        }
    }
    table.finish()
}

/// The metrics in the panels and on the terminal.
const SHOWN: [LevelKind; 3] = [LevelKind::Time, LevelKind::Cost, LevelKind::Origin];

/// One row for each policy at each combination of values.
fn summed(keys: &[Key], made: &[Made<'_>]) -> comfy_table::Table {
    let mut head: Vec<String> = keys.iter().map(|it| it.0.clone()).collect();
    head.push("policy".to_owned());
    head.extend(SHOWN.map(|it| it.title().to_owned()));
    let mut table = show::empty(&head);
    for it in made {
        for mix in pure_mixes(it.plan) {
            let mut row = it.values.to_vec();
            row.push(mix_name(it.plan, mix));
            match it.cut(mix) {
                Some(cut) => row.push(cut.to_string()),
                None => row.extend(
                    SHOWN
                        .iter()
                        .filter_map(|kind| it.level(mix, *kind).map(words::level)),
                ),
            }
            table.add_row(row);
        }
    }
    table
}

fn picture(it: &SweepArgs, keys: &[Key], made: &[Made<'_>]) -> Scene {
    let (setting, values) = &keys[0];
    let others: Vec<Vec<String>> = combinations(&keys[1..]);
    let mixes = made.first().map_or(Vec::new(), |it| pure_mixes(it.plan));
    let curve = |kind: LevelKind, other: &Vec<String>, mix: Mix| {
        let at = |value: &String| {
            let whole = [std::slice::from_ref(value), &other[..]].concat();
            let found = made.iter().find(|it| it.values == whole)?;
            let known = found.cut(mix).is_none();
            found
                .level(mix, kind)
                .filter(|_| known)
                .map(Level::possible)
        };
        let policy = mix_name(made[0].plan, mix);
        Curve {
            name: match other.first() {
                Some(value) => format!("{policy}, {} {value}", keys[1].0),
                None => policy,
            },
            points: values.iter().map(at).collect(),
        }
    };
    let panel = |kind: LevelKind| {
        let pairs = others
            .iter()
            .flat_map(|other| mixes.iter().map(move |mix| (other, mix)));
        Panel {
            head: kind.title().to_owned(),
            unchanged: None,
            curves: pairs.map(|(other, mix)| curve(kind, other, *mix)).collect(),
        }
    };
    let cut = made
        .iter()
        .map(|it| mixes.iter().filter(|mix| it.cut(**mix).is_some()).count());
    let left_out = match cut.sum::<usize>() {
        0 => String::new(),
        points => format!(
            " Left out: {} with more than 1 % of the peers unfinished.",
            counted(points as u64, "point")
        ),
    };
    let text = format!(
        "Swarms of one policy in {}. Line: mean; band: 95 % Student t interval over {}. Values stand evenly, \
         whatever their distances.{left_out} Data: sweep.csv.",
        it.scenario,
        seeds(it)
    );
    lines(
        &format!("{} over {setting}", it.scenario),
        (setting, values),
        &SHOWN.map(panel),
        &text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_values_and_values_combine() {
        let texts = ["peers=2,4", "size=1 MiB, 2 MiB"].map(str::to_owned);
        let keys = keys(&texts).expect("keys");
        let all = combinations(&keys);
        assert_eq!(all.len(), 4);
        assert_eq!(all[1], ["2", "2 MiB"]);
        for wrong in ["peers", "peers=2", "=1,2", "peers=1,,2"] {
            assert!(super::keys(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        let three = ["a=1,2", "b=1,2", "c=1,2"].map(str::to_owned);
        assert!(super::keys(&three).is_err());
    }
}
