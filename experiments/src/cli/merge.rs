//! `lab merge`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::args::{RunOptions, quoted};
use super::run::Job;
use super::{Exit, Failure};
use crate::conduct::{analyse, gather};
use crate::engine::Engine as _;
use crate::output::manifest::Host;
use crate::unit::expand;

/// `lab merge`.
#[derive(Args, Clone, Debug)]
pub(super) struct MergeArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// Result folders of the other shares; their units are copied.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    from: Vec<PathBuf>,
    #[command(flatten)]
    options: RunOptions,
}

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let (plan, engine) = super::load(&args.plan, &args.options.plan_args)?;
    let units = expand(&plan, &engine)?;
    let job = Job {
        folder: args.options.plan_args.folder(&plan),
        reproduce: format!(
            "lab run {}{}",
            quoted(&args.plan),
            args.options.plan_args.typed()
        ),
        plan,
        engine,
        units,
        options: &args.options,
    };
    let store = job.store()?;
    let folders: Vec<PathBuf> = args.from.iter().map(|it| it.join("units")).collect();
    if let Some(it) = folders.iter().find(|it| !it.is_dir()) {
        return Err(Failure::usage(format!("{}: no such folder", it.display())));
    }
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    gather(&job.units, &job.engine.version(), &folders, &store)?;
    let analysis = analyse(&job.plan, &job.units, &job.engine, &store)?;
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: 0,
        ran: 0,
    };
    job.finish(&analysis, &store, &host)
}
