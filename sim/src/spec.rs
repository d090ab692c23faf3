//! One swarm, fully resolved: what a scenario and a seed expand to, and all that the world sees of
//! either. Plain data, integers only.

use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::{self, BoxedPolicy, Entry, ParameterError, Parameters};
use unchoke_core::client;
use unchoke_core::geometry::Geometry;
use unchoke_core::profile::Profile;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Claims, Endgame, Pipeline};

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
    /// The regions of the network; [`NodeSpec::region`] is a position there.
    pub regions: Regions,
    /// Mean time after which a connection breaks by itself, exponentially distributed; `None` if
    /// none does.
    pub break_mean: Option<Duration>,
    /// The run ends here at the latest.
    pub horizon: Instant,
    /// Time between two points of the time series.
    pub sample_every: Duration,
}

/// One peer, its access link and its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// When it joins; [`Instant::NEVER`] if it joins as another leaves.
    pub arrives_at: Instant,
    /// It joins as this node leaves, done or not. Nodes follow those before them.
    pub follows: Option<u32>,
    /// Capacity of its uplink, bytes/s; at least 1.
    pub up: u64,
    /// Capacity of its downlink, bytes/s; at least 1.
    pub down: u64,
    /// One-way delay between the node and the middle of the network, ns.
    pub delay_ns: u64,
    /// Position in [`SwarmSpec::regions`].
    pub region: u16,
    /// Position in [`SwarmSpec::classes`].
    pub class: u16,
    /// Position in [`SwarmSpec::clients`].
    pub client: u16,
    /// It starts with every piece and never leaves.
    pub origin: bool,
    /// How long it stays once it has every piece. Not asked of an origin.
    pub stay: Stay,
    /// A leecher that is not done so long after it joined gives up and leaves. Not asked of an
    /// origin.
    pub patience: Option<Duration>,
    /// It leaves so long after it joined, done or not. Not asked of an origin.
    pub session: Option<Duration>,
    /// Others can connect to it; otherwise it only connects to others.
    pub reachable: bool,
    /// The payload it sends is wrong.
    pub corrupts: bool,
    /// What it says it has.
    pub claims: Claims,
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
    /// A policy of the caller's that is not registered, instead of `policy`, which has its id.
    pub own: Option<&'static Entry>,
    /// Parameters of the policy; those left out keep their defaults.
    pub parameters: Parameters,
    /// Registered piece picker.
    pub picker: String,
    /// Connections it holds at most, opened by either side.
    pub max_connections: u16,
    /// Connections from which on it dials nobody; `None` for mainline's share.
    pub initiate: Option<u16>,
    /// With fewer connections than this it asks the tracker early; `None` for mainline's share.
    pub enough: Option<u16>,
    /// Cap of its payload upload, bytes/s.
    pub upload_cap: Option<u64>,
    /// Cap of its payload download, bytes/s.
    pub download_cap: Option<u64>,
    /// Requests it keeps outstanding at a peer.
    pub pipeline: Pipeline,
    /// A peer that owes a block for so long is snubbed.
    pub snub_after: Duration,
    /// How it asks for the last blocks.
    pub endgame: Endgame,
    /// What it lets peers ask for under a choke, and whether it asks. BEP 6. The torrent is filled in
    /// by the run.
    pub allowed_fast: AllowedFast,
    /// It rechokes at whole multiples of the period since the start of the run, not at a phase of
    /// its own.
    pub aligned_ticks: bool,
    /// It tells its peers whom it is connected to, and dials whom they name. BEP 11.
    pub peer_exchange: bool,
    /// One that starts with every piece hides them and reveals one at a time. BEP 16.
    pub super_seed: bool,
    /// With too few connections it asks the tracker again after so long.
    pub rerequest_interval: Duration,
}

impl ClientSpec {
    /// The same client as `profile` has it, with what no profile says.
    #[must_use]
    pub fn as_profile(&self, profile: &Profile) -> Self {
        Self {
            policy: profile.policy.to_owned(),
            own: None,
            parameters: Parameters::new(),
            picker: profile.picker.to_owned(),
            max_connections: profile.max_connections,
            initiate: profile.initiate,
            enough: profile.enough,
            pipeline: profile.pipeline,
            snub_after: profile.snub_after,
            endgame: profile.endgame,
            allowed_fast: profile.allowed_fast,
            peer_exchange: profile.peer_exchange,
            rerequest_interval: profile.rerequest_interval,
            ..self.clone()
        }
    }

    /// The same client with this policy; its own parameters stay, where the policy is the same and
    /// `parameters` has no other value.
    #[must_use]
    pub fn with_policy(&self, name: &str, policy: &str, parameters: &Parameters) -> Self {
        let mut client = Self {
            name: name.to_owned(),
            policy: policy.to_owned(),
            own: None,
            ..self.clone()
        };
        if self.policy != policy {
            client.parameters = Parameters::new();
        }
        for (name, value) in parameters.iter() {
            client.parameters.set(name, value);
        }
        client
    }

    /// How it behaves around its torrent.
    #[must_use]
    pub fn around(&self) -> client::Config {
        client::Config::new(self.max_connections).with(self.initiate, self.enough)
    }

    /// The policy that the client runs.
    pub fn build_policy(&self) -> Result<BoxedPolicy, ParameterError> {
        match self.own {
            Some(entry) => entry.build(&self.parameters),
            None => choke::build(&self.policy, &self.parameters),
        }
    }
}

/// The tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackerSpec {
    /// Peers in one answer at most.
    pub numwant: u32,
    /// Time between two announces of a peer.
    pub interval: Duration,
    /// When it does not answer.
    pub outages: Vec<Outage>,
}

/// A time in which the tracker does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// It begins.
    pub from: Duration,
    /// It is over.
    pub until: Duration,
}

/// Regions of the network, and the one-way delay from each to each on top of all other delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Names; empty if the network is not divided.
    pub names: Vec<String>,
    /// From each to each, ns: row after row, `names.len()` squared in all. The same in both
    /// directions.
    pub delays_ns: Vec<u64>,
}

impl Regions {
    /// One-way delay between two regions, ns.
    #[must_use]
    pub fn delay_ns(&self, from: u16, to: u16) -> u64 {
        match self.names.len() {
            0 => 0,
            side => self.delays_ns[usize::from(from) * side + usize::from(to)],
        }
    }
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
    /// 256 nodes in a row share the first three bytes of their addresses; otherwise no two do.
    pub shared_subnets: bool,
    /// What TCP/IP adds.
    pub transport: TransportSpec,
}

/// How the max-min fair rates are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Every change is followed to its end.
    Exact,
    /// A change is followed until it falls below a stated relative error. What scenarios have by
    /// default.
    Fast,
}
