//! A queue of events at any times: a 4-ary heap.

use unchoke_core::time::Instant;

/// The place of an event in the total order: time, then the order in which it was scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// When the event happens.
    pub at: Instant,
    /// Breaks ties: no two events of a run share a sequence number.
    pub sequence: u64,
}

/// A priority queue of events; the least stamp comes first.
///
/// Each node has four children. The heap then has half the levels of a binary heap, and the
/// children lie side by side in memory.
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    entries: Vec<(Stamp, T)>,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<T> EventQueue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The stamp of the next event.
    #[must_use]
    pub fn peek(&self) -> Option<Stamp> {
        self.entries.first().map(|it| it.0)
    }

    /// Number of waiting events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All waiting events, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Stamp, T)> {
        self.entries.iter()
    }

    /// Adds an event.
    pub fn push(&mut self, stamp: Stamp, event: T) {
        self.entries.push((stamp, event));
        let mut at = self.entries.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 4;
            if self.entries[parent].0 < stamp {
                break;
            }
            self.entries.swap(at, parent);
            at = parent;
        }
    }

    /// Takes the event with the least stamp.
    pub fn pop(&mut self) -> Option<(Stamp, T)> {
        if self.entries.is_empty() {
            return None;
        }
        let first = self.entries.swap_remove(0);
        let mut at = 0;
        loop {
            let children = 4 * at + 1..(4 * at + 5).min(self.entries.len());
            let Some(least) = children.min_by_key(|it| self.entries[*it].0) else {
                break;
            };
            if self.entries[at].0 < self.entries[least].0 {
                break;
            }
            self.entries.swap(at, least);
            at = least;
        }
        Some(first)
    }
}
