//! Some nodes of the swarm: what they have of the engine, and what they leave to the centre.

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;

use super::division::Division;
use super::mail::{Later, Mail, Notice, Outbox};
use super::pile::Pile;
use super::report::{Change, Report, Visit};
use super::soon::Soon;
use crate::access::{Access, Target};
use crate::link::{FlowId, Held, HostId};
use crate::node::{Contact, Peer};
use crate::queue::{EventQueue, LINES_MAX, LineId, Stamp};
use crate::stream::{End, EndId};
use crate::trace::{Digest, Happening};
use crate::world::engine::{Batch, Engine, Knock};
use crate::world::{Event, World};

/// A downlink hands over its debt to a sender in steps of at least this many bytes.
const OWED_AT_A_TIME: u32 = 512;

/// An announce that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) node: u32,
    pub(super) tracker: usize,
    pub(super) answers: bool,
}

/// A flow that has stopped. Its rate is free only when the window is over.
#[derive(Clone, Copy, Debug)]
struct Stopped {
    at: Instant,
    end: EndId,
    flow: FlowId,
    rate: u64,
}

/// What the windows engine has beside a world of some nodes.
#[derive(Debug)]
pub(in crate::world) struct Shard {
    pub(super) division: Division,
    /// Its number.
    pub(super) number: usize,
    pub(super) first: u32,
    /// The node whose turn it is.
    pub(super) present: u32,
    /// The delay of each line, ns. The rarer ones have none.
    delays: Vec<u64>,
    /// End of the current window; nothing happens at this time or later.
    pub(super) end: Instant,
    pub(super) held: Held,
    /// Flows that have stopped in this window, and the rates that they had. They may go on.
    stopped: Vec<Stopped>,
    /// Numbers of flows that have stopped in the last window.
    pub(super) freed: Vec<FlowId>,
    /// Bytes that each flow owes for the downlink of its receiver. Index: flow.
    owed: Vec<u32>,
    /// The other end of each connection, where the other node is. Index: connection.
    remotes: Vec<EndId>,
    /// The number of the dial that a connection began with. Index: connection.
    pub(super) dials: Vec<u32>,
    /// Number of dials. Only the order of the dials of one node matters.
    dialled: u32,
    pub(super) outbox: Outbox,
    /// Mail from each shard.
    pub(super) inbox: Vec<Vec<Mail>>,
    pub(super) later: Later,
    /// Mail of the current window.
    pub(super) pile: Pile,
    pub(super) warmed: Soon,
    /// What the present node has to do by itself before the window is over.
    pub(super) soon: EventQueue<Event<Notice>>,
    sequence: u64,
    pub(super) asks: Vec<Ask>,
    pub(super) report: Report,
    pub(super) is_watched: bool,
    /// Index: place of the node.
    digests: Vec<Digest>,
}

impl Shard {
    pub(super) fn new(division: Division, number: usize, is_watched: bool) -> Self {
        let (nodes, shards) = (division.nodes(number), division.shards());
        let count = nodes.end - nodes.start;
        Self {
            division,
            number,
            first: nodes.start,
            present: nodes.start,
            delays: Vec::new(),
            end: Instant::START,
            held: Held::new(count),
            stopped: Vec::new(),
            freed: Vec::new(),
            owed: Vec::new(),
            remotes: Vec::new(),
            dials: Vec::new(),
            dialled: 0,
            outbox: Outbox::new(shards),
            inbox: (0..shards).map(|_| Vec::new()).collect(),
            later: Later::default(),
            pile: Pile::new(count as usize),
            warmed: Soon::default(),
            soon: EventQueue::new(),
            sequence: 0,
            asks: Vec::new(),
            report: Report::default(),
            is_watched,
            digests: vec![Digest::default(); count as usize],
        }
    }

    /// Adds the digests of its nodes.
    pub(super) fn add_digests(&self, sum: &mut Digest) {
        self.digests.iter().for_each(|it| sum.add(*it));
    }

    /// The node whose turn it was has done all. Its flows that have not gone on have ended.
    pub(super) fn end_flows(&mut self) {
        for it in std::mem::take(&mut self.stopped) {
            let flow = self.number_of(it.flow);
            self.report.changes.push(Change::Stop(flow, it.at));
            self.freed.push(it.flow);
        }
    }

    fn mail(&mut self, at: Instant, (from, to): (u32, u32), event: Event<Notice>) {
        let shard = self.division.of(to);
        let mail = Mail {
            at,
            to,
            from,
            event,
        };
        self.outbox.push(shard, mail);
    }

