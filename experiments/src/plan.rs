//! Plans. A plan is one TOML file with the question, the expected answer, the scenarios and
//! policies to run, the number of seeds, and the margins.

mod check;
mod claim;
mod contrast;
mod count;
pub mod design;
mod echo;
mod error;
mod factorial;
mod file;
mod left_out;
mod percent;
pub mod policies;
mod resolve;
pub mod schema;
mod sweep;
#[cfg(test)]
mod tests;
mod tolerance;
mod values;

use std::collections::BTreeMap;

use unchoke_core::profile::Profile;

pub use claim::{Margins, Primary};
pub use contrast::{Arm, Contrast};
pub use count::{count, without_interval};
pub(crate) use error::Source;
pub use error::{PlanError, Where, in_words};
pub use factorial::{Factor, Factorial};
pub use file::{
    CandidateFile, ContrastFile, GateFile, MarginsFile, PlanFile, ScenarioFile, SeedsFile,
    StatisticsFile, ToleranceFile,
};
pub use left_out::LeftOut;
pub use percent::Percent;
pub use resolve::{Changes, load};
pub use sweep::Sweep;
pub use tolerance::{Tolerance, Tolerances};

/// Name in tables of the rows over all scenarios. No scenario may have it.
pub const ALL_SCENARIOS: &str = "all";

/// Both names of the key of a scenario that candidates and baselines set.
const POLICY_KEYS: [&str; 2] = ["policy", "client.policy"];

/// Whether a change of a scenario sets the policy, by one of its names or in a table.
#[must_use]
pub fn sets_policy(key: &str, value: &toml::Value) -> bool {
    let in_table = || value.get("policy").is_some();
    POLICY_KEYS.contains(&key) || key == "client" && in_table()
}

/// A plan, checked and with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the results folder.
    pub name: String,
    /// The question that the plan answers.
    pub question: String,
    /// What the author expected, written before the plan was run.
    pub expectation: String,
    /// What was changed after the first run, when and why.
    pub amendments: Option<String>,
    /// What the claim is about.
    pub primary: Primary,
    /// The readings of "bandwidth" to evaluate. If the claim is about time, `T` is the first.
    pub estimands: Vec<Estimand>,
    /// Shares of peers that run the candidate.
    pub adoption: Vec<Adoption>,
    /// The policy under test.
    pub candidate: Contender,
    /// What origin seeds run. `None`: what the peers run; the baseline in a mixed swarm.
    pub origin: Option<Contender>,
    /// The policies that it is compared with.
    pub baselines: Vec<Contender>,
    /// Pairs of contenders to compare; at least one.
    pub contrasts: Vec<Contrast>,
    /// Whether the plan lists its contrasts. If not, the candidate is compared with each baseline.
    pub contrasts_listed: bool,
    /// Names of the baselines and the candidate from the lowest rung to the highest; empty for no
    /// ladder.
    pub ladder: Vec<String>,
    /// Settings to vary together in a factorial design.
    pub factorial: Option<Factorial>,
    /// Settings to vary one at a time.
    pub sweeps: Vec<Sweep>,
    /// The scenarios to run.
    pub scenarios: Vec<ScenarioUse>,
    /// The seed of each run is derived from this seed.
    pub master_seed: u64,
    /// Number of paired runs for scenarios without a number of their own.
    pub seed_count: u32,
    /// Margins and claim, fixed before the first run.
    pub margins: Margins,
    /// How much worse is still the same, for the gate.
    pub tolerances: Tolerances,
    /// How intervals are made.
    pub method: Method,
    /// Number of bootstrap resamples, for methods that use them.
    pub resamples: usize,
    /// Figures to draw.
    pub figures: Vec<Figure>,
    /// Comparison with the plan as registered before its first run.
    pub status: Status,
    /// Changes of descriptions since then, key by key, which need no amendment.
    pub reworded: Vec<String>,
    /// Parts of the file that command-line options left out.
    pub left_out: LeftOut,
}

