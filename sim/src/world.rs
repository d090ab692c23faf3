//! The simulated swarm: one clock, one event queue, and one [`unchoke_core::client::Client`] for
//! each present node. The clients take every decision of a client. The world only provides links,
//! streams and a tracker.
//!
//! This file holds the state and the main loop. The other files: `traffic` sends and receives
//! messages; `flows` moves blocks over links; `haves` treats the most frequent message; `outputs`
//! carries out the outputs of clients; `connect` opens and closes connections; `life` has arrival,
//! announces, departure and timers; `clients` configures clients; `breaks` breaks connections;
//! `transport` adds headers and slow start; `warm` loads memory ahead of use; `ending` makes the
//! result and the final checks.
//!
//! Events of the same instant happen in this order: completed flows, by uplink; queued events, in
//! the order in which they were scheduled; timers, by node. Link rates are solved once, when
//! nothing is left to happen at the instant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
mod flows;
mod haves;
mod life;
mod outputs;
mod tracker;
mod traffic;
mod transport;
mod warm;

use crate::access::{Access, Target};
use crate::checker::Checker;
use crate::link::{HostId, Links};
use crate::node::{Group, Node, Peer};
use crate::places::Nodes;
use crate::queue::{Alarms, DelayLines, LineId};
use crate::result::{RunResult, Sample};
use crate::spec::SwarmSpec;
use crate::stream::{EndId, Streams};
use crate::trace::{Happening, Sink, Trace};
use breaks::Breaks;
use clients::Configs;
use flows::Flows;
use outputs::Corruption;
use tracker::Tracker;
use transport::Transport;
use warm::Departures;

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
    /// A node that follows a later one, or one that already has a follower.
    #[error("node {node} follows one that is not before it, or that another follows too")]
    Follows {
        /// Its position.
        node: u32,
    },
}

/// A scheduled event.
#[derive(Clone, Debug)]
enum Event {
    /// A block arrives at an end.
    Block { to: EndId, block: BlockRef },
    /// Another message arrives at an end.
    Message { to: EndId, message: Message },
    /// Requests for these blocks arrive at an end.
    Requests { to: EndId, blocks: BlockRun },
    /// The `have` of a piece arrives at the next `count` ends in the line's list of targets.
    Haves {
        line: LineId,
        piece: PieceIndex,
        count: u32,
    },
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
    /// The next point of the time series.
    Sample,
}

/// The state of a swarm during a run.
struct World<'a> {
    spec: &'a SwarmSpec,
    now: Instant,
    randomness: Randomness,
    configs: Configs,
    /// Index: node. Separate from [`Node`], because every message looks it up.
    peers: Vec<Option<Box<Peer>>>,
    nodes: Vec<Node>,
    /// Index: node.
    access: Vec<Access>,
    /// Index: node.
    groups: Vec<Group>,
    links: Links,
    streams: Streams,
    flows: Flows,
    departures: Departures,
    /// Whether memory is fetched ahead. See [`warm`].
    looks_ahead: bool,
    transport: Transport,
    queue: DelayLines<Event>,
    /// Outputs of the torrent that is processed now; lent to it so that torrents share one buffer.
    outputs: VecDeque<Output>,
    /// Inputs that result from the outputs of the client that is processed now.
    replies: VecDeque<Input<Nodes>>,
    /// The connection over which the input came that is processed now, while it is open: its key and
    /// the end that got the input.
    asking: Option<(PeerKey, EndId)>,
    /// The end whose client is being asked whether it answers a handshake.
    knocking: Option<EndId>,
    /// For each delay line: where its `Event::Haves` arrive, in order. Index: line.
    have_targets: Vec<VecDeque<Target>>,
    /// Id: node.
    timers: Alarms,
    tracker: Tracker,
    corruption: Option<Corruption>,
    breaks: Option<Breaks>,
    /// The node that joins when another leaves. Key: the one that leaves.
    followers: BTreeMap<u32, u32>,
    checker: Checker,
    /// Pieces that the node of an end may serve while it chokes the other side (BEP 6).
    grants: BTreeMap<EndId, Vec<PieceIndex>>,
    trace: Trace<'a>,

    /// Leechers that have neither completed nor left, arrived or not.
    unfinished: u32,
    leechers: u32,
    seeds: u32,
    blocks: u64,
    inputs: u64,
    /// Payload sent and received since the last point of the time series.
    window: (u64, u64),
    series: Vec<Sample>,
    class_matrix: Vec<u64>,
    client_matrix: Vec<u64>,
}

