//! What flows are owed for the part of a window in which their rates were not known yet.
//!
//! During a window every flow keeps its rate. So the links do not carry what was free: capacity that
//! nobody used, and the rates of flows that had stopped. When the window is over, a flow that is
//! faster now is credited with what it would have sent since the change, as far as both its links had
//! that much free. So no link carries more than its capacity in any window.

use std::collections::BTreeMap;

use unchoke_core::time::Instant;

use crate::link::{FlowId, Links};

/// What a link had free in the window.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// In 2^-48 byte.
    volume: u128,
    /// When the last flow on the link stopped.
    stopped_at: Option<Instant>,
}

/// Rates as the shards know them, and what the links had free in the window that is over.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Index: flow. The rate that its shard has, in 2^-48 byte/ns.
    told: Vec<u64>,
    /// Index: link. Sum of the rates that the shards have.
    used: Vec<u64>,
    rooms: BTreeMap<u32, Room>,
    /// Flows that began in the window, and when.
    begun: BTreeMap<FlowId, Instant>,
    /// Changes of `used` when all credits are given: a link, its rate before and after.
    pending: Vec<(u32, u64, u64)>,
}

/// A window that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) begin: Instant,
    pub(super) end: Instant,
}

impl Past {
    /// Time since `at`, ns.
    fn since(self, at: Instant) -> u128 {
        (self.end - at).as_nanos()
    }
}

impl Spare {
    pub(super) fn new(links: usize) -> Self {
        Self {
            used: vec![0; links],
            ..Self::default()
        }
    }

    /// A flow began at `at`.
    pub(super) fn begin(&mut self, flow: FlowId, at: Instant) {
        let index = flow.0 as usize;
        self.told.resize(self.told.len().max(index + 1), 0);
        self.begun.insert(flow, at);
    }

    /// A flow stopped at `at`. It must still be among `links`.
    pub(super) fn stop(&mut self, links: &Links, past: Past, flow: FlowId, at: Instant) {
        self.begun.remove(&flow);
        let rate = std::mem::take(&mut self.told[flow.0 as usize]);
        for link in links.ends_of(flow) {
            let room = self.room(links, past, link);
            room.volume += u128::from(rate) * past.since(at);
            room.stopped_at = room.stopped_at.max(Some(at));
            self.pending.push((link, rate, 0));
        }
    }

    /// Whether the shard of a flow knows that this is its rate.
    pub(super) fn is_told(&self, flow: FlowId, rate: u64) -> bool {
        self.told[flow.0 as usize] == rate
    }

    /// A flow has this rate from now on. Returns what it is credited with, in 2^-48 byte.
    pub(super) fn credit(&mut self, links: &Links, past: Past, flow: FlowId, rate: u64) -> u128 {
        let before = std::mem::replace(&mut self.told[flow.0 as usize], rate);
        let ends = links.ends_of(flow);
        for link in ends {
            self.pending.push((link, before, rate));
        }
        let Some(more) = rate.checked_sub(before) else {
            return 0;
        };
        let rooms = ends.map(|it| *self.room(links, past, it));
        let stopped_at = rooms.iter().filter_map(|it| it.stopped_at).max();
        let Some(since) = self.begun.get(&flow).copied().or(stopped_at) else {
            return 0;
        };
        let free = rooms[0].volume.min(rooms[1].volume);
        let credit = free.min(u128::from(more) * past.since(since));
        for link in ends {
            self.room(links, past, link).volume -= credit;
        }
        credit
    }

    /// All flows have been told their rates.
    pub(super) fn close(&mut self) {
        for (link, before, after) in self.pending.drain(..) {
            let used = &mut self.used[link as usize];
            *used = *used + after - before;
        }
        self.rooms.clear();
        self.begun.clear();
    }

    fn room(&mut self, links: &Links, past: Past, link: u32) -> &mut Room {
        let free = links.capacity(link) - self.used[link as usize];
        self.rooms.entry(link).or_insert_with(|| Room {
            volume: u128::from(free) * past.since(past.begin),
            stopped_at: None,
        })
    }
}
