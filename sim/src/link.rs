//! Access links shared by flows at max-min fair rates.
//!
//! A host has an uplink and a downlink. A flow from one host to another uses the uplink of its
//! source and the downlink of its destination. Rates are max-min fair: a flow can only become
//! faster if another flow that is at most as fast becomes slower (Bertsekas and Gallager, *Data
//! Networks*, §6.5.2). Each link has a level. The rate of a flow is the smallest of the levels of
//! its two links and its own ceiling. The rates on a saturated link sum to its capacity; the level
//! of an unsaturated link is infinite. A flow of weight w counts as w equal flows.
//!
//! **Units.** Work is counted in units of 2^-48 byte and rates in these units per nanosecond. The
//! progress of a flow is then `rate * elapsed`: exact, in integers, without a division. 20 kB/s are
//! 5.6e9 units/ns, so rounding a rate down loses less than 2e-10 of it. A flow may send more than
//! its block within the nanosecond in which the block completes; the surplus counts for its next
//! block.
//!
//! **Time.** Starting and stopping a flow only marks its links. [`Links::solve`] then finds the new
//! rates, once for all changes of an instant. The caller must solve before time moves on.
//!
//! **Modes.** [`Solver::Exact`] follows every change until no rate moves. [`Solver::Fast`], the
//! default of scenarios, stops at a link whose rates moved by less than 1/1024 of its capacity
//! since its level was last computed. Rates are then fair within about that share, and a link that
//! should be full lacks at most that share. With a few flows a link, changes die out by themselves
//! and both modes cost the same. With dozens (everybody unchokes everybody), the exact mode takes
//! several times as long: 5.8 times on `w1` with 300 peers.
//!
//! **Invariant.** After every solve, in both modes, the rates on a link sum to at most its
//! capacity. Rates are constant between solves, so no link carries more than capacity x interval in
//! any interval. An assertion checks each link that a solve touched.

mod flow;
mod held;
mod level;
mod solve;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use unchoke_core::time::Instant;

use flow::{Crossing, Crossings, Dues, Flow, INFINITE, Load, units_of};
pub use flow::{FlowId, HostId};
pub(crate) use held::Held;

use crate::queue::Alarms;
pub use crate::spec::Solver;

/// Work done by the solver, for results and benchmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SolverWork {
    /// Calls of `solve` that had changes to process.
    pub solves: u64,
    /// Levels computed.
    pub updates: u64,
    /// Rates changed.
    pub rate_changes: u64,
    /// Solves stopped by their work budget before they settled. Capacities are kept even then.
    pub cut_off: u64,
}

/// All links and flows of a world.
#[derive(Clone, Debug)]
pub struct Links {
    solver: Solver,
    // A solve reads a few words of very many links and flows. So each kind of word has its own
    // list, and those that are read most often are the smallest.
    /// Index of a link: `2 * host` for the uplink of a host, `2 * host + 1` for its downlink.
    loads: Vec<Load>,
    /// Most that a flow of weight 1 gets on each link; [`INFINITE`] if its capacity is not used up.
    levels: Vec<u64>,
    /// The flows of each link.
    crossings: Vec<Crossings>,
    /// The rate of each flow, in 2^-48 byte/ns; 0 if it is stopped.
    rates: Vec<u64>,
    flows: Vec<Flow>,
    /// For each uplink, when its flows will be done. Index: host.
    dues: Vec<Dues>,
    /// For each uplink, the time of its next completion or an earlier one. Id: host.
    alarms: Alarms,
    worklist: VecDeque<u32>,
    /// Which links are on the worklist. Index: link.
    marked: Vec<bool>,
    /// Flows whose rate this solve changed.
    touched: Vec<u32>,
    /// Scratch space: the limit of each flow of a link at its other end.
    limits: Vec<u64>,
    work: SolverWork,
}

impl Links {
    /// No hosts, no flows.
    #[must_use]
    pub fn new(solver: Solver) -> Self {
        Self {
            solver,
            loads: Vec::new(),
            levels: Vec::new(),
            crossings: Vec::new(),
            rates: Vec::new(),
            flows: Vec::new(),
            dues: Vec::new(),
            alarms: Alarms::new(),
            worklist: VecDeque::new(),
            marked: Vec::new(),
            touched: Vec::new(),
            limits: Vec::new(),
            work: SolverWork::default(),
        }
    }

