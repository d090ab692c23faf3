//! How long peers were connected to each other and unchoked each other. Computed from the event
//! log.

use std::collections::BTreeMap;
use std::time::Duration;

use unchoke_core::time::Instant;
use unchoke_sim::trace::{Happening, Sink};

/// A directed pair of nodes.
type Pair = (u32, u32);

/// Intervals in which a relation holds.
#[derive(Clone, Debug, Default)]
struct Spells {
    since: BTreeMap<Pair, Instant>,
    total: BTreeMap<Pair, Duration>,
}

impl Spells {
    fn begin(&mut self, pair: Pair, at: Instant) {
        self.since.entry(pair).or_insert(at);
    }

    fn end(&mut self, pair: Pair, at: Instant) {
        if let Some(since) = self.since.remove(&pair) {
            *self.total.entry(pair).or_default() += at - since;
        }
    }

    fn end_all(&mut self, at: Instant, of: impl Fn(Pair) -> bool) {
        let pairs: Vec<Pair> = self.since.keys().copied().filter(|it| of(*it)).collect();
        for pair in pairs {
            self.end(pair, at);
        }
    }
}

/// Times of all pairs while the served peer is a leecher. What a leecher gives counts until it
/// completes; what an origin gives always counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts {
    connected: Spells,
    unchoked: Spells,
    /// Number of blocks from the first to the second.
    blocks: BTreeMap<Pair, u64>,
    /// Blocks that origins had sent when the first other peer became a seed.
    origin_blocks: Option<u64>,
    done: Vec<bool>,
    origins: Vec<bool>,
}

impl Contacts {
    /// For a swarm in which `origins` marks the origins.
    pub(crate) fn new(origins: Vec<bool>) -> Self {
        Self {
            done: origins.clone(),
            origins,
            ..Self::default()
        }
    }

    /// Closes all open intervals at the end of the run.
    pub(crate) fn finish(&mut self, at: Instant) {
        self.connected.end_all(at, |_| true);
        self.unchoked.end_all(at, |_| true);
    }

    /// Time for which `from` was connected to `to`, s.
    pub(crate) fn connected(&self, from: u32, to: u32) -> f64 {
        let time = self.connected.total.get(&(from, to));
        time.map_or(0.0, Duration::as_secs_f64)
    }

    /// Time for which `from` unchoked `to`, s.
    pub(crate) fn unchoked(&self, from: u32, to: u32) -> f64 {
        let time = self.unchoked.total.get(&(from, to));
        time.map_or(0.0, Duration::as_secs_f64)
    }

    /// For each pair of leechers that `counts`: the difference between the blocks sent in the two directions.
    pub(crate) fn deficits(&self, counts: impl Fn(u32, u32) -> bool) -> Vec<f64> {
        let leecher = |it: u32| !self.origins[it as usize];
        let mut owed: BTreeMap<Pair, u64> = BTreeMap::new();
        for ((from, to), sent) in &self.blocks {
            if leecher(*from) && leecher(*to) && counts(*from, *to) {
                let back = self.blocks.get(&(*to, *from)).copied().unwrap_or(0);
                owed.insert((*from.min(to), *from.max(to)), sent.abs_diff(back));
            }
        }
        owed.into_values().map(|it| it as f64).collect()
    }

    /// Blocks that origins had sent when the first other peer became a seed; `None` if none did.
    pub(crate) fn origin_blocks(&self) -> Option<u64> {
        self.origin_blocks
    }

    fn sent_by_origins(&self) -> u64 {
        let of = self.blocks.iter();
        let of = of.filter(|((from, _), _)| self.origins[*from as usize]);
        of.map(|it| it.1).sum()
    }

    fn counts(&self, (from, to): Pair) -> bool {
        let gives = !self.done[from as usize] || self.origins[from as usize];
        gives && !self.done[to as usize]
    }

    fn connect(&mut self, pair: Pair, at: Instant) {
        if self.counts(pair) {
            self.connected.begin(pair, at);
        }
    }

    fn gone(&mut self, at: Instant, of: impl Fn(Pair) -> bool) {
        self.connected.end_all(at, &of);
        self.unchoked.end_all(at, &of);
    }
}

impl Sink for Contacts {
    fn record(&mut self, at: Instant, happening: &Happening) {
        match *happening {
            Happening::Connect { node, other } => {
                self.connect((node, other), at);
                self.connect((other, node), at);
            }
            Happening::Unchoke { node, other } if self.counts((node, other)) => {
                self.unchoked.begin((node, other), at);
            }
            Happening::Choke { node, other } => self.unchoked.end((node, other), at),
            Happening::Disconnect { node, other } => {
                self.connected.end((node, other), at);
                self.unchoked.end((node, other), at);
            }
            Happening::Leave { node } => self.gone(at, |(from, _)| from == node),
            Happening::Block { node, other, .. } => {
                *self.blocks.entry((other, node)).or_default() += 1;
            }
            Happening::Complete { node } => {
                let sent = self.sent_by_origins();
                self.origin_blocks.get_or_insert(sent);
                self.gone(at, |(from, to)| from == node || to == node);
                self.done[node as usize] = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_add_up_until_completion() {
        let at = Instant::from_secs;
        let mut it = Contacts::new(vec![true, false, false]);
        let connect = |node, other| Happening::Connect { node, other };
        it.record(at(0), &connect(1, 0));
        it.record(at(0), &connect(1, 2));
        let (node, other) = (1, 2);
        it.record(at(1), &Happening::Unchoke { node, other });
        it.record(at(4), &Happening::Choke { node, other });
        it.record(at(6), &Happening::Unchoke { node, other });
        it.record(at(6), &Happening::Unchoke { node: 0, other: 2 });
        it.record(at(7), &Happening::Complete { node: 1 });
        // Unchokes by a leecher that became a seed are not counted; those by the origin are.
        it.record(at(8), &Happening::Unchoke { node, other });
        it.finish(at(10));
        assert_eq!((it.unchoked(1, 2), it.unchoked(0, 2)), (4.0, 4.0));
        assert_eq!((it.connected(1, 2), it.connected(2, 1)), (7.0, 7.0));
        assert_eq!((it.connected(0, 1), it.connected(1, 0)), (7.0, 0.0));
    }
}
