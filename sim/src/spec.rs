//! One swarm, fully resolved: what a scenario and a seed expand to, and all that the world sees of
//! either. Plain data, integers only.

use std::time::Duration;

use unchoke_core::choke::Parameters;
use unchoke_core::geometry::Geometry;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Pipeline;

use crate::transport::TransportSpec;

/// A swarm. The position of a node in `nodes` is the entity number of its random streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmSpec {
    /// The seed of the run, from which every stream of the run is drawn.
    pub seed: u64,
    /// Size and division of the torrent.
    pub geometry: Geometry,
    /// Origins first, then the peers, whatever the order of their arrival.
    pub nodes: Vec<NodeSpec>,
    /// Names of the access classes; [`NodeSpec::class`] is a position here.
    pub classes: Vec<String>,
    /// What peers run; [`NodeSpec::client`] is a position here.
    pub clients: Vec<ClientSpec>,
    /// The tracker.
    pub tracker: TrackerSpec,
    /// What lies between the nodes.
    pub network: NetworkSpec,
    /// The run ends here at the latest.
    pub horizon: Instant,
    /// Time between two points of the time series.
    pub sample_every: Duration,
}

/// One peer, its access link and its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// When it joins.
    pub arrives_at: Instant,
    /// Capacity of its uplink, bytes/s; at least 1.
    pub up: u64,
    /// Capacity of its downlink, bytes/s; at least 1.
    pub down: u64,
    /// One-way delay between the node and the middle of the network, ns.
    pub delay_ns: u64,
    /// Position in [`SwarmSpec::classes`].
    pub class: u16,
    /// Position in [`SwarmSpec::clients`].
    pub client: u16,
    /// It starts with every piece and never leaves.
    pub origin: bool,
    /// How long it stays once it has every piece. Not asked of an origin.
    pub stay: Stay,
    /// Others can connect to it; otherwise it only connects to others.
    pub reachable: bool,
    /// The payload it sends is wrong.
    pub corrupts: bool,
}

/// How long a peer stays after it has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It leaves as it completes.
    AtOnce,
    /// It seeds for this long.
    For(Duration),
    /// It seeds until the run ends.
    Forever,
}

/// What a share of the peers runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// The name results are grouped by.
    pub name: String,
    /// Registered choking policy.
    pub policy: String,
    /// Parameters of the policy; those left out keep their defaults.
    pub parameters: Parameters,
    /// Registered piece picker.
    pub picker: String,
    /// Connections it holds at most, opened by either side.
    pub max_connections: u16,
    /// Cap of its payload upload, bytes/s.
    pub upload_cap: Option<u64>,
    /// Cap of its payload download, bytes/s.
    pub download_cap: Option<u64>,
    /// Requests it keeps outstanding at a peer.
    pub pipeline: Pipeline,
    /// A peer that owes a block for so long is snubbed.
    pub snub_after: Duration,
    /// It requests the last blocks from everyone.
    pub endgame: bool,
    /// It rechokes at whole multiples of the period since the start of the run, not at a phase of
    /// its own.
    pub aligned_ticks: bool,
}

/// The tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackerSpec {
    /// Peers in one answer at most.
    pub numwant: u32,
    /// Time between two announces of a peer.
    pub interval: Duration,
}

/// What lies between the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// How rates are shared.
    pub solver: Solver,
    /// One-way delay between any two nodes, ns, on top of both access delays.
    pub base_delay_ns: u64,
    /// Blocks that the socket buffer of a connection takes before it is full.
    pub send_buffer_blocks: u8,
    /// What TCP/IP adds.
    pub transport: TransportSpec,
}

/// How the max-min fair rates are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Every change is followed to its end.
    Exact,
    /// A change is followed until it falls below a stated relative error.
    Fast,
}
