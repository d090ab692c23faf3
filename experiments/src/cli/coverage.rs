//! `lab coverage PLAN`: measures how often the intervals of a plan cover the true value.

use clap::Args;
use comfy_table::Table;

use super::args::{self, PlanArgs};
use super::bar::Bar;
use super::folder::make_store;
use super::{Exit, Failure, load, print, show};
use crate::findings::analysis::{Paired, Quantity, pairs};
use crate::findings::conduct::load_runs;
use crate::findings::coverage::{Coverage, Draw, Hits, coverage};
use crate::findings::stats::bootstrap::LEAST_RUNS;
use crate::findings::stats::math::figure;
use crate::findings::table;
use crate::plan::{Plan, count};
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::runner::{self, Options};
use crate::run::store::write_whole;
use crate::show::words::percent;

/// `lab coverage`.
#[derive(Args, Clone, Debug)]
pub(super) struct CoverageArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// Part of the plan. Here `--seeds` is the number of runs that define the true value.
    #[command(flatten)]
    plan_args: PlanArgs,
    /// Seeds per study; default: as in the plan.
    #[arg(long, value_name = "N")]
    study: Option<u32>,
    /// Number of studies drawn from the runs.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    studies: u32,
    /// Number of these studies that also have bootstrap intervals, which take most of the time; 0 for none. There are
    /// none if a study has fewer than 20 seeds.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    bootstrapped: u32,
    /// Number of bootstrap resamples per study.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    resamples: u32,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

/// Fewest runs that may define the true value.
const LEAST_TRUTH: u32 = 100;

pub(super) fn run(it: &CoverageArgs) -> Result<Exit, Failure> {
    let (plan, engine) = load(&it.plan, &it.plan_args)?;
    let truth = plan.seed_range().0;
    let seeds = study_seeds(it)?;
    if truth < LEAST_TRUTH || seeds < 2 {
        return Err(Failure::usage(format!(
            "{}, from which studies of {} are drawn, are too few; give --seeds {LEAST_TRUTH} or more for the \
             runs, and --study 2 or more",
            count(truth, "run"),
            count(seeds, "seed")
        )));
    }
    let draw = Draw {
        seeds: seeds as usize,
        studies: it.studies as usize,
        bootstrapped: it.bootstrapped.min(it.studies) as usize,
        resamples: it.resamples as usize,
    };
    let (wanted, draw) = (draw.bootstrapped > 0, draw.possible());
    super::stop::listen()?;
    // A folder of the plan: the table of another plan is in another one.
    let folder = it.plan_args.folder(&plan);
    super::folder::make(&folder)?;
    let store = make_store(&folder, &engine.version())?;
    let units = expand(&plan, &engine)?;
    let options = Options {
        jobs: it.jobs,
        force: false,
    };
    let bar = Bar::new(it.quiet);
    runner::run(&plan, &units, &engine, &store, options, &bar)?;
    bar.finish();
    let mut all: Vec<Paired> = Vec::new();
    for scenario in 0..plan.scenarios.len() {
        let runs = load_runs(&units, &engine, &store, scenario)?;
        all.extend(pairs(&plan, &runs, scenario));
    }
    let found = coverage(&all, draw);
    write_whole(
        &folder.join("coverage.csv"),
        csv(&plan, truth, draw, &found).as_bytes(),
    )?;
    let few = if wanted && draw.bootstrapped == 0 {
        format!(" No bootstraps: they need studies of {LEAST_RUNS} seeds or more.")
    } else {
        String::new()
    };
    print(&format!(
        "{}\nStudies of {seeds} seeds drawn from {truth} runs, {} of each pair; 95 % intervals. The share \
         that covers, by adoption and quantity: the least, the mean and the most over {}.{few}\nwrote     {}\n",
        summed(&found),
        it.studies,
        count(found.len(), "pair"),
        folder.join("coverage.csv").display()
    ))?;
    Ok(Exit::Done)
}

/// Seeds per study: by default those of the plan as written.
fn study_seeds(it: &CoverageArgs) -> Result<u32, Failure> {
    if let Some(seeds) = it.study {
        return Ok(seeds);
    }
    let (name, text, _) = args::plan_text(&it.plan)?;
    let plan = crate::plan::load(&name, &text, &crate::plan::Changes::default())?;
    Ok(plan.seed_range().0)
}

fn csv(plan: &Plan, truth: u32, draw: Draw, found: &[Coverage]) -> String {
    let columns = [
        "scenario",
        "contrast",
        "adoption",
        "group",
        "quantity",
        "truth",
        "runs",
        "study_seeds",
        "studies",
        "student",
        "student_above",
        "student_below",
        "bootstrapped",
        "studentised",
        "bca",
    ];
    let mut table = table::Table::new(&columns);
    for it in found {
        let contrast = it.of.contrast.map(|at| plan.contrasts[at].name.clone());
        let share = |hits: &Hits| hits.share().map_or_else(String::new, figure);
        let part = |count: usize| figure(count as f64 / draw.studies as f64);
        table.row([
            plan.scenarios[it.of.scenario].name.clone(),
            contrast.unwrap_or_default(),
            it.of.adoption.label(),
            it.of.group.name().to_owned(),
            it.of.quantity.id().to_owned(),
            figure(it.truth),
            truth.to_string(),
            draw.seeds.to_string(),
            draw.studies.to_string(),
            share(&it.hits[0]),
            part(it.hits[0].above),
            part(it.hits[0].below),
            draw.bootstrapped.to_string(),
            share(&it.hits[1]),
            share(&it.hits[2]),
        ]);
    }
    table.finish()
}

/// Smallest, mean and largest coverage by adoption and quantity.
fn summed(found: &[Coverage]) -> Table {
    let head = [
        "adoption",
        "quantity",
        "pairs",
        "Student t",
        "studentised",
        "BCa",
    ];
    let mut table = show::empty(&head.map(str::to_owned));
    let mut kinds: Vec<(String, Quantity)> = Vec::new();
    for it in found {
        let kind = (it.of.adoption.label(), it.of.quantity);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.push(("all".to_owned(), Quantity::Time));
    for (adoption, quantity) in &kinds {
        let whole = adoption == "all";
        let is = |it: &&Coverage| {
            whole || it.of.adoption.label() == *adoption && it.of.quantity == *quantity
        };
        let of: Vec<&Coverage> = found.iter().filter(is).collect();
        let cell = |hits: fn(&Coverage) -> Hits| {
            let shares: Vec<f64> = of.iter().filter_map(|it| hits(it).share()).collect();
            if shares.is_empty() {
                return "-".to_owned();
            }
            let least = shares.iter().copied().fold(1.0, f64::min);
            let most = shares.iter().copied().fold(0.0, f64::max);
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            format!("{} {} {}", percent(least), percent(mean), percent(most))
        };
        table.add_row([
            adoption.clone(),
            if whole { "every" } else { quantity.id() }.to_owned(),
            of.len().to_string(),
            cell(|it| it.hits[0]),
            cell(|it| it.hits[1]),
            cell(|it| it.hits[2]),
        ]);
    }
    table
}
