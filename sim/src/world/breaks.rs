//! Connections that break by themselves.

use std::time::Duration;

use unchoke_core::rng::{Purpose, Rng};

use super::{Event, World};
use crate::distribution::exponential;
use crate::stream::{EndId, EndState};

/// When connections break.
#[derive(Debug)]
pub(super) struct Breaks {
    mean: Duration,
    /// Index: node. The stream of the connections that it opens; drawn from when it first does.
    rngs: Vec<Option<Rng>>,
    /// Index: end. Counts the connections that its number has stood for.
    serials: Vec<u32>,
}

impl Breaks {
    pub(super) fn new(mean: Duration) -> Self {
        let (rngs, serials) = (Vec::new(), Vec::new());
        Self {
            mean,
            rngs,
            serials,
        }
    }
}

impl World<'_> {
    /// The connection of `end`, which `node` opened, stands: draws when it breaks.
    pub(super) fn schedule_break(&mut self, node: u32, end: EndId) {
        let Some(breaks) = self.breaks.as_mut() else {
            return;
        };
        let (at, slot) = (node as usize, end.index());
        breaks.rngs.resize(breaks.rngs.len().max(at + 1), None);
        let stream = || self.randomness.stream(Purpose::Break, node);
        let lasts = exponential(breaks.mean, breaks.rngs[at].get_or_insert_with(stream));
        breaks.serials.resize(breaks.serials.len().max(slot + 1), 0);
        breaks.serials[slot] += 1;
        let serial = breaks.serials[slot];
        let event = Event::Break { end, serial };
        self.queue.push_any(self.now.after(lasts), event);
    }

    /// The side that opened it sees the connection break at once, the other as the news arrives.
    pub(super) fn on_break(&mut self, end: EndId, serial: u32) {
        let serials = self.breaks.as_ref().map(|it| &it.serials);
        let same = serials.is_some_and(|it| it[end.index()] == serial);
        if same && self.streams[end].state == EndState::Open {
            self.lose(end);
        }
    }
}
