//! A setting varied: what a plan says at each value.

use super::{Analysis, Statement, statements};
use crate::plan::{Plan, Sweep};

/// What the plan says at one value of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value, as the plan writes it.
    pub value: String,
    /// Paired runs.
    pub seeds: String,
    /// Names of the contrasts that statements speak of.
    pub contrasts: Vec<String>,
    /// The statements.
    pub statements: Vec<Statement>,
}

impl Point {
    /// Of the plan at `value`.
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

/// A sweep that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The setting.
    pub sweep: Sweep,
    /// By value, in the plan's order.
    pub points: Vec<Point>,
}
