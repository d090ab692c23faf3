//! Plans: one TOML file says what is asked, of which scenarios and policies, with how many seeds
//! and which margins, and what is expected to come out.

mod check;
mod contrast;
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
mod values;

use std::collections::BTreeMap;

use unchoke_core::choke::Entry;
use unchoke_core::profile::Profile;

pub use contrast::{Arm, Contrast};
pub use error::{PlanError, Where};
pub use factorial::{Factor, Factorial};
pub use file::{
    CandidateFile, ContrastFile, MarginsFile, PlanFile, ScenarioFile, SeedsFile, StatisticsFile,
};
pub use left_out::LeftOut;
pub use percent::Percent;
pub use resolve::{Changes, load};
pub use sweep::Sweep;

/// A plan, checked and with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the results folder.
    pub name: String,
    /// What is asked.
    pub question: String,
    /// What the author expected before the plan was run.
    pub expectation: String,
    /// What was changed after the plan was first run, when and why.
    pub amendments: Option<String>,
    /// The readings of "bandwidth" to decide.
    pub estimands: Vec<Estimand>,
    /// Shares of peers that run the candidate.
    pub adoption: Vec<Adoption>,
    /// The policy under test.
    pub candidate: Contender,
    /// What origin seeds run; `None` for what everybody runs, and the baseline where peers differ.
    pub origin: Option<Contender>,
    /// What it is compared with.
    pub baselines: Vec<Contender>,
    /// What is set against what: at least one.
    pub contrasts: Vec<Contrast>,
    /// The plan lists its contrasts; else they are the candidate against each baseline.
    pub contrasts_listed: bool,
    /// Names of baselines and candidate from the first rung to the last; empty for no ladder.
    pub ladder: Vec<String>,
    /// Settings to vary in a design, if any.
    pub factorial: Option<Factorial>,
    /// Settings to vary one at a time.
    pub sweeps: Vec<Sweep>,
    /// Where.
    pub scenarios: Vec<ScenarioUse>,
    /// From which the seed of each run follows.
    pub master_seed: u64,
    /// Paired runs of each comparison, where a scenario has no number of its own.
    pub seed_count: u32,
    /// Margins and claim, fixed beforehand.
    pub margins: Margins,
    /// How intervals are made.
    pub method: Method,
    /// Bootstrap resamples, of methods that have some.
    pub resamples: usize,
    /// Pictures to draw.
    pub figures: Vec<Figure>,
    /// How it stands to what was fixed before its first run.
    pub status: Status,
    /// What options left out of what the file says.
    pub left_out: LeftOut,
}

/// What "bandwidth" can mean. Each is a saving: `1 - candidate / baseline`.
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
    /// All of them.
    pub const ALL: [Self; 5] = [Self::E1, Self::E2, Self::E3, Self::E4, Self::E5];

    /// The short name in tables and files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
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
            Self::E1 => "upload of an adopter",
            Self::E2 => "total traffic of an adopter",
            Self::E3 => "swarm cost per useful byte",
            Self::E4 => "origin upload",
            Self::E5 => "waste",
        }
    }

    /// It is about the adopters, not about the whole swarm.
    #[must_use]
    pub const fn is_focal(self) -> bool {
        matches!(self, Self::E1 | Self::E2)
    }
}

/// How many peers run the candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Adoption {
    /// A single peer.
    One,
    /// This share of the peers.
    Share(Percent),
}

impl Adoption {
    /// Everybody.
    pub const ALL: Self = Self::Share(Percent::HUNDRED);

    /// Adopters among `peers` peers: a share rounds down, but at least one adopts.
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
    /// The name results are grouped by.
    pub name: String,
    /// The client that everything else is set on top of; the scenario's own if not given.
    pub profile: Option<&'static Profile>,
    /// Registered choking policy.
    pub policy: String,
    /// A policy of the caller's that is not registered, instead of `policy`, which has its id.
    pub own: Option<&'static Entry>,
    /// Parameters that differ from the policy's defaults; durations in nanoseconds.
    pub parameters: BTreeMap<String, u64>,
    /// Connections at most; those of the profile, or of the scenario, if not given.
    pub max_connections: Option<u16>,
    /// Registered piece picker; the one of the profile, or of the scenario, if not given.
    pub picker: Option<String>,
}

/// A scenario with changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioUse {
    /// The name results are grouped by.
    pub name: String,
    /// Built-in name, or file relative to the plan.
    pub source: String,
    /// `key=value` changes, in the order they apply.
    pub set: Vec<String>,
    /// It is about the steady state: peers count that arrive after the warm-up.
    pub steady: bool,
    /// Paired runs here, if not as many as elsewhere.
    pub seed_count: Option<u32>,
    /// Why it does not count for claims about all scenarios; `None` where it does.
    pub out_of_scope: Option<String>,
}

impl ScenarioUse {
    /// It counts for claims about all scenarios.
    #[must_use]
    pub const fn is_in_scope(&self) -> bool {
        self.out_of_scope.is_none()
    }
}

/// How a plan stands to what was fixed before its first run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// As it was then.
    Registered,
    /// Changed since, and it says so.
    Amended {
        /// Runs that had been made before the first change.
        after_runs: usize,
        /// What was changed, key by key.
        changed: Vec<String>,
    },
    /// Options changed it: nothing of it is a test.
    Exploratory,
}

impl Status {
    /// The word in files.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Registered => "registered".to_owned(),
            Self::Amended { after_runs, .. } => format!("amended after {after_runs} runs"),
            Self::Exploratory => "exploratory".to_owned(),
        }
    }

    /// What was changed since the first run, key by key.
    #[must_use]
    pub fn changed(&self) -> &[String] {
        match self {
            Self::Amended { changed, .. } => changed,
            Self::Registered | Self::Exploratory => &[],
        }
    }
}

/// Fixed beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    /// Geometric-mean completion time may grow by less than this.
    pub time: Percent,
    /// The 95th percentile of completion time may grow by less than this.
    pub tail: Percent,
    /// The size of the saving that is claimed.
    pub claim: Percent,
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
    /// The name in files and captions.
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
    /// All of them, in the order of the report.
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

    /// Paired runs in a scenario.
    #[must_use]
    pub fn seeds_of(&self, scenario: usize) -> u32 {
        self.scenarios[scenario]
            .seed_count
            .unwrap_or(self.seed_count)
    }

    /// Fewest and most paired runs of a scenario.
    #[must_use]
    pub fn seed_range(&self) -> (u32, u32) {
        let each = || (0..self.scenarios.len()).map(|it| self.seeds_of(it));
        let ends = each().min().zip(each().max());
        ends.unwrap_or((self.seed_count, self.seed_count))
    }

    /// The numbers of paired runs in words: `30`, or `30 to 60 (by scenario)`.
    #[must_use]
    pub fn seeds_said(&self) -> String {
        match self.seed_range() {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most} (by scenario)"),
        }
    }

    /// Seed of paired run `index`: eight bytes of SHA-256, so that more runs change no earlier one.
    #[must_use]
    pub fn run_seed(&self, index: u32) -> u64 {
        use sha2::Digest as _;
        let text = format!("unchoke run seed {} {index}", self.master_seed);
        let digest = sha2::Sha256::digest(text.as_bytes());
        let first: [u8; 8] = digest[..8].try_into().expect("32 bytes hold 8");
        // 63 bits, so that the seed is a TOML and a JSON integer for every reader.
        u64::from_be_bytes(first) >> 1
    }
}
