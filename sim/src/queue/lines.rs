//! One FIFO per distinct delay.

use std::collections::VecDeque;

use unchoke_core::time::Instant;

use super::heap::{EventQueue, Stamp};

/// A delay line; [`DelayLines::line`] gives the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(u16);

impl LineId {
    /// No line: events with this delay go to the heap.
    pub(crate) const HEAP: Self = Self(u16::MAX);

    /// The line of this number, from 0.
    pub(crate) fn new(number: usize) -> Self {
        Self(u16::try_from(number).expect("few lines"))
    }

    /// The number of the line, from 0; `None` if events with this delay go to the heap.
    #[must_use]
    pub fn index(self) -> Option<usize> {
        (self != Self::HEAP).then_some(usize::from(self.0))
    }
}

/// Most lines. Their heads are compared one by one. Further distinct delays share the heap, where
/// an event costs a logarithm but keeps the same order.
pub(crate) const LINES_MAX: usize = 16;

/// Queues with fewer entries than this keep their memory.
const KEPT: usize = 1024;

/// Shrinks a long queue to a quarter when less than an eighth of it is in use. The memory of a ring
/// buffer is all in use over time, so what a flash crowd needed would otherwise stay resident to
/// the end.
#[inline]
pub(crate) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.len() < queue.capacity() / 8 && queue.len() >= KEPT {
        queue.shrink_to(queue.capacity() / 4);
    }
}

/// Stamp of an empty line's head: later than every event.
const EMPTY: Stamp = Stamp {
    at: Instant::NEVER,
    sequence: u64::MAX,
};

#[derive(Clone, Debug)]
struct Line<T> {
    delay_ns: u64,
    waiting: VecDeque<(Stamp, T)>,
}

/// Events in the order (time, sequence). Cheap for events that follow their scheduling by one of a
/// few fixed delays. Also gives out the sequence numbers.
#[derive(Clone, Debug)]
pub struct DelayLines<T> {
    lines: Vec<Line<T>>,
    heads: [Stamp; LINES_MAX],
    /// The line with the earliest head; any line if all are empty.
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
    /// An empty queue without lines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The line for this delay. Makes one if there is room, else gives the heap.
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
        LineId::new(at)
    }

    /// Schedules `event` at `now + delay_ns`. `now` must not be earlier than in previous calls.
    pub fn push(&mut self, now: Instant, delay_ns: u64, event: T) {
        let line = self.line(delay_ns);
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        self.push_at(line, at, event);
    }

    /// Schedules `event` at `now + delay_ns`, where `delay_ns` is the delay of `line`.
    pub fn push_on(&mut self, now: Instant, line: LineId, delay_ns: u64, event: T) {
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        self.push_at(line, at, event);
    }

    /// Schedules `event` at `now` plus the delay of `line`, which must not be the heap.
    pub fn push_line(&mut self, now: Instant, line: LineId, event: T) {
        let delay_ns = self.lines[usize::from(line.0)].delay_ns;
        self.push_on(now, line, delay_ns, event);
    }

    /// The most recently scheduled event, if it is for this time on this line. The next event
    /// scheduled for the same time and line would come right after it, so it can be merged into it.
    pub fn last_on(&mut self, now: Instant, line: LineId, delay_ns: u64) -> Option<&mut T> {
        let at = Instant::from_nanos(now.as_nanos().saturating_add(delay_ns));
        let (stamp, event) = self.lines.get_mut(line.index()?)?.waiting.back_mut()?;
        (stamp.at == at && stamp.sequence + 1 == self.sequence).then_some(event)
    }

    /// The events of the line whose head is next, in order. Events of other lines may come between.
    pub fn upcoming(&self) -> impl Iterator<Item = &T> {
        let line = self.lines.get(self.first).into_iter();
        line.flat_map(|it| it.waiting.iter()).map(|it| &it.1)
    }

    /// All waiting events, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let in_lines = self.lines.iter().flat_map(|it| it.waiting.iter());
        in_lines.chain(self.heap.iter()).map(|it| &it.1)
    }

    /// Schedules `event` at any time.
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

    /// Number of waiting events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() + self.lines.iter().map(|it| it.waiting.len()).sum::<usize>()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peek().is_none()
    }
}