/// Runs a swarm to its end. `sink` receives every significant event and has no influence on the
/// run.
pub fn run<'a>(
    spec: &'a SwarmSpec,
    sink: Option<&'a mut dyn Sink>,
) -> Result<RunResult, WorldError> {
    check(spec)?;
    let mut world = World::new(spec, sink);
    world.run();
    world.hand_over_all();
    world.close_all();
    Ok(world.end())
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

impl<'a> World<'a> {
    fn new(spec: &'a SwarmSpec, sink: Option<&'a mut dyn Sink>) -> Self {
        let count = u32::try_from(spec.nodes.len()).expect("fewer than 2^32 nodes");
        let mut links = Links::new(spec.network.solver);
        let mut queue = DelayLines::new();
        let mut access = Vec::with_capacity(spec.nodes.len());
        let mut groups = Vec::with_capacity(spec.nodes.len());
        let mut followers = BTreeMap::new();
        for (node, it) in (0..).zip(&spec.nodes) {
            let host = links.add_host(it.up, it.down);
            assert_eq!(host, HostId(node), "hosts are numbered like nodes");
            access.push(Access::default());
            groups.push(Group {
                class: it.class,
                client: it.client,
            });
            match it.follows {
                Some(before) => {
                    followers.insert(before, node);
                }
                None => queue.push_any(it.arrives_at, Event::Arrive { node }),
            }
        }
        queue.push_any(Instant::START.after(spec.sample_every), Event::Sample);
        let mut timers = Alarms::new();
        timers.grow(count);
        let leechers = spec.nodes.iter().filter(|it| !it.origin).count();
        let corrupts = spec.nodes.iter().any(|it| it.corrupts);
        Self {
            spec,
            now: Instant::START,
            randomness: Randomness::new(spec.seed),
            configs: Configs::new(spec),
            peers: (0..count).map(|_| None).collect(),
            nodes: vec![Node::default(); spec.nodes.len()],
            access,
            groups,
            links,
            streams: Streams::new(),
            flows: Flows::default(),
            departures: Departures::default(),
            looks_ahead: warm::is_worth_it(spec.nodes.len()),
            transport: Transport::new(spec.network.transport, spec.nodes.len()),
            queue,
            outputs: VecDeque::new(),
            replies: VecDeque::new(),
            asking: None,
            knocking: None,
            have_targets: Vec::new(),
            timers,
            tracker: Tracker::new(count, &spec.tracker),
            corruption: corrupts.then(Corruption::default),
            breaks: spec.break_mean.map(Breaks::new),
            followers,
            checker: Checker::default(),
            grants: BTreeMap::new(),
            trace: Trace::new(sink),
            unfinished: u32::try_from(leechers).expect("as many as nodes"),
            leechers: 0,
            seeds: 0,
            blocks: 0,
            inputs: 0,
            window: (0, 0),
            series: Vec::new(),
            class_matrix: vec![0; spec.classes.len().pow(2)],
            client_matrix: vec![0; spec.clients.len().pow(2)],
        }
    }

    fn run(&mut self) {
        let mut warmed = 0;
        while self.unfinished > 0 {
            let event = self.queue.peek().map_or(Instant::NEVER, |it| it.at);
            let flow = self.links.next_due().unwrap_or(Instant::NEVER);
            let next = event.min(flow).min(self.timers.next_at());
            if next > self.now && self.links.is_dirty() {
                self.links.solve(self.now);
                continue;
            }
            if next > self.spec.horizon || next == Instant::NEVER {
                self.now = self.spec.horizon;
                return;
            }
            assert!(next >= self.now, "time never runs backwards");
            self.now = next;
            if flow == next {
                if self.looks_ahead {
                    self.warm_departures();
                }
                while let Some(flow) = self.links.pop_due(next) {
                    self.on_block_left(flow);
                }
            } else if event == next {
                if self.looks_ahead && warmed == 0 {
                    self.warm_events();
                    warmed = warm::AHEAD;
                }
                warmed -= u32::from(warmed > 0);
                let (_, event) = self.queue.pop().expect("just seen");
                self.on_event(event);
            } else {
                let (_, node) = self.timers.peek().expect("just seen");
                self.on_timer(node);
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Block { to, block } => self.on_block(to, block),
            Event::Message { to, message } => self.on_arrival(to, message),
            Event::Requests { to, blocks } => self.on_requests(to, blocks),
            Event::Haves { line, piece, count } => self.on_haves(line, piece, count),
            Event::Dial { to } => self.on_dial(to),
            Event::Opened { to } => self.on_opened(to),
            Event::Refused { to } => self.on_refused(to),
            Event::Fin { to } => self.on_fin(to),
            Event::Arrive { node } => self.on_arrive(node),
            Event::Leave { node } => self.leave(node),
            Event::Ramp { end, start } => self.on_ramp(end, start),
            Event::GiveUp { node } => self.give_up(node),
            Event::Break { end, serial } => self.on_break(end, serial),
            Event::Sample => self.on_sample(),
        }
    }

    fn note(&mut self, happening: Happening) {
        self.trace.note(self.now, happening);
    }
}
