//! The factors of a plan and their design.

use super::design::{Design, letter};
use super::error::Source;
use super::file::FactorialFile;
use super::{Adoption, Plan, PlanError};

/// Factors and the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factorial {
    /// The settings to run.
    pub design: Design,
    /// As written in the plan, for example `E = ABC`.
    pub generators: Vec<String>,
    /// The factors; factor A first.
    pub factors: Vec<Factor>,
}

/// A factor with two levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Its name in results.
    pub name: String,
    /// `key=value` changes of the plan at the low level.
    pub low: Vec<String>,
    /// `key=value` changes of the plan at the high level.
    pub high: Vec<String>,
}

impl Factorial {
    /// Changes of the plan for the run with these factors at their high level.
    #[must_use]
    pub fn changes(&self, high: u32) -> Vec<String> {
        let each = self.factors.iter().enumerate().map(|(at, factor)| {
            if high >> at & 1 == 1 {
                factor.high.clone()
            } else {
                factor.low.clone()
            }
        });
        each.flatten().collect()
    }

    /// A run's levels as letters with signs: `A+ B- …`.
    #[must_use]
    pub fn levels(&self, high: u32) -> String {
        let sign = |at: usize| if high >> at & 1 == 1 { '+' } else { '-' };
        let each = (0..self.factors.len()).map(|at| format!("{}{}", letter(at), sign(at)));
        each.collect::<Vec<String>>().join(" ")
    }
}

/// The factors of a plan. Its other parts have been checked before.
pub(super) fn factorial(
    file: &FactorialFile,
    plan: &Plan,
    source: Source<'_>,
) -> Result<Factorial, PlanError> {
    let design = Design::new(file.factor.len(), &file.generators);
    let design = design.map_err(|it| source.error("factorial.generators", it))?;
    if plan.contrasts.len() != 1 || !plan.adoption.contains(&Adoption::ALL) {
        let message = "a plan with factors has one baseline, and 100 % among its adoptions";
        return Err(source.error("factorial", message));
    }
    let changes = |table: &std::collections::BTreeMap<String, toml::Value>| {
        let each = table.iter().map(|(key, value)| format!("{key}={value}"));
        each.collect::<Vec<String>>()
    };
    let mut factors: Vec<Factor> = Vec::new();
    for (at, it) in file.factor.iter().enumerate() {
        let keys = || it.low.keys().eq(it.high.keys());
        let named = !it.name.trim().is_empty() && factors.iter().all(|other| other.name != it.name);
        if it.low.is_empty() || !keys() || !named || it.low == it.high {
            let message = format!(
                "factor {:?} needs a name of its own, and other values of the same keys in `low` and `high`",
                it.name
            );
            return Err(source.error(&format!("factorial.factor.{at}"), message));
        }
        factors.push(Factor {
            name: it.name.clone(),
            low: changes(&it.low),
            high: changes(&it.high),
        });
    }
    Ok(Factorial {
        design,
        generators: file.generators.clone(),
        factors,
    })
}
