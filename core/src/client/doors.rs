//! Connections whose handshake is not done, outgoing and incoming ("strangers"). Each has a number,
//! its [`Door`].
//!
//! The number of incoming ones is limited. If the limit is exceeded, the oldest one of the host
//! that has the most is dropped. So a host that opens many silent connections only displaces its
//! own, and an honest handshake, which takes one round trip, is done before it could be displaced.

use alloc::vec::Vec;
use core::time::Duration;

use super::places::Places;
use super::source::Source;
use crate::time::Instant;

/// The number of a connection whose handshake is not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Door(pub u32);

/// A connection whose handshake is not done.
#[derive(Clone, Copy, Debug)]
pub struct HalfOpen<P: Places> {
    pub(super) door: Door,
    pub(super) address: P::Address,
    /// The source of the address, if we dialled it.
    pub(super) dialled: Option<Source>,
    /// When it is given up.
    pub(super) until: Instant,
}

/// All such connections, oldest first.
#[derive(Clone, Debug)]
pub struct Doors<P: Places> {
    all: Vec<HalfOpen<P>>,
    last: u32,
}

impl<P: Places> Default for Doors<P> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            last: 0,
        }
    }
}

impl<P: Places> Doors<P> {
    fn open(
        &mut self,
        address: P::Address,
        dialled: Option<Source>,
        now: Instant,
        limit: Duration,
    ) -> Door {
        self.last = self.last.wrapping_add(1);
        let door = Door(self.last);
        self.all.push(HalfOpen {
            door,
            address,
            dialled,
            until: now.after(limit),
        });
        door
    }

    /// Registers an outgoing attempt.
    pub(super) fn dial(
        &mut self,
        now: Instant,
        address: P::Address,
        source: Source,
        limit: Duration,
    ) -> Door {
        self.open(address, Some(source), now, limit)
    }

    /// Registers an incoming connection. Returns its number, and that of a connection to drop for
    /// it.
    pub fn knock(
        &mut self,
        now: Instant,
        address: P::Address,
        most: u16,
        limit: Duration,
    ) -> (Door, Option<Door>) {
        let door = self.open(address, None, now, limit);
        let strangers = || self.all.iter().filter(|it| it.dialled.is_none());
        let host = |it: &HalfOpen<P>| P::host(it.address);
        let held = |of: P::Host| strangers().filter(|it| host(it) == of).count();
        if self.strangers() <= usize::from(most) {
            return (door, None);
        }
        // `max_by_key` returns the last of equal elements, so the oldest must come last.
        let first = strangers().rev().max_by_key(|it| held(host(it)));
        let evicted = first.expect("there are more than none").door;
        self.take(evicted);
        (door, Some(evicted))
    }

    /// Removes a connection whose handshake is done or has failed.
    pub fn take(&mut self, door: Door) -> Option<HalfOpen<P>> {
        let place = self.all.iter().position(|it| it.door == door)?;
        Some(self.remove(place))
    }

    fn remove(&mut self, place: usize) -> HalfOpen<P> {
        let gone = self.all.remove(place);
        if self.all.is_empty() {
            // Usually there are no such connections, so free the memory.
            self.all = Vec::new();
        }
        gone
    }

    /// Removes and returns a connection whose time is over, if there is one.
    pub(super) fn take_late(&mut self, now: Instant) -> Option<HalfOpen<P>> {
        let place = self.all.iter().position(|it| it.until <= now)?;
        Some(self.remove(place))
    }

    /// Number of incoming connections.
    #[must_use]
    pub fn strangers(&self) -> usize {
        self.all.iter().filter(|it| it.dialled.is_none()).count()
    }

    /// Number of outgoing attempts.
    pub(super) fn attempts(&self) -> usize {
        self.all.iter().filter(|it| it.dialled.is_some()).count()
    }

    /// Number of outgoing attempts to one host.
    pub(super) fn dialled(&self, host: P::Host) -> usize {
        let ours = self.all.iter().filter(|it| it.dialled.is_some());
        ours.filter(|it| P::host(it.address) == host).count()
    }

    /// When the time of the next connection is over.
    pub(super) fn poll_timeout(&self) -> Instant {
        let ends = self.all.iter().map(|it| it.until);
        ends.min().unwrap_or(Instant::NEVER)
    }

    /// Removes and returns all.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = HalfOpen<P>> {
        core::mem::take(&mut self.all).into_iter()
    }
}
