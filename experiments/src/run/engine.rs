//! The interface to what runs a unit. The statistics know the simulator only through this trait.

use crate::plan::Plan;
use crate::run::outcome::Outcome;
use crate::run::unit::Unit;

/// Why a unit cannot be run. The cause is always the plan or its scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// Something that simulates swarms.
pub trait Engine: Sync {
    /// Identifies the build of the engine. Results of different versions are never mixed.
    fn version(&self) -> String;

    /// A text that contains everything that the unit's result depends on, except the engine itself.
    fn identity(&self, plan: &Plan, unit: &Unit) -> Result<String, EngineError>;

    /// Runs the unit. The result depends only on [`Engine::identity`] and the engine version.
    fn run(&self, plan: &Plan, unit: &Unit) -> Result<Outcome, EngineError>;
}
