//! Breaks connections at random times.

use std::time::Duration;

use unchoke_core::rng::{Purpose, Rng};

use super::engine::Engine;
use super::{Event, World};
use crate::distribution::exponential;
use crate::stream::{EndId, EndState};

/// Decides when connections break.
#[derive(Debug)]
pub(super) struct Breaks {
    mean: Duration,
    /// Index: place of the node. Random stream for the connections that it opens; created at the
    /// first one.
    rngs: Vec<Option<Rng>>,
    /// Index: end. Number of connections that have used the end, to recognise a break of an earlier
    /// one.
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

impl<E: Engine> World<'_, E> {
    /// `node` has opened the connection of `end`: draws when it breaks.
    pub(super) fn schedule_break(&mut self, node: u32, end: EndId) {
        let Some(breaks) = self.breaks.as_mut() else {
            return;
        };
        let (at, slot) = (self.engine.at(node), end.index());
        breaks.rngs.resize(breaks.rngs.len().max(at + 1), None);
        let stream = || self.randomness.stream(Purpose::Break, node);
        let lasts = exponential(breaks.mean, breaks.rngs[at].get_or_insert_with(stream));
        breaks.serials.resize(breaks.serials.len().max(slot + 1), 0);
        breaks.serials[slot] += 1;
        let serial = breaks.serials[slot];
        let event = Event::Break { end, serial };
        self.engine.plan(self.now.after(lasts), node, event);
    }

    /// The dialler sees the break at once; the other side learns of it one delay later.
    pub(super) fn on_break(&mut self, end: EndId, serial: u32) {
        let serials = self.breaks.as_ref().map(|it| &it.serials);
        let same = serials.is_some_and(|it| it[end.index()] == serial);
        if same && self.streams[end].state == EndState::Open {
            self.lose(end);
        }
    }
}
