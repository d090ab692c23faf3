//! `lab run` for a plan with factors: runs the plan once for each run of the design.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::args::{self, Color, Format, PlanArgs, ResultOptions, RunOptions};
use super::folder::{make, make_store};
use super::parts::{Part, Parts};
use super::{Exit, Failure, print, stop};
use crate::findings::conduct::load_runs;
use crate::findings::factorial::{Cell, Study, cell};
use crate::plan::{Factorial, Plan, count};
use crate::run::engine::Engine as _;
use crate::run::registration;
use crate::run::runner::Options;
use crate::run::store::{Store, write_whole};
use crate::run::unit::Unit;
use crate::show::factorial::{output, report};
use crate::show::figure;
use crate::show::output::Files;
use crate::show::output::manifest::{self, Host, manifest};

/// One run of the design.
struct Run {
    high: u32,
    part: Part,
}

pub(super) fn run(
    plan: &Plan,
    factorial: &Factorial,
    (name, options, command): (&str, &RunOptions, &str),
) -> Result<Exit, Failure> {
    let started = Instant::now();
    refuse_without_effect(&options.results)?;
    let plan_args = &options.results.plan_args;
    let runs = expand_all(factorial, name, plan_args)?;
    if options.list {
        for it in &runs {
            print(&format!("{}\n", factorial.levels(it.high)))?;
            print(&super::list::units(&it.part.plan, &it.part.units))?;
        }
        return Ok(Exit::Done);
    }
    let folder = plan_args.folder(plan);
    let version = runs[0].part.engine.version();
    let how = Options {
        jobs: options.jobs,
        force: options.force,
    };
    if options.dry_run {
        let head = format!("{}: {} of the design,", plan.name, count(runs.len(), "run"));
        let store = Store::at(&folder.join("units"), &version);
        return in_parts(&runs).dry_run(&head, (&store, how), |_, _| None);
    }
    stop::listen()?;
    let mut plan = plan.clone();
    make(&folder)?;
    registration::register(&mut plan, &folder, options.force)?;
    let store = make_store(&folder, &version)?;
    let (parts, quiet) = (in_parts(&runs), options.results.quiet);
    if let Some(shard) = options.shard {
        return parts.run_share(shard, "lab merge", (&store, how, quiet));
    }
    let done = parts.run(&store, how, quiet)?;
    let reproduce = format!("{command}{}", plan_args.typed());
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: options.jobs,
        done,
    };
    let study = Study::of(&plan, factorial, cells(&runs, &store)?);
    finish(
        &study,
        &parts,
        (&folder, &reproduce),
        &host,
        &options.results,
    )
}

/// The units of all runs of the design.
pub(super) fn parts(
    factorial: &Factorial,
    name: &str,
    plan_args: &PlanArgs,
) -> Result<Parts, Failure> {
    Ok(in_parts(&expand_all(factorial, name, plan_args)?))
}

/// `lab merge` for a plan with factors.
pub(super) fn merge(
    plan: &Plan,
    factorial: &Factorial,
    (name, from, options): (&str, &[PathBuf], &ResultOptions),
) -> Result<Exit, Failure> {
    let started = Instant::now();
    refuse_without_effect(options)?;
    let runs = expand_all(factorial, name, &options.plan_args)?;
    let (parts, folder) = (in_parts(&runs), options.plan_args.folder(plan));
    let mut plan = plan.clone();
    make(&folder)?;
    registration::take_over(&plan, &folder, from)?;
    registration::register(&mut plan, &folder, false)?;
    let store = make_store(&folder, &parts.version())?;
    parts.gather(from, &store)?;
    let typed = options.plan_args.typed();
    let reproduce = format!("lab run {}{typed}", args::quoted(name));
    let study = Study::of(&plan, factorial, cells(&runs, &store)?);
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: 0,
        done: parts.all_kept(),
    };
    finish(&study, &parts, (&folder, &reproduce), &host, options)
}

