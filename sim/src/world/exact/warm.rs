//! Loads memory ahead of use: for the next events of the queue, and the blocks that leave next. See
//! [`crate::world::warm`].

use std::hint::black_box;

use unchoke_core::ids::PieceIndex;
use unchoke_core::time::Instant;

use super::Exact;
use crate::access::Target;
use crate::link::FlowId;
use crate::world::warm::Concern;
use crate::world::{Event, World};

/// Whether a swarm of so many nodes is larger than the caches: a smaller one is slower for it.
pub(super) fn is_worth_it(nodes: usize) -> bool {
    nodes >= 200
}

/// Number of events that are looked at together.
pub(super) const AHEAD: u32 = 16;

/// Prediction of the blocks that leave next.
#[derive(Clone, Debug, Default)]
pub(super) struct Departures {
    /// Departures until the next prediction.
    left: u32,
    looked_at: Instant,
    soon: Vec<FlowId>,
}

impl World<'_, Exact<'_>> {
    /// Reads the memory that the next [`AHEAD`] events will use.
    pub(super) fn warm_events(&self) {
        let mut next = [Concern::NOBODY; AHEAD as usize];
        let mut count = 0;
        for event in self.engine.queue.upcoming().take(AHEAD as usize) {
            let (to, piece) = match event {
                Event::Block { to, block } => (to, Some(block.piece)),
                Event::Requests { to, .. }
                | Event::Haves { to, .. }
                | Event::Message { to, .. } => (to, None),
                _ => continue,
            };
            next[count] = self.concern(*to, piece);
            count += 1;
        }
        self.warm_inputs(&next[..count]);
    }

    /// Reads the memory that the next blocks to leave will use, once for every [`AHEAD`]
    /// departures.
    pub(super) fn warm_departures(&mut self) {
        if self.engine.departures.left > 0 {
            self.engine.departures.left -= 1;
            return;
        }
        // Assume that blocks keep leaving at the rate seen since the last prediction.
        let ahead = self.now - self.engine.departures.looked_at;
        self.engine.departures.left = AHEAD - 1;
        self.engine.departures.looked_at = self.now;
        let mut soon = std::mem::take(&mut self.engine.departures.soon);
        let most = 2 * AHEAD as usize;
        self.engine
            .links
            .soon(self.now.after(ahead), most, &mut soon);
        let mut next = [Concern::NOBODY; 2 * AHEAD as usize];
        for (concern, flow) in next.iter_mut().zip(&soon) {
            *concern = self.concern(self.flows.of(*flow).0, None);
        }
        let mut seen = 0;
        for flow in &soon {
            let first = self.streams.look_at_first(self.flows.of(*flow).0);
            seen ^= first ^ self.engine.links.look_at(*flow);
        }
        for flow in &soon {
            seen ^= self.streams.look_at_second(self.flows.of(*flow).0);
        }
        black_box(seen);
        self.warm_inputs(&next[..soon.len()]);
        self.engine.departures.soon = soon;
    }

    /// Reads the memory that a few `have`s will use.
    pub(super) fn warm_haves(&self, targets: &[Target], piece: PieceIndex) {
        let access = |to: &Target| &self.access[to.node as usize];
        let seen = targets.iter().map(|to| access(to).waiting_count());
        black_box(seen.fold(0, |seen, it| seen ^ it));
        let direct = || targets.iter().filter(|to| !access(to).may_wait(to.key));
        let ends = direct().map(|to| self.streams[to.end].node);
        black_box(ends.fold(0, |seen, it| seen ^ it));
        let seen = direct().map(|to| {
            let peer = self.peers[to.node as usize].as_ref();
            let key = self.streams[to.end].key();
            peer.is_some_and(|it| it.torrent().peer_has(key, piece))
        });
        black_box(seen.fold(false, |seen, it| seen ^ it));
    }
}