/// What "bandwidth" can mean, or time. Each is a saving: `1 - candidate / baseline`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
pub enum Estimand {
    /// Geometric-mean completion time. A plan has it only if its claim is about time.
    #[serde(skip)]
    T,
    /// Payload an adopter uploads per completed copy.
    E1,
    /// All bytes an adopter sends and receives per completed copy.
    E2,
    /// Bytes sent by anyone per useful byte received.
    E3,
    /// Bytes sent by origin seeds per completed copy.
    E4,
    /// Bytes beyond the useful ones, per useful byte.
    E5,
}

impl Estimand {
    /// All readings of "bandwidth".
    pub const ALL: [Self; 5] = [Self::E1, Self::E2, Self::E3, Self::E4, Self::E5];

    /// Short name in tables and files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::T => "T",
            Self::E1 => "E1",
            Self::E2 => "E2",
            Self::E3 => "E3",
            Self::E4 => "E4",
            Self::E5 => "E5",
        }
    }

    /// The reading in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::T => "completion time",
            Self::E1 => "upload of an adopter",
            Self::E2 => "total traffic of an adopter",
            Self::E3 => "swarm cost per useful byte",
            Self::E4 => "origin upload",
            Self::E5 => "waste",
        }
    }

    /// Whether it describes the adopters, not the whole swarm.
    #[must_use]
    pub const fn is_focal(self) -> bool {
        matches!(self, Self::T | Self::E1 | Self::E2)
    }
}

/// Number of peers that run the candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Adoption {
    /// A single peer.
    One,
    /// This share of the peers.
    Share(Percent),
}

impl Adoption {
    /// All peers.
    pub const ALL: Self = Self::Share(Percent::HUNDRED);

    /// The minority that statements are about: the smallest share. A single peer tells little about a
    /// seed, so it counts only if there is no share but 100 %.
    #[must_use]
    pub fn minority(all: &[Self]) -> Self {
        let order = |it: &&Self| (**it == Self::ALL, **it == Self::One, **it);
        all.iter().min_by_key(order).copied().unwrap_or(Self::ALL)
    }

    /// Number of adopters among `peers` peers. A share is rounded down, but at least one peer
    /// adopts.
    #[must_use]
    pub fn of(self, peers: usize) -> usize {
        match self {
            Self::One => 1.min(peers),
            Self::Share(share) => share.of(peers).max(1.min(peers)),
        }
    }

    /// As plans and tables write it.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::One => "one".to_owned(),
            Self::Share(share) => share.to_string(),
        }
    }
}

/// A policy with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Name by which results are grouped.
    pub name: String,
    /// Client profile with the settings that are not given here; `None` for the scenario's client.
    pub profile: Option<&'static Profile>,
    /// Choking policy, of the house or of the program around.
    pub policy: String,
    /// Parameters that differ from the policy's defaults; durations in nanoseconds.
    pub parameters: BTreeMap<String, u64>,
    /// Most connections; `None` for the value of the profile or the scenario.
    pub max_connections: Option<u16>,
    /// Name of a registered piece picker; `None` for that of the profile or the scenario.
    pub picker: Option<String>,
}

/// A scenario with changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioUse {
    /// Name by which results are grouped.
    pub name: String,
    /// Built-in name, or file relative to the plan.
    pub source: String,
    /// `key=value` changes in the order in which they apply.
    pub set: Vec<String>,
    /// Whether it is about the steady state. Then only peers that arrive after the warm-up count.
    pub steady: bool,
    /// Number of paired runs in this scenario, if different from the plan's.
    pub seed_count: Option<u32>,
    /// Why the scenario does not count for claims about all scenarios; `None` if it does.
    pub out_of_scope: Option<String>,
}

impl ScenarioUse {
    /// Whether it counts for claims about all scenarios.
    #[must_use]
    pub const fn is_in_scope(&self) -> bool {
        self.out_of_scope.is_none()
    }

    /// Whether its changes ask for the windows engine.
    #[must_use]
    pub fn is_in_windows(&self) -> bool {
        let engine = self.set.iter().rev().find_map(|it| {
            let (key, value) = it.split_once('=')?;
            let is_engine = matches!(key.trim(), "engine" | "network.engine");
            is_engine.then(|| value.trim().trim_matches('"'))
        });
        engine == Some("windows")
    }
}

