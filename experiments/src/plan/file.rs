//! The TOML form of a plan. Unknown keys are errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Estimand, Figure, Method};

/// A plan as written.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Name of the results folder.
    pub name: String,
    /// What is asked.
    pub question: String,
    /// What the author expects, written before the plan is run.
    pub expectation: String,
    /// What was changed after the plan was first run, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amendments: Option<String>,
    /// Readings of "bandwidth" to decide; all five if left out.
    #[serde(default = "every_estimand")]
    pub estimands: Vec<Estimand>,
    /// `"one"` or percentages of peers that run the candidate.
    pub adoption: Vec<String>,
    /// Pictures to draw; all if left out.
    #[serde(default = "every_figure")]
    pub figures: Vec<Figure>,
    /// Names of baselines and candidate, each one step beyond the one before: the steps are
    /// compared one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<String>,
    /// Seeds.
    pub seeds: SeedsFile,
    /// Margins; the usual ones if left out.
    #[serde(default)]
    pub margins: MarginsFile,
    /// Bootstrap.
    #[serde(default)]
    pub statistics: StatisticsFile,
    /// The policy under test.
    pub candidate: CandidateFile,
    /// What origin seeds run, whatever the peers run. Left out: what everybody runs, and the
    /// baseline where peers differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<CandidateFile>,
    /// What it is compared with.
    pub baseline: Vec<CandidateFile>,
    /// What is set against what; left out: the candidate against each baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contrast: Vec<ContrastFile>,
    /// Where.
    pub scenario: Vec<ScenarioFile>,
    /// Settings to vary in a two-level design: the plan is run at each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factorial: Option<FactorialFile>,
    /// Settings to vary one at a time: the plan is run at each value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<SweepFile>,
}

/// A setting with its values.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// What is varied, in words; the key if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Dotted key of the plan, such as `scenario.*.set.peers`.
    pub key: String,
    /// Values of it.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub values: Vec<toml::Value>,
    /// Paired runs of each; those of the plan if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u32>,
    /// Names of the contrasts to run; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contrasts: Vec<String>,
    /// Names of the scenarios to run; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<String>,
}

/// A two-level factorial design.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorialFile {
    /// The factors after the base ones as products of these, such as `E = ABC`; none for all runs.
    #[serde(default)]
    pub generators: Vec<String>,
    /// Factor A first.
    pub factor: Vec<FactorFile>,
}

/// A factor with two levels.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorFile {
    /// Its name in results.
    pub name: String,
    /// Changes by dotted key of the plan at the low level.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub low: BTreeMap<String, toml::Value>,
    /// The same keys at the high level.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub high: BTreeMap<String, toml::Value>,
}

/// Seeds of a plan.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedsFile {
    /// From which the seed of each run follows.
    pub master: u64,
    /// Paired runs of each comparison.
    pub count: u32,
}

/// Margins of a plan, as percentages.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MarginsFile {
    /// Of geometric-mean completion time.
    pub time: String,
    /// Of the 95th percentile of completion time.
    pub tail: String,
    /// Size of the saving that is claimed.
    pub claim: String,
}

impl Default for MarginsFile {
    fn default() -> Self {
        Self {
            time: "5 %".to_owned(),
            tail: "10 %".to_owned(),
            claim: "40 %".to_owned(),
        }
    }
}

/// Statistics of a plan.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatisticsFile {
    /// How intervals are made: `student`, `studentised` or `bca`.
    pub interval: Method,
    /// Resamples, of the latter two.
    pub bootstrap: usize,
}

impl Default for StatisticsFile {
    fn default() -> Self {
        Self {
            interval: Method::default(),
            bootstrap: 10_000,
        }
    }
}

/// A policy with its limits.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateFile {
    /// The name results are grouped by; the policy's if left out, or the profile's if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Client profile that everything else is set on top of; the scenario's own client if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Registered choking policy; the profile's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Connections at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u16>,
    /// Registered piece picker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picker: Option<String>,
    /// Parameters of the policy as scenarios write them: `slots = 4`, `tick = "10 s"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterFile>,
}

/// Two contenders set against each other.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContrastFile {
    /// The name results are grouped by.
    pub name: String,
    /// What the two differ in, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Name of the contender whose effect is asked for; the candidate if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Name of the contender that it is compared with.
    pub baseline: String,
    /// `"one"` or percentages of peers that run the former; the plan's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Vec<String>>,
}

/// Value of a parameter.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ParameterFile {
    /// A plain number; of a parameter whose name ends in `_ns`, nanoseconds.
    Number(u64),
    /// A time or size with its unit.
    Text(String),
}

/// A scenario with changes.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// The name results are grouped by; the source's if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Built-in name, or file relative to the plan.
    pub source: String,
    /// It is about the steady state: only peers count that arrive after the warm-up, which MSER-5
    /// finds, and as long before the last arrival.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steady: bool,
    /// Why the scenario does not count for claims about all of them: say what cannot act in it. Its rows
    /// are shown all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
    /// Paired runs here, where the sample-size rule asks for another number than elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u32>,
    /// Changes by dotted key of the scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub set: BTreeMap<String, toml::Value>,
}

fn every_estimand() -> Vec<Estimand> {
    Estimand::ALL.to_vec()
}

fn every_figure() -> Vec<Figure> {
    Figure::ALL.to_vec()
}
