//! At most one pending moment per id, movable.

use unchoke_core::time::Instant;

/// Place of an id that has no alarm.
const UNSET: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    id: u32,
}

/// A 4-ary heap of (moment, id) that knows where each id lies.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    heap: Vec<Entry>,
    /// Index: id. Place in `heap`, or [`UNSET`].
    places: Vec<u32>,
}

impl Alarms {
    /// No alarms, no ids.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for the ids below `count`.
    pub fn grow(&mut self, count: u32) {
        if self.places.len() < count as usize {
            self.places.resize(count as usize, UNSET);
        }
    }

    /// The earliest alarm; the lowest id among equals.
    #[must_use]
    pub fn peek(&self) -> Option<(Instant, u32)> {
        self.heap.first().map(|it| (it.at, it.id))
    }

    /// When the alarm of `id` is due, if it is set.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<Instant> {
        let place = self.places[id as usize];
        (place != UNSET).then(|| self.heap[place as usize].at)
    }

    /// Sets or moves the alarm of `id`; `None` clears it.
    pub fn set(&mut self, id: u32, at: Option<Instant>) {
        let place = self.places[id as usize];
        match (at, place) {
            (None, UNSET) => {}
            (None, place) => self.remove(place as usize),
            (Some(at), UNSET) => {
                self.heap.push(Entry { at, id });
                self.rise(self.heap.len() - 1);
            }
            (Some(at), place) => {
                let place = place as usize;
                let before = self.heap[place].at;
                self.heap[place].at = at;
                if at < before {
                    self.rise(place);
                } else if at > before {
                    self.sink(place);
                }
            }
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.heap.swap_remove(place);
        self.places[gone.id as usize] = UNSET;
        if place < self.heap.len() {
            if self.heap[place] < gone {
                self.rise(place);
            } else {
                self.sink(place);
            }
        }
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.places[entry.id as usize] = u32::try_from(place).expect("as many as ids");
    }

    fn rise(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / 4;
            if self.heap[parent] < entry {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let children = 4 * place + 1..(4 * place + 5).min(self.heap.len());
            let Some(least) = children.min_by_key(|it| self.heap[*it]) else {
                break;
            };
            if entry < self.heap[least] {
                break;
            }
            self.put(place, self.heap[least]);
            place = least;
        }
        self.put(place, entry);
    }
}
