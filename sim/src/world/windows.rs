//! The windows engine: one swarm on several processor cores.
//!
//! Time is divided into windows as long as the smallest delay between two nodes. Within a window,
//! nothing that a node does can reach another one. So the nodes are divided into shards, and threads
//! take the shards of a window side by side. When all are done, the centre passes on the mail, tells the
//! tracker who came and went, and solves the rates of the links. Then the next window begins.
//!
//! # What differs from the exact engine
//!
//! * Rates are constant during a window. A flow that begins has no rate until the window is over, and
//!   what a flow leaves is free only then. Then flows are credited with what they would have sent, as
//!   far as the links had it free; a block that would have left before leaves then.
//! * The tracker answers when the window is over; a node that follows another one joins then.
//! * A downlink learns of flows and of debts one delay later, as its other messages do.
//! * A point of the time series counts all of the window in which it falls, and a run ends with a window.
//!
//! # Order
//!
//! Events of a node happen in this order: by time; at the same time completed flows, mail, its own
//! events, timers. Mail for a node is ordered by time, then by sender, then as it
//! was sent; but answers to handshakes come in the order in which the node dialled. That is the order of
//! the exact engine when all peers begin together, and it matters: it decides who gets which key, and
//! policies break ties by key. The centre
//! takes reports by node. None of this depends on the number of shards or threads, so neither does a
//! result.

use std::sync::{Mutex, PoisonError};

use unchoke_core::time::Instant;

mod centre;
mod division;
mod mail;
mod pile;
mod receive;
mod report;
mod shard;
mod soon;
mod spare;
mod turn;
mod warm;

use super::ending::Totals;
use super::{Event, World, groups};
use crate::result::RunResult;
use crate::spec::SwarmSpec;
use crate::trace::{Digest, Sink};
use centre::{Centre, Part};
use division::Division;
use mail::Mail;
use shard::Shard;
use spare::Past;

/// Nodes of a shard, unless the caller decides. So many fit into the caches of a core.
const NODES_AT_A_TIME: u32 = 512;

/// With less mail than this, a window is over before other threads have begun.
const WORTH_A_THREAD: usize = 1000;

/// How many threads run a swarm, and how it is divided. Results do not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Number of threads.
    pub threads: usize,
    /// Most shards; `None` for as many as suit the swarm. If stated, even the smallest window is run on
    /// all threads.
    pub shards: Option<u32>,
}

impl Cores {
    /// One thread.
    pub const ONE: Self = Self {
        threads: 1,
        shards: None,
    };

    /// Shards for this many nodes.
    fn shards(self, nodes: u32) -> u32 {
        let usual = nodes.div_ceil(NODES_AT_A_TIME);
        let threads = u32::try_from(self.threads).unwrap_or(u32::MAX);
        let enough = if threads > 1 {
            threads.saturating_mul(4)
        } else {
            1
        };
        self.shards.unwrap_or(usual.max(enough))
    }
}

/// The length of a window, ns; `None` if two nodes have no delay between them.
pub(super) fn window_ns(spec: &SwarmSpec) -> Option<u64> {
    // A node alone has nobody to wait for.
    let smallest = spec
        .smallest_delay_ns()
        .unwrap_or(spec.horizon.as_nanos() + 1);
    (smallest > 0).then_some(smallest)
}

/// Runs a swarm to its end, in windows of `each_ns`.
pub(super) fn run<'a>(
    spec: &'a SwarmSpec,
    each_ns: u64,
    sink: Option<&'a mut dyn Sink>,
    cores: Cores,
) -> RunResult {
    let count = u32::try_from(spec.nodes.len()).expect("fewer than 2^32 nodes");
    let division = Division::new(count, cores.shards(count));
    let mut parts = divide(spec, division, each_ns, sink.is_some());
    let mut centre = Centre::new(spec, count, sink);
    let now = rounds(spec, each_ns, cores, &mut centre, &mut parts);
    let mut digest = Digest::default();
    let mut totals = Totals::new(spec);
    for part in &mut parts {
        let world = &mut part.world;
        world.now = now;
        world.hand_over_all();
        world.close_all();
        let waiting = world.engine.inbox.iter().flatten();
        let on_the_way = waiting.chain(world.engine.later.iter()).map(Mail::bytes);
        let on_the_way = on_the_way.sum();
        world.engine.add_digests(&mut digest);
        totals.add(world, on_the_way);
    }
    let (series, solver) = (centre.series, centre.links.work());
    totals.result(spec, now, series, digest.value(), solver)
}

/// The shards of a swarm, before anybody has arrived.
fn divide(spec: &SwarmSpec, division: Division, each_ns: u64, is_watched: bool) -> Vec<Part<'_>> {
    let groups = groups(spec);
    let part = |number: usize| {
        let mut shard = Shard::new(division, number, is_watched);
        let nodes = division.nodes(number);
        for node in nodes.clone() {
            let it = &spec.nodes[node as usize];
            if it.follows.is_none() {
                let (at, event) = (it.arrives_at, Event::Arrive { node });
                let (to, from) = (node, node);
                let mail = Mail {
                    at,
                    to,
                    from,
                    event,
                };
                shard.later.keep(at.as_nanos() / each_ns, mail);
            }
        }
        let (world, rates) = (World::new(spec, groups.clone(), nodes, shard), Vec::new());
        Part { world, rates }
    };
    (0..division.shards()).map(part).collect()
}

/// Runs window after window; returns when the run ended.
fn rounds(
    spec: &SwarmSpec,
    each_ns: u64,
    cores: Cores,
    centre: &mut Centre<'_>,
    parts: &mut [Part<'_>],
) -> Instant {
    let limit = Instant::from_nanos(spec.horizon.as_nanos().saturating_add(1));
    let mut window = 0;
    loop {
        let unfinished: u32 = parts.iter().map(|it| it.world.unfinished).sum();
        if unfinished == 0 {
            return parts[0].world.now.min(spec.horizon);
        }
        let begin = Instant::from_nanos(each_ns.saturating_mul(window));
        if begin >= limit {
            return spec.horizon;
        }
        let end = Instant::from_nanos(begin.as_nanos().saturating_add(each_ns)).min(limit);
        let tracker = &centre.tracker;
        side_by_side(cores, parts, |part| {
            part.world.hear(&mut part.rates, tracker);
            part.world.turn(window, each_ns, end);
        });
        let is_busy = centre.meet(spec, Past { begin, end }, parts);
        let windows = parts.iter_mut();
        let next = windows.filter_map(|it| it.world.next_window(each_ns)).min();
        window = match next {
            _ if is_busy => window + 1,
            Some(next) => next.max(window + 1),
            None => return spec.horizon,
        };
    }
}

/// Does the same with each part, on several threads if there is enough to do.
fn side_by_side<'a>(cores: Cores, parts: &mut [Part<'a>], work: impl Fn(&mut Part<'a>) + Sync) {
    let mail = |it: &Part<'_>| it.world.engine.inbox.iter().map(Vec::len).sum::<usize>();
    let is_worth_it =
        || cores.shards.is_some() || parts.iter().map(mail).sum::<usize>() >= WORTH_A_THREAD;
    if cores.threads < 2 || !is_worth_it() {
        return parts.iter_mut().for_each(work);
    }
    let waiting = Mutex::new(parts.iter_mut());
    let take = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let worker = || {
        while let Some(part) = take() {
            work(part);
        }
    };
    std::thread::scope(|scope| {
        (1..cores.threads).for_each(|_| drop(scope.spawn(worker)));
        worker();
    });
}
