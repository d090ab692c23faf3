//! `lab validate`: compares the simulator with theory and published results.

use std::path::{Path, PathBuf};

use clap::Args;

use super::bar::Bar;
use super::folder::make;
use super::{Exit, Failure, print};
use crate::against::validation::{Options, Outcome, Size, left_out, run, table};
use crate::run::store::write_whole;

/// Runs the checks of all plans and prints PASS, FAIL or "cannot tell" for each. Exit code 1 if a
/// check fails without an explanation in its plan.
#[derive(Args, Clone, Debug)]
pub(super) struct ValidateArgs {
    /// Use the published sizes; takes minutes instead of seconds.
    #[arg(long)]
    full: bool,
    /// Number of threads; 0 for one per core.
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Number of runs of each case [default: as in its plan]; with fewer than five there is no
    /// verdict on means.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// Run only plans whose name contains this. Their table is written only with `--out`.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Folder for validation.csv and validation.md; by default they are only written at full size.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn validate(args: &ValidateArgs) -> Result<Exit, Failure> {
    let options = Options {
        size: if args.full { Size::Full } else { Size::Reduced },
        jobs: args.jobs,
        only: args.only.as_deref(),
        seeds: args.seeds,
    };
    let bar = Bar::new(false);
    let outcomes = run(options, &bar);
    bar.finish();
    let outcomes = outcomes?;
    let left_out = left_out(options)?;
    print(&table::terminal(&outcomes, &left_out))?;
    let whole = args.full && args.only.is_none();
    let usual = whole.then(|| PathBuf::from("results/validation"));
    if let Some(folder) = args.out.clone().or(usual) {
        let seeds = args
            .seeds
            .map_or(String::new(), |it| format!(" --seeds {it}"));
        let only = args
            .only
            .as_ref()
            .map_or(String::new(), |it| format!(" --only {it}"));
        let size = if args.full { " --full" } else { "" };
        let command = format!("lab validate{size}{only}{seeds}");
        let files = [
            ("validation.csv", table::csv(&outcomes)),
            (
                "validation.md",
                table::markdown(&outcomes, &left_out, &command),
            ),
        ];
        write(&folder, &files)?;
    }
    let failed = outcomes.iter().any(Outcome::is_unexplained);
    Ok(if failed {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    make(folder)?;
    for (name, text) in files {
        write_whole(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}
