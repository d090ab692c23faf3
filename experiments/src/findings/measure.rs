//! Computes the compared figures from the rows of one run. The readings E1 to E5 of "bandwidth"
//! start here: [`measure_group`] has E1 and E2, [`measure_swarm`] has E3 to E5. The bytes were
//! counted by `core::ledger`, whose sum over all nodes is [`Outcome::total`].

use crate::findings::stats::fairness::{gini, jain, log_slope, spearman};
use crate::findings::stats::math::{exp, ln};
use crate::findings::stats::moments::quantile_sorted;
use crate::run::outcome::{Node, Outcome};

/// A group of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Peers that run the candidate, and the same peers in the baseline run.
    Adopters,
    /// The other peers among those whose policy the plan sets.
    Others,
    /// All peers whose policy the plan sets.
    All,
    /// Peers whose policy the scenario sets, for example free-riders.
    Outsiders,
}

impl Group {
    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adopters => "adopters",
            Self::Others => "others",
            Self::All => "all",
            Self::Outsiders => "outsiders",
        }
    }

    /// Whether `node`, which is not an origin, belongs to the group.
    #[must_use]
    pub const fn holds(self, node: &Node) -> bool {
        match self {
            Self::Adopters => node.adopter,
            Self::Others => !node.adopter && !node.outsider,
            Self::All => !node.outsider,
            Self::Outsiders => node.outsider,
        }
    }
}

/// Figures of a group of peers in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupMeasure {
    /// Number of peers in the group.
    pub peers: usize,
    /// Number of them that completed.
    pub completed: usize,
    /// Payload uploaded per completed copy, bytes (E1).
    pub upload_per_copy: f64,
    /// All bytes sent and received per completed copy (E2).
    pub total_per_copy: f64,
    /// Mean of the logarithm of completion time in seconds.
    pub mean_log_time: f64,
    /// 95th percentile of completion time, seconds.
    pub tail_time: f64,
}

/// Figures of a whole swarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwarmMeasure {
    /// Bytes sent by all nodes per useful byte received (E3).
    pub cost: f64,
    /// Payload sent in vain per useful byte.
    pub redundant: f64,
    /// Protocol bytes sent per useful byte.
    pub protocol: f64,
    /// Bytes sent by origin seeds per completed copy (E4).
    pub origin_per_copy: f64,
    /// Mean completion time, seconds.
    pub mean_time: f64,
    /// Median completion time, seconds.
    pub median_time: f64,
    /// Longest completion time, seconds.
    pub max_time: f64,
    /// Jain's index of goodput divided by uplink capacity.
    pub jain: f64,
    /// Gini coefficient of payload uploaded.
    pub gini: f64,
    /// Rank correlation between uplink capacity and goodput.
    pub spearman: f64,
    /// Slope of log goodput over log capacity: 0 is egalitarian, 1 is proportional.
    pub slope: f64,
}

impl SwarmMeasure {
    /// All bytes other than useful ones, per useful byte (E5).
    #[must_use]
    pub fn waste(&self) -> f64 {
        self.cost - 1.0
    }
}

/// Seconds from arrival to completion. A peer that did not complete counts with its time until the
/// horizon (restricted mean). Leaving such peers out would favour policies that starve peers.
#[must_use]
pub fn completion_s(outcome: &Outcome, node: &Node) -> f64 {
    let end = node.completed_ns.unwrap_or(outcome.horizon_ns);
    // At least a nanosecond, so that the logarithm is defined.
    end.saturating_sub(node.arrived_ns).max(1) as f64 / 1e9
}

/// Indices of the peers, without origins, for which `keep` is true.
#[must_use]
pub fn peers(outcome: &Outcome, keep: impl Fn(&Node) -> bool) -> Vec<usize> {
    let wanted = |(_, node): &(usize, &Node)| !node.origin && keep(node);
    outcome
        .nodes
        .iter()
        .enumerate()
        .filter(wanted)
        .map(|it| it.0)
        .collect()
}

/// Figures of the peers at `members`, which must not be empty. A copy is counted in useful bytes,
/// as multiples of the torrent size. So a peer that did not complete counts with the part that it
/// has.
#[must_use]
pub fn measure_group(outcome: &Outcome, members: &[usize]) -> GroupMeasure {
    assert!(!members.is_empty(), "a group without peers has no figures");
    let nodes = || members.iter().map(|it| &outcome.nodes[*it]);
    let useful: u64 = nodes().map(|it| it.useful_bytes).sum();
    let copies = useful as f64 / outcome.file_bytes as f64;
    let payload: u64 = nodes().map(|it| it.payload_sent_bytes).sum();
    let total: u64 = nodes().map(|it| it.sent_bytes + it.received_bytes).sum();
    let mut times: Vec<f64> = nodes().map(|it| completion_s(outcome, it)).collect();
    let logs: f64 = times.iter().map(|it| ln(*it)).sum();
    times.sort_by(f64::total_cmp);
    GroupMeasure {
        peers: members.len(),
        completed: nodes().filter(|it| it.completed_ns.is_some()).count(),
        upload_per_copy: payload as f64 / copies,
        total_per_copy: total as f64 / copies,
        mean_log_time: logs / members.len() as f64,
        tail_time: quantile_sorted(&times, 0.95),
    }
}

