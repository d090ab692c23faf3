//! The routing table: nodes that have answered us. BEP 5, *routing table*.
//!
//! There is one bucket for each number of leading bits that an id shares with ours, with eight
//! nodes each. This is the tree of BEP 5, in which only the bucket of our own id is divided, stored
//! as a list.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::NodeId;
use super::message::Contact;
use crate::rng::Rng;
use crate::time::Instant;
use crate::tracker::guard::{Reach, reach};

/// Nodes in a bucket, and in an answer. BEP 5: "K, currently eight".
pub const K: usize = 8;
/// A node that was silent for this time may be gone. BEP 5.
const FRESH: Duration = Duration::from_mins(15);
/// Unanswered questions in a row after which a node is bad.
const BAD: u8 = 2;

#[derive(Clone, Copy, Debug)]
struct Entry {
    contact: Contact,
    /// When it last answered or asked.
    heard_at: Instant,
    failures: u8,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    entries: Vec<Entry>,
    changed_at: Instant,
}

/// Nodes that have answered us.
#[derive(Clone, Debug)]
pub struct Table {
    own: NodeId,
    /// Index: number of leading bits shared with our id.
    buckets: Vec<Bucket>,
}

impl Table {
    /// The table of a node with this id.
    #[must_use]
    pub fn new(own: NodeId) -> Self {
        Self {
            own,
            buckets: Vec::new(),
        }
    }

    /// Our own id.
    #[must_use]
    pub fn own(&self) -> NodeId {
        self.own
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|it| it.entries.len()).sum()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(|it| &it.entries)
    }

    fn bucket(&mut self, id: NodeId) -> &mut Bucket {
        let place = self.own.shared_bits(id);
        if self.buckets.len() <= place {
            self.buckets.resize_with(place + 1, Bucket::default);
        }
        &mut self.buckets[place]
    }

    /// Whether a node with this id and address could be added.
    #[must_use]
    pub fn has_room(&self, contact: Contact) -> bool {
        let bucket = self.buckets.get(self.own.shared_bits(contact.id));
        let entries = bucket.map_or(&[][..], |it| &it.entries);
        let full = entries.len() >= K && entries.iter().all(|it| it.failures < BAD);
        contact.id != self.own && !full && !self.is_taken(contact)
    }

    /// Whether the host has a node here already. Otherwise a host with many ids could fill the
    /// table. Local hosts may share an address.
    fn is_taken(&self, contact: Contact) -> bool {
        let ip = contact.address.ip();
        let shared = reach(ip) < Reach::Global;
        self.entries().any(|it| {
            let same = it.contact.address == contact.address || !shared && host(&it.contact) == ip;
            same || it.contact.id == contact.id
        })
    }

    /// A node answered.
    pub fn answered(&mut self, now: Instant, contact: Contact) {
        // The node was restarted and has another id or port now.
        let renamed = |it: &Entry| {
            let moved = host(&it.contact) == host(&contact) && it.failures >= BAD;
            it.contact != contact && (it.contact.address == contact.address || moved)
        };
        for bucket in &mut self.buckets {
            bucket.entries.retain(|it| !renamed(it));
        }
        let fits = contact.id.fits(contact.address.ip());
        let taken = self.is_taken(contact);
        if contact.id == self.own {
            return;
        }
        let bucket = self.bucket(contact.id);
        let known = bucket.entries.iter_mut().find(|it| it.contact == contact);
        if let Some(known) = known {
            (known.heard_at, known.failures, bucket.changed_at) = (now, 0, now);
            return;
        }
        if taken {
            return;
        }
        if bucket.entries.len() >= K {
            // A bad node is replaced; otherwise a node whose id violates BEP 42, if the new one's
            // fits.
            let bad = bucket.entries.iter().position(|it| it.failures >= BAD);
            let chosen = || {
                let chose = |it: &Entry| !it.contact.id.fits(host(&it.contact));
                bucket.entries.iter().position(chose).filter(|_| fits)
            };
            let Some(place) = bad.or_else(chosen) else {
                return;
            };
            bucket.entries.remove(place);
        }
        bucket.changed_at = now;
        bucket.entries.push(Entry {
            contact,
            heard_at: now,
            failures: 0,
        });
    }

    /// A known node asked something, so it is alive. BEP 5.
    pub fn asked(&mut self, now: Instant, contact: Contact) {
        let bucket = self.bucket(contact.id);
        if let Some(known) = bucket.entries.iter_mut().find(|it| it.contact == contact)
            && known.failures == 0
        {
            known.heard_at = now;
        }
    }

    /// A node did not answer.
    pub fn failed(&mut self, address: SocketAddr) {
        for bucket in &mut self.buckets {
            for entry in &mut bucket.entries {
                if entry.contact.address == address {
                    entry.failures = entry.failures.saturating_add(1);
                }
            }
        }
    }

    /// The `count` nodes nearest to `target` that are not bad.
    #[must_use]
    pub fn closest(&self, target: NodeId, count: usize) -> Vec<Contact> {
        let good = self.entries().filter(|it| it.failures < BAD);
        let mut all: Vec<Contact> = good.map(|it| it.contact).collect();
        all.sort_by_key(|it| it.id.distance(target));
        all.truncate(count);
        all
    }

    /// The node that has been silent for longest, if that is too long: it should be asked.
    #[must_use]
    pub fn questionable(&self, now: Instant) -> Option<Contact> {
        let old = |it: &&Entry| it.failures > 0 || now - it.heard_at >= FRESH;
        let oldest = self.entries().filter(old);
        let oldest = oldest.min_by_key(|it| (it.failures >= BAD, it.heard_at, it.contact.id));
        oldest.map(|it| it.contact)
    }

    /// A target to search for, to refresh a bucket that has not changed for long. BEP 5: after 15
    /// minutes.
    pub fn stale(&mut self, now: Instant, rng: &mut Rng) -> Option<NodeId> {
        let place = self
            .buckets
            .iter()
            .position(|it| now - it.changed_at >= FRESH)?;
        self.buckets[place].changed_at = now;
        Some(self.own.random_at(place, rng))
    }

    /// The same nodes in a table for another id.
    #[must_use]
    pub fn renamed(&self, now: Instant, own: NodeId) -> Self {
        let mut table = Self::new(own);
        for entry in self.entries().filter(|it| it.failures < BAD) {
            table.answered(now, entry.contact);
        }
        table
    }
}

fn host(contact: &Contact) -> IpAddr {
    contact.address.ip()
}
