//! Small swarms for tests.

#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::Parameters;
use unchoke_core::geometry::Geometry;
use unchoke_core::profile::Timers;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Claims, Endgame, Pipeline};
use unchoke_sim::result::RunResult;
use unchoke_sim::spec::{
    ClientSpec, Engine, NetworkSpec, NodeSpec, Regions, Solver, Stay, SwarmSpec, TrackerSpec,
};
use unchoke_sim::trace::{Client, Header, NodeInfo};
use unchoke_sim::transport::TransportSpec;

/// A peer with 1 MB/s both ways and an access delay of 10 ms, present during the whole run.
pub(crate) const PEER: NodeSpec = NodeSpec {
    arrives_at: Instant::START,
    follows: None,
    up: 1_000_000,
    down: 1_000_000,
    delay_ns: 10_000_000,
    region: 0,
    class: 0,
    client: 0,
    origin: false,
    stay: Stay::Forever,
    patience: None,
    session: None,
    reachable: true,
    corrupts: false,
    claims: Claims::Truth,
};

/// A peer that starts with every piece.
pub(crate) const ORIGIN: NodeSpec = NodeSpec {
    origin: true,
    ..PEER
};

pub(crate) fn client(policy: &str) -> ClientSpec {
    ClientSpec {
        name: policy.to_owned(),
        policy: policy.to_owned(),
        parameters: Parameters::new(),
        picker: "rarest_first".to_owned(),
        max_connections: 50,
        initiate: None,
        enough: None,
        upload_cap: None,
        download_cap: None,
        pipeline: Pipeline {
            queue_time: Duration::from_secs(3),
            min: 5,
            max: 500,
            start: 0,
        },
        snub_after: Duration::from_mins(1),
        endgame: Endgame::Capped,
        allowed_fast: AllowedFast::default(),
        aligned_ticks: false,
        peer_exchange: false,
        super_seed: false,
        rerequest_interval: Duration::from_mins(5),
        timers: Timers::default(),
    }
}

/// A swarm in which `nodes` share 64 pieces of 64 KiB under `policy`.
pub(crate) fn swarm(policy: &str, nodes: Vec<NodeSpec>) -> SwarmSpec {
    SwarmSpec {
        seed: 1,
        geometry: Geometry::new(64 * 65_536, 65_536).expect("sizes of a torrent"),
        nodes,
        classes: vec!["a".to_owned(), "b".to_owned()],
        clients: vec![client(policy)],
        tracker: TrackerSpec {
            numwant: 50,
            interval: Duration::from_mins(30),
            outages: Vec::new(),
        },
        network: NetworkSpec {
            engine: Engine::Exact,
            solver: Solver::Exact,
            base_delay_ns: 0,
            send_buffer_blocks: 4,
            shared_subnets: false,
            transport: TransportSpec::PLAIN,
        },
        regions: Regions::default(),
        break_mean: None,
        horizon: Instant::from_secs(3600),
        sample_every: Duration::from_secs(10),
    }
}

/// One origin and `count` equal leechers.
pub(crate) fn star(policy: &str, count: usize) -> SwarmSpec {
    let mut nodes = vec![PEER; count + 1];
    nodes[0] = ORIGIN;
    swarm(policy, nodes)
}

/// The header of a trace of `spec`, as if a scenario had been expanded to it.
pub(crate) fn header(spec: &SwarmSpec) -> Header {
    let client = |it: &ClientSpec| Client {
        name: it.name.clone(),
        policy: it.policy.clone(),
        picker: it.picker.clone(),
    };
    let node = |it: &NodeSpec| NodeInfo {
        class: it.class,
        client: it.client,
        origin: it.origin,
        reachable: it.reachable,
        corrupts: it.corrupts,
        arrives_ns: it.arrives_at.as_nanos(),
        up: it.up,
        down: it.down,
    };
    Header {
        scenario: "by hand".to_owned(),
        version: 1,
        seed: spec.seed,
        total_bytes: spec.geometry.total_bytes(),
        piece_bytes: spec.geometry.piece_bytes(),
        horizon_ns: spec.horizon.as_nanos(),
        classes: spec.classes.clone(),
        clients: spec.clients.iter().map(client).collect(),
        resolved: "# by hand\n".to_owned(),
        nodes: spec.nodes.iter().map(node).collect(),
    }
}

pub(crate) fn run(spec: &SwarmSpec) -> RunResult {
    unchoke_sim::world::run(spec, None).expect("a spec that can be run")
}
