//! The plan: `plans/scaling.toml`.

use serde::Deserialize;

/// Sizes, policies, and figures of other simulators.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The question that the plan answers.
    pub question: String,
    /// A built-in scenario.
    pub scenario: String,
    /// Registered policies. Every peer of a swarm runs the same one.
    pub policies: Vec<String>,
    /// Numbers of peers, origin included, ascending.
    pub peers: Vec<u32>,
    /// Largest number of peers unless an option asks for more.
    pub usual_max: u32,
    /// Seed of every run.
    pub seed: u64,
    /// The one run with a million peers.
    pub million: Million,
    /// Other simulators.
    pub elsewhere: Vec<Elsewhere>,
}

/// The run with a million peers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Million {
    /// How many peers.
    pub peers: u32,
    /// How this workload differs from the others, in words.
    pub workload: String,
    /// Changes to the scenario, as `KEY=VALUE`.
    pub set: Vec<String>,
}

/// Figures of another simulator, not measured here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// Its name.
    pub simulator: String,
    /// Source of its figures.
    pub source: String,
    /// Numbers of peers.
    pub peers: Vec<u32>,
    /// Block transfers per CPU second, one for each number of peers.
    pub blocks_per_cpu_s: Vec<f64>,
    /// Memory per peer in bytes, if known.
    pub bytes_per_peer: Option<f64>,
}

impl Plan {
    /// The built-in plan.
    #[must_use]
    pub fn builtin() -> Self {
        let text = include_str!("../../../plans/scaling.toml");
        toml::from_str(text).expect("our own plan, read in a test")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plan_is_sound() {
        let plan = Plan::builtin();
        assert!(plan.peers.is_sorted() && plan.peers.contains(&plan.usual_max));
        for it in &plan.elsewhere {
            assert_eq!(it.peers.len(), it.blocks_per_cpu_s.len());
            assert!(it.source.starts_with("measured elsewhere"));
        }
    }
}
