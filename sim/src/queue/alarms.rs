//! At most one pending time per id. The time can be moved.

use std::ops::ControlFlow;

use unchoke_core::time::Instant;

/// Eight times side by side: a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Octet([Instant; 8]);

impl Octet {
    const EMPTY: Self = Self([Instant::NEVER; 8]);

    /// Position of the first one equal to `moment`. Without branches on the times, like `least`.
    fn first(&self, moment: Instant) -> usize {
        let mut found = 0_u32;
        for (place, it) in self.0.iter().enumerate() {
            found |= u32::from(*it == moment) << place;
        }
        found.trailing_zeros() as usize
    }

    /// The earliest of the eight. Written without branches on the times, because they cannot be
    /// predicted.
    fn least(&self) -> Instant {
        self.0.iter().copied().min().expect("eight of them")
    }
}

/// A tree of minima. The leaves are the alarms in the order of their ids; each parent holds the
/// earliest of its eight children. Moving an alarm touches one cache line per level. That takes a
/// third of the instructions of a heap, which moves entries and must record where each one went.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// Leaves first. The last level is a single octet.
    levels: Vec<Vec<Octet>>,
    next: Instant,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            levels: vec![vec![Octet::EMPTY]],
            next: Instant::NEVER,
        }
    }
}

impl Alarms {
    /// An empty set of alarms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for the ids below `count`.
    pub fn grow(&mut self, count: u32) {
        let mut width = count as usize;
        for level in 0.. {
            width = width.div_ceil(8).max(1);
            if level == self.levels.len() {
                let mut top = Octet::EMPTY;
                top.0[0] = self.next;
                self.levels.push(vec![top]);
            }
            let octets = &mut self.levels[level];
            octets.resize(width.max(octets.len()), Octet::EMPTY);
            if octets.len() == 1 {
                return;
            }
        }
    }

    /// When the earliest alarm rings; [`Instant::NEVER`] if none is set.
    #[must_use]
    pub fn next_at(&self) -> Instant {
        self.next
    }

    /// The earliest alarm; the lowest id among equals.
    #[must_use]
    pub fn peek(&self) -> Option<(Instant, u32)> {
        if self.next == Instant::NEVER {
            return None;
        }
        let mut at = 0;
        for level in self.levels.iter().rev() {
            let least = level[at].first(self.next);
            assert!(least < 8, "a child is as early as its parent");
            at = 8 * at + least;
        }
        Some((self.next, u32::try_from(at).expect("ids are 32 bits")))
    }

    /// Calls `visit` with the id of each alarm that rings at or before `until`, in ascending order
    /// of ids, until `visit` breaks.
    pub fn ringing(&self, until: Instant, visit: &mut impl FnMut(u32) -> ControlFlow<()>) {
        let _ = self.ringing_below(self.levels.len() - 1, 0, until, visit);
    }

    fn ringing_below(
        &self,
        level: usize,
        at: usize,
        until: Instant,
        visit: &mut impl FnMut(u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for (child, moment) in (8 * at..).zip(&self.levels[level][at].0) {
            if *moment > until || *moment == Instant::NEVER {
                continue;
            }
            if level == 0 {
                visit(u32::try_from(child).expect("ids are 32 bits"))?;
            } else {
                self.ringing_below(level - 1, child, until, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// When the alarm of `id` is due, if it is set.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<Instant> {
        let at = self.levels[0][id as usize / 8].0[id as usize % 8];
        (at != Instant::NEVER).then_some(at)
    }

    /// Sets or moves the alarm of `id`; `None` clears it.
    pub fn set(&mut self, id: u32, at: Option<Instant>) {
        let mut moment = at.unwrap_or(Instant::NEVER);
        let mut place = id as usize;
        for level in &mut self.levels {
            let octet = &mut level[place / 8];
            if octet.0[place % 8] == moment {
                return;
            }
            octet.0[place % 8] = moment;
            moment = octet.least();
            place /= 8;
        }
        self.next = moment;
    }
}