    /// The number of a flow of this shard among those of all shards.
    fn number_of(&self, flow: FlowId) -> FlowId {
        let shards = u32::try_from(self.inbox.len()).expect("no more than nodes");
        let own = u32::try_from(self.number).expect("no more than nodes");
        FlowId(flow.0 * shards + own)
    }

    pub(super) fn set_remote(&mut self, end: EndId, remote: EndId) {
        let index = end.index() / 2;
        if self.remotes.len() <= index {
            self.remotes.resize(index + 1, EndId::LAST);
        }
        self.remotes[index] = remote;
    }
}

impl Engine for Shard {
    type Notice = Notice;

    const IS_SPLIT: bool = true;

    #[inline]
    fn at(&self, node: u32) -> usize {
        (node - self.first) as usize
    }

    fn node(&self, at: usize) -> u32 {
        self.first + u32::try_from(at).expect("fewer than 2^32 nodes")
    }

    fn on_notice(world: &mut World<'_, Self>, notice: Notice) {
        match notice {
            Notice::Knock { knock, number } => world.on_knock(knock, number),
            Notice::Opened { to, from, key, .. } => {
                world.engine.set_remote(to, from);
                if let Some(key) = key {
                    world.streams[to.other()].set_key(key);
                }
                world.on_opened(to);
            }
            Notice::Key { to, key } => world.on_key(to, key),
            Notice::Have { to, key, piece } => {
                let node = world.engine.present;
                let target = Target { end: to, node, key };
                world.deliver(&[target], piece);
            }
            Notice::Inflow { begins } => world.on_inflow(begins),
            Notice::Owe { to, bytes } => {
                if let Some(flow) = world.streams[to].flow() {
                    world.engine.owed[flow.0 as usize] += bytes;
                }
            }
        }
    }

    fn plan(&mut self, at: Instant, node: u32, event: Event<Notice>) {
        if at >= self.end {
            return self.mail(at, (node, node), event);
        }
        let sequence = self.sequence;
        self.sequence += 1;
        self.soon.push(Stamp { at, sequence }, event);
    }

    fn plan_after(&mut self, now: Instant, wait_ns: u64, node: u32, event: Event<Notice>) {
        self.plan(after(now, wait_ns), node, event);
    }

    fn line(&mut self, delay_ns: u64) -> LineId {
        let known = self.delays.iter().position(|it| *it == delay_ns);
        if known.is_none() && self.delays.len() < LINES_MAX {
            self.delays.push(delay_ns);
            return LineId::new(self.delays.len() - 1);
        }
        known.map_or(LineId::HEAP, LineId::new)
    }

    #[inline]
    fn there(&self, end: EndId) -> EndId {
        self.remotes[end.index() / 2]
    }

    fn knock(&mut self, now: Instant, wait_ns: u64, knock: Knock, to: u32) {
        let number = self.dialled;
        self.dialled += 1;
        let event = Event::Own(Notice::Knock { knock, number });
        self.mail(after(now, wait_ns), (knock.node, to), event);
    }

    #[inline]
    fn post(&mut self, now: Instant, mine: &End, theirs: &End, event: Event<Notice>) {
        let at = after(now, mine.delay_ns);
        self.mail(at, (mine.node, theirs.node), event);
    }

    #[inline]
    fn last_posted(
        &mut self,
        now: Instant,
        mine: &End,
        theirs: &End,
    ) -> Option<&mut Event<Notice>> {
        let (shard, at) = (self.division.of(theirs.node), after(now, mine.delay_ns));
        self.outbox.last(shard, mine.node, at)
    }

    #[inline]
    fn post_have(
        world: &mut World<'_, Self>,
        node: u32,
        contact: &Contact,
        piece: PieceIndex,
        _: &mut Batch,
    ) -> bool {
        let (to, key) = (world.engine.there(contact.end), contact.key());
        let event = Event::Own(Notice::Have { to, key, piece });
        let line = contact.line.index();
        let delay_ns = line.map_or_else(
            || world.streams[contact.end].delay_ns,
            |it| world.engine.delays[it],
        );
        let at = after(world.now, delay_ns);
        world.engine.mail(at, (node, contact.node), event);
        true
    }

    fn flush_haves(&mut self, _: Instant, _: Batch, _: PieceIndex) {}

