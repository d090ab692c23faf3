//! Units: the runs of a plan. Each has an id that covers everything that its result depends on.

use std::collections::BTreeSet;

use crate::plan::{Adoption, Arm, Plan};

/// Version of the unit files and of the text that ids are hashed from.
pub const SCHEMA: u32 = 2;

/// Which policies run in a swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mix {
    /// All peers run this baseline.
    Baseline(usize),
    /// All peers run the candidate.
    Candidate,
    /// Some peers run the candidate of this contrast, the others its baseline.
    Mixed(usize, Adoption),
}

impl From<Arm> for Mix {
    fn from(arm: Arm) -> Self {
        match arm {
            Arm::Candidate => Self::Candidate,
            Arm::Baseline(at) => Self::Baseline(at),
        }
    }
}

/// One run of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Hash of everything that the run depends on, as 32 hexadecimal digits.
    pub id: String,
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Index of the paired run.
    pub seed_index: u32,
    /// The seed of the run.
    pub run_seed: u64,
    /// The policies in the swarm.
    pub mix: Mix,
    /// 1 for the second execution in the A/A comparison, otherwise 0.
    pub replica: u8,
}

impl Unit {
    /// Name of the mix in tables and files.
    #[must_use]
    pub fn mix_name(&self, plan: &Plan) -> String {
        mix_name(plan, self.mix)
    }

    /// Share of adopters in tables and files.
    #[must_use]
    pub fn adoption_label(&self) -> String {
        match self.mix {
            Mix::Baseline(_) => "0 %".to_owned(),
            Mix::Candidate => Adoption::ALL.label(),
            Mix::Mixed(_, adoption) => adoption.label(),
        }
    }
}

/// Name of the mix: the policy, or both policies in a mixed swarm.
#[must_use]
pub fn mix_name(plan: &Plan, mix: Mix) -> String {
    match mix {
        Mix::Baseline(at) => plan.baselines[at].name.clone(),
        Mix::Candidate => plan.candidate.name.clone(),
        Mix::Mixed(at, _) => {
            let (candidate, baseline) = plan.pair(at);
            format!("{} in {}", candidate.name, baseline.name)
        }
    }
}

/// The pure mix of the baseline or candidate with this name.
#[must_use]
pub fn mix_of(plan: &Plan, name: &str) -> Option<Mix> {
    plan.arm_of(name).map(Mix::from)
}

/// All pure mixes in the plan's order, the candidate first.
#[must_use]
pub fn pure_mixes(plan: &Plan) -> Vec<Mix> {
    plan.pure_arms().into_iter().map(Mix::from).collect()
}

/// The units without duplicate ids, in their order.
#[must_use]
pub fn distinct(units: &[Unit]) -> Vec<&Unit> {
    let mut seen = BTreeSet::new();
    units.iter().filter(|it| seen.insert(&it.id)).collect()
}

/// The part of the units that one machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of this part, from 1.
    pub index: usize,
    /// Number of parts.
    pub count: usize,
}

impl Shard {
    /// Whether the unit at this index belongs to this part.
    #[must_use]
    pub fn holds(self, position: usize) -> bool {
        position % self.count == self.index - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(format!("{text:?} is not a share such as 2/8")),
        }
    }
}
