//! The result of a run, in integers only. Statistics are computed in `experiments`.

use std::time::Duration;

use unchoke_core::ledger::Ledger;
use unchoke_core::time::Instant;

use crate::link::SolverWork;

/// The result of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunResult {
    /// When the run ended: when every leecher had completed or given up, or at the horizon.
    pub ended_at: Instant,
    /// One per node of the spec, in its order.
    pub nodes: Vec<NodeResult>,
    /// Blocks that arrived, useful and wasted.
    pub blocks_transferred: u64,
    /// Inputs handed to the cores of all nodes.
    pub events: u64,
    /// Digest of everything significant that happened, in order.
    pub digest: u64,
    /// Points of the time series, ascending.
    pub series: Vec<Sample>,
    /// Number of classes in the spec; `class_matrix` has this many rows and columns.
    pub class_count: usize,
    /// Useful payload bytes at `from * class_count + to`.
    pub class_matrix: Vec<u64>,
    /// Number of clients in the spec; `client_matrix` has this many rows and columns.
    pub client_count: usize,
    /// Useful payload bytes at `from * client_count + to`.
    pub client_matrix: Vec<u64>,
    /// Bytes handed to streams, all nodes together.
    pub bytes_sent: u64,
    /// Bytes that arrived and were processed.
    pub bytes_received: u64,
    /// Bytes in flight on connections when they closed.
    pub bytes_dropped: u64,
    /// Bytes in flight when the run ended.
    pub bytes_in_flight: u64,
    /// Lower bound on the time of any swarm with these capacities. `None` if no leecher completed.
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
    /// Position of its client in the spec.
    pub client: u16,
    /// Whether it started with every piece.
    pub origin: bool,
    /// When it joined; `None` if the run ended earlier.
    pub arrived_at: Option<Instant>,
    /// When it had its first piece; `None` for origins.
    pub first_piece_at: Option<Instant>,
    /// When it had every piece; `None` for origins.
    pub completed_at: Option<Instant>,
    /// When it left; `None` if it stayed to the end.
    pub left_at: Option<Instant>,
    /// Pieces that it has at the end of the run, or had when it left.
    pub piece_count: u32,
    /// Its bytes by cause.
    pub ledger: Ledger,
    /// Bytes of packet headers and acknowledgements that it sent. Not in the ledger. 0 if the
    /// scenario has no headers.
    pub transport_sent: u64,
}

impl NodeResult {
    /// Whether it left before it had every piece.
    #[must_use]
    pub fn aborted(&self) -> bool {
        self.left_at.is_some() && !self.origin && self.completed_at.is_none()
    }

    /// Time from its arrival to its last piece.
    #[must_use]
    pub fn download_time(&self) -> Option<Duration> {
        Some(self.completed_at? - self.arrived_at?)
    }
}

/// One point of the time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Time of this point.
    pub at: Instant,
    /// Present nodes without all pieces.
    pub leechers: u32,
    /// Present nodes with every piece.
    pub seeds: u32,
    /// Payload that arrived since the last point, bytes/s.
    pub down_rate: u64,
    /// Payload that left uplinks since the last point, bytes/s.
    pub up_rate: u64,
}

/// What a point of the time series is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) leechers: u32,
    pub(crate) seeds: u32,
    /// Payload that left uplinks since the last point, bytes.
    pub(crate) up: u64,
    /// Payload that arrived since the last point, bytes.
    pub(crate) down: u64,
}

impl Count {
    /// Adds the counts of other nodes.
    pub(crate) fn add(&mut self, other: Self) {
        self.leechers += other.leechers;
        self.seeds += other.seeds;
        self.up += other.up;
        self.down += other.down;
    }

    /// The point at `at`, when one is made once in this time.
    pub(crate) fn sample(self, at: Instant, every: Duration) -> Sample {
        let rate = |bytes: u64| {
            let scaled = u128::from(bytes) * 1_000_000_000 / every.as_nanos().max(1);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        Sample {
            at,
            leechers: self.leechers,
            seeds: self.seeds,
            down_rate: rate(self.down),
            up_rate: rate(self.up),
        }
    }
}

/// Lower bound on the time from the first arrival to the last completion, for any policy. Kumar and
/// Ross 2006, *Peer-assisted file distribution: the minimum distribution time*. Rounded down to
/// nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KumarRoss {
    /// Torrent size divided by the slowest downlink among the peers that completed.
    pub slowest_download: Duration,
    /// Torrent size divided by the upload capacity of the origins: they must send each byte once.
    pub origin_upload: Duration,
    /// Bytes of all completed copies divided by the upload capacity of all nodes.
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
