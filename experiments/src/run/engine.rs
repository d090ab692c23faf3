//! What runs a unit. The statistics know nothing of the simulator beyond this trait.

use crate::plan::Plan;
use crate::run::outcome::Outcome;
use crate::run::unit::Unit;

/// Why a unit cannot be run: always something in the plan or its scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// A simulator of swarms.
pub trait Engine: Sync {
    /// What distinguishes this build of the engine from others: results of two versions are never
    /// mixed.
    fn version(&self) -> String;

    /// A text of everything that the result of the unit depends on, beside the engine itself.
    fn identity(&self, plan: &Plan, unit: &Unit) -> Result<String, EngineError>;

    /// Runs the unit. A pure function of [`Engine::identity`].
    fn run(&self, plan: &Plan, unit: &Unit) -> Result<Outcome, EngineError>;
}
