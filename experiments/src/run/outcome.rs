//! The result of one run, as the statistics need it: integers only, one row per node and one per
//! sample.

use unchoke_core::ledger::Ledger;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// When the run ended, ns.
    pub ended_ns: u64,
    /// Latest end of the run, ns.
    pub horizon_ns: u64,
    /// Size of the torrent.
    pub file_bytes: u64,
    /// Lower bound on the time until the last peer has completed, ns; `None` if it does not apply.
    pub bound_ns: Option<u64>,
    /// Bytes still in flight at the end.
    pub in_flight_bytes: u64,
    /// Bytes that never arrived, because their connection closed.
    pub lost_bytes: u64,
    /// Bytes of transport headers and acknowledgements sent by all nodes; 0 in the plain model.
    pub transport_sent_bytes: u64,
    /// Blocks that arrived.
    pub blocks: u64,
    /// Events of the simulation.
    pub events: u64,
    /// Digest of the event log.
    pub digest: u64,
    /// Sum of the ledgers of all nodes, including origins.
    pub total: Ledger,
    /// Names of the access classes.
    pub classes: Vec<String>,
    /// Useful payload bytes from class to class: row sends, column receives.
    pub class_matrix: Vec<u64>,
    /// One per node in node order, including origins.
    pub nodes: Vec<Node>,
    /// Samples in time order.
    pub series: Vec<Sample>,
}

/// One node of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Position in [`Outcome::classes`].
    pub class: u16,
    /// Whether it runs the candidate.
    pub adopter: bool,
    /// Whether the scenario, not the plan, decides what it runs, for example a free-rider.
    pub outsider: bool,
    /// Whether it is an origin seed.
    pub origin: bool,
    /// Uplink, bytes/s.
    pub up_rate: u64,
    /// When it joined, ns.
    pub arrived_ns: u64,
    /// When it had every piece, ns.
    pub completed_ns: Option<u64>,
    /// First correct copies of payload that it received, bytes.
    pub useful_bytes: u64,
    /// Payload bytes it sent.
    pub payload_sent_bytes: u64,
    /// All bytes it sent, payload and protocol.
    pub sent_bytes: u64,
    /// All bytes it received, payload and protocol.
    pub received_bytes: u64,
}

/// The swarm at a point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Time of the sample, ns.
    pub at_ns: u64,
    /// Peers that lack a piece.
    pub leechers: u64,
    /// Peers that have every piece, origins included.
    pub seeds: u64,
    /// Useful payload received by all nodes since the previous sample, bytes/s.
    pub down_rate: u64,
}
