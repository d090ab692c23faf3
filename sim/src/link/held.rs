//! Flows at rates that somebody else has solved.

use std::ops::ControlFlow;

use smallvec::SmallVec;
use unchoke_core::time::Instant;

use super::flow::{Flow, FlowId, per_second};
use crate::queue::Alarms;

/// A flow of an uplink, and when it has sent all its bytes at its rate, ns.
#[derive(Clone, Copy, Debug)]
struct Lane {
    due: u64,
    flow: u32,
}

/// The flows of some uplinks. A flow has rate 0 until it is given one, and keeps it until it is given
/// another. Units are those of [`super::Links`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Index: flow. `src` is the place of the uplink in `lanes`.
    flows: Vec<Flow>,
    /// Index: flow.
    rates: Vec<u64>,
    lanes: Vec<SmallVec<[Lane; 6]>>,
    /// When the next flow of each uplink completes. Id: uplink.
    alarms: Alarms,
}

impl Held {
    /// This many uplinks, numbered from 0.
    pub(crate) fn new(uplinks: u32) -> Self {
        let mut alarms = Alarms::new();
        alarms.grow(uplinks);
        Self {
            lanes: vec![SmallVec::new(); uplinks as usize],
            alarms,
            ..Self::default()
        }
    }

    /// Starts a flow on an uplink, with `bytes` to send.
    pub(crate) fn start(&mut self, now: Instant, flow: FlowId, uplink: u32, bytes: u64) {
        let index = flow.0 as usize;
        if self.flows.len() <= index {
            self.flows.resize(index + 1, Flow::IDLE);
            self.rates.resize(index + 1, 0);
        }
        assert!(!self.flows[index].is_active(), "flow {} runs", flow.0);
        let lanes = &mut self.lanes[uplink as usize];
        self.rates[index] = 0;
        self.flows[index] = Flow {
            left: Flow::units(bytes),
            at: now.as_nanos(),
            src: uplink,
            place: u32::try_from(lanes.len()).expect("fewer flows than numbers"),
        };
        let (due, flow) = (u64::MAX, flow.0);
        lanes.push(Lane { due, flow });
    }

    /// Gives `bytes` more to a flow that [`Self::pop_due`] returned.
    pub(crate) fn extend(&mut self, now: Instant, flow: FlowId, bytes: u64) {
        let it = self.settle(now, flow);
        it.left += Flow::units(bytes);
        self.forecast(flow);
    }

    /// Stops a flow. Bytes that it has not sent are dropped. Returns its rate.
    pub(crate) fn stop(&mut self, flow: FlowId) -> u64 {
        let it = std::mem::replace(&mut self.flows[flow.0 as usize], Flow::IDLE);
        assert!(it.is_active(), "flow {} is stopped", flow.0);
        let lanes = &mut self.lanes[it.src as usize];
        lanes.swap_remove(it.place as usize);
        if let Some(moved) = lanes.get(it.place as usize) {
            self.flows[moved.flow as usize].place = it.place;
        }
        self.rearm(it.src);
        std::mem::take(&mut self.rates[flow.0 as usize])
    }

    /// Gives a flow this rate from now on, and counts `credit` of its bytes, in 2^-48 byte, as sent.
    pub(crate) fn impose(&mut self, now: Instant, flow: FlowId, rate: u64, credit: u128) {
        let it = self.settle(now, flow);
        it.left -= i128::try_from(credit).expect("less than a link carries");
        self.rates[flow.0 as usize] = rate;
        self.forecast(flow);
    }

    /// Bytes that a flow has yet to send at `now`; a partly sent byte counts as one.
    pub(crate) fn left(&self, now: Instant, flow: FlowId) -> u64 {
        let mut it = self.flows[flow.0 as usize];
        it.settle(now, self.rates[flow.0 as usize]);
        it.left_bytes()
    }

    /// Rate of a flow in bytes/s, rounded down; 0 until it is given one.
    pub(crate) fn rate(&self, flow: FlowId) -> u64 {
        per_second(self.rates[flow.0 as usize])
    }

    /// When the next flow completes; [`Instant::NEVER`] if none will.
    pub(crate) fn next_due(&self) -> Instant {
        self.alarms.next_at()
    }

    /// When the next flow of an uplink completes; [`Instant::NEVER`] if none will.
    pub(crate) fn due(&self, uplink: u32) -> Instant {
        self.alarms.get(uplink).unwrap_or(Instant::NEVER)
    }

    /// The uplinks on which a flow completes at or before `until`, ascending.
    pub(crate) fn due_until(&self, until: Instant, uplinks: &mut Vec<u32>) {
        self.alarms.ringing(until, &mut |uplink| {
            uplinks.push(uplink);
            ControlFlow::Continue(())
        });
    }

    /// The flows of an uplink that complete before `end`.
    pub(crate) fn done_before(&self, end: Instant, uplink: u32) -> impl Iterator<Item = FlowId> {
        let lanes = self.lanes[uplink as usize].iter();
        let done = lanes.filter(move |it| it.due < end.as_nanos());
        done.map(|it| FlowId(it.flow))
    }

    /// Takes the next flow of an uplink that has sent all its bytes by `now`. The caller must extend
    /// or stop it.
    pub(crate) fn pop_due(&mut self, now: Instant, uplink: u32) -> Option<FlowId> {
        let lanes = &mut self.lanes[uplink as usize];
        let lane = lanes.iter_mut().find(|it| it.due <= now.as_nanos())?;
        lane.due = u64::MAX;
        let flow = FlowId(lane.flow);
        self.settle(now, flow);
        self.rearm(uplink);
        Some(flow)
    }

    /// Brings a flow up to date.
    fn settle(&mut self, now: Instant, flow: FlowId) -> &mut Flow {
        let it = &mut self.flows[flow.0 as usize];
        assert!(it.is_active(), "flow {} is stopped", flow.0);
        it.settle(now, self.rates[flow.0 as usize]);
        it
    }

    fn forecast(&mut self, flow: FlowId) {
        let it = &self.flows[flow.0 as usize];
        let (uplink, due) = (it.src, it.due(self.rates[flow.0 as usize]));
        self.lanes[uplink as usize][it.place as usize].due = due;
        self.rearm(uplink);
    }

    fn rearm(&mut self, uplink: u32) {
        let dues = self.lanes[uplink as usize].iter().map(|it| it.due);
        let next = Instant::from_nanos(dues.min().unwrap_or(u64::MAX));
        let next = (next != Instant::NEVER).then_some(next);
        self.alarms.set(uplink, next);
    }
}
