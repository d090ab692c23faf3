//! `lab sweep`, and the sweeps of a plan.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{self, PlanArgs};
use super::figures::Forms;
use super::folder::{make, make_store};
use super::parts::{Part, Parts};
use super::{Exit, Failure, print, stop};
use crate::findings::analysis::sweep::{Point, Response};
use crate::findings::analysis::{Analysis, LevelKind};
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::plan::{Changes, Plan, Sweep, load, policies};
use crate::run::engine::EngineError;
use crate::run::runner::Options;
use crate::run::store::{Store, write_whole};
use crate::run::unit::{mix_name, pure_mixes};
use crate::show::figure::{Curve, Panel, lines};

/// The plan of `lab sweep`. Scenario and policies are filled in from the command line.
const FRAME: &str = include_str!("../../plans/sweep.toml");
/// Most points of `lab sweep`.
const MOST_POINTS: usize = 200;

/// `lab sweep`: shows quickly how a setting of a scenario changes results under two policies.
#[derive(Args, Clone, Debug)]
pub(super) struct SweepArgs {
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
    #[command(flatten)]
    forms: Forms,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

/// The units of one point. The candidate is compared with itself in the plan, which is enough.
fn point(plan: Plan, folder: &Path) -> Result<Part, EngineError> {
    let mut part = Part::of(plan, folder)?;
    part.units.retain(|it| it.replica == 0);
    Ok(part)
}

/// The units of sweeps.
pub(super) fn parts(planned: &[Planned]) -> Vec<Part> {
    let points = planned.iter().flat_map(|it| &it.points);
    points.map(|it| it.1.clone()).collect()
}

/// A sweep with its units, by value.
pub(super) struct Planned {
    sweep: Sweep,
    points: Vec<(String, Part)>,
}

/// The sweeps of a plan, read before anything is run: a wrong key or value is to be known then.
pub(super) fn planned(
    name: &str,
    plan: &Plan,
    plan_args: &PlanArgs,
) -> Result<Vec<Planned>, Failure> {
    let mut all = Vec::new();
    if plan.sweeps.is_empty() {
        return Ok(all);
    }
    let (file, text, folder) = args::plan_text(name)?;
    for sweep in &plan.sweeps {
        let mut points = Vec::new();
        for value in &sweep.values {
            let mut changes = plan_args.changes();
            changes.set.push(format!("{}={value}", sweep.key));
            changes.policies.extend(sweep.contrasts.clone());
            // Scenarios that an option left out of the plan are left out of its sweeps too.
            let left = |it: &&String| plan.scenarios.iter().any(|own| own.name == **it);
            changes
                .scenarios
                .extend(sweep.scenarios.iter().filter(left).cloned());
            changes.seeds = changes.seeds.or(sweep.seeds);
            let wrong = |it: String| {
                Failure::usage(format!("{file}, sweep {:?} at {value}: {it}", sweep.name))
            };
            let mut plan = load(&file, &text, &changes).map_err(|it| wrong(it.to_string()))?;
            plan.keep_ends_of_adoption();
            let part = point(plan, &folder).map_err(|it| wrong(it.to_string()))?;
            points.push((value.clone(), part));
        }
        all.push(Planned {
            sweep: sweep.clone(),
            points,
        });
    }
    Ok(all)
}

/// The figures of the sweeps of a plan, once all their units are in the store.
pub(super) fn responses(planned: Vec<Planned>, store: &Store) -> Result<Vec<Response>, Failure> {
    let mut all = Vec::new();
    for it in planned {
        let mut points = Vec::new();
        for (value, part) in it.points {
            points.push(Point::of(&part.plan, &part.analyse(store)?, &value));
        }
        all.push(Response {
            sweep: it.sweep,
            points,
        });
    }
    Ok(all)
}

/// A key with its values.
type Key = (String, Vec<String>);

pub(super) fn run(it: &SweepArgs) -> Result<Exit, Failure> {
    let keys = keys(&it.sweep)?;
    stop::listen()?;
    let folder = it.out.clone();
    let folder = folder.unwrap_or_else(|| PathBuf::from("results/exploratory/sweep"));
    make(&folder)?;
    let mut columns: Vec<String> = keys.iter().map(|it| it.0.clone()).collect();
    let more = ["policy", "metric", "runs", "mean", "ci95_low", "ci95_high"];
    columns.extend(more.map(str::to_owned));
    let mut table = Table::new(&columns);
    let mut points = Vec::new();
    for values in combinations(&keys) {
        let plan = quick(it, &keys, &values)?;
        points.push((values, point(plan, Path::new(""))?));
    }
    let parts = Parts::new(points.iter().map(|it| it.1.clone()));
    let store = make_store(&folder, &parts.version())?;
    let options = Options {
        jobs: it.jobs,
        force: false,
    };
    parts.run(&store, options, it.quiet)?;
    let mut made = Vec::new();
    for (values, part) in &points {
        let analysis = part.analyse(&store)?;
        for level in &analysis.levels {
            let estimate = level.mean;
            let mut row = values.clone();
            row.extend([
                mix_name(&part.plan, level.mix),
                level.kind.id().to_owned(),
                level.runs.to_string(),
                figure(estimate.value),
                figure(estimate.ci95.0),
                figure(estimate.ci95.1),
            ]);
            table.row(row);
        }
        made.push(Made {
            values,
            plan: &part.plan,
            analysis,
        });
    }
    let path = folder.join("sweep.csv");
    write_whole(&path, table.finish().as_bytes())?;
    let scene = picture(it, &keys, &made);
    let mut paths = vec![path];
    paths.extend(it.forms.write(&folder, "sweep", &scene)?);
    let paths: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
    print(&format!("wrote     {}\n", paths.join(", ")))?;
    Ok(Exit::Done)
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
                "{text}: is no key with two values or more; write KEY=A,B"
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
        set: vec![format!("scenario.0.source={}", it.scenario)],
        seeds: Some(it.seeds),
        ..Changes::default()
    };
    let mut plan = load("sweep.toml", FRAME, &changes)?;
    if let Some(stranger) = it.policy.iter().find(|it| policies::find(it).is_err()) {
        return Err(Failure::usage(format!(
            "--policy {stranger}: there is no such policy; `lab list` names them"
        )));
    }
    let scenario = &mut plan.scenarios[0];
    scenario.set.extend(it.set.iter().cloned());
    let own = keys.iter().zip(values);
    scenario
        .set
        .extend(own.map(|((key, _), value)| format!("{key}={value}")));
    let frame = plan.candidate.clone();
    let contender = |id: &String| crate::plan::Contender {
        name: id.clone(),
        policy: id.clone(),
        ..frame.clone()
    };
    let mut contenders = it.policy.iter().map(contender);
    plan.candidate = contenders.next().unwrap_or(frame.clone());
    plan.baselines = contenders
        .filter(|it| it.name != plan.candidate.name)
        .collect();
    plan.set_against_each();
    Ok(plan)
}