/// Comparison of a plan with its registration before the first run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Unchanged.
    Registered,
    /// Changed since, and the plan states the amendment.
    Amended {
        /// Number of runs made before the first change.
        after_runs: usize,
        /// The changes, key by key.
        changed: Vec<String>,
    },
    /// It took the place of another plan of its name, without an amendment.
    Replaced {
        /// Number of runs made with the plans before it.
        runs: usize,
    },
    /// Changed by command-line options. Its results are not a test of anything.
    Exploratory,
}

impl Status {
    /// Its name in files.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Registered => "registered".to_owned(),
            Self::Amended { after_runs, .. } => {
                format!("amended after {}", count(*after_runs, "run"))
            }
            Self::Replaced { runs } => {
                format!("in place of another after {}", count(*runs, "run"))
            }
            Self::Exploratory => "exploratory".to_owned(),
        }
    }

    /// The changes since the first run, key by key.
    #[must_use]
    pub fn changed(&self) -> &[String] {
        match self {
            Self::Amended { changed, .. } => changed,
            Self::Registered | Self::Replaced { .. } | Self::Exploratory => &[],
        }
    }
}

/// How intervals are made.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Student's t over seeds: of times on paired log ratios, of bytes on the linearised ratio.
    #[default]
    Student,
    /// Studentised bootstrap over seeds; with fewer than 20 of them Student's t.
    Studentised,
    /// Bias-corrected and accelerated bootstrap over seeds; likewise.
    Bca,
}

impl Method {
    /// Its name in files and captions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Student => "Student t",
            Self::Studentised => "studentised bootstrap",
            Self::Bca => "BCa bootstrap",
        }
    }
}

/// A picture.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Bytes saved against time taken.
    Joint,
    /// Paired savings with intervals.
    Forest,
    /// Paired completion-time ratios with intervals.
    Time,
    /// Distribution of completion times.
    Cdf,
    /// Bytes by cause.
    Bytes,
    /// Seeds, leechers and rate over time.
    Series,
    /// Who uploads to whom, by access class.
    Matrix,
    /// Completion time and share ratio by access class.
    Classes,
    /// Lines over the share of adopters and over the plan's sweeps.
    Sweep,
    /// What each rung of the ladder changes; drawn if the plan has one.
    Ladder,
    /// Main effects of the factors; drawn if the plan has some.
    Effects,
}

impl Figure {
    /// All figures in the order of the report.
    pub const ALL: [Self; 11] = [
        Self::Joint,
        Self::Forest,
        Self::Bytes,
        Self::Matrix,
        Self::Time,
        Self::Cdf,
        Self::Classes,
        Self::Sweep,
        Self::Series,
        Self::Ladder,
        Self::Effects,
    ];
}

impl Plan {
    /// The scenarios that count for claims about all of them.
    pub fn in_scope(&self) -> impl Iterator<Item = &ScenarioUse> {
        self.scenarios.iter().filter(|it| it.is_in_scope())
    }

    /// Number of paired runs in a scenario.
    #[must_use]
    pub fn seeds_of(&self, scenario: usize) -> u32 {
        self.scenarios[scenario]
            .seed_count
            .unwrap_or(self.seed_count)
    }

    /// Smallest and largest number of paired runs of a scenario.
    #[must_use]
    pub fn seed_range(&self) -> (u32, u32) {
        let each = || (0..self.scenarios.len()).map(|it| self.seeds_of(it));
        let ends = each().min().zip(each().max());
        ends.unwrap_or((self.seed_count, self.seed_count))
    }

    /// Seed of paired run `index`: eight bytes of SHA-256. Adding runs does not change earlier
    /// seeds.
    #[must_use]
    pub fn run_seed(&self, index: u32) -> u64 {
        use sha2::Digest as _;
        let text = format!("unchoke run seed {} {index}", self.master_seed);
        let digest = sha2::Sha256::digest(text.as_bytes());
        let first: [u8; 8] = digest[..8].try_into().expect("32 bytes hold 8");
        // 63 bits, so that the seed is a valid TOML and JSON integer for every reader.
        u64::from_be_bytes(first) >> 1
    }
}
