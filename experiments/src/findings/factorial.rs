//! Sensitivity: does the verdict depend on a setting? A plan with factors is run at the settings of
//! a two-level fractional factorial design.
//!
//! Map: [`crate::plan::design`] makes the settings; [`effects`] computes main effects from the
//! runs; [`crate::show::factorial`] writes the output.

pub mod effects;

pub use effects::{Cell, Effect, Sign, cell};

use crate::plan::{Factorial, Plan};

/// A plan with factors, and its results.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    /// The plan. Every factor is at the plan's own value.
    pub plan: &'a Plan,
    /// Factors and design.
    pub factorial: &'a Factorial,
    /// Results by run of the design, scenario and quantity.
    pub cells: Vec<Cell>,
    /// Effects by scenario, quantity and factor.
    pub effects: Vec<Effect>,
}

impl<'a> Study<'a> {
    /// The study made from these cells.
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
