//! Hosts that came for nothing: who had a seat and made no use of it, and who cannot wait for one. At
//! the limit those make room for hosts that had no turn yet.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::places::Places;
use crate::time::Instant;

/// What is known of a host fades after so long without another visit.
const FADES: Duration = Duration::from_mins(10);

/// An honest client that found everything taken waits longer than this before it tries again
/// (libtorrent `min_reconnect_time`: 60 s; ours 15 s for a peer that the user named).
const PATIENT: Duration = Duration::from_secs(10);

/// Hosts that are known, at most. The one that came last the longest ago goes first.
const KNOWN: usize = 1000;

#[derive(Clone, Copy, Debug)]
struct Record {
    in_vain: u8,
    last: Instant,
}

/// The hosts that were here, or wanted to be, while all connections were taken.
#[derive(Clone, Debug)]
pub(super) struct Visits<P: Places> {
    records: BTreeMap<P::Host, Record>,
}

impl<P: Places> Default for Visits<P> {
    fn default() -> Self {
        Self {
            records: BTreeMap::new(),
        }
    }
}

impl<P: Places> Visits<P> {
    /// How often a host came for nothing lately.
    pub(super) fn in_vain(&self, now: Instant, host: P::Host) -> u8 {
        let known = self.records.get(&host);
        known
            .filter(|it| now - it.last < FADES)
            .map_or(0, |it| it.in_vain)
    }

    /// A host left its seat and had made no use of it.
    pub(super) fn left(&mut self, now: Instant, host: P::Host) {
        let in_vain = self.in_vain(now, host).saturating_add(1);
        self.set(now, host, in_vain);
    }

    /// A host was turned away: that is no fault of its own, unless it is back at once.
    pub(super) fn turned_away(&mut self, now: Instant, host: P::Host) {
        let known = self.records.get(&host);
        let impatient = known.is_some_and(|it| now - it.last < PATIENT);
        let in_vain = self.in_vain(now, host).saturating_add(u8::from(impatient));
        self.set(now, host, in_vain);
    }

    /// A host was of use.
    pub(super) fn forget(&mut self, host: P::Host) {
        self.records.remove(&host);
    }

    fn set(&mut self, now: Instant, host: P::Host, in_vain: u8) {
        let last = now;
        self.records.insert(host, Record { in_vain, last });
        if self.records.len() > KNOWN {
            let oldest = self
                .records
                .iter()
                .min_by_key(|(host, it)| (it.last, **host));
            let oldest = *oldest.expect("there are more than none").0;
            self.records.remove(&oldest);
        }
    }
}
