//! What was transferred on a connection: queues, meters, counters.
//!
//! A peer is connected to many others and exchanges blocks with few of them. So a connection gets a
//! row only when the first request goes out or comes in, or when the policy sets a value that is
//! kept here. If uploads have an order, every connection has a row from the start. All rows of a
//! torrent are in one array.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Index;

use super::bucket::Bucket;
use super::patience::millis;
use super::pending::Pending;
use super::requests::{Requests, grow};
use crate::meter::{Estimator, Meter};
use crate::time::Instant;

/// Rows to allocate at a time.
const STEP: usize = 4;

/// Index of a connection's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrafficId(u32);

impl TrafficId {
    /// The row of all connections on which nothing was transferred. It has the values of a new row.
    pub(super) const NONE: Self = Self(0);
}

/// What was transferred on one connection. The fields are in the order of use: a block that arrives
/// touches the first two cache lines, a block that leaves only the last.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Traffic {
    /// Our outstanding requests, oldest first.
    pub(super) pending: VecDeque<Pending>,
    pub(super) pipeline_meter: Meter,
    pub(super) down_meter: Meter,

    pub(super) down_bytes: u64,
    /// When a block last came; `NEVER` if none did.
    pub(super) last_block_at: Instant,
    /// Since when the peer has owed us a block without interruption, in milliseconds.
    pub(super) owing_since: u32,
    /// Milliseconds from a request to its answer: the latest value, or a slowly falling earlier
    /// maximum. 0 if no answer came yet.
    pub(super) latency: u32,
    pub(super) down_round: u32,
    /// Share of the uploads, at least 1. 0 marks a free row.
    pub(super) weight: u32,
    /// Stride scheduling: the pass value of the peer.
    pub(super) pass: u64,
    pub(super) cap: Option<Box<Bucket>>,
    /// [`Self::up_bytes`] when the policy's present round began.
    pub(super) up_at_round: u64,
    pub(super) up_at_unchoke: u64,

    pub(super) up_bytes: u64,
    pub(super) up_meter: Meter,
    /// Blocks the peer asked for, oldest first.
    pub(super) queue: Requests,
}

impl Traffic {
    /// A new row for a connection established at `since`.
    fn new(estimator: Estimator, since: Instant) -> Self {
        Self {
            pending: VecDeque::new(),
            // This meter always uses the same estimator at first.
            pipeline_meter: Meter::new(Estimator::EMA_10_S, since),
            down_meter: Meter::new(estimator, since),
            down_bytes: 0,
            last_block_at: Instant::NEVER,
            owing_since: millis(since),
            latency: 0,
            down_round: 0,
            weight: 1,
            pass: 0,
            cap: None,
            up_at_round: 0,
            up_at_unchoke: 0,
            up_bytes: 0,
            up_meter: Meter::new(estimator, since),
            queue: Requests::default(),
        }
    }

    fn is_free(&self) -> bool {
        self.weight == 0
    }

    /// The policy's next round begins.
    pub(super) fn begin_round(&mut self) {
        self.down_round = 0;
        self.up_at_round = self.up_bytes;
    }

    /// Adds a request that goes out.
    pub(super) fn push_pending(&mut self, request: Pending) {
        grow(&mut self.pending);
        self.pending.push_back(request);
    }

    /// An answer took `sample` milliseconds.
    pub(super) fn note_latency(&mut self, sample: u32) {
        self.latency = (self.latency - self.latency / 8).max(sample).max(1);
    }

    /// Milliseconds for which the peer has owed us a block.
    pub(super) fn silence(&self, now: Instant) -> u32 {
        millis(now).wrapping_sub(self.owing_since)
    }

    /// Reads from the cache lines that an arriving or leaving block will touch, so that the
    /// processor fetches them early.
    pub(super) fn look_at(&self, comes: bool) -> u64 {
        if comes {
            self.pending.len() as u64 ^ self.down_bytes
        } else {
            self.up_bytes
        }
    }

