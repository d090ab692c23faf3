//! The figures of each run that a tournament uses: for the adopters and for the others.

use std::collections::BTreeMap;

use super::fixture::{Fixture, Match};
use crate::findings::measure::{measure_group, measure_swarm, peers};
use crate::findings::stats::moments::mean;
use crate::run::outcome::Outcome;

/// Figures of one run.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Mean log completion time of the adopters (in a pure swarm, of all) and of the others.
    pub(super) time: (f64, f64),
    /// Copies uploaded per completed copy, for the same two groups.
    pub(super) upload: (f64, f64),
    /// Bytes sent by all nodes per useful byte.
    pub(super) cost: f64,
    /// Bytes sent by origins per completed copy.
    pub(super) origin: f64,
    /// Share of the peers that completed.
    pub(super) completed: f64,
    /// Mean log completion time and upload of each peer of a pure swarm, for comparison with single
    /// peers of a mixed swarm. Empty for a mixed swarm.
    pub(super) peers: Vec<(f64, f64)>,
    /// Indices of the adopters among the peers.
    pub(super) adopters: Vec<usize>,
    /// Number of peers.
    pub(super) count: usize,
}

impl Reading {
    /// Computes the figures of a run.
    #[must_use]
    pub fn of(fixture: Fixture, outcome: &Outcome) -> Self {
        let all = peers(outcome, |_| true);
        let file = outcome.file_bytes as f64;
        let group = |adopts: bool| {
            let members = peers(outcome, |it| it.adopter == adopts);
            if members.is_empty() {
                return (f64::NAN, f64::NAN);
            }
            let it = measure_group(outcome, &members);
            (it.mean_log_time, it.upload_per_copy / file)
        };
        let (adopting, other) = (group(true), group(false));
        let swarm = measure_swarm(outcome);
        let done = all
            .iter()
            .filter(|it| outcome.nodes[**it].completed_ns.is_some());
        let completed = done.count() as f64 / all.len() as f64;
        let pure = matches!(fixture, Fixture::Pure(_));
        let each = |at: &usize| {
            let it = measure_group(outcome, &[*at]);
            (it.mean_log_time, it.upload_per_copy / file)
        };
        let adopts = |it: &(usize, &usize)| outcome.nodes[*it.1].adopter;
        Self {
            time: (adopting.0, other.0),
            upload: (adopting.1, other.1),
            cost: swarm.cost,
            origin: swarm.origin_per_copy / file,
            completed,
            count: all.len(),
            peers: if pure {
                all.iter().map(each).collect()
            } else {
                Vec::new()
            },
            adopters: if pure {
                Vec::new()
            } else {
                let found = all.iter().enumerate().filter(adopts);
                found.map(|it| it.0).collect()
            },
        }
    }

    /// Figures, in this pure swarm, of the peers that are adopters in `mixed`.
    pub(super) fn twins(&self, mixed: &Self) -> (f64, f64) {
        let members = mixed.adopters.iter().map(|it| self.peers[*it]);
        let (times, uploads): (Vec<f64>, Vec<f64>) = members.unzip();
        (mean(&times), mean(&uploads))
    }
}

/// Figures of all runs.
#[derive(Clone, Debug, Default)]
pub struct Readings(pub(super) BTreeMap<(Fixture, usize, u32), Reading>);

impl Readings {
    /// Adds a run.
    pub fn insert(&mut self, it: &Match, outcome: &Outcome) {
        let key = (it.fixture, it.unit.scenario, it.unit.seed_index);
        self.0.insert(key, Reading::of(it.fixture, outcome));
    }

    pub(super) fn at(&self, fixture: Fixture, scenario: usize, seed: u32) -> &Reading {
        &self.0[&(fixture, scenario, seed)]
    }
}
