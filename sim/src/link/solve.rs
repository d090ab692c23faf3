//! The incremental solver: it recomputes only the links that a change reaches.
//!
//! A changed link goes on a worklist. Water-filling over its flows finds its level, given the limit
//! of each flow at its other end. If the rate of a flow moved, the link at its other end goes on
//! the worklist. Links with the lowest level settle first, then those with the next lowest, so the
//! iteration ends at the unique max-min rates (Charny, Clark, Jain 1995 prove it for the
//! distributed form of the same iteration).

use unchoke_core::time::Instant;

use super::TOUCHED;
use super::flow::INFINITE;
use super::{Links, Solver};

/// The limit of one flow of a link, set at its other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    flow: u32,
    /// The link at the flow's other end.
    other: u32,
    /// The smaller of the flow's ceiling and what the other link's level gives it.
    rate: u64,
    weight: u64,
}

impl Limit {
    /// The rate of the flow if this link has the level `level`.
    fn at(&self, level: u64) -> u64 {
        self.rate.min(level.saturating_mul(self.weight))
    }
}

/// The level of a link of capacity `capacity`. `limits` holds the limit of each flow elsewhere and
/// its weight. The level is the largest for which the sum of `min(limit, level * weight)` is at
/// most `capacity`, or [`INFINITE`] if the limits alone sum to no more. Empties `limits`.
fn water_level(capacity: u64, limits: &mut Vec<(u64, u64)>) -> u64 {
    let mut free = capacity;
    let mut weights: u64 = limits.iter().map(|it| it.1).sum();
    while !limits.is_empty() {
        let level = free / weights;
        let before = limits.len();
        limits.retain(|(limit, weight)| {
            // A limit that does not stay is at most `level * weight`, which is at most `free`.
            let stays = *limit > level * weight;
            if !stays {
                free -= limit;
                weights -= weight;
            }
            stays
        });
        if limits.len() == before {
            return level;
        }
    }
    INFINITE
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
        if self.worklist.is_empty() {
            return;
        }
        self.work.solves += 1;
        // Far above the work of any solve seen so far. It guarantees that the loop ends.
        let mut budget = 1000 + 8 * self.links.len();
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
        self.forecast_touched();
    }

    /// Computes the level of `link` and moves its flows to it.
    fn update(&mut self, now: Instant, link: u32) {
        self.work.updates += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        let level = self.find_level(link, &mut scratch);
        let it = &mut self.links[link as usize];
        (it.level, it.drift) = (level, 0);
        for limit in &scratch {
            self.move_to(now, link, limit, limit.at(level));
        }
        let it = &self.links[link as usize];
        assert!(it.used <= it.capacity, "link {link} is over capacity");
        self.scratch = scratch;
    }

    /// Fills `scratch` with the flows of `link` and their limits elsewhere; returns the new level.
    fn find_level(&mut self, link: u32, scratch: &mut Vec<Limit>) -> u64 {
        scratch.clear();
        self.limits.clear();
        let it = &self.links[link as usize];
        let mut used = 0;
        for flow in &it.flows {
            let at = &self.flows[*flow as usize];
            let other = if link & 1 == 0 {
                2 * at.dst + 1
            } else {
                2 * at.src
            };
            let weight = u64::from(at.weight);
            let level = self.links[other as usize].level;
            let rate = level.saturating_mul(weight).min(at.ceiling);
            used += at.rate;
            self.limits.push((rate, weight));
            scratch.push(Limit {
                flow: *flow,
                other,
                rate,
                weight,
            });
        }
        assert_eq!(used, it.used, "the rates of link {link} do not add up");
        water_level(it.capacity, &mut self.limits)
    }

    /// Sets the rate of a flow of `link`, and puts its other end on the worklist if needed.
    fn move_to(&mut self, now: Instant, link: u32, limit: &Limit, rate: u64) {
        let before = self.flows[limit.flow as usize].rate;
        if rate == before {
            return;
        }
        let solver = self.solver;
        let other = &mut self.links[limit.other as usize];
        let tolerance = solver.tolerance(other.capacity);
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
            return;
        }
        let change = rate.abs_diff(before);
        other.used = other.used - before + rate;
        other.drift = other.drift.saturating_add(change);
        // How flows share an unsaturated link does not matter to it.
        if other.used > other.capacity || (other.level != INFINITE && other.drift > tolerance) {
            self.mark(limit.other);
        }
        let this = &mut self.links[link as usize];
        this.used = this.used - before + rate;
        self.set_rate(now, limit.flow, rate);
    }

    /// Lowers the rates on `link` until they fit its capacity. Rates only fall, so no other link
    /// gains load and no further link need be solved.
    fn relieve(&mut self, now: Instant, link: u32) {
        if self.links[link as usize].used <= self.links[link as usize].capacity {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let level = self.find_level(link, &mut scratch);
        self.links[link as usize].level = level;
        for limit in &scratch {
            let before = self.flows[limit.flow as usize].rate;
            let rate = limit.at(level).min(before);
            for end in [link, limit.other] {
                self.links[end as usize].used -= before - rate;
            }
            self.set_rate(now, limit.flow, rate);
        }
        let it = &self.links[link as usize];
        assert!(it.used <= it.capacity, "link {link} is over capacity");
        self.scratch = scratch;
    }

    fn set_rate(&mut self, now: Instant, flow: u32, rate: u64) {
        self.work.rate_changes += 1;
        let it = &mut self.flows[flow as usize];
        it.settle(now);
        it.rate = rate;
        let due = &mut self.dues[it.src as usize].0[it.up_place as usize];
        if *due != TOUCHED {
            *due = TOUCHED;
            self.touched.push(flow);
        }
    }

    /// Computes when the flows whose rates moved will complete: once for each, however often its
    /// rate moved.
    fn forecast_touched(&mut self) {
        while let Some(flow) = self.touched.pop() {
            self.forecast(flow);
        }
    }
}