    /// Reads from the memory of the queue that such a block is taken from, for the same purpose.
    pub(super) fn look_at_queue(&self, comes: bool) -> u32 {
        if comes {
            self.pending.front().map_or(0, |it| it.number())
        } else {
            self.queue.look_at()
        }
    }
}

/// The rows of all connections of a torrent. The table takes half a cache line.
#[derive(Debug)]
pub(super) struct TrafficTable {
    /// The first row stands for all connections without a row, and never changes.
    rows: Vec<Traffic>,
    /// Number of free rows.
    free: u32,
}

impl Index<TrafficId> for TrafficTable {
    type Output = Traffic;

    fn index(&self, id: TrafficId) -> &Traffic {
        &self.rows[id.0 as usize]
    }
}

impl TrafficTable {
    /// `estimator` measures the rates that policies see.
    pub(super) fn new(estimator: Estimator) -> Self {
        Self {
            rows: alloc::vec![Traffic::new(estimator, Instant::START)],
            free: 0,
        }
    }

    /// From now on `estimator` measures connections that get a row later.
    pub(super) fn begin_anew(&mut self, estimator: Estimator) {
        self.rows[0] = Traffic::new(estimator, Instant::START);
    }

    /// A row for a connection established at `since`; `estimator` as in [`Self::new`].
    #[cold]
    pub(super) fn begin(&mut self, estimator: Estimator, since: Instant) -> TrafficId {
        let row = Traffic::new(estimator, since);
        let free = Some(self.free).filter(|it| *it > 0);
        let free = free.and_then(|_| self.rows.iter().position(Traffic::is_free));
        let place = free.unwrap_or(self.rows.len());
        if let Some(free) = free {
            self.rows[free] = row;
            self.free -= 1;
        } else {
            if self.rows.len() == self.rows.capacity() {
                self.rows.reserve_exact(STEP);
            }
            self.rows.push(row);
        }
        TrafficId(u32::try_from(place).expect("fewer than 2^32 connections"))
    }

    /// Frees the row of a closed connection.
    pub(super) fn end(&mut self, estimator: Estimator, id: TrafficId) {
        if let Some(row) = self.get_mut(id) {
            *row = Traffic {
                weight: 0,
                ..Traffic::new(estimator, Instant::START)
            };
            self.free += 1;
        }
    }

    /// The row, if the connection has one.
    pub(super) fn get_mut(&mut self, id: TrafficId) -> Option<&mut Traffic> {
        if id == TrafficId::NONE {
            return None;
        }
        self.rows.get_mut(id.0 as usize)
    }

    /// The rows of all connections that have one.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Traffic> {
        self.rows.iter().skip(1).filter(|it| !it.is_free())
    }

    /// The same, mutable.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Traffic> {
        self.rows.iter_mut().skip(1).filter(|it| !it.is_free())
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::{Traffic, TrafficTable};

    #[test]
    fn a_block_that_comes_touches_two_cache_lines_and_one_that_goes_one() {
        let comes = [
            offset_of!(Traffic, pending),
            offset_of!(Traffic, pipeline_meter),
            offset_of!(Traffic, down_meter),
            offset_of!(Traffic, down_bytes),
            offset_of!(Traffic, last_block_at),
            offset_of!(Traffic, owing_since),
            offset_of!(Traffic, latency),
            offset_of!(Traffic, down_round),
        ];
        assert!(comes.iter().all(|at| at / 64 < 2));
        let goes = [
            offset_of!(Traffic, up_bytes),
            offset_of!(Traffic, up_meter),
            offset_of!(Traffic, queue),
        ];
        assert!(goes.iter().all(|at| at / 64 == 2));
        assert_eq!(size_of::<Traffic>(), 3 * 64);
        assert_eq!(size_of::<TrafficTable>(), 32);
    }
}
