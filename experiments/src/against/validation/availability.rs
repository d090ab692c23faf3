//! How often peers have something for each other (Legout et al. 2006): from the event log.

use std::collections::{BTreeMap, BTreeSet};

use unchoke_core::time::Instant;
use unchoke_sim::trace::{Happening, Sink};

/// A directed pair: the one who is looked at, and the one who looks.
type Pair = (u32, u32);

/// Pairs that know each other for less than this tell nothing, ns.
const LEAST_NS: u64 = 10_000_000_000;

/// Time of one pair.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Since when they are connected, if they are, ns.
    since: Option<u64>,
    /// Since when the one who looks is interested, if it is, ns.
    interested_since: Option<u64>,
    connected_ns: u64,
    interested_ns: u64,
}

/// Availability of every leecher for every leecher that it was connected to.
#[derive(Clone, Debug)]
pub(crate) struct Availability {
    pieces: Vec<BTreeSet<u32>>,
    neighbours: Vec<BTreeSet<u32>>,
    known: BTreeMap<Pair, Known>,
    gone: Vec<bool>,
}

impl Availability {
    /// For nodes of which these are origins.
    pub(crate) fn new(origins: Vec<bool>) -> Self {
        Self {
            pieces: vec![BTreeSet::new(); origins.len()],
            neighbours: vec![BTreeSet::new(); origins.len()],
            known: BTreeMap::new(),
            gone: origins,
        }
    }

    /// For each pair, the share of the time that the two were connected for which one had a piece
    /// that the other lacked; ascending.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let long = self.known.values().filter(|it| it.connected_ns >= LEAST_NS);
        let mut ratios: Vec<f64> = long
            .map(|it| it.interested_ns as f64 / it.connected_ns as f64)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// Ends what still lasts when the run ends.
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

    /// Looks again whether the second of the pair lacks something that the first has.
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
        // The origin does not count.
        it.record(at(0), &connect(1, 0));
        it.record(at(0), &connect(1, 2));
        it.record(at(10), &piece(1, 7));
        it.record(at(30), &piece(2, 7));
        it.record(at(40), &Happening::Complete { node: 1 });
        it.finish(at(50));
        // Of 40 s, peer 1 had something for peer 2 for 20 s, and peer 2 never for peer 1.
        assert_eq!(it.ratios(), [0.0, 0.5]);
    }
}
