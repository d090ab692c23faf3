//! `lab solver`: effect of the fast link solver, or of the windows engine, on completion times.

use std::path::PathBuf;

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};

use unchoke_sim::scenario::Scenario;

use super::args::quoted;
use super::folder::make;
use super::{Exit, Failure, print};
use crate::against::validation::judge::Verdict;
use crate::against::validation::solver::{Compared, Effect, SMALL, csv, effects};
use crate::run::store::write_whole;

/// A built-in scenario whose nodes have no delay between them, so that it has no windows.
const WITHOUT_DELAY: &str = "testbed";

/// Runs built-in scenarios, made small, with `network.solver` fast and exact and the same seeds,
/// and prints the difference of the mean completion times. Exit code 1 if the interval of the
/// difference over all scenarios lies wholly beyond 0.1 %. With --engine the same for
/// `network.engine` windows and exact, and 2 %.
#[derive(Args, Clone, Debug)]
pub(super) struct SolverArgs {
    /// Compare the windows engine with the exact one instead.
    #[arg(long)]
    engine: bool,
    /// Run only this scenario instead of all built-in ones; may be repeated.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Number of paired runs of each scenario.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    seeds: u32,
    /// Number of threads; 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// Folder for solver.csv or engine.csv; default: nothing is written.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn solver(args: &SolverArgs) -> Result<Exit, Failure> {
    let compared = if args.engine {
        Compared::Engine
    } else {
        Compared::Solver
    };
    let (key, word) = compared.key();
    let mut names = chosen(&args.scenario)?;
    if args.engine && args.scenario.is_empty() {
        names.retain(|it| *it != WITHOUT_DELAY);
    }
    let rows = effects(compared, &names, args.seeds, args.jobs)?;
    let overall = rows.last().expect("one row at least");
    let (over, most) = (&overall.scenario, 100.0 * compared.most());
    let closing = match overall.verdict {
        Verdict::Pass => format!("{over}: the difference is at most {most} %."),
        Verdict::Fail => format!("{over}: the difference is more than {most} %."),
        Verdict::CannotTell => {
            format!("{over}: the interval crosses {most} %, more --seeds would tell.")
        }
    };
    if let Some(folder) = &args.out {
        make(folder)?;
        let text = csv(&rows, args.seeds);
        write_whole(&folder.join(format!("{key}.csv")), text.as_bytes())?;
    }
    let mut repeat = vec!["lab solver --seeds".to_owned(), args.seeds.to_string()];
    repeat.extend(args.engine.then(|| "--engine".to_owned()));
    let options = args.scenario.iter();
    repeat.extend(options.flat_map(|it| ["--scenario".to_owned(), quoted(it)]));
    let repeat = repeat.join(" ");
    print(&format!(
        "{}\nmean completion time, {word} over exact {key}, less 1; 95 % Student t interval over {} \
         paired seeds; {}\nrepeat    {repeat}\n{closing}\n",
        table(&rows, most),
        args.seeds,
        SMALL.join(", "),
    ))?;
    Ok(if overall.verdict == Verdict::Fail {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// The built-in scenarios with these names; all if no name is given.
fn chosen(names: &[String]) -> Result<Vec<&'static str>, Failure> {
    let listed = Scenario::list();
    let known = |name: &String| {
        let found = listed.iter().find(|it| it.name == name);
        found.map(|it| it.name).ok_or_else(|| {
            Failure::usage(format!(
                "no built-in scenario is called `{name}`; `lab sim --list` names them"
            ))
        })
    };
    if names.is_empty() {
        return Ok(listed.iter().map(|it| it.name).collect());
    }
    names.iter().map(known).collect()
}

fn table(rows: &[Effect], most: f64) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled);
    let within = format!("within {most} %");
    table.set_header([
        "scenario",
        "difference, %",
        "95 % interval",
        within.as_str(),
    ]);
    let percent = |it: f64| format!("{:+.3}", 100.0 * it);
    for it in rows {
        let (low, high) = it.interval;
        let interval = format!("{} to {}", percent(low), percent(high));
        let (scenario, effect) = (it.scenario.clone(), percent(it.effect));
        table.add_row([scenario, effect, interval, it.verdict.to_string()]);
    }
    table
}