    /// Adds a host with these capacities in bytes/s. Hosts are numbered from 0.
    pub fn add_host(&mut self, up: u64, down: u64) -> HostId {
        let host = u32::try_from(self.loads.len() / 2).expect("fewer than 2^31 hosts");
        for capacity in [up, down] {
            self.loads.push(Load {
                capacity: units_of(capacity),
                used: 0,
                drift: 0,
            });
            self.crossings.push(Crossings::default());
            self.levels.push(INFINITE);
            self.marked.push(false);
        }
        self.dues.push(Dues::default());
        self.alarms.grow(host + 1);
        HostId(host)
    }

    /// Starts `flow` with `bytes` to send, at no more than `ceiling` bytes/s. The caller chooses
    /// flow numbers, which should be dense. The number of a stopped flow can be used again.
    pub fn start(
        &mut self,
        now: Instant,
        flow: FlowId,
        (src, dst): (HostId, HostId),
        bytes: u64,
        ceiling: Option<u64>,
    ) {
        let index = flow.0 as usize;
        if self.flows.len() <= index {
            self.flows.resize(index + 1, Flow::IDLE);
            self.rates.resize(index + 1, 0);
        }
        assert!(!self.flows[index].is_active(), "flow {} runs", flow.0);
        let (up, down) = (2 * src.0, 2 * dst.0 + 1);
        let (place, down_place) = (self.count(up), self.count(down));
        for (link, other, place) in [(up, down, down_place), (down, up, place)] {
            self.crossings[link as usize].0.push(Crossing {
                ceiling: ceiling.map_or(INFINITE, units_of),
                weight: 1,
                flow: flow.0,
                other,
                place,
            });
        }
        self.dues[src.0 as usize].0.push(u64::MAX);
        self.flows[index] = Flow {
            left: Flow::units(bytes),
            at: now.as_nanos(),
            src: src.0,
            place,
        };
        self.mark(up);
        self.mark(down);
    }

    /// Number of flows of a link.
    fn count(&self, link: u32) -> u32 {
        let count = self.crossings[link as usize].0.len();
        u32::try_from(count).expect("fewer flows than numbers")
    }

    /// Sets the weight of `flow`: it counts as `weight` flows. A new flow has weight 1.
    pub fn set_weight(&mut self, flow: FlowId, weight: u32) {
        assert!(weight > 0, "a flow without weight would stand still");
        self.change(flow, |it| it.weight = weight);
    }

    /// Sets the ceiling of `flow` in bytes/s; `None` removes it.
    pub fn set_ceiling(&mut self, flow: FlowId, ceiling: Option<u64>) {
        let ceiling = ceiling.map_or(INFINITE, units_of);
        self.change(flow, |it| it.ceiling = ceiling);
    }

    fn change(&mut self, flow: FlowId, change: impl Fn(&mut Crossing)) {
        for (link, place) in self.ends(flow) {
            change(&mut self.crossings[link as usize].0[place as usize]);
            self.mark(link);
        }
    }

    /// The uplink and the downlink of `flow`, each with the place of the flow in its list.
    fn ends(&self, flow: FlowId) -> [(u32, u32); 2] {
        let it = &self.flows[flow.0 as usize];
        assert!(it.is_active(), "flow {} is stopped", flow.0);
        let up = &self.crossings[2 * it.src as usize].0[it.place as usize];
        [(2 * it.src, it.place), (up.other, up.place)]
    }

    /// The uplink and the downlink of `flow`.
    pub(crate) fn ends_of(&self, flow: FlowId) -> [u32; 2] {
        self.ends(flow).map(|it| it.0)
    }

    /// Capacity of a link, in 2^-48 byte/ns.
    pub(crate) fn capacity(&self, link: u32) -> u64 {
        self.loads[link as usize].capacity
    }

    /// Gives `bytes` more to a flow that [`Links::pop_due`] returned.
    pub fn extend(&mut self, now: Instant, flow: FlowId, bytes: u64) {
        let it = &mut self.flows[flow.0 as usize];
        assert!(it.is_active(), "flow {} is stopped", flow.0);
        let rate = self.rates[flow.0 as usize];
        it.settle(now, rate);
        it.left += Flow::units(bytes);
        let (host, due) = (it.src, it.due(rate));
        self.dues[host as usize].0[it.place as usize] = due;
        self.rearm(host);
    }

    /// Stops `flow`. Bytes that it has not sent are dropped.
    pub fn stop(&mut self, flow: FlowId) {
        let rate = std::mem::take(&mut self.rates[flow.0 as usize]);
        for (link, place) in self.ends(flow) {
            self.loads[link as usize].used -= rate;
            self.take_out(link, place);
            // Other flows of an unsaturated link are limited elsewhere, so they gain nothing here.
            if self.levels[link as usize] != INFINITE {
                self.mark(link);
            }
        }
        let it = std::mem::replace(&mut self.flows[flow.0 as usize], Flow::IDLE);
        let dues = &mut self.dues[it.src as usize].0;
        dues.swap_remove(it.place as usize);
    }

