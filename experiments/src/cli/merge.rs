//! `lab merge`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::args::{ResultOptions, quoted};
use super::job::Job;
use super::{Exit, Failure, overwrite};
use crate::findings::conduct::{analyse, gather};
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::show::output::manifest::Host;

/// `lab merge`: writes the tables and figures from the units of several machines, as one run of all
/// units would have done. Runs no units, except those of sweeps.
#[derive(Args, Clone, Debug)]
pub(super) struct MergeArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// Results folder of another machine, whose units are copied; may be repeated.
    #[arg(long, value_name = "DIR")]
    from: Vec<PathBuf>,
    #[command(flatten)]
    results: ResultOptions,
}

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let plan_args = &args.results.plan_args;
    let (plan, engine) = super::load(&args.plan, plan_args)?;
    overwrite::refuse_results(&args.plan, &plan, &args.results)?;
    if plan.factorial.is_some() {
        return Err(Failure::usage(format!(
            "{}: a plan with factors is not run in shares, so there is nothing to merge: `lab run` \
             does all of it",
            args.plan
        )));
    }
    let sweeps = super::sweep::planned(&args.plan, &plan, plan_args)?;
    let units = expand(&plan, &engine)?;
    let mut job = Job {
        folder: plan_args.folder(&plan),
        reproduce: format!("lab run {}{}", quoted(&args.plan), plan_args.typed()),
        plan,
        engine,
        units,
        options: &args.results,
    };
    let folders: Vec<PathBuf> = args.from.iter().map(|it| it.join("units")).collect();
    if let Some(it) = folders.iter().find(|it| !it.is_dir()) {
        return Err(Failure::usage(format!("{}: no such folder", it.display())));
    }
    job.register(false)?;
    let store = job.store()?;
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    gather(&job.units, &job.engine.version(), &folders, &store)?;
    let mut analysis = analyse(&job.plan, &job.units, &job.engine, &store)?;
    // Units of sweeps are not part of the shares, so missing ones run here.
    let how = (&store, 0, args.results.quiet);
    analysis.sweeps = super::sweep::responses(sweeps, how)?;
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: 0,
        ran: 0,
    };
    job.finish(&analysis, &store, &host)
}
