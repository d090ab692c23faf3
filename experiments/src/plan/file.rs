//! The TOML form of a plan. An unknown key is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Estimand, Figure, Method, Primary};

/// A plan as written.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Name of the results folder.
    pub name: String,
    /// The question that the plan answers.
    pub question: String,
    /// What the author expects, written before the plan is run.
    pub expectation: String,
    /// What was changed after the first run, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amendments: Option<String>,
    /// What the claim is about: `bytes` saved in the same time, or `time` saved with the same tail.
    #[serde(default, skip_serializing_if = "Primary::is_usual")]
    pub primary: Primary,
    /// Readings of "bandwidth" to evaluate; default: all five.
    #[serde(default = "every_estimand")]
    pub estimands: Vec<Estimand>,
    /// `"one"` or percentages of peers that run the candidate.
    pub adoption: Vec<String>,
    /// Figures to draw; default: all.
    #[serde(default = "every_figure")]
    pub figures: Vec<Figure>,
    /// Names of baselines and candidate in order; each rung is compared with the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<String>,
    /// Seeds.
    pub seeds: SeedsFile,
    /// Margins; the defaults if left out.
    #[serde(default)]
    pub margins: MarginsFile,
    /// How much worse is still the same, for the gate; 5 % of everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateFile>,
    /// Bootstrap.
    #[serde(default)]
    pub statistics: StatisticsFile,
    /// The policy under test.
    pub candidate: CandidateFile,
    /// What origin seeds run. Default: what the peers run; the baseline in a mixed swarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<CandidateFile>,
    /// The policies that it is compared with.
    pub baseline: Vec<CandidateFile>,
    /// Pairs of contenders to compare; default: the candidate with each baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contrast: Vec<ContrastFile>,
    /// The scenarios to run.
    pub scenario: Vec<ScenarioFile>,
    /// Settings to vary in a two-level design. The plan is run at each combination of the design.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factorial: Option<FactorialFile>,
    /// Settings to vary one at a time. The plan is run at each value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<SweepFile>,
}

/// A setting with its values.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepFile {
    /// Name of the setting in words; default: the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Dotted key of the plan, for example `scenario.*.set.peers`.
    pub key: String,
    /// The values.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub values: Vec<toml::Value>,
    /// Number of paired runs at each value; default: the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u32>,
    /// Names of the contrasts to run; default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contrasts: Vec<String>,
    /// Names of the scenarios to run; default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<String>,
}

/// A two-level factorial design.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorialFile {
    /// The factors after the base factors as products of these, for example `E = ABC`. None for a
    /// full design.
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
    /// Changes at the low level, by dotted key of the plan.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub low: BTreeMap<String, toml::Value>,
    /// Changes at the high level, with the same keys.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub high: BTreeMap<String, toml::Value>,
}

/// Seeds of a plan.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedsFile {
    /// The seed of each run is derived from this seed.
    pub master: u64,
    /// Paired runs of each comparison.
    pub count: u32,
}

/// Margins of a plan, as percentages.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MarginsFile {
    /// Largest increase allowed for geometric-mean completion time.
    pub time: String,
    /// Largest increase allowed for the 95th percentile of completion time.
    pub tail: String,
    /// With `primary = "time"`: largest increase allowed for the upload of the same peers. Left out: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Size of the saving that is claimed. Left out: any saving.
    pub claim: String,
}

impl Default for MarginsFile {
    fn default() -> Self {
        Self {
            time: "5 %".to_owned(),
            tail: "10 %".to_owned(),
            upload: None,
            claim: "0 %".to_owned(),
        }
    }
}

/// How much worse each quantity may be before the gate fails; 5 % if left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateFile {
    /// Upload of an adopter.
    #[serde(rename = "E1", skip_serializing_if = "Option::is_none")]
    pub e1: Option<ToleranceFile>,
    /// Total traffic of an adopter.
    #[serde(rename = "E2", skip_serializing_if = "Option::is_none")]
    pub e2: Option<ToleranceFile>,
    /// Swarm cost per useful byte.
    #[serde(rename = "E3", skip_serializing_if = "Option::is_none")]
    pub e3: Option<ToleranceFile>,
    /// Origin upload.
    #[serde(rename = "E4", skip_serializing_if = "Option::is_none")]
    pub e4: Option<ToleranceFile>,
    /// Waste.
    #[serde(rename = "E5", skip_serializing_if = "Option::is_none")]
    pub e5: Option<ToleranceFile>,
    /// Geometric-mean completion time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<ToleranceFile>,
    /// The 95th percentile of completion time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<ToleranceFile>,
}

/// A tolerance.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ToleranceFile {
    /// So many times what the gate can detect in a row: the half-width of the 95 % interval of the difference
    /// between two results of as many seeds.
    Units(f64),
    /// A percentage: points of a saving, percent of a ratio.
    Share(String),
}

/// Statistics of a plan.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatisticsFile {
    /// How intervals are made: `student`, `studentised` or `bca`.
    pub interval: Method,
    /// Number of resamples, for `studentised` and `bca`.
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
    /// Client profile with the settings that are not given here; default: the scenario's client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Registered choking policy; the profile's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Most connections.
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
    /// Name by which results are grouped.
    pub name: String,
    /// The difference between the two, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Name of the contender whose effect is measured; default: the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Name of the contender that it is compared with.
    pub baseline: String,
    /// `"one"` or percentages of peers that run the candidate; default: the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Vec<String>>,
}

/// Value of a parameter.
#[derive(Clone, Debug, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ParameterFile {
    /// A plain number. For a parameter whose name ends in `_ns`, nanoseconds.
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
    /// Whether it is about the steady state. Then only peers count that arrive after the warm-up,
    /// found by MSER-5, and before the last arrival by at least the same time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steady: bool,
    /// Why the scenario does not count for claims about all scenarios: which effect cannot occur in
    /// it. Its rows are still shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<String>,
    /// Number of paired runs in this scenario, if the sample-size rule requires another number
    /// here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u32>,
    /// Changes, by dotted key of the scenario.
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
