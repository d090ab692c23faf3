//! Remembers hosts that used a connection for nothing while all connections were taken, and hosts
//! that come back too soon after a refusal. Their connections are closed first to make room for
//! hosts that had no turn yet.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::admission::Refusal;
use super::places::Places;
use crate::time::Instant;

/// A record is forgotten after this time without another visit.
const FADES: Duration = Duration::from_mins(10);

/// An honest client that was refused waits longer than this before it tries again (libtorrent
/// `min_reconnect_time`: 60 s; ours 15 s for a peer that the user named).
const PATIENT: Duration = Duration::from_secs(10);

/// Wait after the first refusal, and how much longer it is after each further one, up to
/// [`PATIENT`], before a handshake of the host is read again. It begins short: other peers may share
/// the address with the useless one.
const WAIT: Duration = Duration::from_secs(1);

/// Most hosts to remember. The host whose last visit is longest ago is dropped first.
const KNOWN: usize = 1000;

#[derive(Clone, Copy, Debug)]
struct Record {
    in_vain: u8,
    last: Instant,
    /// Number of waits so far.
    waits: u8,
    /// End of the last wait.
    until: Instant,
}

impl Record {
    /// Begins a wait. Connections of the same moment have only one, so that a burst does not keep
    /// others behind the address out for long.
    fn wait(&mut self, now: Instant) {
        if now >= self.until {
            self.waits = self.waits.saturating_add(1);
            self.until = now.after(PATIENT.min(WAIT * u32::from(self.waits)));
        }
    }
}

/// Hosts that were connected, or refused, while all connections were taken.
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
    /// Number of useless visits of a host lately.
    pub(super) fn in_vain(&self, now: Instant, host: P::Host) -> u8 {
        let known = self.records.get(&host);
        known
            .filter(|it| now - it.last < FADES)
            .map_or(0, |it| it.in_vain)
    }

    /// Whether a host with useless visits comes back too soon.
    pub(super) fn is_impatient(&self, now: Instant, host: P::Host) -> bool {
        self.records.get(&host).is_some_and(|it| now < it.until)
    }

    /// A host disconnected and had not been useful.
    pub(super) fn left(&mut self, now: Instant, host: P::Host) {
        let in_vain = self.in_vain(now, host).saturating_add(1);
        self.set(now, host, in_vain).wait(now);
    }

    /// A host was refused after its handshake.
    pub(super) fn refused(&mut self, now: Instant, host: P::Host, why: Refusal) {
        match why {
            Refusal::Full => self.turned_away(now, host),
            Refusal::TooManyOfHost => self.crowded(now, host),
            _ => {}
        }
    }

    /// A host was refused because all connections are taken. That counts against it only if it came
    /// back at once.
    fn turned_away(&mut self, now: Instant, host: P::Host) {
        let known = self.records.get(&host);
        let impatient = known.is_some_and(|it| now - it.last < PATIENT);
        let in_vain = self.in_vain(now, host).saturating_add(u8::from(impatient));
        let record = self.set(now, host, in_vain);
        if in_vain > 0 {
            record.wait(now);
        }
    }

    /// A host was refused because it has all connections that one host may have.
    fn crowded(&mut self, now: Instant, host: P::Host) {
        let in_vain = self.in_vain(now, host);
        self.set(now, host, in_vain).wait(now);
    }

    /// A host was useful.
    pub(super) fn forget(&mut self, host: P::Host) {
        self.records.remove(&host);
    }

    fn set(&mut self, now: Instant, host: P::Host, in_vain: u8) -> &mut Record {
        if self.records.len() >= KNOWN && !self.records.contains_key(&host) {
            let oldest = self
                .records
                .iter()
                .min_by_key(|(host, it)| (it.last, **host));
            let oldest = *oldest.expect("there are more than none").0;
            self.records.remove(&oldest);
        }
        let fresh = Record {
            in_vain: 0,
            last: now,
            waits: 0,
            until: Instant::START,
        };
        let record = self.records.entry(host).or_insert(fresh);
        if now - record.last >= FADES {
            *record = fresh;
        }
        (record.in_vain, record.last) = (in_vain, now);
        record
    }
}
