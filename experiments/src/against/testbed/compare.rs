//! Compares the real and the simulated runs of one scenario.

use unchoke_core::ledger::Ledger;

use super::contrast::{Contrast, contrasts};
use super::{PeerRun, SwarmRun, World};
use crate::findings::analysis::causes;
use crate::findings::stats::moments::{mean, median};

/// Completion times of one class under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassRow {
    /// Name of the policy.
    pub policy: String,
    /// Position of the class in the scenario.
    pub class: usize,
    /// Number of peers over all real runs.
    pub peers: usize,
    /// Mean of their completion times, seconds.
    pub real_s: f64,
    /// The same mean in the simulator, seconds.
    pub simulated_s: f64,
}

impl ClassRow {
    /// Relative error: simulated divided by real, minus 1.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.simulated_s / self.real_s - 1.0
    }
}

/// Bytes of one kind under one policy, per useful byte, over all peers of all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ByteRow {
    /// Name of the policy.
    pub policy: String,
    /// The kind of bytes.
    pub what: &'static str,
    /// In the real runs; `None` if not counted.
    pub real: Option<f64>,
    /// In the simulator.
    pub simulated: Option<f64>,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Names of the classes of the scenario.
    pub classes: Vec<String>,
    /// Names of the policies, in the order given by the user.
    pub policies: Vec<String>,
    /// Seeds, in order.
    pub seeds: Vec<u64>,
    /// Every run.
    pub runs: Vec<SwarmRun>,
    /// Rows by policy, then class.
    pub rows: Vec<ClassRow>,
    /// Rows by policy, then kind.
    pub bytes: Vec<ByteRow>,
    /// The first policy compared with each of the others.
    pub contrasts: Vec<Contrast>,
}

impl Comparison {
    /// Compares `runs`. For each policy and seed there must be one real and one simulated run, with
    /// every peer complete.
    #[must_use]
    pub fn of(classes: &[String], policies: &[String], seeds: &[u64], runs: Vec<SwarmRun>) -> Self {
        let contrasts = contrasts(&runs, policies, seeds);
        let mut it = Self {
            classes: classes.to_vec(),
            policies: policies.to_vec(),
            seeds: seeds.to_vec(),
            runs,
            rows: Vec::new(),
            bytes: Vec::new(),
            contrasts,
        };
        for policy in policies {
            let rows = (0..classes.len()).filter_map(|class| it.row(policy, class));
            let rows: Vec<ClassRow> = rows.collect();
            let bytes = it.byte_rows(policy);
            it.rows.extend(rows);
            it.bytes.extend(bytes);
        }
        it
    }

    /// Runs of one policy, real or simulated.
    pub fn of_policy(&self, policy: &str, world: World) -> impl Iterator<Item = &SwarmRun> {
        let runs = self.runs.iter();
        runs.filter(move |it| it.policy == policy && it.world == world)
    }

    /// Completion times of the leechers of a class, ascending; of all classes if `class` is `None`.
    #[must_use]
    pub fn times(&self, policy: &str, world: World, class: Option<usize>) -> Vec<f64> {
        let peers = self.of_policy(policy, world).flat_map(|it| &it.peers);
        let chosen = peers.filter(|it| !it.origin && class.is_none_or(|class| it.class == class));
        let mut times: Vec<f64> = chosen.filter_map(|it| it.completed_s).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    /// The sum of the ledgers of all peers.
    #[must_use]
    pub fn total(&self, policy: &str, world: World) -> Ledger {
        let mut total = Ledger::default();
        for it in self.of_policy(policy, world).flat_map(|it| &it.peers) {
            total += it.ledger;
        }
        total
    }

    /// Median over policies and classes of the absolute relative error of the mean completion time.
    #[must_use]
    pub fn median_error(&self) -> f64 {
        let errors: Vec<f64> = self.rows.iter().map(|it| it.error().abs()).collect();
        median(&errors)
    }

    /// Processor use of the busiest real run, as a share.
    #[must_use]
    pub fn busiest(&self) -> Option<f64> {
        let shares = self.runs.iter().filter_map(|it| it.busy);
        shares.max_by(f64::total_cmp)
    }

    fn row(&self, policy: &str, class: usize) -> Option<ClassRow> {
        let real = self.times(policy, World::Real, Some(class));
        // The class of the origins has no leechers.
        (!real.is_empty()).then(|| ClassRow {
            policy: policy.to_owned(),
            class,
            peers: real.len(),
            real_s: mean(&real),
            simulated_s: mean(&self.times(policy, World::Simulated, Some(class))),
        })
    }

    fn byte_rows(&self, policy: &str) -> Vec<ByteRow> {
        let [real, simulated] = [World::Real, World::Simulated].map(|it| self.total(policy, it));
        let row = |what, real, simulated| ByteRow {
            policy: policy.to_owned(),
            what,
            real,
            simulated,
        };
        let pairs = causes(&real).into_iter().zip(causes(&simulated));
        let mut rows: Vec<ByteRow> = pairs
            .map(|((what, real), (_, simulated))| row(what, Some(real), Some(simulated)))
            .collect();
        // Not called "redundant": in the tables of plans, that also includes lost payload.
        let wasted = |it: &Ledger| Some(it.wasted() as f64 / it.payload_useful as f64);
        rows.push(row("wasted, all causes", wasted(&real), wasted(&simulated)));
        let by_origin = |world| {
            let peers = self.of_policy(policy, world).flat_map(|it| &it.peers);
            let sent: u64 = peers
                .filter(|it| it.origin)
                .map(|it| it.ledger.sent())
                .sum();
            Some(sent as f64 / self.total(policy, world).payload_useful as f64)
        };
        let origin = row(
            "sent by the origin",
            by_origin(World::Real),
            by_origin(World::Simulated),
        );
        rows.push(origin);
        let [real, simulated] = [World::Real, World::Simulated].map(|it| self.headers(policy, it));
        rows.push(row("transport and link headers", real, simulated));
        rows
    }

    /// Header bytes on the uplinks per useful byte: all bytes that the client did not send.
    fn headers(&self, policy: &str, world: World) -> Option<f64> {
        let peers: Vec<&PeerRun> = self
            .of_policy(policy, world)
            .flat_map(|it| &it.peers)
            .collect();
        let wire: Option<u64> = peers.iter().map(|it| it.wire_sent).sum();
        let sent: u64 = peers.iter().map(|it| it.ledger.sent()).sum();
        let useful: u64 = peers.iter().map(|it| it.ledger.payload_useful).sum();
        Some((wire? as f64 - sent as f64) / useful as f64)
    }
}
