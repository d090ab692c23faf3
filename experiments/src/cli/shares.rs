//! The units of any plan, for the commands about shares.

use super::args::PlanArgs;
use super::parts::Parts;
use super::{Failure, factorial, load_any, sweep, tournament};
use crate::plan::Plan;
use crate::run::expand::expand;

/// A plan that is run in shares.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct SharedPlan {
    /// Plan file, or the name of a built-in plan.
    pub(super) plan: String,
    #[command(flatten)]
    pub(super) plan_args: PlanArgs,
    /// The runs of `lab tournament PLAN` instead of those of `lab run PLAN`. The plan `tournament`
    /// needs no such option.
    #[arg(long)]
    tournament: bool,
}

/// What [`SharedPlan`] names.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) parts: Parts,
    /// Whether `lab tournament` runs it.
    pub(super) tournament: bool,
}

impl SharedPlan {
    pub(super) fn read(&self) -> Result<Shared, Failure> {
        let (plan, engine) = load_any(&self.plan, &self.plan_args)?;
        let tournament = self.tournament || plan.name == tournament::PLAN;
        let parts = if tournament {
            tournament::parts(&plan, &engine)?
        } else if let Some(factorial) = &plan.factorial {
            factorial::parts(factorial, &self.plan, &self.plan_args)?
        } else {
            let sweeps = sweep::planned(&self.plan, &plan, &self.plan_args)?;
            let units = expand(&plan, &engine)?;
            Parts::of((&plan, &engine, &units), sweep::parts(&sweeps))
        };
        Ok(Shared {
            plan,
            parts,
            tournament,
        })
    }
}
