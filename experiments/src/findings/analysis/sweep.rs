//! Results of varying one setting of a plan.

use super::{Analysis, Statement, statements};
use crate::plan::{Plan, Sweep};

/// Results at one value of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value, as the plan writes it.
    pub value: String,
    /// Number of paired runs, as text.
    pub seeds: String,
    /// Names of the contrasts that the statements are about.
    pub contrasts: Vec<String>,
    /// The statements.
    pub statements: Vec<Statement>,
}

impl Point {
    /// The point for the plan at `value`.
    #[must_use]
    pub fn of(plan: &Plan, analysis: &Analysis, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            seeds: plan.seeds_said(),
            contrasts: (0..plan.contrasts.len())
                .map(|it| plan.versus(it))
                .collect(),
            statements: statements(plan, analysis),
        }
    }
}

/// A sweep with its results.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The setting.
    pub sweep: Sweep,
    /// Points in the order of the plan's values.
    pub points: Vec<Point>,
}
