//! Which peers of a steady scenario count.

/// Peers that arrive within this time count, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Since the start, ns.
    pub from_ns: u64,
    /// Since the start, ns.
    pub until_ns: u64,
}

impl Window {
    /// Whether a peer that arrives then counts.
    #[must_use]
    pub const fn holds(&self, arrived_ns: u64) -> bool {
        self.from_ns <= arrived_ns && arrived_ns <= self.until_ns
    }
}
