//! Decides which swarms can run as processes, and makes the command line of each.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use unchoke_core::rng::{Purpose, Streams};
use unchoke_core::torrent::{Claims, Endgame};
use unchoke_sim::spec::{ClientSpec, NodeSpec, Stay, SwarmSpec};
use unchoke_sim::units::show_time;

use super::TestbedError;

/// Most processes on one machine.
const MAX_PEERS: usize = 200;

/// Most bytes of payload that all processes together store.
const MAX_BYTES: u64 = 4 << 30;

/// Longest real run, whatever the scenario says.
const MAX_TIME: Duration = Duration::from_mins(30);

/// Latest end: all peers are stopped then, complete or not.
#[must_use]
pub fn deadline(spec: &SwarmSpec) -> Duration {
    Duration::from_nanos(spec.horizon.as_nanos()).min(MAX_TIME)
}

/// Whether the node has only properties that a process can have.
fn is_plain(it: &NodeSpec) -> bool {
    let plain = NodeSpec {
        follows: None,
        delay_ns: 0,
        region: 0,
        patience: None,
        session: None,
        reachable: true,
        corrupts: false,
        claims: Claims::Truth,
        ..*it
    };
    *it == plain && !matches!(it.stay, Stay::For(_))
}

/// Whether the command line of the client can express this client.
fn is_usual(it: &ClientSpec) -> bool {
    !it.aligned_ticks && !it.super_seed
}

/// Checks that the swarm can run as processes. If not, says what to change.
pub fn check(spec: &SwarmSpec) -> Result<(), TestbedError> {
    let bytes = spec.geometry.total_bytes() * spec.nodes.len() as u64;
    let outside = !spec.regions.names.is_empty()
        || spec.break_mean.is_some()
        || !spec.tracker.outages.is_empty()
        || spec.network.base_delay_ns > 0;
    let faults = [
        (
            spec.nodes.len() > MAX_PEERS,
            "more than 200 peers are more than one machine runs: set peers.count",
        ),
        (
            bytes > MAX_BYTES,
            "all copies together are more than 4 GiB: set torrent.size or peers.count",
        ),
        (
            outside || !spec.nodes.iter().all(is_plain),
            "real processes here have links without delay or loss of connection, a tracker that \
             always answers, and are honest and patient: set network.base_delay and every delay to \
             0 s and peers.stay.model to at_once or forever, and leave regions, faults, \
             peers.reachable, patience, session and rejoins alone",
        ),
        (
            !spec.clients.iter().all(is_usual),
            "the client neither rechokes together with others nor hides pieces: leave aligned_ticks \
             and super_seed alone",
        ),
        (
            !spec.nodes.iter().any(|it| !it.origin),
            "there is nobody to download",
        ),
    ];
    match faults.into_iter().find(|it| it.0) {
        Some((_, sentence)) => Err(TestbedError::Unfit(sentence.to_owned())),
        None => Ok(()),
    }
}

/// Where the peers listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Each has its own address; all use the same port.
    Own,
    /// All use loopback; each has its own port, counting from this one.
    Ports(u16),
}

/// Port of peers that have their own addresses.
const PORT: u16 = 6881;

impl Addresses {
    /// Where the peer at this position listens.
    #[must_use]
    pub fn of(self, node: usize) -> SocketAddrV4 {
        match self {
            Self::Own => {
                let low = u8::try_from(node + 1).expect("at most 200 peers");
                SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, low), PORT)
            }
            Self::Ports(first) => {
                let port = first + u16::try_from(node).expect("at most 200 peers");
                SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
            }
        }
    }
}

/// The peers that each peer is told of: those in the first answer that the simulated tracker would
/// give.
#[must_use]
pub fn introductions(spec: &SwarmSpec) -> Vec<Vec<usize>> {
    let streams = Streams::new(spec.seed);
    let all = 0..spec.nodes.len();
    let told = |node: usize| {
        let mut others: Vec<usize> = all.clone().filter(|it| *it != node).collect();
        let entity = u32::try_from(node).expect("at most 200 peers");
        streams
            .stream(Purpose::Tracker, entity)
            .shuffle(&mut others);
        others.truncate(spec.tracker.numwant as usize);
        others
    };
    all.clone().map(told).collect()
}

/// Client settings without an option of their own, as keys and values.
fn keys(client: &ClientSpec) -> Vec<(String, String)> {
    let allowed = client.allowed_fast;
    let by = if allowed.whole_address {
        "address"
    } else {
        "network"
    };
    let endgame = match client.endgame {
        Endgame::Off => "false",
        Endgame::Capped => "true",
        Endgame::Strict => "strict",
    };
    let all = [
        ("queue_time", show_time(client.pipeline.queue_time)),
        ("min_requests", client.pipeline.min.to_string()),
        ("max_requests", client.pipeline.max.to_string()),
        ("snub_after", show_time(client.snub_after)),
        ("endgame", endgame.to_owned()),
        ("allowed_fast", allowed.grants.to_string()),
        ("allowed_fast_by", by.to_owned()),
        ("takes_allowed_fast", allowed.takes.to_string()),
        ("dial_timeout", show_time(client.timers.dial)),
        ("handshake_timeout", show_time(client.timers.handshake)),
        ("idle_timeout", show_time(client.timers.idle)),
        ("keep_alive", show_time(client.timers.keep_alive)),
        ("peer_exchange", client.peer_exchange.to_string()),
    ];
    let start = Some(client.pipeline.start).filter(|it| *it != 0);
    let bounds = [
        ("start_requests", start),
        ("initiate", client.initiate),
        ("enough", client.enough),
    ];
    let bounds = bounds
        .into_iter()
        .filter_map(|(key, it)| Some((key, it?.to_string())));
    let keys = all
        .into_iter()
        .chain(bounds)
        .map(|(key, it)| (key.to_owned(), it));
    let parameters = client.parameters.iter();
    let parameters = parameters.map(|(name, it)| (format!("parameters.{name}"), it.to_string()));
    keys.chain(parameters).collect()
}

/// Command-line arguments of one peer's process, without its files and its peers.
#[must_use]
pub fn arguments(spec: &SwarmSpec, node: usize, caps: bool) -> Vec<String> {
    let it = &spec.nodes[node];
    let client = &spec.clients[usize::from(it.client)];
    let mut words = [
        "--json",
        "--no-tracker",
        "--no-dht",
        "--no-lsd",
        "--portmap",
        "never",
    ]
    .map(String::from)
    .to_vec();
    let mut option = |name: &str, value: String| {
        words.extend([name.to_owned(), value]);
    };
    option("--policy", client.policy.clone());
    option("--max-connections", client.max_connections.to_string());
    // Use the same random numbers as the simulated peer: the time of its first rounds decides a short run.
    option("--run-seed", spec.seed.to_string());
    option("--run-peer", node.to_string());
    for (key, value) in keys(client) {
        option("--set", format!("{key}={value}"));
    }
    option("--timeout", format!("{} s", deadline(spec).as_secs() + 60));
    let least = |cap: Option<u64>, link: u64| match (cap, caps) {
        (cap, true) => Some(cap.unwrap_or(u64::MAX).min(link)),
        (cap, false) => cap,
    };
    if let Some(rate) = least(client.upload_cap, it.up) {
        option("--upload-cap", format!("{rate} B/s"));
    }
    if let Some(rate) = least(client.download_cap, it.down) {
        option("--download-cap", format!("{rate} B/s"));
    }
    if !it.origin {
        option("--picker", client.picker.clone());
        if it.stay == Stay::Forever {
            words.push("--seed".to_owned());
        }
    }
    words
}
