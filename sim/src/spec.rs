//! One swarm with everything drawn: the result of expanding a scenario with a seed, and the only
//! input of the world. Plain data, integers only.

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::{BoxedPolicy, ParameterError, Parameters};
use unchoke_core::client;
use unchoke_core::geometry::Geometry;
use unchoke_core::profile::{Profile, Timers};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Claims, Endgame, Pipeline};

use crate::policies;
use crate::transport::TransportSpec;

/// A swarm. The position of a node in `nodes` numbers its random streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmSpec {
    /// Seed of the run. Every random stream of the run derives from it.
    pub seed: u64,
    /// Size of the torrent, and its division into pieces.
    pub geometry: Geometry,
    /// The origins first, then the peers. The order does not depend on when they arrive.
    pub nodes: Vec<NodeSpec>,
    /// Names of the access classes; [`NodeSpec::class`] is an index here.
    pub classes: Vec<String>,
    /// What peers run; [`NodeSpec::client`] is an index here.
    pub clients: Vec<ClientSpec>,
    /// The tracker.
    pub tracker: TrackerSpec,
    /// Delays, link sharing and transport between nodes.
    pub network: NetworkSpec,
    /// The regions of the network; [`NodeSpec::region`] is an index here.
    pub regions: Regions,
    /// Mean lifetime of a connection before it breaks, exponentially distributed; `None` if
    /// connections do not break.
    pub break_mean: Option<Duration>,
    /// Latest end of the run.
    pub horizon: Instant,
    /// Time between two points of the time series.
    pub sample_every: Duration,
}

impl SwarmSpec {
    /// One-way delay between two nodes, ns.
    pub(crate) fn delay_ns(&self, a: u32, b: u32) -> u64 {
        let (a, b) = (&self.nodes[a as usize], &self.nodes[b as usize]);
        let between = self.regions.delay_ns(a.region, b.region);
        a.delay_ns + b.delay_ns + self.network.base_delay_ns + between
    }

    /// The smallest one-way delay between two nodes, ns; `None` if there is only one node.
    pub(crate) fn smallest_delay_ns(&self) -> Option<u64> {
        // The two nearest to the middle, of each region.
        let mut near: Vec<Vec<u64>> = vec![Vec::new(); self.regions.names.len().max(1)];
        for node in &self.nodes {
            let near = &mut near[usize::from(node.region)];
            near.push(node.delay_ns);
            near.sort_unstable();
            near.truncate(2);
        }
        let regions = || (0..).zip(&near);
        let pairs = regions().flat_map(|a| regions().map(move |b| (a, b)));
        let delays = pairs.filter_map(|((a, near), (b, far))| {
            let (first, second) = (near.first()?, far.get(usize::from(a == b))?);
            Some(first + second + self.regions.delay_ns(a, b))
        });
        Some(delays.min()? + self.network.base_delay_ns)
    }

    /// The node that joins when another leaves. Key: the one that leaves.
    pub(crate) fn followers(&self) -> BTreeMap<u32, u32> {
        let nodes = (0..).zip(&self.nodes);
        nodes
            .filter_map(|(node, it)| Some((it.follows?, node)))
            .collect()
    }
}

/// One node: its access link, its lifetime and what it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// When it joins; [`Instant::NEVER`] if it joins when another node leaves.
    pub arrives_at: Instant,
    /// It joins when this node leaves. The followed node has a smaller position and no other
    /// follower.
    pub follows: Option<u32>,
    /// Capacity of its uplink, bytes/s; at least 1.
    pub up: u64,
    /// Capacity of its downlink, bytes/s; at least 1.
    pub down: u64,
    /// One-way delay between the node and the middle of the network, ns.
    pub delay_ns: u64,
    /// Index in [`SwarmSpec::regions`].
    pub region: u16,
    /// Index in [`SwarmSpec::classes`].
    pub class: u16,
    /// Index in [`SwarmSpec::clients`].
    pub client: u16,
    /// Whether it starts with every piece and never leaves.
    pub origin: bool,
    /// How long it stays after completing. Ignored for an origin.
    pub stay: Stay,
    /// It leaves this long after joining unless it has completed. Ignored for an origin.
    pub patience: Option<Duration>,
    /// It leaves this long after joining, complete or not. Ignored for an origin.
    pub session: Option<Duration>,
    /// Whether others can connect to it. If not, it can still connect to others.
    pub reachable: bool,
    /// Whether the payload that it sends is wrong.
    pub corrupts: bool,
    /// Which pieces it claims to have.
    pub claims: Claims,
}

/// How long a peer stays after completing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It leaves at once.
    AtOnce,
    /// It seeds for this long.
    For(Duration),
    /// It seeds until the run ends.
    Forever,
}

