//! What all shards share, between two windows: the links, the tracker, and who watches.

use std::collections::BTreeMap;

use unchoke_core::time::Instant;

use super::mail::Mail;
use super::report::{Change, Visit};
use super::shard::Shard;
use super::spare::{Past, Spare};
use crate::link::{FlowId, Links};
use crate::result::{Count, Sample};
use crate::spec::SwarmSpec;
use crate::trace::{Happening, Sink};
use crate::world::tracker::Tracker;
use crate::world::{Event, World};

/// More bytes than any flow sends. The shards count what is left to send.
const ENDLESS: u64 = 1 << 60;

/// A shard, and the rates that it is to be told.
pub(super) struct Part<'a> {
    pub(super) world: World<'a, Shard>,
    /// A flow, its rate, and what it is credited with.
    pub(super) rates: Vec<(FlowId, u64, u128)>,
}

/// State of the centre.
pub(super) struct Centre<'a> {
    pub(super) links: Links,
    spare: Spare,
    pub(super) tracker: Tracker,
    followers: BTreeMap<u32, u32>,
    sink: Option<&'a mut dyn Sink>,
    next_sample: Instant,
    pub(super) series: Vec<Sample>,
    /// Flows whose rates have changed.
    changed: Vec<FlowId>,
}

impl<'a> Centre<'a> {
    pub(super) fn new(spec: &SwarmSpec, count: u32, sink: Option<&'a mut dyn Sink>) -> Self {
        let mut links = Links::new(spec.network.solver);
        for it in &spec.nodes {
            links.add_host(it.up, it.down);
        }
        Self {
            links,
            spare: Spare::new(2 * spec.nodes.len()),
            tracker: Tracker::new(count, &spec.tracker),
            followers: spec.followers(),
            sink,
            next_sample: Instant::START.after(spec.sample_every),
            series: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// A window is over. Returns whether the next one must follow directly.
    pub(super) fn meet(&mut self, spec: &SwarmSpec, past: Past, parts: &mut [Part<'_>]) -> bool {
        let now = past.end;
        exchange(parts);
        let mut is_busy = false;
        let mut notes = Vec::new();
        for at in 0..parts.len() {
            let mut report = std::mem::take(&mut parts[at].world.engine.report);
            is_busy |= !report.changes.is_empty() || parts[at].world.has_asks();
            report
                .changes
                .drain(..)
                .for_each(|it| self.change(past, it));
            report.visits.drain(..).for_each(|it| self.visit(it));
            for node in report.vacated.drain(..) {
                if let Some(follower) = self.followers.get(&node) {
                    is_busy = true;
                    arrive(now, *follower, parts);
                }
            }
            notes.append(&mut report.notes);
            // Its lists keep their memory.
            parts[at].world.engine.report = report;
        }
        self.solve(past, parts);
        self.record(notes);
        self.sample(spec, now, parts);
        is_busy
    }

    fn change(&mut self, past: Past, change: Change) {
        match change {
            Change::Start {
                at,
                flow,
                ends,
                ceiling,
            } => {
                self.links.start(past.end, flow, ends, ENDLESS, ceiling);
                self.spare.begin(flow, at);
            }
            Change::Stop(flow, at) => {
                self.spare.stop(&self.links, past, flow, at);
                self.links.stop(flow);
            }
            Change::Weight(flow, weight) => self.links.set_weight(flow, weight),
            Change::Ceiling(flow, ceiling) => self.links.set_ceiling(flow, ceiling),
        }
    }

    fn visit(&mut self, visit: Visit) {
        match visit {
            Visit::Join(node) => self.tracker.join(node),
            Visit::Leave(node) => self.tracker.leave(node),
        }
    }

    fn solve(&mut self, past: Past, parts: &mut [Part<'_>]) {
        self.links.solve_only(past.end, &mut self.changed);
        for flow in self.changed.drain(..) {
            let rate = self.links.rate_units(flow);
            if self.spare.is_told(flow, rate) {
                continue;
            }
            let credit = self.spare.credit(&self.links, past, flow, rate);
            let (own, shard) = (flow.0 as usize / parts.len(), flow.0 as usize % parts.len());
            let own = FlowId(u32::try_from(own).expect("smaller than before"));
            parts[shard].rates.push((own, rate, credit));
        }
        self.spare.close();
    }

    /// Tells the sink what happened in the window, by time and node.
    fn record(&mut self, mut notes: Vec<(Instant, Happening)>) {
        notes.sort_by_key(|(at, it)| (*at, it.node()));
        if let Some(sink) = self.sink.as_mut() {
            for (at, it) in &notes {
                sink.record(*at, it);
            }
        }
    }

    /// Adds the points of the time series that fell into the window. They count all of it.
    fn sample(&mut self, spec: &SwarmSpec, now: Instant, parts: &mut [Part<'_>]) {
        while self.next_sample < now {
            let mut sum = Count::default();
            for part in &mut *parts {
                sum.add(part.world.count());
            }
            let sample = sum.sample(self.next_sample, spec.sample_every);
            self.series.push(sample);
            if spec.sample_every.is_zero() {
                self.next_sample = Instant::NEVER;
            } else {
                self.next_sample = self.next_sample.after(spec.sample_every);
            }
        }
    }
}

/// Passes on the mail of all shards. The bags go back and forth, and keep their memory.
fn exchange(parts: &mut [Part<'_>]) {
    for from in 0..parts.len() {
        for to in 0..parts.len() {
            let empty = std::mem::take(&mut parts[to].world.engine.inbox[from]);
            let full = parts[from].world.engine.outbox.exchange(to, empty);
            parts[to].world.engine.inbox[from] = full;
        }
    }
}

/// Lets a node arrive at `now`, when the next window begins.
fn arrive(now: Instant, node: u32, parts: &mut [Part<'_>]) {
    let shard = parts[0].world.engine.division.of(node);
    parts[shard].world.engine.inbox[shard].push(Mail {
        at: now,
        to: node,
        from: node,
        event: Event::Arrive { node },
    });
}
