//! `lab solver`: what the fast link solver does to completion times.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};

use super::{Exit, Failure, print};
use crate::validation::judge::Verdict;
use crate::validation::solver::{Effect, MOST, SMALL, effects};

/// Runs every built-in scenario, made small, with `network.solver` fast and exact and the same
/// seeds, and says how much the mean completion time differs. Exit code 1 if the difference over all
/// scenarios lies wholly beyond 0.1 %.
#[derive(Args, Clone, Debug)]
pub(super) struct SolverArgs {
    /// Paired runs of each scenario.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    seeds: u32,
    /// Threads; 0 for one a core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
}

pub(super) fn solver(args: &SolverArgs) -> Result<Exit, Failure> {
    let rows = effects(args.seeds, args.jobs)?;
    let overall = rows.last().expect("the row over all scenarios");
    let most = 100.0 * MOST;
    let closing = match overall.verdict {
        Verdict::Pass => format!("Over all scenarios the difference is at most {most} %."),
        Verdict::Fail => format!("Over all scenarios the difference is more than {most} %."),
        Verdict::CannotTell => {
            format!("The interval over all scenarios crosses {most} %: more --seeds would tell.")
        }
    };
    print(&format!(
        "{}\nmean completion time, fast over exact solver, less 1; 95 % Student t interval over {} \
         paired seeds; {}\nrepeat    lab solver --seeds {}\n{closing}\n",
        table(&rows),
        args.seeds,
        SMALL.join(", "),
        args.seeds
    ))?;
    Ok(if overall.verdict == Verdict::Fail {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

fn table(rows: &[Effect]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["scenario", "difference, %", "95 % interval", "within 0.1 %"]);
    let percent = |it: f64| format!("{:+.3}", 100.0 * it);
    for it in rows {
        let (low, high) = it.interval;
        let interval = format!("{} to {}", percent(low), percent(high));
        let (scenario, effect) = (it.scenario.clone(), percent(it.effect));
        table.add_row([scenario, effect, interval, it.verdict.to_string()]);
    }
    table
}
