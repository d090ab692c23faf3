//! What a run reports. Integers only; statistics begin elsewhere.

use std::time::Duration;

use unchoke_core::ledger::Ledger;
use unchoke_core::time::Instant;

use crate::link::SolverWork;

/// The result of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunResult {
    /// When the run ended: the last leecher was done, or the horizon came.
    pub ended_at: Instant,
    /// One per node of the spec, in its order.
    pub nodes: Vec<NodeResult>,
    /// Blocks that arrived, useful or not.
    pub blocks_transferred: u64,
    /// Inputs handed to the cores of all nodes.
    pub events: u64,
    /// Digest of everything significant that happened, in order.
    pub digest: u64,
    /// Points of the time series, ascending.
    pub series: Vec<Sample>,
    /// Classes of the spec: side of `class_matrix`.
    pub class_count: usize,
    /// Useful payload bytes at `from * class_count + to`.
    pub class_matrix: Vec<u64>,
    /// Clients of the spec: side of `client_matrix`.
    pub client_count: usize,
    /// Useful payload bytes at `from * client_count + to`.
    pub client_matrix: Vec<u64>,
    /// Bytes handed to streams, all nodes together.
    pub bytes_sent: u64,
    /// Bytes that arrived and were taken in.
    pub bytes_received: u64,
    /// Bytes lost in connections that closed while they were under way.
    pub bytes_dropped: u64,
    /// Bytes under way at the end.
    pub bytes_in_flight: u64,
    /// No swarm of these capacities can be done faster. `None` if no leecher completed.
    pub bound: Option<KumarRoss>,
    /// What the link solver did.
    pub solver: SolverWork,
}

impl RunResult {
    /// Leechers that have every piece.
    pub fn completed(&self) -> impl Iterator<Item = &NodeResult> {
        self.nodes.iter().filter(|it| it.completed_at.is_some())
    }

    /// Leechers that left before they had every piece.
    pub fn aborted(&self) -> impl Iterator<Item = &NodeResult> {
        self.nodes.iter().filter(|it| it.aborted())
    }
}

/// What became of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResult {
    /// Position in the spec.
    pub node: u32,
    /// Access class.
    pub class: u16,
    /// What it ran.
    pub client: u16,
    /// It started complete.
    pub origin: bool,
    /// When it joined; `None` if the run ended before.
    pub arrived_at: Option<Instant>,
    /// When it had its first piece; `None` for origins.
    pub first_piece_at: Option<Instant>,
    /// When it had every piece; `None` for origins.
    pub completed_at: Option<Instant>,
    /// When it left; `None` if it stayed to the end.
    pub left_at: Option<Instant>,
    /// Pieces it has at the end, or had when it left.
    pub piece_count: u32,
    /// Where its bytes went.
    pub ledger: Ledger,
    /// Bytes of packet headers and acknowledgements that it sent, beside the ledger; 0 if headers
    /// take nothing.
    pub transport_sent: u64,
}

impl NodeResult {
    /// It left before it had every piece.
    #[must_use]
    pub fn aborted(&self) -> bool {
        self.left_at.is_some() && !self.origin && self.completed_at.is_none()
    }

    /// From arrival to the last piece.
    #[must_use]
    pub fn download_time(&self) -> Option<Duration> {
        Some(self.completed_at? - self.arrived_at?)
    }
}

/// One point of the time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Present nodes that lack pieces.
    pub leechers: u32,
    /// Present nodes that have every piece.
    pub seeds: u32,
    /// Payload that arrived since the last point, bytes/s.
    pub down_rate: u64,
    /// Payload that left uplinks since the last point, bytes/s.
    pub up_rate: u64,
}

/// Lower bound on the time from the first arrival to the last completion, for any policy. Kumar and
/// Ross 2006, *Peer-assisted file distribution: the minimum distribution time*. Rounded down to
/// the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KumarRoss {
    /// Size over the slowest downlink of those that completed.
    pub slowest_download: Duration,
    /// Size over the upload capacity of the origins: each byte leaves them once.
    pub origin_upload: Duration,
    /// Copies made over the upload capacity of all.
    pub total_upload: Duration,
}

impl KumarRoss {
    /// The bound: the greatest of the three.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.slowest_download
            .max(self.origin_upload)
            .max(self.total_upload)
    }
}
