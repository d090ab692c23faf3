//! Bans hosts that misbehaved. Bans apply to hosts and not to peer ids, because a peer can choose a
//! new id at any time.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::places::Places;
use crate::ids::PieceIndex;
use crate::time::Instant;

/// Reason of a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// The host sent a block that made a piece fail. One is enough: an honest client never sends
    /// one.
    #[error("sent a corrupt block of piece {piece}")]
    Corrupt {
        /// The piece.
        piece: PieceIndex,
    },
    /// The host broke the protocol this many times.
    #[error("broke the protocol {0} times")]
    Violations(u8),
}

/// Violations within [`FADES`] for which a host is banned. A few violations may come from a faulty
/// client that still uploads. Each one already costs it the connection and ten minutes.
const VIOLATIONS: u8 = 8;

/// Violations are forgotten after this time without another.
const FADES: Duration = Duration::from_hours(1);

/// The first ban; each further one is twice as long. No ban is permanent, because addresses move to
/// other users.
const FIRST: Duration = Duration::from_hours(1);

/// The longest ban, and the time for which the record of a host is kept.
const LONGEST: Duration = Duration::from_hours(24);

/// Most hosts on record. Hosts without a ban are dropped first, then the host whose ban ends first.
const RECORDS: usize = 1000;

#[derive(Clone, Copy, Debug)]
struct Record {
    violations: u8,
    bans: u8,
    last: Instant,
    until: Instant,
}

/// The hosts that misbehaved.
#[derive(Clone, Debug)]
pub struct Bans<P: Places> {
    records: BTreeMap<P::Host, Record>,
}

impl<P: Places> Default for Bans<P> {
    fn default() -> Self {
        Self {
            records: BTreeMap::new(),
        }
    }
}

impl<P: Places> Bans<P> {
    /// Whether this host is banned now.
    #[must_use]
    pub fn is_banned(&self, now: Instant, host: P::Host) -> bool {
        now < self.until(host)
    }

    /// When the ban of a host ends, or ended; the start of the run if there was none.
    #[must_use]
    pub fn until(&self, host: P::Host) -> Instant {
        self.records
            .get(&host)
            .map_or(Instant::START, |it| it.until)
    }

    /// Number of hosts on record.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no host is on record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The host sent a corrupt block. Returns true if that bans it, false if it is banned already.
    pub fn corrupt(&mut self, now: Instant, host: P::Host) -> bool {
        let fresh = !self.is_banned(now, host);
        if fresh {
            ban(self.record(now, host), now);
        }
        fresh
    }

    /// The host broke the protocol. Returns its number of violations if they ban it.
    pub fn violation(&mut self, now: Instant, host: P::Host) -> Option<u8> {
        if self.is_banned(now, host) {
            return None;
        }
        let record = self.record(now, host);
        if now - record.last > FADES {
            record.violations = 0;
        }
        record.violations += 1;
        record.last = now;
        let count = record.violations;
        (count >= VIOLATIONS).then(|| {
            ban(record, now);
            count
        })
    }

    fn record(&mut self, now: Instant, host: P::Host) -> &mut Record {
        if self.records.len() >= RECORDS && !self.records.contains_key(&host) {
            self.records
                .retain(|_, it| now - it.last.max(it.until) < LONGEST);
            let oldest = self
                .records
                .iter()
                .min_by_key(|(host, it)| (it.until, it.last, **host));
            let oldest = oldest.map(|(host, _)| *host);
            if let Some(oldest) = oldest.filter(|_| self.records.len() >= RECORDS) {
                self.records.remove(&oldest);
            }
        }
        self.records.entry(host).or_insert(Record {
            violations: 0,
            bans: 0,
            last: now,
            until: Instant::START,
        })
    }
}

fn ban(record: &mut Record, now: Instant) {
    let length = FIRST * 2_u32.saturating_pow(u32::from(record.bans.min(10)));
    (record.last, record.violations) = (now, 0);
    record.until = now.after(length.min(LONGEST));
    record.bans = record.bans.saturating_add(1);
}
