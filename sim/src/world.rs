//! The simulated swarm: one clock, one event queue, and one [`unchoke_core::client::Client`] for
//! each present node. The clients take every decision of a client. The world only provides links,
//! streams and a tracker.
//!
//! This file holds the state and hands out events. The other files: `traffic` sends and receives
//! messages; `flows` moves blocks over links; `haves` treats the most frequent message; `outputs`
//! carries out the outputs of clients; `connect` opens and closes connections; `life` has arrival,
//! departure and timers; `clients` configures clients; `breaks` breaks connections; `transport` adds
//! headers and slow start; `tracker` knows who is present; `ending` makes the result and the final
//! checks.
//!
//! There are two engines, which run all of this in different order: see `engine`. `exact` has the
//! whole swarm in one queue. `windows` has parts of the swarm, which run side by side.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use unchoke_core::choke::ParameterError;
use unchoke_core::client::Input;
use unchoke_core::geometry::BlockRun;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams as Randomness;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Output;

mod breaks;
mod clients;
mod connect;
mod ending;
mod engine;
mod exact;
mod flows;
mod haves;
mod life;
mod outputs;
mod tracker;
mod traffic;
mod transport;
mod warm;
mod windows;

use crate::access::Access;
use crate::checker::Checker;
use crate::have_run::HaveRun;
use crate::node::{Group, Node, Peer};
use crate::places::Nodes;
use crate::queue::Alarms;
use crate::result::RunResult;
use crate::spec::{Engine as Choice, NodeSpec, SwarmSpec};
use crate::stream::{EndId, Streams};
use crate::trace::{Happening, Sink};
use breaks::Breaks;
use clients::Configs;
use engine::Engine;
use flows::Flows;
use outputs::Corruption;
use transport::Transport;
pub use windows::Cores;

/// Why a spec cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A policy that does not exist, or parameters that it does not take.
    #[error("client `{client}`: {error}")]
    Policy {
        /// Name of the client.
        client: String,
        /// What is wrong.
        error: ParameterError,
    },
    /// A picker that does not exist.
    #[error("client `{client}`: no picker is called `{picker}`")]
    Picker {
        /// Name of the client.
        client: String,
        /// The picker's name, as given.
        picker: String,
    },
    /// A node whose class, client or region is not listed.
    #[error("node {node} is of a class, client or region that is not listed")]
    Unlisted {
        /// Its position.
        node: u32,
    },
    /// Two nodes without a delay between them, in the windows engine.
    #[error("engine `windows` needs a delay between any two nodes, and two of them have none")]
    NoDelay,
    /// A node that follows a later one, or one that already has a follower.
    #[error("node {node} follows one that is not before it, or that another follows too")]
    Follows {
        /// Its position.
        node: u32,
    },
}

/// A scheduled event.
#[derive(Clone, Debug)]
enum Event<N> {
    /// A block arrives at an end.
    Block { to: EndId, block: BlockRef },
    /// Another message arrives at an end.
    Message { to: EndId, message: Message },
    /// Requests for these blocks arrive at an end.
    Requests { to: EndId, blocks: BlockRun },
    /// These `have`s arrive at an end.
    Haves { to: EndId, run: HaveRun },
    /// A dialler's handshake arrives.
    Dial { to: EndId },
    /// The answering handshake arrives.
    Opened { to: EndId },
    /// The connection attempt failed: refused, or no answer in time.
    Refused { to: EndId },
    /// The other side closed, and everything that it sent has arrived.
    Fin { to: EndId },
    /// A node arrives.
    Arrive { node: u32 },
    /// A node leaves because its time is over.
    Leave { node: u32 },
    /// A round trip of slow start number `start` ends at an end.
    Ramp { end: EndId, start: u32 },
    /// The patience of a node is over: it leaves unless it has completed.
    GiveUp { node: u32 },
    /// A connection breaks, unless it has closed already.
    Break { end: EndId, serial: u32 },
    /// What only the engine knows.
    Own(N),
}

/// The state of a swarm, or of a part of it, during a run.
#[derive(Debug)]
struct World<'a, E: Engine> {
    spec: &'a SwarmSpec,
    now: Instant,
    randomness: Randomness,
    configs: Configs,
    /// Index: place of the node. Separate from [`Node`], because every message looks it up.
    peers: Vec<Option<Box<Peer>>>,
    /// Index: place of the node.
    nodes: Vec<Node>,
    /// Index: place of the node.
    access: Vec<Access>,
    /// Index: node, of the whole swarm.
    groups: Arc<[Group]>,
    streams: Streams,
    flows: Flows,
    transport: Transport,
    /// Outputs of the torrent that is processed now; lent to it so that torrents share one buffer.
    outputs: VecDeque<Output>,
    /// Inputs that result from the outputs of the client that is processed now.
    replies: VecDeque<Input<Nodes>>,
    /// The connection over which the input came that is processed now, while it is open: its key and
    /// the end that got the input.
    asking: Option<(PeerKey, EndId)>,
    /// The end whose client is being asked whether it answers a handshake.
    knocking: Option<EndId>,
    /// Id: place of the node.
    timers: Alarms,
    corruption: Option<Corruption>,
    breaks: Option<Breaks>,
    checker: Checker,
    /// Pieces that the node of an end may serve while it chokes the other side (BEP 6).
    grants: BTreeMap<EndId, Vec<PieceIndex>>,
    engine: E,

    /// Leechers that have neither completed nor left, arrived or not.
    unfinished: u32,
    leechers: u32,
    seeds: u32,
    blocks: u64,
    inputs: u64,
    /// Payload sent and received since the last point of the time series.
    payload: (u64, u64),
    class_matrix: Vec<u64>,
    client_matrix: Vec<u64>,
}