/// Figures of the whole swarm. Byte figures include all nodes; times, goodput and fairness exclude
/// outsiders.
#[must_use]
pub fn measure_swarm(outcome: &Outcome) -> SwarmMeasure {
    let members = peers(outcome, |it| Group::All.holds(it));
    let nodes: Vec<&Node> = members.iter().map(|it| &outcome.nodes[*it]).collect();
    let useful = outcome.total.payload_useful as f64;
    let sent = outcome.total.sent() as f64;
    let payload = outcome.total.payload_sent as f64;
    let downloaded: u64 = peers(outcome, |_| true)
        .into_iter()
        .map(|it| outcome.nodes[it].useful_bytes)
        .sum();
    let copies = downloaded as f64 / outcome.file_bytes as f64;
    let origins = outcome.nodes.iter().filter(|it| it.origin);
    let from_origins: u64 = origins.map(|it| it.sent_bytes).sum();
    let mut times: Vec<f64> = nodes.iter().map(|it| completion_s(outcome, it)).collect();
    let capacity: Vec<f64> = nodes.iter().map(|it| it.up_rate as f64).collect();
    let goodput: Vec<f64> = nodes
        .iter()
        .zip(&times)
        .map(|(it, time)| it.useful_bytes.max(1) as f64 / time)
        .collect();
    let relative: Vec<f64> = goodput.iter().zip(&capacity).map(|(g, c)| g / c).collect();
    let uploaded: Vec<f64> = nodes
        .iter()
        .map(|it| it.payload_sent_bytes as f64)
        .collect();
    let mean_time = times.iter().sum::<f64>() / times.len() as f64;
    times.sort_by(f64::total_cmp);
    SwarmMeasure {
        cost: sent / useful,
        redundant: (payload - useful) / useful,
        protocol: (sent - payload) / useful,
        origin_per_copy: from_origins as f64 / copies,
        mean_time,
        median_time: quantile_sorted(&times, 0.5),
        max_time: quantile_sorted(&times, 1.0),
        jain: jain(&relative),
        gini: gini(&uploaded),
        spearman: spearman(&capacity, &goodput),
        slope: log_slope(&capacity, &goodput),
    }
}

/// Geometric-mean completion time, seconds.
#[must_use]
pub fn geometric_mean_time(measure: &GroupMeasure) -> f64 {
    exp(measure.mean_log_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unchoke_core::ledger::Ledger;

    const SECOND: u64 = 1_000_000_000;

    /// Two peers with a 100-byte file, and one origin. The first peer completes after 4 s. The
    /// second arrives at 10 s and has half of the file at the horizon of 110 s.
    fn run() -> Outcome {
        let mut total = Ledger {
            payload_useful: 150,
            payload_sent: 160,
            ..Ledger::default()
        };
        total.protocol[0].sent = 5;
        let peer = |arrived: u64, completed: Option<u64>, useful, payload| Node {
            up_rate: 10,
            arrived_ns: arrived * SECOND,
            completed_ns: completed.map(|it| it * SECOND),
            useful_bytes: useful,
            payload_sent_bytes: payload,
            sent_bytes: payload + 1,
            received_bytes: useful + 2,
            ..Node::default()
        };
        let origin = Node {
            origin: true,
            ..peer(0, Some(0), 0, 120)
        };
        Outcome {
            horizon_ns: 110 * SECOND,
            file_bytes: 100,
            total,
            nodes: vec![origin, peer(0, Some(4), 100, 30), peer(10, None, 50, 10)],
            ..Outcome::default()
        }
    }

    #[test]
    fn hand_computed_figures() {
        let run = run();
        let swarm = measure_swarm(&run);
        assert!((swarm.cost - 165.0 / 150.0).abs() < 1e-15);
        assert!((swarm.redundant - 10.0 / 150.0).abs() < 1e-15);
        assert!((swarm.protocol - 5.0 / 150.0).abs() < 1e-15);
        assert!((swarm.waste() - swarm.redundant - swarm.protocol).abs() < 1e-15);
        // 121 bytes for one and a half copies.
        assert!((swarm.origin_per_copy - 121.0 / 1.5).abs() < 1e-12);
        let all = measure_group(&run, &peers(&run, |it| Group::All.holds(it)));
        assert_eq!((all.peers, all.completed), (2, 1));
        assert!((all.upload_per_copy - 40.0 / 1.5).abs() < 1e-12);
        // Sent 31 + 11, received 102 + 52.
        assert!((all.total_per_copy - 196.0 / 1.5).abs() < 1e-12);
        // 4 s, and 100 s until the horizon: the geometric mean is 20 s.
        assert!((geometric_mean_time(&all) - 20.0).abs() < 1e-9);
        assert!((swarm.mean_time - 52.0).abs() < 1e-12);
    }
}
