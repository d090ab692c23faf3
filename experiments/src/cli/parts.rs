//! The units of a command, in parts that have a plan each: one for a plan and one for each point of
//! its sweeps; one for each setting of a design; or one for each host of a tournament. A share takes units from all parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::bar::Bar;
use super::{Exit, Failure, print};
use crate::findings::analysis::Analysis;
use crate::findings::conduct::{Unfinished, analyse, gather};
use crate::plan::Plan;
use crate::run::cost::seconds_each;
use crate::run::engine::{Engine as _, EngineError};
use crate::run::expand::expand;
use crate::run::inspect::{Depth, tally};
use crate::run::runner::{self, Batch, Done, Options, RunError};
use crate::run::store::Store;
use crate::run::swarm::Swarms;
use crate::run::unit::{Shard, Unit};

/// Units of one plan.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) plan: Plan,
    pub(super) engine: Swarms,
    pub(super) units: Vec<Unit>,
}

impl Part {
    /// All units of `plan`. Names of scenario files are relative to `folder`.
    pub(super) fn of(plan: Plan, folder: &Path) -> Result<Self, EngineError> {
        let engine = Swarms::of(&plan, folder)?;
        let units = expand(&plan, &engine)?;
        Ok(Self {
            plan,
            engine,
            units,
        })
    }

    fn batch(&self) -> Batch<'_> {
        Batch {
            plan: &self.plan,
            units: &self.units,
            engine: &self.engine,
        }
    }

    /// Computes the figures, once all units are in the store.
    pub(super) fn analyse(&self, store: &Store) -> Result<Analysis, Failure> {
        Ok(analyse(&self.plan, &self.units, &self.engine, store)?)
    }
}

/// All units of a command.
#[derive(Clone, Debug)]
pub(super) struct Parts(Vec<Part>);

impl Parts {
    /// The units of a plan and of its sweeps.
    pub(super) fn of((plan, engine, units): (&Plan, &Swarms, &[Unit]), sweeps: Vec<Part>) -> Self {
        let own = Part {
            plan: plan.clone(),
            engine: engine.clone(),
            units: units.to_vec(),
        };
        Self::new(std::iter::once(own).chain(sweeps))
    }

    /// A unit that several parts need stays only in the first of them.
    pub(super) fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut seen = BTreeSet::new();
        let mut parts: Vec<Part> = parts.into_iter().collect();
        for it in &mut parts {
            it.units.retain(|it| seen.insert(it.id.clone()));
        }
        Self(parts)
    }

    pub(super) fn each(&self) -> &[Part] {
        &self.0
    }

    /// Every unit once.
    pub(super) fn units(&self) -> Vec<&Unit> {
        self.0.iter().flat_map(|it| &it.units).collect()
    }

    /// The counts after a command that only reads units.
    pub(super) fn all_kept(&self) -> Done {
        Done {
            ran: 0,
            kept: self.units().len(),
        }
    }

    pub(super) fn version(&self) -> String {
        self.0[0].engine.version()
    }

    /// Estimated seconds on one thread, in the order of [`Self::units`].
    pub(super) fn seconds(&self, jobs: usize) -> Result<Vec<f64>, RunError> {
        let mut known = BTreeMap::new();
        let mut all = Vec::new();
        for it in &self.0 {
            let seconds = seconds_each(&it.plan, &it.units, &it.engine, jobs, &mut known)?;
            all.extend(seconds);
        }
        Ok(all)
    }

    /// Runs the units that the store lacks; with `force`, all. All parts share one pool of threads.
    pub(super) fn run(
        &self,
        store: &Store,
        options: Options,
        quiet: bool,
    ) -> Result<Done, Failure> {
        let batches: Vec<Batch<'_>> = self.0.iter().map(Part::batch).collect();
        let bar = Bar::new(quiet);
        let done = runner::run_all(&batches, store, options, &bar);
        bar.finish();
        Ok(done?)
    }

    /// Copies unit files from the results folders of other machines. Fails if a unit is missing then.
    pub(super) fn gather(&self, from: &[PathBuf], store: &Store) -> Result<(), Failure> {
        let folders: Vec<PathBuf> = from.iter().map(|it| it.join("units")).collect();
        if let Some(it) = folders.iter().find(|it| !it.is_dir()) {
            return Err(Failure::usage(format!("{}: no such folder", it.display())));
        }
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        for it in &self.0 {
            gather(&it.units, &it.engine.version(), &folders, store)?;
        }
        let units = self.units();
        let there = tally(store, &units, Depth::Ends)?;
        match there.first_missing {
            None => Ok(()),
            Some(first) => Err(Failure::from(Unfinished::Missing {
                missing: there.missing + there.damaged,
                total: units.len(),
                first,
            })),
        }
    }

    /// Keeps only these units.
    pub(super) fn keep(mut self, mut wanted: impl FnMut(&Unit) -> bool) -> Self {
        for it in &mut self.0 {
            it.units.retain(&mut wanted);
        }
        self
    }

    /// Runs the units of one share. `merge` is the command that makes the tables afterwards.
    pub(super) fn run_share(
        self,
        shard: Shard,
        merge: &str,
        (store, options, quiet): (&Store, Options, bool),
    ) -> Result<Exit, Failure> {
        let mut position = 0;
        let part = self.keep(|_| {
            position += 1;
            shard.holds(position - 1)
        });
        let done = part.run(store, options, quiet)?;
        print(&format!(
            "share {}/{}: {} runs done, {} were there; `{merge}` when all shares are\n",
            shard.index, shard.count, done.ran, done.kept
        ))?;
        Ok(Exit::Done)
    }
}
