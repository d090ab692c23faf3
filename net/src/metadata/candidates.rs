//! Whom to dial, and when again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant as Clock;

use crate::listen::canonical;

/// Addresses kept; those that the user or the link named are kept beside them.
const MOST: usize = 1000;
/// Before an address is tried again, twice as long each time.
const RETRY: Duration = Duration::from_secs(10);
/// At most; of those that were named, the user waits for them.
const RETRY_MAX: Duration = Duration::from_mins(10);
const RETRY_NAMED_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Candidate {
    /// By the user or the link.
    named: bool,
    /// Being dialled, or connected.
    busy: bool,
    failures: u32,
    next_at: Clock,
}

/// The addresses that are known.
#[derive(Debug)]
pub(super) struct Candidates {
    known: BTreeMap<SocketAddr, Candidate>,
    banned: BTreeSet<SocketAddr>,
    useful: BTreeSet<SocketAddr>,
}

impl Candidates {
    pub(super) fn new(named: &[SocketAddr]) -> Self {
        let mut candidates = Self {
            known: BTreeMap::new(),
            banned: BTreeSet::new(),
            useful: BTreeSet::new(),
        };
        for address in named {
            candidates.insert(*address, true);
        }
        candidates
    }

    fn insert(&mut self, address: SocketAddr, named: bool) {
        let address = canonical(address);
        let ip = address.ip();
        let usable = address.port() > 0 && !ip.is_unspecified() && !ip.is_multicast();
        if usable && !self.banned.contains(&address) {
            self.known.entry(address).or_insert_with(|| Candidate {
                named,
                busy: false,
                failures: 0,
                next_at: Clock::now(),
            });
        }
    }

    /// Addresses that a tracker named.
    pub(super) fn add(&mut self, addresses: &[SocketAddr]) {
        for address in addresses {
            if self.known.len() < MOST {
                self.insert(*address, false);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// Whether there is an address to dial now.
    pub(super) fn is_due(&self, now: Clock) -> bool {
        self.known.values().any(|it| !it.busy && it.next_at <= now)
    }

    /// The address to dial now: named ones first, then those that failed least.
    pub(super) fn next(&mut self, now: Clock) -> Option<SocketAddr> {
        let due = self
            .known
            .iter_mut()
            .filter(|it| !it.1.busy && it.1.next_at <= now);
        let (address, candidate) = due.min_by_key(|it| (!it.1.named, it.1.failures, *it.0))?;
        candidate.busy = true;
        Some(*address)
    }

    /// Whether a connection from there is welcome.
    pub(super) fn may_come(&self, address: SocketAddr) -> bool {
        !self.banned.iter().any(|it| it.ip() == address.ip())
    }

    pub(super) fn closed(&mut self, address: SocketAddr, dialled: bool, now: Clock) {
        if let Some(candidate) = self.known.get_mut(&address).filter(|_| dialled) {
            let most = if candidate.named {
                RETRY_NAMED_MAX
            } else {
                RETRY_MAX
            };
            let wait = RETRY
                .saturating_mul(1 << candidate.failures.min(10))
                .min(most);
            candidate.busy = false;
            candidate.failures = candidate.failures.saturating_add(1);
            candidate.next_at = now + wait;
        }
    }

    /// Never again. The port of a peer that came to us is not one to dial.
    pub(super) fn ban(&mut self, address: SocketAddr, dialled: bool) {
        self.useful.remove(&address);
        if dialled {
            self.known.remove(&address);
        }
        if self.banned.len() < MOST {
            self.banned.insert(address);
        }
    }

    pub(super) fn note_useful(&mut self, address: SocketAddr, dialled: bool) {
        if dialled {
            self.useful.insert(address);
        }
    }

    /// Addresses from which something came.
    pub(super) fn useful(&self) -> Vec<SocketAddr> {
        self.useful.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    #[test]
    fn named_ones_come_first_and_all_are_tried_again_later() {
        let mut candidates = Candidates::new(&[at(9)]);
        candidates.add(&[
            at(1),
            at(2),
            at(9),
            at(0),
            ([0; 4], 5).into(),
            ([224, 0, 0, 1], 5).into(),
        ]);
        assert_eq!(candidates.count(), 3);
        let now = Clock::now();
        let next: Vec<_> = std::iter::from_fn(|| candidates.next(now)).collect();
        assert_eq!(next, [at(9), at(1), at(2)]);
        for (failures, waits) in [(0, 10), (1, 20), (2, 40), (3, 60), (4, 60)] {
            candidates.closed(at(9), true, now);
            let soon = now + Duration::from_secs(waits);
            assert_eq!(
                candidates.next(soon - Duration::from_secs(1)),
                None,
                "{failures}"
            );
            assert_eq!(candidates.next(soon), Some(at(9)));
        }
        candidates.ban(at(1), true);
        candidates.add(&[at(1)]);
        candidates.closed(at(2), false, now);
        let later = now + Duration::from_hours(1);
        assert_eq!(
            candidates.next(later),
            None,
            "one is banned, one is still connected"
        );
        assert!(
            !candidates.may_come(at(77)),
            "the address is that of a banned one"
        );
    }

    #[test]
    fn a_flood_of_addresses_is_bounded_and_leaves_room_for_named_ones() {
        let named: Vec<_> = (1..=100).map(at).collect();
        let mut candidates = Candidates::new(&named);
        candidates.add(&(1000..9000).map(at).collect::<Vec<_>>());
        assert_eq!(candidates.count(), MOST);
        let now = Clock::now();
        let first: Vec<_> = (0..100).filter_map(|_| candidates.next(now)).collect();
        assert_eq!(first, named);
    }
}
