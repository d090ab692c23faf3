//! The tracker: it knows which nodes are present and answers with random ones.

use unchoke_core::rng::Rng;

use crate::spec::TrackerSpec;

/// Place of an absent node.
const ABSENT: u32 = u32::MAX;

/// State of the tracker.
#[derive(Debug)]
pub(super) struct Tracker {
    numwant: usize,
    present: Vec<u32>,
    /// Index: node. Its place in `present`, or [`ABSENT`].
    places: Vec<u32>,
}

impl Tracker {
    pub(super) fn new(count: u32, spec: &TrackerSpec) -> Self {
        Self {
            numwant: spec.numwant as usize,
            present: Vec::new(),
            places: vec![ABSENT; count as usize],
        }
    }

    /// Registers `node`, if it is not registered yet.
    pub(super) fn join(&mut self, node: u32) {
        if self.places[node as usize] != ABSENT {
            return;
        }
        self.places[node as usize] = u32::try_from(self.present.len()).expect("as many as nodes");
        self.present.push(node);
    }

    /// Removes `node`, if it is registered. Also during an outage: nodes that have left should not
    /// be handed out later.
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

    /// Random present nodes other than `node`, in random order. At most `wanted`, and at most
    /// `numwant`.
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
        // If few of many are wanted, drawing again after a repeat is faster than shuffling all of
        // them.
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
