//! Sensitivity: does the verdict hang on a setting? A plan with factors is run at the settings of a
//! two-level fractional factorial design.
//!
//! Map: [`crate::plan::design`] says which settings; [`effects`] makes main effects of the runs;
//! [`crate::show::factorial`] writes them down.

pub mod effects;

pub use effects::{Cell, Effect, Sign, cell};

use crate::plan::{Factorial, Plan};

/// A plan with factors, run.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    /// The plan, with every factor as the plan itself has it.
    pub plan: &'a Plan,
    /// Factors and design.
    pub factorial: &'a Factorial,
    /// By run of the design, scenario and quantity.
    pub cells: Vec<Cell>,
    /// By scenario, quantity and factor.
    pub effects: Vec<Effect>,
}

impl<'a> Study<'a> {
    /// The study of these cells.
    #[must_use]
    pub fn of(plan: &'a Plan, factorial: &'a Factorial, cells: Vec<Cell>) -> Self {
        Self {
            plan,
            factorial,
            effects: effects::effects(plan, factorial.factors.len(), &cells),
            cells,
        }
    }
}
