//! `lab merge`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::args::{ResultOptions, quoted};
use super::folder::make;
use super::job::Job;
use super::parts::Parts;
use super::{Exit, Failure, factorial, overwrite, sweep};
use crate::findings::conduct::analyse;
use crate::run::expand::expand;
use crate::run::registration;
use crate::show::output::manifest::Host;

/// `lab merge`: writes the tables and figures from the units of several machines, as one run of all
/// units would have done. Runs no units; exit code 3 if some are missing.
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
    if let Some(factorial) = &plan.factorial {
        let how = (args.plan.as_str(), args.from.as_slice(), &args.results);
        return factorial::merge(&plan, factorial, how);
    }
    let sweeps = sweep::planned(&args.plan, &plan, plan_args)?;
    let units = expand(&plan, &engine)?;
    let mut job = Job {
        folder: plan_args.folder(&plan),
        reproduce: format!("lab run {}{}", quoted(&args.plan), plan_args.typed()),
        plan,
        engine,
        units,
        options: &args.results,
    };
    make(&job.folder)?;
    registration::take_over(&job.plan, &job.folder, &args.from)?;
    job.register(false)?;
    let store = job.store()?;
    let own = (&job.plan, &job.engine, job.units.as_slice());
    let parts = Parts::of(own, sweep::parts(&sweeps));
    parts.gather(&args.from, &store)?;
    let mut analysis = analyse(&job.plan, &job.units, &job.engine, &store)?;
    analysis.sweeps = sweep::responses(sweeps, &store)?;
    let host = Host {
        wall_s: started.elapsed().as_secs_f64(),
        jobs: 0,
        done: parts.all_kept(),
    };
    job.finish(&analysis, &store, &host)
}
