//! Remembers hosts that used a connection for nothing while all connections were taken, and hosts
//! that come back too soon after a refusal. Their connections are closed first to make room for
//! hosts that had no turn yet.

use alloc::vec::Vec;
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

/// Least number of further hosts to allocate memory for at a time.
const MORE_HOSTS: usize = 8;

/// 24 bytes in the simulator, which has millions of them.
#[derive(Clone, Copy, Debug)]
struct Record<H> {
    host: H,
    in_vain: u8,
    /// Number of waits so far.
    waits: u8,
    last: Instant,
    /// End of the last wait.
    until: Instant,
}

impl<H> Record<H> {
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
    /// In the order of their hosts.
    records: Vec<Record<P::Host>>,
}

impl<P: Places> Default for Visits<P> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
        }
    }
}

impl<P: Places> Visits<P> {
    /// Where the record of a host is, or belongs.
    fn place(&self, host: P::Host) -> Result<usize, usize> {
        self.records.binary_search_by_key(&host, |it| it.host)
    }

    fn get(&self, host: P::Host) -> Option<&Record<P::Host>> {
        self.place(host).ok().map(|it| &self.records[it])
    }

    /// Number of useless visits of a host lately.
    pub(super) fn in_vain(&self, now: Instant, host: P::Host) -> u8 {
        let known = self.get(host);
        known
            .filter(|it| now - it.last < FADES)
            .map_or(0, |it| it.in_vain)
    }

    /// Whether a host with useless visits comes back too soon.
    pub(super) fn is_impatient(&self, now: Instant, host: P::Host) -> bool {
        self.get(host).is_some_and(|it| now < it.until)
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
        let known = self.get(host);
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
        if let Ok(place) = self.place(host) {
            self.records.remove(place);
        }
    }

    fn set(&mut self, now: Instant, host: P::Host, in_vain: u8) -> &mut Record<P::Host> {
        let fresh = Record {
            host,
            in_vain: 0,
            waits: 0,
            last: now,
            until: Instant::START,
        };
        if self.place(host).is_err() {
            self.make_room();
        }
        let place = self.place(host).unwrap_or_else(|place| {
            self.records.insert(place, fresh);
            place
        });
        let record = &mut self.records[place];
        if now - record.last >= FADES {
            *record = fresh;
        }
        (record.in_vain, record.last) = (in_vain, now);
        record
    }

    /// Makes room for one more record.
    fn make_room(&mut self) {
        let hosts = self.records.len();
        if hosts >= KNOWN {
            let each = self.records.iter().enumerate();
            let oldest = each.min_by_key(|(_, it)| (it.last, it.host));
            self.records.remove(oldest.expect("there are some").0);
        } else if hosts == self.records.capacity() {
            self.records.reserve_exact(MORE_HOSTS.max(hosts / 4));
        }
    }
}
