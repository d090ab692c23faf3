//! The units of a command, in parts that have a plan each: one for a plan and one for each point of
//! its sweeps; one for each setting of a design; or one for each host of a tournament. A share takes units from all parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::bar::Bar;
use super::{Exit, Failure, print};
use crate::findings::conduct::{Unfinished, gather};
use crate::plan::Plan;
use crate::run::cost::seconds_each;
use crate::run::engine::Engine as _;
use crate::run::inspect::{Depth, tally};
use crate::run::runner::{self, Done, Options, RunError};
use crate::run::store::Store;
use crate::run::swarm::Swarms;
use crate::run::unit::{Shard, Unit};

/// Units of one plan.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) plan: Plan,
    pub(super) engine: Swarms,
    pub(super) units: Vec<Unit>,
    /// Printed before its units run, unless empty.
    pub(super) title: String,
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
            title: String::new(),
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

    /// Every unit once.
    pub(super) fn units(&self) -> Vec<&Unit> {
        self.0.iter().flat_map(|it| &it.units).collect()
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

    /// Runs the units that the store lacks; with `force`, all.
    pub(super) fn run(
        &self,
        store: &Store,
        options: Options,
        quiet: bool,
    ) -> Result<Done, Failure> {
        let mut all = Done::default();
        for it in self.0.iter().filter(|it| !it.units.is_empty()) {
            if !quiet && !it.title.is_empty() {
                eprintln!("{}", it.title);
            }
            let bar = Bar::new(quiet);
            let done = runner::run(&it.plan, &it.units, &it.engine, store, options, &bar);
            bar.finish();
            let done = done?;
            all.ran += done.ran;
            all.kept += done.kept;
        }
        Ok(all)
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