/// Writes the results and prints the answer.
fn finish(
    study: &Study<'_>,
    parts: &Parts,
    (folder, reproduce): (&Path, &str),
    host: &Host,
    options: &ResultOptions,
) -> Result<Exit, Failure> {
    let files = output::files(study);
    let units: Vec<Unit> = parts.units().into_iter().cloned().collect();
    let version = parts.version();
    write(
        study,
        &files,
        &units,
        (folder, &version, reproduce),
        host,
        options,
    )?;
    print(&match options.format {
        Format::Human | Format::Markdown => output::words(study),
        Format::Csv => files
            .get("effects.csv")
            .expect("one of the files")
            .to_owned(),
        Format::Json => output::json(study, &files.hash()),
    })?;
    if options.format == Format::Human {
        print(&format!(
            "\nwrote     {} ({} of {} now, {:.1} s)\nresults   sha256 {}\nrepeat    {reproduce}{}\n",
            folder.display(),
            host.done.ran,
            count(host.done.all(), "run"),
            host.wall_s,
            files.hash(),
            options.plan_args.out_typed()
        ))?;
    }
    Ok(Exit::Done)
}

/// Refuses options of `lab run` and `lab merge` that have no meaning for a design with many comparisons.
fn refuse_without_effect(results: &ResultOptions) -> Result<(), Failure> {
    let given = [
        ("--check", results.check),
        ("--save-baseline", results.save_baseline.is_some()),
        ("--summary", results.summary.is_some()),
        ("--peers", results.peers),
        ("--verbose", results.verbose),
        ("--tournament", results.tournament.is_some()),
        ("--color", results.color != Color::Auto),
        ("--format markdown", results.format == Format::Markdown),
    ];
    let given: Vec<&str> = given.iter().filter(|it| it.1).map(|it| it.0).collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "a plan with factors does nothing with {}; leave that out",
        given.join(" and ")
    )))
}

fn expand_all(
    factorial: &Factorial,
    name: &str,
    plan_args: &PlanArgs,
) -> Result<Vec<Run>, Failure> {
    let (file, text, folder) = args::plan_text(name)?;
    let one = |high: u32| -> Result<Run, Failure> {
        let mut changes = plan_args.changes();
        changes.set.extend(factorial.changes(high));
        let plan = crate::plan::load(&file, &text, &changes)?;
        let part = Part::of(plan, &folder)?;
        Ok(Run { high, part })
    };
    factorial.design.runs().into_iter().map(one).collect()
}

fn in_parts(runs: &[Run]) -> Parts {
    Parts::new(runs.iter().map(|it| it.part.clone()))
}

/// Reads the runs of each setting in each scenario.
fn cells(runs: &[Run], store: &Store) -> Result<Vec<Cell>, Failure> {
    let mut cells = Vec::new();
    for it in runs {
        for scenario in 0..it.part.plan.scenarios.len() {
            let loaded = load_runs(&it.part.units, &it.part.engine, store, scenario)?;
            cells.extend(cell(&it.part.plan, scenario, it.high, &loaded));
        }
    }
    Ok(cells)
}

fn write(
    study: &Study<'_>,
    files: &Files,
    units: &[Unit],
    (folder, engine, reproduce): (&Path, &str, &str),
    host: &Host,
    options: &ResultOptions,
) -> Result<Vec<PathBuf>, Failure> {
    make(folder)?;
    let mut paths = files.write(folder)?;
    let text = manifest(study.plan, units, engine, &files.hash(), host, folder);
    paths.push(folder.join(manifest::FILE));
    write_whole(&folder.join(manifest::FILE), text.as_bytes())?;
    registration::note(study.plan, folder, units.len(), engine)?;
    if !options.no_plots {
        let picture = figure::effects(study);
        let forms = options.forms;
        paths.extend(forms.write(&folder.join("figures"), "effects", &picture.scene)?);
        let page = report::page(study, &picture, &files.hash(), engine, reproduce);
        write_whole(&folder.join("report.html"), page.as_bytes())?;
    }
    Ok(paths)
}
