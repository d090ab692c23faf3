//! `--dry-run`: shows what would run, and for how long.

use std::fmt::Write as _;

use super::args::threads;
use super::job::Job;
use super::{Exit, Failure, print};
use crate::run::cost::{ScenarioCost, estimate};
use crate::run::engine::Engine as _;
use crate::run::store::{Found, Store};
use crate::run::unit::{Unit, distinct};

/// `jobs` has the meaning of `--jobs`.
pub(super) fn dry_run(job: &Job<'_>, jobs: usize) -> Result<Exit, Failure> {
    let store = Store::at(&job.folder.join("units"), &job.engine.version());
    let units: Vec<Unit> = distinct(&job.units).into_iter().cloned().collect();
    let mut missing = Vec::new();
    for unit in &units {
        missing.push(!matches!(store.read(unit)?, Found::Valid(_)));
    }
    let jobs = threads(jobs);
    let costs = estimate(&job.plan, &units, &missing, &job.engine, jobs)?;
    let mut text = String::new();
    let mut put = |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
    let seconds = |it: &ScenarioCost| it.seconds / jobs as f64;
    for it in &costs {
        let name = &job.plan.scenarios[it.scenario].name;
        let seeds = job.plan.seeds_of(it.scenario);
        put(format!(
            "{name:20} {seeds:4} seeds {:6} runs {:6} missing  about {:6.0} s",
            it.units,
            it.missing,
            seconds(it)
        ));
    }
    let total: f64 = costs.iter().map(seconds).sum();
    put(format!(
        "{}: {} runs, {} missing: about {total:.0} s ({:.1} min) with {jobs} threads that have a core \
         each, from one timed run of each policy in each scenario",
        job.plan.name,
        units.len(),
        missing.iter().filter(|it| **it).count(),
        total / 60.0,
    ));
    print(&text)?;
    Ok(Exit::Done)
}
