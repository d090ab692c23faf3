//! The data of a command that makes results of a plan.

use std::path::PathBuf;

use super::Failure;
use super::args::ResultOptions;
use super::folder::{make, make_store};
use crate::plan::Plan;
use crate::run::engine::Engine as _;
use crate::run::registration::register;
use crate::run::store::Store;
use crate::run::swarm::Swarms;
use crate::run::unit::Unit;

/// A plan, its units, and the folder for its results.
pub(super) struct Job<'a> {
    pub(super) plan: Plan,
    pub(super) engine: Swarms,
    pub(super) units: Vec<Unit>,
    pub(super) folder: PathBuf,
    pub(super) options: &'a ResultOptions,
    /// The command line that makes the same results.
    pub(super) reproduce: String,
}

impl Job<'_> {
    /// Registers the plan before its first run. Does nothing for `--check`: what a check writes are
    /// not registered results.
    pub(super) fn register(&mut self, force: bool) -> Result<(), Failure> {
        if self.options.check {
            return Ok(());
        }
        make(&self.folder)?;
        Ok(register(&mut self.plan, &self.folder, force)?)
    }

    pub(super) fn store(&self) -> Result<Store, Failure> {
        make_store(&self.folder, &self.engine.version())
    }
}
