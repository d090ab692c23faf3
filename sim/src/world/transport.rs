//! Transport effects during a run: headers that use capacity, and slow start.

use std::time::Duration;

use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;

use super::engine::Engine;
use super::{Event, World};
use crate::link::FlowId;
use crate::stream::EndId;
use crate::transport::{TransportSpec, draw_weight};

/// State of slow start at one end.
#[derive(Clone, Copy, Debug, Default)]
struct Ramp {
    /// Rate of the current round trip, bytes/s; `None` when only the path limits the stream.
    rate: Option<u64>,
    /// When the stream last became idle; `None` if it has not sent yet.
    idle_since: Option<Instant>,
    /// Start of the current sending period, or of the current round trip if that is later.
    busy_since: Instant,
    /// Time spent sending in the current round trip before `busy_since`, ns.
    busy_ns: u64,
    /// Whether an event is scheduled for the end of the current round trip.
    pending: bool,
    /// Number of the current slow start, to recognise events of an earlier one.
    start: u32,
}

impl Ramp {
    /// Whether the stream was sending for at least half of the round trip that ends. If not, the
    /// window did not limit it, and the window stays the same. Linux `tcp_is_cwnd_limited`, RFC
    /// 7661.
    fn was_used(&self, now: Instant, sends: bool, rtt_ns: u64) -> bool {
        let last = now.as_nanos() - self.busy_since.as_nanos();
        2 * (self.busy_ns + last * u64::from(sends)) >= rtt_ns
    }
}

/// Random weights of the ends, for uneven shares.
#[derive(Clone, Debug, Default)]
struct Shares {
    /// Index: end. The weight, and when it was drawn.
    drawn: Vec<Option<(u32, Instant)>>,
    /// Index: place of the node. Random stream for the connections on which it sends.
    rngs: Vec<Option<Rng>>,
}

impl Shares {
    /// Clears the weights of a new connection's ends, which an earlier connection may have set.
    fn open(&mut self, end: EndId) {
        for end in [end, end.other()] {
            if let Some(drawn) = self.drawn.get_mut(end.index()) {
                *drawn = None;
            }
        }
    }

    /// The weight of an end, unless it is older than `lasts`.
    fn present(&self, end: EndId, now: Instant, lasts: Duration) -> Option<u32> {
        let drawn = self.drawn.get(end.index()).copied().flatten();
        drawn.filter(|it| now - it.1 < lasts).map(|it| it.0)
    }

    fn draw(&mut self, end: EndId, node: u32, node_at: usize, now: Instant, all: Streams) -> u32 {
        let at = end.index();
        self.drawn.resize(self.drawn.len().max(at + 1), None);
        self.rngs.resize(self.rngs.len().max(node_at + 1), None);
        let stream = || all.stream(Purpose::Share, node);
        let weight = draw_weight(self.rngs[node_at].get_or_insert_with(stream));
        self.drawn[at] = Some((weight, now));
        weight
    }
}

/// State of the transport of all nodes; empty in the plain model.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    spec: TransportSpec,
    /// Index: end.
    ramps: Vec<Ramp>,
    shares: Shares,
    /// Bytes of headers and acknowledgements that left each node. Index: its place.
    sent: Vec<u64>,
}

impl Transport {
    pub(super) fn new(spec: TransportSpec, nodes: usize) -> Self {
        let sent = vec![0; if spec.has_headers() { nodes } else { 0 }];
        Self {
            spec,
            ramps: Vec::new(),
            shares: Shares::default(),
            sent,
        }
    }

    /// Bytes on the wire for `bytes` in the middle of a stream, headers included.
    pub(super) fn on_wire(&self, bytes: u64) -> u64 {
        if self.spec.has_headers() {
            bytes + self.spec.headers_of(bytes)
        } else {
            bytes
        }
    }

    /// Bytes on the wire of a message that has a packet of its own.
    pub(super) fn alone_on_wire(&self, bytes: u32) -> u32 {
        bytes + self.spec.header_bytes
    }

    /// Bytes of headers and acknowledgements that the node at this place has sent.
    pub(super) fn sent(&self, at: usize) -> u64 {
        self.sent.get(at).copied().unwrap_or(0)
    }

    /// Adds header bytes that the node at this place sends.
    pub(super) fn count(&mut self, at: usize, bytes: u64) {
        if let Some(sent) = self.sent.get_mut(at) {
            *sent += bytes;
        }
    }

    /// Adds the headers of `count` packets.
    pub(super) fn count_packets(&mut self, at: usize, count: u32) {
        self.count(at, u64::from(self.spec.header_bytes) * u64::from(count));
    }

    /// Resets slow start for a new connection that uses this end.
    pub(super) fn open(&mut self, end: EndId) {
        self.shares.open(end);
        if self.spec.initial_window.is_some() {
            for end in [end, end.other()] {
                let at = end.index();
                if self.ramps.len() <= at {
                    self.ramps.resize(at + 1, Ramp::default());
                }
                self.ramps[at].idle_since = None;
            }
        }
    }
}

