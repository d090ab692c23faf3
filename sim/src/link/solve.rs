//! The incremental solver: it recomputes only the links that a change reaches.
//!
//! A changed link goes on a worklist. Water-filling over its flows finds its level, given the limit
//! of each flow at its other end. If the rate of a flow moved, the link at its other end goes on
//! the worklist. Links with the lowest level settle first, then those with the next lowest, so the
//! iteration ends at the unique max-min rates (Charny, Clark, Jain 1995 prove it for the
//! distributed form of the same iteration).

use unchoke_core::time::Instant;

use super::flow::{Crossing, FlowId, INFINITE};
use super::level::{equal_level, weighted_level};
use super::{Links, Solver};

impl Crossing {
    /// The rate of the flow if this link has the level `level`, and its rate elsewhere has the
    /// limit `limit`.
    fn at(self, level: u64, limit: u64) -> u64 {
        limit.min(level.saturating_mul(u64::from(self.weight)))
    }
}

impl Solver {
    /// Up to this drift of the rates on a link of capacity `capacity`, its level is not recomputed.
    fn tolerance(self, capacity: u64) -> u64 {
        match self {
            Self::Exact => 0,
            Self::Fast => capacity >> 10,
        }
    }
}

impl Links {
    /// Finds the rates after the starts and stops since the last solve.
    pub fn solve(&mut self, now: Instant) {
        if !self.worklist.is_empty() {
            self.settle_rates(now);
            self.forecast_touched();
        }
    }

    /// The same for a caller that counts by itself what the flows send: `changed` gets the flows whose
    /// rates moved, some of them several times.
    pub(crate) fn solve_only(&mut self, now: Instant, changed: &mut Vec<FlowId>) {
        if !self.worklist.is_empty() {
            self.settle_rates(now);
            changed.extend(self.touched.drain(..).map(FlowId));
        }
    }

    fn settle_rates(&mut self, now: Instant) {
        self.work.solves += 1;
        // Far above the work of any solve seen so far. It guarantees that the loop ends.
        let mut budget = 1000 + 8 * self.loads.len();
        while let Some(link) = self.worklist.pop_front() {
            self.marked[link as usize] = false;
            if budget > 0 {
                budget -= 1;
                self.update(now, link);
            } else {
                self.relieve(now, link);
            }
        }
        self.work.cut_off += u64::from(budget == 0);
    }

    /// Computes the level of `link` and moves its flows to it.
    fn update(&mut self, now: Instant, link: u32) {
        self.work.updates += 1;
        let mut limits = std::mem::take(&mut self.limits);
        let level = self.find_level(link, &mut limits);
        self.levels[link as usize] = level;
        // Lent, because a flow that moves needs everything but this list.
        let flows = std::mem::take(&mut self.crossings[link as usize]);
        let mut used = self.loads[link as usize].used;
        for (flow, limit) in flows.0.iter().zip(&limits) {
            let rate = flow.at(level, *limit);
            let before = self.rates[flow.flow as usize];
            if rate != before {
                used = used - before + self.move_to(now, *flow, before, rate);
            }
        }
        self.crossings[link as usize] = flows;
        let it = &mut self.loads[link as usize];
        (it.used, it.drift) = (used, 0);
        assert!(used <= it.capacity, "link {link} is over capacity");
        self.limits = limits;
    }

    /// Fills `limits` with the limit of each flow of `link` at its other end, in the order of its
    /// list; returns the new level of the link.
    fn find_level(&self, link: u32, limits: &mut Vec<u64>) -> u64 {
        let flows = &self.crossings[link as usize].0;
        let load = &self.loads[link as usize];
        let (mut used, mut weights) = (0, 0);
        limits.clear();
        limits.extend(flows.iter().map(|it| {
            used += self.rates[it.flow as usize];
            weights |= it.weight;
            it.at(self.levels[it.other as usize], it.ceiling)
        }));
        assert_eq!(used, load.used, "the rates of link {link} do not add up");
        if weights <= 1 {
            return equal_level(load.capacity, limits, self.levels[link as usize]);
        }
        let weights = flows.iter().map(|it| u64::from(it.weight));
        weighted_level(load.capacity, limits.iter().copied().zip(weights).collect())
    }

    /// Changes the rate of a flow to `rate` or to less, and puts its other end on the worklist if
    /// needed. Returns the new rate.
    fn move_to(&mut self, now: Instant, flow: Crossing, before: u64, rate: u64) -> u64 {
        let other = &mut self.loads[flow.other as usize];
        let tolerance = self.solver.tolerance(other.capacity);
        let change = rate.abs_diff(before);
        let room = other.capacity.saturating_sub(other.used);
        let crowded = rate > before && change > room;
        let settled = other.drift.saturating_add(change) <= tolerance;
        // The rise is too small to solve the other link again: use only the room that link has
        // left.
        let rate = if crowded && settled {
            before + room
        } else {
            rate
        };
        if rate == before {
            return rate;
        }
        let change = rate.abs_diff(before);
        other.used = other.used - before + rate;
        other.drift = other.drift.saturating_add(change);
        // How flows share an unsaturated link does not matter to it.
        let is_full = self.levels[flow.other as usize] != INFINITE;
        if other.used > other.capacity || (is_full && other.drift > tolerance) {
            self.mark(flow.other);
        }
        self.set_rate(now, flow.flow, rate);
        rate
    }

    /// Lowers the rates on `link` until they fit its capacity. Rates only fall, so no other link
    /// gains load and no further link need be solved.
    fn relieve(&mut self, now: Instant, link: u32) {
        if self.loads[link as usize].used <= self.loads[link as usize].capacity {
            return;
        }
        let mut limits = Vec::new();
        let level = self.find_level(link, &mut limits);
        self.levels[link as usize] = level;
        for (place, limit) in limits.into_iter().enumerate() {
            let flow = self.crossings[link as usize].0[place];
            let before = self.rates[flow.flow as usize];
            let rate = flow.at(level, limit).min(before);
            for end in [link, flow.other] {
                self.loads[end as usize].used -= before - rate;
            }
            self.set_rate(now, flow.flow, rate);
        }
        let it = &self.loads[link as usize];
        assert!(it.used <= it.capacity, "link {link} is over capacity");
    }

    fn set_rate(&mut self, now: Instant, flow: u32, rate: u64) {
        self.work.rate_changes += 1;
        let before = std::mem::replace(&mut self.rates[flow as usize], rate);
        self.flows[flow as usize].settle(now, before);
        self.touched.push(flow);
    }

    /// Computes when the flows whose rates moved will complete. A flow whose rate moved several
    /// times is listed as often, which is seldom.
    fn forecast_touched(&mut self) {
        while let Some(flow) = self.touched.pop() {
            self.forecast(flow);
        }
    }
}
