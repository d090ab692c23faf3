//! One FIFO per distinct delay.

use std::collections::VecDeque;

use unchoke_core::time::Instant;

use super::heap::{EventQueue, Stamp};

/// A delay line, as [`DelayLines::line`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(u16);

impl LineId {
    /// Not a line: events of this delay go to the heap.
    pub(crate) const HEAP: Self = Self(u16::MAX);

    /// Its number, counted from 0; `None` if events of this delay go to the heap.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        (self != Self::HEAP).then_some(usize::from(self.0))
    }
}

/// Lines whose heads are compared one by one. More distinct delays than this share the heap, where
/// an event costs a logarithm but is ordered all the same.
const LINES_MAX: usize = 16;

/// A queue with fewer entries keeps its memory.
const KEPT: usize = 1024;

/// Gives back three quarters of the memory of a long queue of which less than an eighth is in use:
/// such memory goes round and round, and what a flash crowd took would stay in use to the end.
#[inline]
pub(crate) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.len() < queue.capacity() / 8 && queue.len() >= KEPT {
        queue.shrink_to(queue.capacity() / 4);
    }
}

/// Stamp of the head of an empty line: after every event.
const EMPTY: Stamp = Stamp {
    at: Instant::NEVER,
    sequence: u64::MAX,
};

#[derive(Clone, Debug)]
struct Line<T> {
    delay_ns: u64,
    waiting: VecDeque<(Stamp, T)>,
}

/// Events ordered by (time, sequence), cheap for those that come one of a few delays after they
/// were scheduled. Also the owner of the sequence numbers.
#[derive(Clone, Debug)]
pub struct DelayLines<T> {
    lines: Vec<Line<T>>,
    heads: [Stamp; LINES_MAX],
    /// The line with the least head; anything if all are empty.
    first: usize,
    heap: EventQueue<T>,
    sequence: u64,
}

impl<T> Default for DelayLines<T> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            heads: [EMPTY; LINES_MAX],
            first: 0,
            heap: EventQueue::new(),
            sequence: 0,
        }
    }
}

impl<T> DelayLines<T> {
    /// No lines, no events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The line for this delay, made if there is room for another.
    pub fn line(&mut self, delay_ns: u64) -> LineId {
        let known = self.lines.iter().position(|it| it.delay_ns == delay_ns);
        let at = known.unwrap_or_else(|| {
            if self.lines.len() < LINES_MAX {
                self.lines.push(Line {
                    delay_ns,
                    waiting: VecDeque::new(),
                });
                self.lines.len() - 1
            } else {
                usize::from(LineId::HEAP.0)
            }
        });
        LineId(u16::try_from(at).expect("few lines"))
    }

    /// Schedules `event` for `delay_ns` after `now`, which must not lie before an earlier `now`.
    pub fn push(&mut self, now: Instant, delay_ns: u64, event: T) {
        let line = self.line(delay_ns);
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        self.push_at(line, at, event);
    }

    /// Schedules `event` for `delay_ns` after `now`, which is the delay of `line`.
    pub fn push_on(&mut self, now: Instant, line: LineId, delay_ns: u64, event: T) {
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        self.push_at(line, at, event);
    }

    /// Schedules `event` for the delay of `line`, which must not be the heap, after `now`.
    pub fn push_line(&mut self, now: Instant, line: LineId, event: T) {
        let delay_ns = self.lines[usize::from(line.0)].delay_ns;
        self.push_on(now, line, delay_ns, event);
    }

    /// The event that was scheduled last of all, if it is for this moment on this line: whatever is
    /// scheduled there next comes right after it, and may be made part of it.
    pub fn last_on(&mut self, now: Instant, line: LineId, delay_ns: u64) -> Option<&mut T> {
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        let (stamp, event) = self.lines.get_mut(line.index()?)?.waiting.back_mut()?;
        (stamp.at == at && stamp.sequence + 1 == self.sequence).then_some(event)
    }

    /// The events of the line that is next, in order. Others may come between them.
    pub fn upcoming(&self) -> impl Iterator<Item = &T> {
        let line = self.lines.get(self.first).into_iter();
        line.flat_map(|it| it.waiting.iter()).map(|it| &it.1)
    }

    /// All events that wait, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let in_lines = self.lines.iter().flat_map(|it| it.waiting.iter());
        in_lines.chain(self.heap.iter()).map(|it| &it.1)
    }

    /// Schedules `event` for any moment.
    pub fn push_any(&mut self, at: Instant, event: T) {
        self.push_at(LineId::HEAP, at, event);
    }

    fn push_at(&mut self, line: LineId, at: Instant, event: T) {
        let stamp = Stamp {
            at,
            sequence: self.sequence,
        };
        self.sequence += 1;
        if line == LineId::HEAP {
            self.heap.push(stamp, event);
            return;
        }
        let index = usize::from(line.0);
        let waiting = &mut self.lines[index].waiting;
        if let Some(last) = waiting.back() {
            assert!(last.0 < stamp, "time never runs backwards");
        } else {
            self.heads[index] = stamp;
            if stamp < self.heads[self.first] {
                self.first = index;
            }
        }
        waiting.push_back((stamp, event));
    }

    /// The stamp of the next event.
    #[must_use]
    pub fn peek(&self) -> Option<Stamp> {
        let head = self.heads[self.first];
        let least = self.heap.peek().map_or(head, |it| it.min(head));
        (least != EMPTY).then_some(least)
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Stamp, T)> {
        let head = self.heads[self.first];
        if self.heap.peek().is_some_and(|it| it < head) {
            return self.heap.pop();
        }
        if head == EMPTY {
            return None;
        }
        let waiting = &mut self.lines[self.first].waiting;
        let next = waiting.pop_front();
        give_back(waiting);
        self.heads[self.first] = waiting.front().map_or(EMPTY, |it| it.0);
        let heads = 0..self.lines.len();
        self.first = heads.min_by_key(|it| self.heads[*it]).unwrap_or(0);
        next
    }

    /// Events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() + self.lines.iter().map(|it| it.waiting.len()).sum::<usize>()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peek().is_none()
    }
}