/// Runs a swarm to its end. `sink` receives every significant event and has no influence on the
/// run.
pub fn run<'a>(
    spec: &'a SwarmSpec,
    sink: Option<&'a mut dyn Sink>,
) -> Result<RunResult, WorldError> {
    run_on(spec, sink, Cores::ONE)
}

/// The same on several cores, if the spec asks for an engine that can use them.
pub fn run_on<'a>(
    spec: &'a SwarmSpec,
    sink: Option<&'a mut dyn Sink>,
    cores: Cores,
) -> Result<RunResult, WorldError> {
    check(spec)?;
    match spec.network.engine {
        Choice::Exact => Ok(exact::run(spec, sink)),
        Choice::Windows => {
            let each_ns = windows::window_ns(spec).ok_or(WorldError::NoDelay)?;
            Ok(windows::run(spec, each_ns, sink, cores))
        }
    }
}

fn check(spec: &SwarmSpec) -> Result<(), WorldError> {
    for client in &spec.clients {
        let name = client.name.clone();
        client.build_policy().map_err(|error| WorldError::Policy {
            client: name.clone(),
            error,
        })?;
        if pick::build(&client.picker).is_none() {
            let picker = client.picker.clone();
            return Err(WorldError::Picker {
                client: name,
                picker,
            });
        }
    }
    let mut followed = BTreeSet::new();
    for (node, it) in (0..).zip(&spec.nodes) {
        let listed = usize::from(it.class) < spec.classes.len()
            && usize::from(it.client) < spec.clients.len()
            && usize::from(it.region) < spec.regions.names.len().max(1);
        if !listed {
            return Err(WorldError::Unlisted { node });
        }
        if it
            .follows
            .is_some_and(|it| it >= node || !followed.insert(it))
        {
            return Err(WorldError::Follows { node });
        }
    }
    Ok(())
}

/// What each node is.
fn groups(spec: &SwarmSpec) -> Arc<[Group]> {
    let group = |it: &NodeSpec| Group {
        class: it.class,
        client: it.client,
    };
    spec.nodes.iter().map(group).collect()
}

impl<'a, E: Engine> World<'a, E> {
    /// A world of these nodes of a swarm. Nobody has arrived.
    fn new(spec: &'a SwarmSpec, groups: Arc<[Group]>, nodes: Range<u32>, engine: E) -> Self {
        let count = nodes.len();
        let mut timers = Alarms::new();
        timers.grow(nodes.end - nodes.start);
        let own = &spec.nodes[nodes.start as usize..nodes.end as usize];
        let leechers = own.iter().filter(|it| !it.origin).count();
        let corrupts = spec.nodes.iter().any(|it| it.corrupts);
        Self {
            spec,
            now: Instant::START,
            randomness: Randomness::new(spec.seed),
            configs: Configs::new(spec),
            peers: (0..count).map(|_| None).collect(),
            nodes: vec![Node::default(); count],
            access: vec![Access::default(); count],
            groups,
            streams: Streams::new(),
            flows: Flows::default(),
            transport: Transport::new(spec.network.transport, count),
            outputs: VecDeque::new(),
            replies: VecDeque::new(),
            asking: None,
            knocking: None,
            timers,
            corruption: corrupts.then(Corruption::default),
            breaks: spec.break_mean.map(Breaks::new),
            checker: Checker::default(),
            grants: BTreeMap::new(),
            engine,
            unfinished: u32::try_from(leechers).expect("as many as nodes"),
            leechers: 0,
            seeds: 0,
            blocks: 0,
            inputs: 0,
            payload: (0, 0),
            class_matrix: vec![0; spec.classes.len().pow(2)],
            client_matrix: vec![0; spec.clients.len().pow(2)],
        }
    }

    fn on_event(&mut self, event: Event<E::Notice>) {
        match event {
            Event::Block { to, block } => self.on_block(to, block),
            Event::Message { to, message } => self.on_arrival(to, message),
            Event::Requests { to, blocks } => self.on_requests(to, blocks),
            Event::Haves { to, run } => self.on_have_run(to, run),
            Event::Dial { to } => self.on_dial(to),
            Event::Opened { to } => self.on_opened(to),
            Event::Refused { to } => self.on_refused(to),
            Event::Fin { to } => self.on_fin(to),
            Event::Arrive { node } => self.on_arrive(node),
            Event::Leave { node } => self.leave(node),
            Event::Ramp { end, start } => self.on_ramp(end, start),
            Event::GiveUp { node } => self.give_up(node),
            Event::Break { end, serial } => self.on_break(end, serial),
            Event::Own(notice) => E::on_notice(self, notice),
        }
    }

    fn note(&mut self, happening: Happening) {
        self.engine.note(self.now, happening);
    }
}