/// Results at one combination of values.
struct Made<'a> {
    values: &'a [String],
    plan: &'a Plan,
    analysis: Analysis,
}

/// The figures shown in the panels.
const PANELS: [LevelKind; 3] = [LevelKind::Time, LevelKind::Cost, LevelKind::Origin];

fn picture(it: &SweepArgs, keys: &[Key], made: &[Made<'_>]) -> crate::show::figure::Scene {
    let (setting, values) = &keys[0];
    let others: Vec<Vec<String>> = combinations(&keys[1..]);
    let panel = |kind: LevelKind| {
        let mut curves = Vec::new();
        let mixes = made.first().map_or(Vec::new(), |it| pure_mixes(it.plan));
        for other in &others {
            for mix in &mixes {
                let at = |value: &String| {
                    let whole = [std::slice::from_ref(value), &other[..]].concat();
                    let found = made.iter().find(|it| it.values == whole)?;
                    let levels = &found.analysis.levels;
                    let is =
                        |it: &&crate::findings::analysis::Level| it.mix == *mix && it.kind == kind;
                    Some(levels.iter().find(is)?.mean)
                };
                let policy = made
                    .first()
                    .map_or(String::new(), |it| mix_name(it.plan, *mix));
                let name = match other.first() {
                    Some(value) => format!("{policy}, {} {value}", keys[1].0),
                    None => policy,
                };
                curves.push(Curve {
                    name,
                    points: values.iter().map(at).collect(),
                });
            }
        }
        Panel {
            head: kind.title().to_owned(),
            unchanged: None,
            curves,
        }
    };
    let panels: Vec<Panel> = PANELS.into_iter().map(panel).collect();
    let text = format!(
        "Swarms of one policy in {}: mean over {} seeds, band: 95 % Student t interval. Values stand evenly, \
         whatever their distances. Data: sweep.csv.",
        it.scenario, it.seeds
    );
    lines(
        &format!("{} over {setting}", it.scenario),
        (setting, values),
        &panels,
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
