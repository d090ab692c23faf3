//! Connections whose handshake is not done: attempts of ours, and strangers at the door.
//!
//! Strangers share a few doors. Who comes when all are taken gets the door of the host that holds most
//! of them, its oldest first: a crowd that says nothing turns itself out, and an honest handshake,
//! which takes a round trip, is done long before its turn.

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
pub(super) struct HalfOpen<P: Places> {
    pub(super) door: Door,
    pub(super) address: P::Address,
    /// From where the address is known, if we dialled it.
    pub(super) dialled: Option<Source>,
    /// When it is given up.
    pub(super) until: Instant,
}

/// All of them, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Doors<P: Places> {
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

    /// We dial.
    pub(super) fn dial(
        &mut self,
        now: Instant,
        address: P::Address,
        source: Source,
        limit: Duration,
    ) -> Door {
        self.open(address, Some(source), now, limit)
    }

    /// Somebody is at the door: its number, and who has to go for that.
    pub(super) fn knock(
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
        if strangers().count() <= usize::from(most) {
            return (door, None);
        }
        // `max_by_key` takes the last of equals, so the oldest must come last.
        let first = strangers().rev().max_by_key(|it| held(host(it)));
        let evicted = first.expect("there are more than none").door;
        self.take(evicted);
        (door, Some(evicted))
    }

    /// The handshake of this one is done, or it is over.
    pub(super) fn take(&mut self, door: Door) -> Option<HalfOpen<P>> {
        let place = self.all.iter().position(|it| it.door == door)?;
        Some(self.remove(place))
    }

    fn remove(&mut self, place: usize) -> HalfOpen<P> {
        let gone = self.all.remove(place);
        if self.all.is_empty() {
            // Most of a life nobody is at a door.
            self.all = Vec::new();
        }
        gone
    }

    /// Somebody whose time is over, if there is one.
    pub(super) fn take_late(&mut self, now: Instant) -> Option<HalfOpen<P>> {
        let place = self.all.iter().position(|it| it.until <= now)?;
        Some(self.remove(place))
    }

    /// Attempts of ours.
    pub(super) fn attempts(&self) -> usize {
        self.all.iter().filter(|it| it.dialled.is_some()).count()
    }

    /// Attempts of ours to reach one host.
    pub(super) fn dialled(&self, host: P::Host) -> usize {
        let ours = self.all.iter().filter(|it| it.dialled.is_some());
        ours.filter(|it| P::host(it.address) == host).count()
    }

    /// When somebody's time is over.
    pub(super) fn poll_timeout(&self) -> Instant {
        let ends = self.all.iter().map(|it| it.until);
        ends.min().unwrap_or(Instant::NEVER)
    }

    /// All are gone.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = HalfOpen<P>> {
        core::mem::take(&mut self.all).into_iter()
    }
}
