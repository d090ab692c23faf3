//! The units of a command, in parts that have a plan each: one for a plan and one for each point of
//! its sweeps; one for each setting of a design; or one for each host of a tournament. A share
//! takes units from all parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use unchoke_core::text::counted;

use super::bar::Bar;
use super::folder::named;
use super::{Exit, Failure, print};
use crate::findings::analysis::Analysis;
use crate::findings::conduct::{Unfinished, analyse, gather};
use crate::plan::Plan;
use crate::run::cost::seconds_each;
use crate::run::engine::{Engine as _, EngineError};
use crate::run::expand::expand;
use crate::run::inspect::{Beside, Depth, tally};
use crate::run::runner::{self, Batch, Done, Options, RunError};
use crate::run::store::{Store, file_name};
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
        refuse_conflicts(store.folder(), &Beside::of(store.folder(), &self.units())?)?;
        let batches: Vec<Batch<'_>> = self.0.iter().map(Part::batch).collect();
        let bar = Bar::new(quiet);
        let done = runner::run_all(&batches, store, options, &bar);
        bar.finish();
        Ok(done?)
    }

    /// Copies unit files from the results folders of other machines. Fails if a unit is missing or damaged then,
    /// or if one of the folders has two results of one unit.
    pub(super) fn gather(&self, from: &[PathBuf], store: &Store) -> Result<(), Failure> {
        let folders: Vec<PathBuf> = from.iter().map(|it| it.join("units")).collect();
        if let Some(it) = folders.iter().find(|it| !it.is_dir()) {
            return Err(Failure::usage(format!("{}: no such folder", it.display())));
        }
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let units = self.units();
        for folder in folders.iter().chain([&store.folder()]) {
            look_beside(folder, &units)?;
        }
        let mut elsewhere = BTreeMap::new();
        for it in &self.0 {
            elsewhere.extend(gather(&it.units, &it.engine.version(), &folders, store)?);
        }
        let there = tally(store, &units, Depth::Ends)?;
        let own = there.damaged.iter();
        let own = own.map(|it| store.folder().join(file_name(it)));
        // What is missing here may be damaged where it comes from.
        let files = there.missing.iter().filter_map(|it| elsewhere.get(it));
        let damaged: Vec<PathBuf> = files.cloned().chain(own).collect();
        let nowhere = |it: &&String| !elsewhere.contains_key(*it);
        let missing: Vec<String> = there.missing.iter().filter(nowhere).cloned().collect();
        if missing.is_empty() && damaged.is_empty() {
            return Ok(());
        }
        Err(Unfinished::of(&missing, &damaged, units.len()).into())
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
            "share {}/{}: {} done, {} there before; `{merge}` when all shares are\n",
            shard.index,
            shard.count,
            counted(done.ran as u64, "run"),
            done.kept
        ))?;
        Ok(Exit::Done)
    }
}

/// Fails if `folder` has two results of one unit.
fn refuse_conflicts(folder: &Path, beside: &Beside) -> Result<(), Failure> {
    if beside.conflicts.is_empty() {
        return Ok(());
    }
    Err(Failure {
        exit: Exit::Broken,
        message: format!(
            "{}: two results of one unit differ, so the engine is not deterministic, and no table is made: {}; \
             find out which one is wrong, keep the other as UNIT.jsonl, and delete UNIT.jsonl.conflict",
            folder.display(),
            named(&beside.conflicts)
        ),
    })
}

/// Fails if `folder` has two results of one unit, and tells of units that no table will contain.
fn look_beside(folder: &Path, units: &[&Unit]) -> Result<(), Failure> {
    let beside = Beside::of(folder, units)?;
    refuse_conflicts(folder, &beside)?;
    if !beside.foreign.is_empty() {
        eprintln!(
            "{}: left out {} of another plan, or of this one with other settings: {}",
            folder.display(),
            counted(beside.foreign.len() as u64, "unit file"),
            named(&beside.foreign)
        );
    }
    Ok(())
}
