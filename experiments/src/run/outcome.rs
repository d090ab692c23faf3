//! What one run yields for the statistics: integers only, one row a node and one a sample.

use unchoke_core::ledger::Ledger;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// When the run ended, ns.
    pub ended_ns: u64,
    /// When it would have ended at the latest, ns.
    pub horizon_ns: u64,
    /// Size of the torrent.
    pub file_bytes: u64,
    /// Lower bound of the time until the last peer has completed, ns, where it applies.
    pub bound_ns: Option<u64>,
    /// Bytes sent and not yet received at the end.
    pub in_flight_bytes: u64,
    /// Bytes sent that arrived nowhere, because the connection closed.
    pub lost_bytes: u64,
    /// Bytes of transport headers and acknowledgements sent by all nodes; 0 in the plain model.
    pub transport_sent_bytes: u64,
    /// Blocks that arrived.
    pub blocks: u64,
    /// Events of the simulation.
    pub events: u64,
    /// Digest of the event log.
    pub digest: u64,
    /// Ledgers of all nodes, origins included, added up.
    pub total: Ledger,
    /// Names of the access classes.
    pub classes: Vec<String>,
    /// Useful payload bytes from class to class: row sends, column receives.
    pub class_matrix: Vec<u64>,
    /// One a node, in node order, origins included.
    pub nodes: Vec<Node>,
    /// In time order.
    pub series: Vec<Sample>,
}

/// One node of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Position in [`Outcome::classes`].
    pub class: u16,
    /// It runs the candidate.
    pub adopter: bool,
    /// It runs what the scenario gave it and not what the plan compares, such as a free-rider.
    pub outsider: bool,
    /// It is an origin seed.
    pub origin: bool,
    /// Uplink, bytes/s.
    pub up_rate: u64,
    /// When it joined, ns.
    pub arrived_ns: u64,
    /// When it had every piece, ns.
    pub completed_ns: Option<u64>,
    /// Payload bytes it received for the first time and correctly.
    pub useful_bytes: u64,
    /// Payload bytes it sent.
    pub payload_sent_bytes: u64,
    /// All bytes it sent, payload and protocol.
    pub sent_bytes: u64,
    /// All bytes it received, payload and protocol.
    pub received_bytes: u64,
}

/// The swarm at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When, ns.
    pub at_ns: u64,
    /// Peers that lack a piece.
    pub leechers: u64,
    /// Peers that have every piece, origins included.
    pub seeds: u64,
    /// Useful payload received by all since the sample before, bytes/s.
    pub down_rate: u64,
}
