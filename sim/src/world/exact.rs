//! The exact engine: one queue for the whole swarm, and rates solved at each instant.
//!
//! Events of the same instant happen in this order: completed flows, by uplink; queued events, in
//! the order in which they were scheduled; timers, by node. Link rates are solved once, when
//! nothing is left to happen at the instant.

use std::collections::{BTreeMap, VecDeque};

use unchoke_core::client::Input;
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::time::Instant;

mod warm;

use super::ending::{Totals, bytes_on_the_way};
use super::engine::{Batch, Engine, Knock};
use super::tracker::Tracker;
use super::{Event, World};
use crate::access::{Access, Target};
use crate::link::{FlowId, HostId, Links, SolverWork};
use crate::node::{Contact, Peer};
use crate::queue::{DelayLines, LineId, give_back};
use crate::result::{RunResult, Sample};
use crate::spec::SwarmSpec;
use crate::stream::{End, EndId, HAVE_BYTES, Item};
use crate::trace::{Happening, Sink, Trace};
use warm::{AHEAD, Departures};

/// Events of the exact engine alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// The `have` of a piece arrives at the next `count` ends in the line's list of targets.
    Haves {
        line: LineId,
        piece: PieceIndex,
        count: u32,
    },
    /// The next point of the time series.
    Sample,
}

/// What the exact engine has beside its world.
#[derive(Debug)]
pub(super) struct Exact<'a> {
    links: Links,
    queue: DelayLines<Event<Notice>>,
    /// For each delay line: where its `have`s arrive, in order. Index: line.
    have_targets: Vec<VecDeque<Target>>,
    departures: Departures,
    /// Whether memory is fetched ahead. See [`warm`].
    looks_ahead: bool,
    tracker: Tracker,
    /// The node that joins when another leaves. Key: the one that leaves.
    followers: BTreeMap<u32, u32>,
    trace: Trace<'a>,
    series: Vec<Sample>,
}

impl<'a> Exact<'a> {
    fn new(spec: &SwarmSpec, count: u32, sink: Option<&'a mut dyn Sink>) -> Self {
        let mut links = Links::new(spec.network.solver);
        let mut queue = DelayLines::new();
        for (node, it) in (0..).zip(&spec.nodes) {
            let host = links.add_host(it.up, it.down);
            assert_eq!(host, HostId(node), "hosts are numbered like nodes");
            if it.follows.is_none() {
                queue.push_any(it.arrives_at, Event::Arrive { node });
            }
        }
        let first = Instant::START.after(spec.sample_every);
        queue.push_any(first, Event::Own(Notice::Sample));
        Self {
            links,
            queue,
            have_targets: Vec::new(),
            departures: Departures::default(),
            looks_ahead: warm::is_worth_it(spec.nodes.len()),
            tracker: Tracker::new(count, &spec.tracker),
            followers: spec.followers(),
            trace: Trace::new(sink),
            series: Vec::new(),
        }
    }
}

/// Runs a swarm to its end.
pub(super) fn run<'a>(spec: &'a SwarmSpec, sink: Option<&'a mut dyn Sink>) -> RunResult {
    let count = u32::try_from(spec.nodes.len()).expect("fewer than 2^32 nodes");
    let mut world = World::new(
        spec,
        super::groups(spec),
        0..count,
        Exact::new(spec, count, sink),
    );
    world.run();
    world.hand_over_all();
    world.close_all();
    let (now, series) = (world.now, std::mem::take(&mut world.engine.series));
    let (digest, solver): (u64, SolverWork) =
        (world.engine.trace.digest(), world.engine.links.work());
    let on_the_way = world.engine.queue.iter().map(|event| match event {
        Event::Own(Notice::Haves { count, .. }) => u64::from(count * HAVE_BYTES),
        event => bytes_on_the_way(event),
    });
    let under_way = on_the_way.sum();
    let mut totals = Totals::new(spec);
    totals.add(&world, under_way);
    totals.result(spec, now, series, digest, solver)
}