    fn tell_key(world: &mut World<'_, Self>, end: EndId, key: PeerKey) {
        if end.dialled() {
            let to = world.engine.there(end);
            world.post(end, Event::Own(Notice::Key { to, key }));
        }
    }

    fn post_opened(world: &mut World<'_, Self>, end: EndId) {
        let (to, it) = (world.engine.there(end), &world.streams[end]);
        let (from, key) = (end, it.has_key().then(|| it.key()));
        let number = world.engine.dials[end.index() / 2];
        let notice = Notice::Opened {
            to,
            from,
            key,
            number,
        };
        world.post(end, Event::Own(notice));
    }

    fn begin_inflow(world: &mut World<'_, Self>, end: EndId) {
        world.tell_inflow(end, true);
    }

    fn end_inflow(world: &mut World<'_, Self>, end: EndId) {
        world.tell_inflow(end, false);
    }

    fn down_debt<'it>(&'it mut self, _: &'it mut [Access], _: u32, flow: FlowId) -> &'it mut u32 {
        let index = flow.0 as usize;
        self.owed.resize(self.owed.len().max(index + 1), 0);
        &mut self.owed[index]
    }

    fn on_block_came(world: &mut World<'_, Self>, end: EndId) {
        let at = world.engine.at(world.streams[end].node);
        if world.access[at].down_debt >= OWED_AT_A_TIME {
            let bytes = std::mem::take(&mut world.access[at].down_debt);
            let to = world.engine.there(end);
            world.post(end, Event::Own(Notice::Owe { to, bytes }));
        }
    }

    fn resumed(&self, end: EndId) -> Option<FlowId> {
        let stopped = self.stopped.iter().find(|it| it.end == end);
        stopped.map(|it| it.flow)
    }

    fn start_flow(
        &mut self,
        now: Instant,
        flow: FlowId,
        ends: (HostId, HostId),
        bytes: u64,
        ceiling: Option<u64>,
    ) {
        self.held.start(now, flow, ends.0.0 - self.first, bytes);
        if let Some(place) = self.stopped.iter().position(|it| it.flow == flow) {
            let it = self.stopped.swap_remove(place);
            self.held.impose(now, flow, it.rate, 0);
            let flow = self.number_of(flow);
            self.report.changes.push(Change::Ceiling(flow, ceiling));
            return;
        }
        let flow = self.number_of(flow);
        self.report.changes.push(Change::Start {
            at: now,
            flow,
            ends,
            ceiling,
        });
    }

    fn extend_flow(&mut self, now: Instant, flow: FlowId, bytes: u64) {
        self.held.extend(now, flow, bytes);
    }

    fn stop_flow(&mut self, at: Instant, end: EndId, flow: FlowId) -> bool {
        let rate = self.held.stop(flow);
        self.owed[flow.0 as usize] = 0;
        self.stopped.push(Stopped {
            at,
            end,
            flow,
            rate,
        });
        false
    }

    fn left(&self, now: Instant, flow: FlowId) -> u64 {
        self.held.left(now, flow)
    }

    fn rate(&self, flow: FlowId) -> Option<u64> {
        Some(self.held.rate(flow)).filter(|it| *it > 0)
    }

    fn set_weight(&mut self, flow: FlowId, weight: u32) {
        let flow = self.number_of(flow);
        self.report.changes.push(Change::Weight(flow, weight));
    }

    fn set_ceiling(&mut self, flow: FlowId, ceiling: Option<u64>) {
        let flow = self.number_of(flow);
        self.report.changes.push(Change::Ceiling(flow, ceiling));
    }

    fn register(&mut self, node: u32) {
        self.report.visits.push(Visit::Join(node));
    }

    fn unregister(&mut self, node: u32) {
        self.report.visits.push(Visit::Leave(node));
    }

    /// The answer comes when the window is over.
    fn ask(world: &mut World<'_, Self>, node: u32, _: &mut Peer, tracker: usize, answers: bool) {
        world.engine.asks.push(Ask {
            node,
            tracker,
            answers,
        });
    }

    fn vacate(&mut self, _: Instant, node: u32) {
        self.report.vacated.push(node);
    }

    fn note(&mut self, now: Instant, happening: Happening) {
        let at = self.at(happening.node());
        self.digests[at].note(now, &happening);
        if self.is_watched {
            self.report.notes.push((now, happening));
        }
    }
}

fn after(now: Instant, wait_ns: u64) -> Instant {
    Instant::from_nanos(now.as_nanos().saturating_add(wait_ns))
}
