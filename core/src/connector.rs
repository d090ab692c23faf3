//! Which peers to connect to: candidates, limits and back-off. The same for both drivers.

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use crate::time::Instant;

/// Limits of a [`Connector`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at most, incoming ones and attempts included.
    pub connections: u16,
    /// Connections that we open ourselves stop here, so that others can reach us. Mainline 3.4.2
    /// starts 35 of 55; a limit equal to `connections` reserves nothing.
    pub initiated: u16,
    /// Attempts under way at a time.
    pub attempts: u16,
    /// Candidates remembered at most.
    pub candidates: u32,
    /// Wait after a failed attempt; doubled with each further failure.
    pub retry: Duration,
    /// Failed attempts after which an address is forgotten.
    pub failures: u8,
}

impl Limits {
    /// The defaults for so many connections.
    #[must_use]
    pub fn new(connections: u16) -> Self {
        Self {
            connections,
            initiated: connections,
            attempts: 20,
            candidates: 2000,
            retry: Duration::from_secs(15),
            failures: 5,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the queue.
    Waiting,
    Trying,
    Connected,
    Banned,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    state: State,
    failures: u8,
}

/// Known addresses and what became of them. `A` is a socket address on the wire and a node number
/// in the simulator.
#[derive(Clone, Debug)]
pub struct Connector<A> {
    limits: Limits,
    known: BTreeMap<A, Record>,
    /// Who may be tried, in order, and not before when.
    waiting: VecDeque<(A, Instant)>,
    trying: u16,
    connected: u16,
    incoming: u16,
}

impl<A: Copy + Ord> Connector<A> {
    /// A connector that knows nobody.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let (known, waiting) = (BTreeMap::new(), VecDeque::new());
        Self {
            limits,
            known,
            waiting,
            trying: 0,
            connected: 0,
            incoming: 0,
        }
    }

    /// A candidate from the tracker or the user. Known ones and those beyond the limit are ignored.
    pub fn add(&mut self, address: A) {
        if self.known.len() >= self.limits.candidates as usize || self.known.contains_key(&address)
        {
            return;
        }
        let record = Record {
            state: State::Waiting,
            failures: 0,
        };
        self.known.insert(address, record);
        self.waiting.push_back((address, Instant::START));
    }

    /// Connections and attempts.
    #[must_use]
    pub fn in_use(&self) -> u16 {
        self.trying + self.connected + self.incoming
    }

    /// Connections that stand, whoever opened them.
    #[must_use]
    pub fn connections(&self) -> u16 {
        self.connected + self.incoming
    }

    /// Candidates that may be tried now.
    #[must_use]
    pub fn due(&self, now: Instant) -> usize {
        self.waiting.iter().filter(|it| it.1 <= now).count()
    }

    /// Whether more candidates would help: fewer wait than connections are missing.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let open = self.limits.initiated.saturating_sub(self.in_use());
        self.waiting.len() < usize::from(open)
    }

    fn may_dial(&self) -> bool {
        self.in_use() < self.limits.connections
            && self.trying + self.connected < self.limits.initiated
            && self.trying < self.limits.attempts
    }

    /// The next address to connect to. Call again until `None`; report with [`Self::connected`] or
    /// [`Self::failed`].
    pub fn poll_dial(&mut self, now: Instant) -> Option<A> {
        if !self.may_dial() {
            return None;
        }
        // Each waiting address is looked at once at most: those not yet due go to the end.
        for _ in 0..self.waiting.len() {
            let (address, not_before) = self.waiting.pop_front()?;
            if not_before > now {
                self.waiting.push_back((address, not_before));
                continue;
            }
            let record = self.known.get_mut(&address);
            let record = record.expect("who waits is known");
            record.state = State::Trying;
            self.trying += 1;
            return Some(address);
        }
        None
    }

    /// When a waiting address becomes due and there is room for it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.may_dial() {
            return None;
        }
        self.waiting.iter().map(|(_, not_before)| *not_before).min()
    }

    /// Whether an incoming connection may stay. `address` is its source, where that is meaningful.
    #[must_use]
    pub fn may_accept(&self, address: Option<A>) -> bool {
        let banned = address
            .and_then(|it| self.known.get(&it))
            .map(|it| it.state);
        self.in_use() < self.limits.connections && banned != Some(State::Banned)
    }

    /// An incoming connection was accepted.
    pub fn accepted(&mut self) {
        self.incoming += 1;
    }

    /// An accepted connection is gone.
    pub fn accepted_closed(&mut self) {
        self.incoming -= 1;
    }

    /// The attempt succeeded.
    pub fn connected(&mut self, address: A) {
        let record = self
            .known
            .get_mut(&address)
            .expect("the address came from poll_dial");
        assert_eq!(record.state, State::Trying, "connected without an attempt");
        (record.state, record.failures) = (State::Connected, 0);
        self.trying -= 1;
        self.connected += 1;
    }

    /// The attempt failed: try again later, or forget it after too many failures.
    pub fn failed(&mut self, address: A, now: Instant) {
        let record = self
            .known
            .get_mut(&address)
            .expect("the address came from poll_dial");
        assert_eq!(record.state, State::Trying, "failed without an attempt");
        self.trying -= 1;
        record.failures += 1;
        if record.failures >= self.limits.failures {
            self.known.remove(&address);
            return;
        }
        record.state = State::Waiting;
        let wait = self.limits.retry * 2_u32.pow(u32::from(record.failures) - 1);
        self.waiting.push_back((address, now.after(wait)));
    }

    /// A connection that we opened is gone. It may be tried again after all other candidates, and
    /// not before `wait` is over.
    pub fn closed(&mut self, address: A, now: Instant, wait: Duration) {
        let Some(record) = self.known.get_mut(&address) else {
            return;
        };
        match record.state {
            State::Connected => {
                record.state = State::Waiting;
                self.waiting.push_back((address, now.after(wait)));
                self.connected -= 1;
            }
            State::Banned => self.connected -= 1,
            State::Waiting | State::Trying => {}
        }
    }

    /// Never connect to this address again, nor accept it. A standing connection still counts
    /// until [`Self::closed`].
    pub fn ban(&mut self, address: A) {
        let record = Record {
            state: State::Banned,
            failures: 0,
        };
        if let Some(before) = self.known.insert(address, record) {
            self.trying -= u16::from(before.state == State::Trying);
            if before.state == State::Waiting {
                self.waiting.retain(|(it, _)| *it != address);
            }
        }
    }
}
