//! How long peers have pieces that others lack (Legout et al. 2006). Computed from the event log.

use std::collections::{BTreeMap, BTreeSet};

use unchoke_core::time::Instant;
use unchoke_sim::trace::{Happening, Sink};

/// A directed pair: the peer whose pieces are considered, and the peer that may lack some.
type Pair = (u32, u32);

/// Pairs that are connected for less than this time are ignored, ns.
const LEAST_NS: u64 = 10_000_000_000;

/// Time of one pair.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// When the two connected, ns; `None` if they are not connected.
    since: Option<u64>,
    /// When the second peer became interested, ns; `None` if it is not.
    interested_since: Option<u64>,
    connected_ns: u64,
    interested_ns: u64,
}

/// Availability of every leecher for each leecher that was connected to it.
#[derive(Clone, Debug)]
pub(crate) struct Availability {
    pieces: Vec<BTreeSet<u32>>,
    neighbours: Vec<BTreeSet<u32>>,
    known: BTreeMap<Pair, Known>,
    gone: Vec<bool>,
}

impl Availability {
    /// For a swarm in which `origins` marks the origins.
    pub(crate) fn new(origins: Vec<bool>) -> Self {
        Self {
            pieces: vec![BTreeSet::new(); origins.len()],
            neighbours: vec![BTreeSet::new(); origins.len()],
            known: BTreeMap::new(),
            gone: origins,
        }
    }

    /// For each pair: the share of their connected time in which the first had a piece that the
    /// second lacked; ascending.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let long = self.known.values().filter(|it| it.connected_ns >= LEAST_NS);
        let mut ratios: Vec<f64> = long
            .map(|it| it.interested_ns as f64 / it.connected_ns as f64)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// Closes all open intervals at the end of the run.
    pub(crate) fn finish(&mut self, at: Instant) {
        for node in 0..self.neighbours.len() {
            self.leave(node, at.as_nanos());
        }
    }

    fn connect(&mut self, a: u32, b: u32, now: u64) {
        if self.gone[a as usize] || self.gone[b as usize] {
            return;
        }
        self.neighbours[a as usize].insert(b);
        self.neighbours[b as usize].insert(a);
        for pair in [(a, b), (b, a)] {
            self.known.entry(pair).or_default().since = Some(now);
            self.look(pair, now);
        }
    }

    fn part(&mut self, a: u32, b: u32, now: u64) {
        self.neighbours[a as usize].remove(&b);
        self.neighbours[b as usize].remove(&a);
        for pair in [(a, b), (b, a)] {
            let Some(it) = self.known.get_mut(&pair) else {
                continue;
            };
            let spell = |since: Option<u64>| since.map_or(0, |it| now - it);
            it.connected_ns += spell(it.since.take());
            it.interested_ns += spell(it.interested_since.take());
        }
    }

    /// Checks again whether the second peer of the pair lacks a piece that the first has.
    fn look(&mut self, (from, to): Pair, now: u64) {
        let (has, wants) = (&self.pieces[from as usize], &self.pieces[to as usize]);
        let interested = has.iter().any(|it| !wants.contains(it));
        let Some(it) = self.known.get_mut(&(from, to)) else {
            return;
        };
        match (it.interested_since, interested) {
            (None, true) => it.interested_since = Some(now),
            (Some(since), false) => {
                it.interested_ns += now - since;
                it.interested_since = None;
            }
            _ => {}
        }
    }

    fn leave(&mut self, node: usize, now: u64) {
        let node_number = u32::try_from(node).expect("fewer than 2^32 nodes");
        for other in self.neighbours[node].clone() {
            self.part(node_number, other, now);
        }
        self.gone[node] = true;
    }
}

impl Sink for Availability {
    fn record(&mut self, at: Instant, happening: &Happening) {
        let now = at.as_nanos();
        match *happening {
            Happening::Connect { node, other } => self.connect(node, other, now),
            Happening::Disconnect { node, other } => self.part(node, other, now),
            Happening::Leave { node } | Happening::Complete { node } => {
                self.leave(node as usize, now);
            }
            Happening::Piece { node, piece } => {
                self.pieces[node as usize].insert(piece.0);
                for other in self.neighbours[node as usize].clone() {
                    self.look((node, other), now);
                    self.look((other, node), now);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::ids::PieceIndex;

    use super::*;

    #[test]
    fn interest_lasts_while_the_other_lacks_a_piece() {
        let at = Instant::from_secs;
        let mut it = Availability::new(vec![true, false, false]);
        let connect = |node, other| Happening::Connect { node, other };
        let piece = |node, piece| Happening::Piece {
            node,
            piece: PieceIndex(piece),
        };
        // The origin is not counted.
        it.record(at(0), &connect(1, 0));
        it.record(at(0), &connect(1, 2));
        it.record(at(10), &piece(1, 7));
        it.record(at(30), &piece(2, 7));
        it.record(at(40), &Happening::Complete { node: 1 });
        it.finish(at(50));
        // In 40 s, peer 1 had something for peer 2 for 20 s; peer 2 never had anything for peer 1.
        assert_eq!(it.ratios(), [0.0, 0.5]);
    }
}
