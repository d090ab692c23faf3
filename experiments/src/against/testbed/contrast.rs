//! How the choice of a policy changes results, in real and in simulated swarms. Compares the first
//! policy with each of the others, seed by seed. Errors of absolute values may cancel in such a
//! ratio, or add up.

use unchoke_core::ledger::Ledger;

use super::{PeerRun, SwarmRun, World};
use crate::findings::analysis::lost;
use crate::findings::stats::moments::{geometric_mean, mean};

/// Quantities that are compared between two swarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Mean completion time of the leechers.
    Time,
    /// Wasted payload per useful byte.
    Wasted,
    /// Payload that was sent but never received.
    Lost,
}

impl Quantity {
    /// All quantities.
    pub const ALL: [Self; 3] = [Self::Time, Self::Wasted, Self::Lost];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "mean completion time",
            Self::Wasted => "wasted per useful byte",
            Self::Lost => "bytes lost with a connection",
        }
    }

    fn of(self, run: &SwarmRun) -> f64 {
        let mut total = Ledger::default();
        for it in &run.peers {
            total += it.ledger;
        }
        match self {
            Self::Time => {
                let leechers = run.peers.iter().filter(|it| !it.origin);
                let times: Vec<f64> = leechers.filter_map(|it: &PeerRun| it.completed_s).collect();
                mean(&times)
            }
            Self::Wasted => total.wasted() as f64 / total.payload_useful as f64,
            Self::Lost => lost(&total) as f64,
        }
    }
}

/// The ratio of one quantity under two policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// Name of the policy in the numerator.
    pub policy: String,
    /// Name of the policy in the denominator.
    pub against: String,
    /// What is compared.
    pub quantity: Quantity,
    /// Seed of both runs; `None` for the geometric mean over the seeds.
    pub seed: Option<u64>,
    /// Ratio of the real runs; `None` if it is not defined, for example with a denominator of zero.
    pub real: Option<f64>,
    /// Ratio of the simulated runs, likewise.
    pub simulated: Option<f64>,
}

/// Contrasts of the first of `policies` with each of the others. For each quantity, one per seed,
/// then their geometric mean.
#[must_use]
pub fn contrasts(runs: &[SwarmRun], policies: &[String], seeds: &[u64]) -> Vec<Contrast> {
    let Some((first, others)) = policies.split_first() else {
        return Vec::new();
    };
    let ratio = |quantity: Quantity, against: &str, seed: u64, world: World| {
        let value = |policy: &str| {
            let is =
                |it: &&SwarmRun| (it.policy.as_str(), it.seed, it.world) == (policy, seed, world);
            Some(quantity.of(runs.iter().find(is)?))
        };
        let ratio = value(first)? / value(against)?;
        ratio.is_finite().then_some(ratio)
    };
    let mut rows = Vec::new();
    for against in others {
        for quantity in Quantity::ALL {
            let row = |seed, real, simulated| Contrast {
                policy: first.clone(),
                against: against.clone(),
                quantity,
                seed,
                real,
                simulated,
            };
            let of = |world| -> Vec<Option<f64>> {
                let each = seeds.iter().map(|it| ratio(quantity, against, *it, world));
                each.collect()
            };
            let (real, simulated) = (of(World::Real), of(World::Simulated));
            for (at, seed) in seeds.iter().enumerate() {
                rows.push(row(Some(*seed), real[at], simulated[at]));
            }
            rows.push(row(None, middle(&real), middle(&simulated)));
        }
    }
    rows
}

/// Geometric mean; `None` unless every ratio exists and is above zero.
fn middle(ratios: &[Option<f64>]) -> Option<f64> {
    let all: Option<Vec<f64>> = ratios.iter().copied().collect();
    let all = all.filter(|it| it.iter().all(|it| *it > 0.0))?;
    Some(geometric_mean(&all))
}
