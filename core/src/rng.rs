//! Named random streams: an extra draw in one stream does not change the others.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// The purpose of a stream. The numbers are part of the result format: append, never reorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// When peers arrive.
    Arrival = 0,
    /// Access-link capacity of a peer.
    Capacity = 1,
    /// How long a peer stays.
    Lifetime = 2,
    /// The tracker's choice of peers for a peer.
    Tracker = 3,
    /// Ties of the piece picker of a peer.
    Pick = 4,
    /// The choking policy of a peer.
    Choke = 5,
    /// The moment within a round at which a peer's timers start.
    Phase = 6,
    /// Which peers run which policy.
    Adoption = 7,
    /// Access delay and region of a peer.
    Delay = 8,
    /// Faults: corruption, disconnects, reachability.
    Fault = 9,
    /// How long a peer waits for its download.
    Patience = 10,
    /// How long a peer stays at most.
    Session = 11,
    /// When the connections that a peer opened break.
    Break = 12,
    /// Names, secrets and numbers of a node of the distributed hash table.
    Dht = 13,
    /// The order in which a client asks its trackers, and the phase of its turnovers.
    Client = 14,
    /// The share of its links that a connection gets.
    Share = 15,
}

/// The streams of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    run_seed: u64,
}

impl Streams {
    /// The streams of the run with this seed.
    #[must_use]
    pub const fn new(run_seed: u64) -> Self {
        Self { run_seed }
    }

    /// The seed of the run.
    #[must_use]
    pub const fn run_seed(self) -> u64 {
        self.run_seed
    }

    /// The stream for `purpose` of the peer (or other object) with number `entity`.
    #[must_use]
    pub fn stream(self, purpose: Purpose, entity: u32) -> Rng {
        Rng {
            run_seed: self.run_seed,
            stream: u64::from(purpose as u8) << 32 | u64::from(entity),
            drawn: 0,
        }
    }
}

/// One stream of random numbers: `ChaCha8`, the same on every machine.
///
/// It stores only its position and runs the cipher for each draw. Draws are rare, and a generator
/// with a buffer would be thirteen times as large; each peer of a swarm has three.
#[derive(Clone, Debug)]
pub struct Rng {
    run_seed: u64,
    stream: u64,
    /// Numbers drawn.
    drawn: u64,
}

impl Rng {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut cipher = ChaCha8Rng::seed_from_u64(self.run_seed);
        cipher.set_stream(self.stream);
        cipher.set_word_pos(2 * u128::from(self.drawn));
        self.drawn += 1;
        cipher.next_u64()
    }

    /// Uniform in `0..n`, by rejection. `n` must not be zero.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "nothing lies below zero");
        // Reject draws above the largest multiple of n, so that each remainder is equally likely.
        let limit = u64::MAX - (u64::MAX % n + 1) % n;
        loop {
            let draw = self.next_u64();
            if draw <= limit {
                return draw % n;
            }
        }
    }

    /// Uniform index into a sequence of `length` elements.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a usize")
    }

    /// True with probability `numerator / denominator`.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// Puts `items` into a uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.index(i + 1));
        }
    }
}