    /// Takes a flow out of the list of a link. The last one of the list comes in its place.
    fn take_out(&mut self, link: u32, place: u32) {
        let flows = &mut self.crossings[link as usize].0;
        flows.swap_remove(place as usize);
        if let Some(moved) = flows.get(place as usize).copied() {
            self.crossings[moved.other as usize].0[moved.place as usize].place = place;
            if link & 1 == 0 {
                self.flows[moved.flow as usize].place = place;
            }
        }
    }

    /// Whether rates must be solved before time moves on.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.worklist.is_empty()
    }

    /// A time before which no flow completes. The next completion may be later.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let next = self.alarms.next_at();
        (next != Instant::NEVER).then_some(next)
    }

    /// Takes the next flow that has sent all its bytes by `now`. Uplinks come in host order, flows
    /// of an uplink in a fixed order. The caller must [`Links::extend`] or [`Links::stop`] the flow
    /// before time moves on.
    pub fn pop_due(&mut self, now: Instant) -> Option<FlowId> {
        loop {
            if self.alarms.next_at() > now {
                return None;
            }
            let (_, host) = self.alarms.peek()?;
            let dues = &mut self.dues[host as usize].0;
            let found = dues.iter().position(|it| *it <= now.as_nanos());
            if let Some(place) = found {
                // The alarm is left as it is: the caller extends the flow, which sets it again.
                dues[place] = u64::MAX;
                let flow = self.crossings[2 * host as usize].0[place].flow;
                self.flows[flow as usize].settle(now, self.rates[flow as usize]);
                return Some(FlowId(flow));
            }
            self.rearm(host);
        }
    }

    /// Sets the alarm of an uplink to its next completion.
    fn rearm(&mut self, host: u32) {
        let dues = self.dues[host as usize].0.iter().copied();
        let next = Instant::from_nanos(dues.min().unwrap_or(u64::MAX));
        self.alarms
            .set(host, (next != Instant::NEVER).then_some(next));
    }

    /// Up to `count` flows that will complete by about `until` if no rate changes: from each uplink
    /// only its earliest.
    pub(crate) fn soon(&self, until: Instant, count: usize, flows: &mut Vec<FlowId>) {
        flows.clear();
        self.alarms.ringing(until, &mut |host| {
            let dues = self.dues[host as usize].0.iter().enumerate();
            // Written without branches on the times, because they cannot be predicted.
            let first = dues.min_by_key(|it| it.1).map(|it| it.0);
            let first = first.map(|it| self.crossings[2 * host as usize].0[it].flow);
            flows.extend(first.map(FlowId));
            if flows.len() < count {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
    }

    /// Reads a word of `flow`, so that the processor loads it into its cache.
    pub(crate) fn look_at(&self, flow: FlowId) -> u32 {
        self.flows.get(flow.0 as usize).map_or(0, |it| it.src)
    }

    /// Bytes that `flow` has yet to send at `now`; a partly sent byte counts as one.
    pub(crate) fn left(&self, now: Instant, flow: FlowId) -> u64 {
        let mut it = self.flows[flow.0 as usize];
        it.settle(now, self.rates[flow.0 as usize]);
        it.left_bytes()
    }

    /// Rate of `flow` in bytes/s, rounded down; 0 if it is stopped.
    #[must_use]
    pub fn rate(&self, flow: FlowId) -> u64 {
        flow::per_second(self.rate_units(flow))
    }

    /// Rate of `flow` in 2^-48 byte/ns; 0 if it is stopped.
    #[must_use]
    pub fn rate_units(&self, flow: FlowId) -> u64 {
        self.rates.get(flow.0 as usize).copied().unwrap_or(0)
    }

    /// What the solver did so far.
    #[must_use]
    pub fn work(&self) -> SolverWork {
        self.work
    }

    fn mark(&mut self, link: u32) {
        if !std::mem::replace(&mut self.marked[link as usize], true) {
            self.worklist.push_back(link);
        }
    }

    /// Computes when `flow` will have sent all its bytes.
    fn forecast(&mut self, flow: u32) {
        let it = &self.flows[flow as usize];
        let (src, due) = (it.src, it.due(self.rates[flow as usize]));
        self.dues[src as usize].0[it.place as usize] = due;
        self.arm(src, due);
    }

    /// Sets the alarm of `host` to `due` at the latest.
    fn arm(&mut self, host: u32, due: u64) {
        let due = Instant::from_nanos(due);
        if due != Instant::NEVER && self.alarms.get(host).is_none_or(|it| due < it) {
            self.alarms.set(host, Some(due));
        }
    }
}