impl<E: Engine> World<'_, E> {
    /// Time to set up a connection in addition to its round trips, ns.
    pub(super) fn connect_ns(&self) -> u64 {
        let time = self.transport.spec.connect_time;
        u64::try_from(time.as_nanos()).expect("seconds")
    }

    fn rtt_ns(&self, end: EndId) -> u64 {
        2 * self.streams[end].delay_ns
    }

    /// Sets the weight of a flow that begins.
    pub(super) fn weigh(&mut self, end: EndId, flow: FlowId) {
        let (spec, rtt_ns) = (self.transport.spec, self.rtt_ns(end));
        let weight = match spec.uneven {
            None => spec.weight(rtt_ns),
            Some(lasts) => {
                let present = self.transport.shares.present(end, self.now, lasts);
                let drawn = present.unwrap_or_else(|| self.draw_share(end));
                spec.uneven_weight(rtt_ns, drawn)
            }
        };
        if weight != 1 {
            self.engine.set_weight(flow, weight);
        }
    }

    /// Draws a new weight for a flow that continues with another block, if the old weight has
    /// expired.
    pub(super) fn weigh_anew(&mut self, end: EndId, flow: FlowId) {
        let Some(lasts) = self.transport.spec.uneven else {
            return;
        };
        let shares = &self.transport.shares;
        if shares.present(end, self.now, lasts).is_none() {
            let drawn = self.draw_share(end);
            let weight = self.transport.spec.uneven_weight(self.rtt_ns(end), drawn);
            self.engine.set_weight(flow, weight);
        }
    }

    fn draw_share(&mut self, end: EndId) -> u32 {
        let (node, all) = (self.streams[end].node, self.randomness);
        let at = self.engine.at(node);
        self.transport.shares.draw(end, node, at, self.now, all)
    }

    /// A stream begins to send. Returns its current limit in bytes/s.
    pub(super) fn begin_ramp(&mut self, end: EndId) -> Option<u64> {
        let (spec, rtt_ns) = (self.transport.spec, self.rtt_ns(end));
        let node = self.streams[end].node;
        let path = spec.ceiling(rtt_ns);
        let Some(first) = spec.initial_rate(rtt_ns) else {
            return path;
        };
        let ramp = &mut self.transport.ramps[end.index()];
        let warm = ramp.idle_since.is_some_and(|at| {
            (self.now - at).as_nanos() <= u128::from(spec.forgets_after_ns(rtt_ns))
        });
        if !warm {
            ramp.rate = Some(first);
            ramp.start += 1;
            ramp.pending = false;
        }
        let Some(rate) = ramp.rate else {
            return path;
        };
        ramp.busy_since = self.now;
        if !std::mem::replace(&mut ramp.pending, true) {
            ramp.busy_ns = 0;
            let start = ramp.start;
            let event = Event::Ramp { end, start };
            self.engine.plan_after(self.now, rtt_ns, node, event);
        }
        Some(path.map_or(rate, |it| it.min(rate)))
    }

    /// A round trip of slow start ends.
    pub(super) fn on_ramp(&mut self, end: EndId, start: u32) {
        let (spec, rtt_ns) = (self.transport.spec, self.rtt_ns(end));
        let ramp = &mut self.transport.ramps[end.index()];
        let Some(rate) = ramp.rate.filter(|_| ramp.start == start) else {
            return;
        };
        let (node, flow) = (self.streams[end].node, self.streams[end].flow());
        let path = spec.ceiling(rtt_ns);
        if ramp.was_used(self.now, flow.is_some(), rtt_ns) {
            // A stream limited by a link has found its rate. The doubling ends there, as it would
            // with the first loss. The tolerance is for rounding: the solver rounds rates down.
            let held_back = flow.and_then(|it| self.engine.rate(it));
            let held_back = held_back.is_some_and(|it| it + 2 < rate);
            let doubled = rate.saturating_mul(2);
            let done = held_back || path.is_some_and(|it| doubled >= it);
            ramp.rate = (!done).then_some(doubled);
            if let Some(flow) = flow {
                let ceiling = if done { path } else { Some(doubled) };
                self.engine.set_ceiling(flow, ceiling);
            }
        }
        ramp.pending = flow.is_some() && ramp.rate.is_some();
        (ramp.busy_since, ramp.busy_ns) = (self.now, 0);
        if ramp.pending {
            let event = Event::Ramp { end, start };
            self.engine.plan_after(self.now, rtt_ns, node, event);
        }
    }

    /// A stream becomes idle.
    pub(super) fn end_ramp(&mut self, end: EndId) {
        if let Some(ramp) = self.transport.ramps.get_mut(end.index()) {
            ramp.idle_since = Some(self.now);
            if ramp.rate.is_some() {
                ramp.busy_ns += self.now.as_nanos() - ramp.busy_since.as_nanos();
            }
        }
    }

    /// Adds the headers of a block of `bytes` that `node` has sent, and what the acknowledgements of
    /// it take of its downlink.
    pub(super) fn count_headers_sent(&mut self, node: u32, bytes: u64) {
        let (spec, at) = (self.transport.spec, self.engine.at(node));
        if spec.has_headers() {
            self.transport.count(at, spec.headers_of(bytes));
            let acks = u32::try_from(spec.acks_of(bytes)).expect("no more than a block");
            self.access[at].owe_down(acks);
        }
    }

    /// Adds the acknowledgements that `node` sends of a block of `bytes`.
    pub(super) fn count_acks_sent(&mut self, node: u32, bytes: u64) {
        let (spec, at) = (self.transport.spec, self.engine.at(node));
        if spec.has_headers() {
            let acks = spec.acks_of(bytes);
            self.transport.count(at, acks);
            let acks = u32::try_from(acks).expect("no more than a block");
            self.access[at].owe_up(acks);
        }
    }
}
