//! Runs units on several cores. The result of a unit depends only on its identity, so the order of
//! units and the number of threads do not change results.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::plan::Plan;
use crate::run::engine::{Engine, EngineError};
use crate::run::host::Clock;
use crate::run::sidecar::Sidecar;
use crate::run::store::{Found, Store, StoreError};
use crate::run::unit::Unit;

/// Options of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of threads; 0 for one per core.
    pub jobs: usize,
    /// Also run units that have results, and compare.
    pub force: bool,
}

/// Units of one plan, and what runs them.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its units, or some of them.
    pub units: &'a [Unit],
    /// Runs the units.
    pub engine: &'a dyn Engine,
}

/// Receives progress reports.
pub trait Progress: Sync {
    /// `done` of `total` units are finished.
    fn at(&self, done: usize, total: usize);
}

/// Ignores progress reports.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _: usize, _: usize) {}
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Units that ran.
    pub ran: usize,
    /// Units that already had results.
    pub kept: usize,
}

impl Done {
    /// Number of different units.
    #[must_use]
    pub const fn all(self) -> usize {
        self.ran + self.kept
    }
}

/// Why not all units have results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A unit cannot be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A unit cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An assertion of the engine stopped a run.
    #[error(
        "unit {unit} broke an invariant of the simulator: {message}; \
         repeat it with `lab replay PLAN --unit {unit}`"
    )]
    Broken {
        /// The unit.
        unit: String,
        /// Message of the assertion.
        message: String,
    },
    /// The threads cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// [`run_all`] with the units of one plan.
pub fn run(
    plan: &Plan,
    units: &[Unit],
    engine: &dyn Engine,
    store: &Store,
    options: Options,
    progress: &dyn Progress,
) -> Result<Done, RunError> {
    let batch = Batch {
        plan,
        units,
        engine,
    };
    run_all(&[batch], store, options, progress)
}

/// Runs the units that the store lacks; with `force`, all units. Units with the same id are the
/// same run, which is made once. All batches share one pool of threads, so no thread waits for the
/// last run of a batch.
pub fn run_all(
    batches: &[Batch<'_>],
    store: &Store,
    options: Options,
    progress: &dyn Progress,
) -> Result<Done, RunError> {
    let (finished, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut seen = BTreeSet::new();
    let of = |batch| move |unit| (batch, unit);
    let all = batches.iter().flat_map(|it| it.units.iter().map(of(it)));
    let runs: Vec<(&Batch<'_>, &Unit)> = all.filter(|it| seen.insert(&it.1.id)).collect();
    // More threads than runs would only look for work.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs.min(runs.len().max(1)))
        .build()?;
    let sidecar = Sidecar::of(store);
    let one = |(batch, unit): &(&Batch<'_>, &Unit)| -> Result<(), RunError> {
        if options.force || !matches!(store.read(unit)?, Found::Valid(_)) {
            let clock = Clock::start();
            let outcome = run_one(batch.plan, unit, batch.engine)?;
            store.write(unit, &outcome)?;
            sidecar.note(unit, &clock)?;
            ran.fetch_add(1, Ordering::Relaxed);
        }
        let done = finished.fetch_add(1, Ordering::Relaxed) + 1;
        progress.at(done, runs.len());
        Ok(())
    };
    progress.at(0, runs.len());
    pool.install(|| runs.par_iter().with_max_len(1).try_for_each(one))?;
    let ran = ran.into_inner();
    Ok(Done {
        ran,
        kept: runs.len() - ran,
    })
}

/// Runs one unit. A failed assertion of the engine becomes an error that names the unit.
pub fn run_one(
    plan: &Plan,
    unit: &Unit,
    engine: &dyn Engine,
) -> Result<crate::run::outcome::Outcome, RunError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| engine.run(plan, unit)));
    let outcome = outcome.map_err(|cause| RunError::Broken {
        unit: unit.id.clone(),
        message: said(cause.as_ref()),
    })??;
    Ok(outcome)
}

fn said(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
    text.unwrap_or("no message")
        .lines()
        .collect::<Vec<_>>()
        .join("; ")
}
