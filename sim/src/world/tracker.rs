//! The tracker: who is present, and a random few of them.

use unchoke_core::rng::Rng;
use unchoke_core::time::Instant;

use crate::spec::{Outage, TrackerSpec};

/// Place of a node that is not present.
const ABSENT: u32 = u32::MAX;

/// All that a tracker knows.
#[derive(Debug)]
pub(super) struct Tracker {
    numwant: usize,
    outages: Vec<Outage>,
    present: Vec<u32>,
    /// Index: node. Place in `present`, or [`ABSENT`].
    places: Vec<u32>,
}

impl Tracker {
    pub(super) fn new(count: u32, spec: &TrackerSpec) -> Self {
        Self {
            numwant: spec.numwant as usize,
            outages: spec.outages.clone(),
            present: Vec::new(),
            places: vec![ABSENT; count as usize],
        }
    }

    /// Whether it answers at this moment.
    pub(super) fn answers(&self, now: Instant) -> bool {
        let time = now - Instant::START;
        let out = |it: &Outage| (it.from..it.until).contains(&time);
        !self.outages.iter().any(out)
    }

    /// It learns of `node`, if it does not know it yet.
    pub(super) fn join(&mut self, node: u32) {
        if self.places[node as usize] != ABSENT {
            return;
        }
        self.places[node as usize] = u32::try_from(self.present.len()).expect("as many as nodes");
        self.present.push(node);
    }

    /// It forgets `node`, if it knows it. Even while it does not answer: a tracker that asked would
    /// find that nobody is there, and so do those that dial.
    pub(super) fn leave(&mut self, node: u32) {
        let place = std::mem::replace(&mut self.places[node as usize], ABSENT);
        if place == ABSENT {
            return;
        }
        self.present.swap_remove(place as usize);
        if let Some(moved) = self.present.get(place as usize) {
            self.places[*moved as usize] = place;
        }
    }

    /// Present nodes other than `node`, at most as many as are `wanted` and it names, uniformly at random, in random order.
    pub(super) fn announce(&self, node: u32, wanted: u32, rng: &mut Rng) -> Vec<u32> {
        let others = self.present.len() - 1;
        let wanted = self.numwant.min(wanted as usize).min(others);
        if wanted * 2 > others {
            let mut all: Vec<u32> = self
                .present
                .iter()
                .copied()
                .filter(|it| *it != node)
                .collect();
            rng.shuffle(&mut all);
            all.truncate(wanted);
            return all;
        }
        // Few of many: drawing again after a repeat is quicker than shuffling them all.
        let mut drawn = Vec::with_capacity(wanted);
        while drawn.len() < wanted {
            let candidate = self.present[rng.index(self.present.len())];
            if candidate != node && !drawn.contains(&candidate) {
                drawn.push(candidate);
            }
        }
        drawn
    }
}