impl World<'_, Exact<'_>> {
    fn run(&mut self) {
        let mut warmed = 0;
        while self.unfinished > 0 {
            let engine = &mut self.engine;
            let event = engine.queue.peek().map_or(Instant::NEVER, |it| it.at);
            let flow = engine.links.next_due().unwrap_or(Instant::NEVER);
            let next = event.min(flow).min(self.timers.next_at());
            if next > self.now && engine.links.is_dirty() {
                engine.links.solve(self.now);
                continue;
            }
            if next > self.spec.horizon || next == Instant::NEVER {
                self.now = self.spec.horizon;
                return;
            }
            assert!(next >= self.now, "time never runs backwards");
            self.now = next;
            if flow == next {
                if self.engine.looks_ahead {
                    self.warm_departures();
                }
                while let Some(flow) = self.engine.links.pop_due(next) {
                    self.on_block_left(flow);
                }
            } else if event == next {
                if self.engine.looks_ahead && warmed == 0 {
                    self.warm_events();
                    warmed = AHEAD;
                }
                warmed -= u32::from(warmed > 0);
                let (_, event) = self.engine.queue.pop().expect("just seen");
                self.on_event(event);
            } else {
                let (_, node) = self.timers.peek().expect("just seen");
                self.on_timer(node);
            }
        }
    }

    /// A `have` arrives at the next `count` targets of a line.
    fn on_haves(&mut self, line: LineId, piece: PieceIndex, count: u32) {
        let index = line.index().expect("only lines carry these");
        let mut left = count as usize;
        while left > 0 {
            let some = left.min(AHEAD as usize);
            let mut targets = [Target::NOBODY; AHEAD as usize];
            let taken = self.engine.have_targets[index].drain(..some);
            targets.iter_mut().zip(taken).for_each(|(at, it)| *at = it);
            if self.engine.looks_ahead {
                self.warm_haves(&targets[..some], piece);
            }
            self.deliver(&targets[..some], piece);
            left -= some;
        }
        give_back(&mut self.engine.have_targets[index]);
    }

    fn on_sample(&mut self) {
        let every = self.spec.sample_every;
        let sample = self.count().sample(self.now, every);
        self.engine.series.push(sample);
        if !every.is_zero() {
            let next = self.now.after(every);
            self.engine.queue.push_any(next, Event::Own(Notice::Sample));
        }
    }
}

