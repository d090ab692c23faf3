//! The mail of one window of one shard, sorted.

use unchoke_core::time::Instant;

use super::mail::{Mail, Notice};
use crate::world::Event;

/// Mail by receiver, then by time, then by [`Mail::turn`], then in the order in which it came. A counting
/// sort by receiver leaves few letters to compare.
#[derive(Debug, Default)]
pub(super) struct Pile {
    /// Place of the receiver, time and turn of each letter, in the order in which they came.
    stamps: Vec<(u32, Instant, u64)>,
    /// What is in each letter, in the same order; `None` once it is taken.
    events: Vec<Option<Event<Notice>>>,
    /// Positions of letters, sorted.
    order: Vec<u32>,
    /// The part of `order` that each receiver has still to take: its first and its end. Index: place
    /// of the receiver.
    parts: Vec<(u32, u32)>,
}

impl Pile {
    /// An empty pile for this many receivers.
    pub(super) fn new(receivers: usize) -> Self {
        Self {
            parts: vec![(0, 0); receivers],
            ..Self::default()
        }
    }

    /// Adds a letter to the receiver at this place.
    pub(super) fn add(&mut self, place: u32, mail: Mail) {
        self.stamps.push((place, mail.at, mail.turn()));
        self.events.push(Some(mail.event));
        self.parts[place as usize].1 += 1;
    }

    /// Sorts what was added since [`Self::clear`].
    pub(super) fn sort(&mut self) {
        let mut sum = 0;
        for part in &mut self.parts {
            let count = part.1;
            *part = (sum, sum);
            sum += count;
        }
        self.order.resize(self.stamps.len(), 0);
        for (position, (place, ..)) in (0..).zip(&self.stamps) {
            let part = &mut self.parts[*place as usize];
            self.order[part.1 as usize] = position;
            part.1 += 1;
        }
        for (first, end) in &self.parts {
            let own = &mut self.order[*first as usize..*end as usize];
            own.sort_by_key(|it| {
                let (_, at, turn) = self.stamps[*it as usize];
                (at, turn)
            });
        }
    }

    /// Forgets all letters.
    pub(super) fn clear(&mut self) {
        self.stamps.clear();
        self.events.clear();
        self.order.clear();
        self.parts.fill((0, 0));
    }

    /// The places of the receivers that have still to take letters, ascending.
    pub(super) fn receivers(&self) -> impl Iterator<Item = u32> {
        let parts = (0..).zip(&self.parts);
        parts.filter(|it| it.1.0 < it.1.1).map(|it| it.0)
    }

    /// The letters that a receiver has still to take.
    pub(super) fn letters(&self, place: u32) -> impl Iterator<Item = &Event<Notice>> {
        let (first, end) = self.parts[place as usize];
        let own = &self.order[first as usize..end as usize];
        own.iter()
            .filter_map(|it| self.events[*it as usize].as_ref())
    }

    /// The time of the next letter for a receiver; [`Instant::NEVER`] if there is none.
    pub(super) fn next_at(&self, place: u32) -> Instant {
        let (first, end) = self.parts[place as usize];
        if first == end {
            return Instant::NEVER;
        }
        self.stamps[self.order[first as usize] as usize].1
    }

    /// Takes the next letter for a receiver, which must exist.
    pub(super) fn take(&mut self, place: u32) -> Event<Notice> {
        let first = &mut self.parts[place as usize].0;
        let position = self.order[*first as usize];
        *first += 1;
        let event = self.events[position as usize].take();
        event.expect("a letter is taken once")
    }
}