/// The client that a part of the peers runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Name by which results are grouped.
    pub name: String,
    /// Choking policy, of the house or of the program around.
    pub policy: String,
    /// Parameters of the policy; those left out keep their defaults.
    pub parameters: Parameters,
    /// Name of a registered piece picker.
    pub picker: String,
    /// Most connections, counting those opened by either side.
    pub max_connections: u16,
    /// With this many connections it stops dialling; `None` for mainline's share of the maximum.
    pub initiate: Option<u16>,
    /// With fewer connections than this it announces early; `None` for mainline's share of the
    /// maximum.
    pub enough: Option<u16>,
    /// Limit on its payload upload, bytes/s.
    pub upload_cap: Option<u64>,
    /// Limit on its payload download, bytes/s.
    pub download_cap: Option<u64>,
    /// How many requests it keeps outstanding at a peer.
    pub pipeline: Pipeline,
    /// A peer that owes a block for this long is snubbed.
    pub snub_after: Duration,
    /// How it requests the last blocks.
    pub endgame: Endgame,
    /// What it lets peers request while it chokes them, and whether it makes such requests itself.
    /// BEP 6. The run fills in the info-hash.
    pub allowed_fast: AllowedFast,
    /// Whether it rechokes at whole multiples of the period since the start of the run, instead of
    /// at a random phase of its own.
    pub aligned_ticks: bool,
    /// Whether it sends its peers the addresses of its other peers, and dials the addresses that
    /// they send. BEP 11.
    pub peer_exchange: bool,
    /// Whether, starting with every piece, it hides its pieces and reveals one at a time. BEP 16.
    pub super_seed: bool,
    /// With too few connections it announces again after this time.
    pub rerequest_interval: Duration,
    /// Further times of its connections.
    pub timers: Timers,
}

impl ClientSpec {
    /// The same client with the settings of `profile`. Settings that profiles do not have stay as
    /// they are.
    #[must_use]
    pub fn as_profile(&self, profile: &Profile) -> Self {
        Self {
            policy: profile.policy.to_owned(),
            parameters: profile.parameters(),
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
            timers: profile.timers,
            ..self.clone()
        }
    }

    /// The same client with another policy and parameters. If the policy is the same, parameters
    /// that `parameters` does not set keep their values.
    #[must_use]
    pub fn with_policy(&self, name: &str, policy: &str, parameters: &Parameters) -> Self {
        let mut client = Self {
            name: name.to_owned(),
            policy: policy.to_owned(),
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

    /// The settings of the client around its torrent.
    #[must_use]
    pub fn around(&self) -> client::Config {
        let config = client::Config::new(self.max_connections);
        self.timers.around(config.with(self.initiate, self.enough))
    }

    /// The policy that the client runs.
    pub fn build_policy(&self) -> Result<BoxedPolicy, ParameterError> {
        policies::all().build(&self.policy, &self.parameters)
    }
}

/// The tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackerSpec {
    /// Most peers in one answer.
    pub numwant: u32,
    /// Time between two announces of a peer.
    pub interval: Duration,
    /// Times at which it does not answer.
    pub outages: Vec<Outage>,
}

impl TrackerSpec {
    /// Whether it answers at this time.
    pub(crate) fn answers(&self, now: Instant) -> bool {
        let time = now - Instant::START;
        let out = |it: &Outage| (it.from..it.until).contains(&time);
        !self.outages.iter().any(out)
    }
}

/// A period without answers from the tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Start of the outage.
    pub from: Duration,
    /// End of the outage.
    pub until: Duration,
}

/// Regions of the network. The one-way delay between two regions is added to all other delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Names; empty if the network has no regions.
    pub names: Vec<String>,
    /// Delay from each region to each, ns, row by row: the square of `names.len()` values. The same
    /// in both directions.
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

/// The network between the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// How the swarm is run.
    pub engine: Engine,
    /// How exactly link rates are computed.
    pub solver: Solver,
    /// One-way delay between any two nodes, ns, in addition to both access delays.
    pub base_delay_ns: u64,
    /// Number of blocks that the socket buffer of a connection holds.
    pub send_buffer_blocks: u8,
    /// Whether each 256 consecutive nodes share the first three bytes of their address. If not, no
    /// two nodes do.
    pub shared_subnets: bool,
    /// Effects of TCP/IP on the links.
    pub transport: TransportSpec,
}

/// How a swarm is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// One event after the other, with the rates of each instant. The default of scenarios.
    #[default]
    Exact,
    /// In windows of the smallest delay, with the rates of each window. It can use several cores.
    Windows,
}

/// How the max-min fair rates are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Every change is followed until no rate moves.
    Exact,
    /// A change is followed until its effect falls below a stated relative error. The default of
    /// scenarios.
    Fast,
}