impl Engine for Exact<'_> {
    type Notice = Notice;

    const IS_SPLIT: bool = false;

    #[inline]
    fn at(&self, node: u32) -> usize {
        node as usize
    }

    fn node(&self, at: usize) -> u32 {
        u32::try_from(at).expect("fewer than 2^32 nodes")
    }

    fn on_notice(world: &mut World<'_, Self>, notice: Notice) {
        match notice {
            Notice::Haves { line, piece, count } => world.on_haves(line, piece, count),
            Notice::Sample => world.on_sample(),
        }
    }

    fn plan(&mut self, at: Instant, _: u32, event: Event<Notice>) {
        self.queue.push_any(at, event);
    }

    fn plan_after(&mut self, now: Instant, wait_ns: u64, _: u32, event: Event<Notice>) {
        self.queue.push(now, wait_ns, event);
    }

    fn line(&mut self, delay_ns: u64) -> LineId {
        self.queue.line(delay_ns)
    }

    #[inline]
    fn there(&self, end: EndId) -> EndId {
        end.other()
    }

    fn knock(&mut self, now: Instant, wait_ns: u64, knock: Knock, _: u32) {
        let to = knock.from.other();
        self.queue.push(now, wait_ns, Event::Dial { to });
    }

    #[inline]
    fn post(&mut self, now: Instant, mine: &End, _: &End, event: Event<Notice>) {
        self.queue.push_on(now, mine.line, mine.delay_ns, event);
    }

    #[inline]
    fn last_posted(&mut self, now: Instant, mine: &End, _: &End) -> Option<&mut Event<Notice>> {
        self.queue.last_on(now, mine.line, mine.delay_ns)
    }

    #[inline]
    fn post_have(
        world: &mut World<'_, Self>,
        _: u32,
        contact: &Contact,
        piece: PieceIndex,
        batch: &mut Batch,
    ) -> bool {
        let line = contact.line;
        let Some(index) = line.index() else {
            world.emit(contact.end, Item::Message(Message::Have(piece)));
            return false;
        };
        let lines = &mut world.engine.have_targets;
        if lines.len() <= index {
            lines.resize_with(index + 1, Default::default);
        }
        lines[index].push_back(Target {
            end: contact.end.other(),
            node: contact.node,
            key: contact.key(),
        });
        match batch {
            Some((before, count)) if *before == line => *count += 1,
            _ => {
                world.engine.flush_haves(world.now, *batch, piece);
                *batch = Some((line, 1));
            }
        }
        true
    }

    fn flush_haves(&mut self, now: Instant, batch: Batch, piece: PieceIndex) {
        if let Some((line, count)) = batch {
            let event = Event::Own(Notice::Haves { line, piece, count });
            self.queue.push_line(now, line, event);
        }
    }

    fn tell_key(world: &mut World<'_, Self>, end: EndId, key: PeerKey) {
        let other = world.streams[end.other()];
        if let Some(host) = world.peers[other.node as usize].as_mut() {
            host.met(other.key(), end.other(), key);
        }
    }

    fn post_opened(world: &mut World<'_, Self>, end: EndId) {
        world.post(end, Event::Opened { to: end.other() });
    }

    #[inline]
    fn begin_inflow(world: &mut World<'_, Self>, end: EndId) {
        let dst = world.streams[end.other()].node;
        world.access[dst as usize].begin_inflow();
    }

    #[inline]
    fn end_inflow(world: &mut World<'_, Self>, end: EndId) {
        let dst = world.streams[end.other()].node;
        world.access[dst as usize].end_inflow();
    }

    #[inline]
    fn down_debt<'it>(
        &'it mut self,
        access: &'it mut [Access],
        dst: u32,
        _: FlowId,
    ) -> &'it mut u32 {
        &mut access[dst as usize].down_debt
    }

    #[inline]
    fn on_block_came(_: &mut World<'_, Self>, _: EndId) {}

    #[inline]
    fn resumed(&self, _: EndId) -> Option<FlowId> {
        None
    }

    #[inline]
    fn start_flow(
        &mut self,
        now: Instant,
        flow: FlowId,
        ends: (HostId, HostId),
        bytes: u64,
        ceiling: Option<u64>,
    ) {
        self.links.start(now, flow, ends, bytes, ceiling);
    }

    #[inline]
    fn extend_flow(&mut self, now: Instant, flow: FlowId, bytes: u64) {
        self.links.extend(now, flow, bytes);
    }

    #[inline]
    fn stop_flow(&mut self, _: Instant, _: EndId, flow: FlowId) -> bool {
        self.links.stop(flow);
        true
    }

    fn left(&self, now: Instant, flow: FlowId) -> u64 {
        self.links.left(now, flow)
    }

    fn rate(&self, flow: FlowId) -> Option<u64> {
        Some(self.links.rate(flow))
    }

    fn set_weight(&mut self, flow: FlowId, weight: u32) {
        self.links.set_weight(flow, weight);
    }

    fn set_ceiling(&mut self, flow: FlowId, ceiling: Option<u64>) {
        self.links.set_ceiling(flow, ceiling);
    }

    fn register(&mut self, node: u32) {
        self.tracker.join(node);
    }

    fn unregister(&mut self, node: u32) {
        self.tracker.leave(node);
    }

    /// The tracker answers at once, or not at all during an outage.
    fn ask(world: &mut World<'_, Self>, node: u32, peer: &mut Peer, tracker: usize, answers: bool) {
        let outcome = answers.then(|| world.heard(node, peer, &world.engine.tracker));
        let answer = Input::Announced { tracker, outcome };
        world.replies.push_back(answer);
    }

    fn vacate(&mut self, now: Instant, node: u32) {
        if let Some(node) = self.followers.get(&node).copied() {
            self.queue.push_any(now, Event::Arrive { node });
        }
    }

    #[inline]
    fn note(&mut self, now: Instant, happening: Happening) {
        self.trace.note(now, happening);
    }
}
