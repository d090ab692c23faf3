//! The peers of a steady scenario that count.

/// An arrival window, including both ends. Only peers that arrive in it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Begin, since the start of the run, ns.
    pub from_ns: u64,
    /// End, since the start of the run, ns.
    pub until_ns: u64,
}

impl Window {
    /// Whether a peer that arrives at this time counts.
    #[must_use]
    pub const fn holds(&self, arrived_ns: u64) -> bool {
        self.from_ns <= arrived_ns && arrived_ns <= self.until_ns
    }
}
