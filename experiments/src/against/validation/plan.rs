//! Plans of checks: one TOML file for each published result.

use std::collections::BTreeMap;

use serde::Deserialize;
use unchoke_sim::scenario::Scenario;

use super::judge::Band;
use super::measure::Measure;
use crate::plan::{PlanError, Source, Where};

/// Size of the swarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As written in the plans.
    Full,
    /// With the reductions stated in the plans.
    Reduced,
}

/// A plan as written in its file. Unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The question that the plan answers.
    pub question: String,
    /// Publication that states the expected answer.
    pub source: String,
    /// Seeds of each case.
    pub seeds: Seeds,
    /// Changes that all cases share, by dotted key of the scenario. Those of a case come after them.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// Scenarios to run.
    pub case: Vec<Case>,
    /// Expected results.
    pub check: Vec<Check>,
}

/// Seeds of every case: `first`, `first + 1`, …
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// Number of seeds at full size.
    pub full: u32,
    /// Number of seeds at reduced size.
    pub reduced: u32,
}

impl Seeds {
    /// The seeds at this size; with `count`, that number of seeds.
    pub fn of(self, size: Size, count: Option<u32>) -> impl Iterator<Item = u64> {
        let of_plan = match size {
            Size::Full => self.full,
            Size::Reduced => self.reduced,
        };
        let count = count.unwrap_or(of_plan);
        (0..u64::from(count)).map(move |it| self.first + it)
    }
}

/// A scenario with changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name by which checks refer to it.
    pub name: String,
    /// A built-in scenario.
    pub scenario: String,
    /// Changes by dotted key of the scenario.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// Further changes at reduced size.
    #[serde(default)]
    pub reduced: BTreeMap<String, toml::Value>,
}

impl Case {
    /// The scenario at this size, with the changes that all cases of its plan share (`shared`).
    pub fn scenario(
        &self,
        shared: &BTreeMap<String, toml::Value>,
        size: Size,
    ) -> Result<Scenario, PlanError> {
        let change = |(key, value): (&String, &toml::Value)| format!("{key}={value}");
        let mut set: Vec<String> = shared.iter().chain(&self.set).map(change).collect();
        if size == Size::Reduced {
            set.extend(self.reduced.iter().map(change));
        }
        let scenario = Scenario::builtin(&self.scenario, &set);
        scenario.map_err(|it| wrong(&self.name, "", it.to_string()))
    }
}

/// One check.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The claim, as the table shows it.
    pub name: String,
    /// Name of the case that it checks.
    pub case: String,
    /// Another case to compare with, seed by seed. The number is then the ratio of the two cases.
    pub against: Option<String>,
    /// The number to compute for each run.
    pub measure: Measure,
    /// The band in which the number should lie.
    pub expect: Band,
    /// Whether every single run must lie in the band, not only the mean.
    #[serde(default)]
    pub every_run: bool,
    /// Whether the band only holds for the published size.
    #[serde(default)]
    pub full_only: bool,
    /// Reason for the width of the band.
    pub reason: String,
    /// Explanation of a known failure.
    pub finding: Option<String>,
}

impl Check {
    /// Whether the check is made at this size.
    #[must_use]
    pub fn counts(&self, size: Size) -> bool {
        size == Size::Full || !self.full_only
    }

    /// Whether the check needs runs of this case.
    #[must_use]
    pub fn concerns(&self, case: &str) -> bool {
        self.case == case || self.against.as_deref() == Some(case)
    }
}

impl Plan {
    /// Reads the plan of this name from its text.
    pub fn read(name: &str, text: &str) -> Result<Self, PlanError> {
        let file = format!("{name}.toml");
        let source = Source { file: &file, text };
        let plan: Self = toml::from_str(text).map_err(|it| source.toml_error(&it))?;
        for (i, check) in plan.check.iter().enumerate() {
            for case in std::iter::once(&check.case).chain(&check.against) {
                if plan.find(case).is_none() {
                    let message = format!("no case of this plan is called `{case}`");
                    return Err(wrong(name, &format!("check.{i}"), message));
                }
            }
        }
        Ok(plan)
    }

    /// Index of the case with this name.
    #[must_use]
    pub fn find(&self, case: &str) -> Option<usize> {
        self.case.iter().position(|it| it.name == case)
    }
}

fn wrong(file: &str, key: &str, message: String) -> PlanError {
    PlanError {
        file: format!("{file}.toml"),
        at: Where::Whole,
        key: key.to_owned(),
        message,
    }
}
