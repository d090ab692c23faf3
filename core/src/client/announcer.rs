//! Decides when to announce what to which tracker. BEP 3, *trackers*; BEP 12.

use alloc::vec::Vec;
use core::time::Duration;

use crate::rng::Rng;
use crate::time::Instant;
use crate::tracker::Event;

/// Bounds of the time between announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Used if the tracker names no interval. libtorrent: 30 min.
    pub default: Duration,
    /// Shortest interval used if the tracker names no `min interval`. libtorrent: 300 s.
    pub floor: Duration,
    /// Shortest `min interval` that a tracker can ask for.
    pub shortest: Duration,
    /// Longest interval used.
    pub longest: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            default: Duration::from_mins(30),
            floor: Duration::from_mins(5),
            shortest: Duration::from_mins(1),
            longest: Duration::from_hours(24),
        }
    }
}

/// An announce that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceRequest {
    /// Index among all trackers of the torrent, tier after tier.
    pub tracker: usize,
    /// What to report.
    pub event: Option<Event>,
}

/// When a tracker wants the next announce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Time to the next regular announce.
    pub interval: Option<Duration>,
    /// Time in which the tracker wants no announce.
    pub min_interval: Option<Duration>,
}

/// One tracker and its state.
#[derive(Clone, Copy, Debug)]
struct Tracker {
    number: usize,
    tier: usize,
    /// Failures since the last answer.
    failures: u32,
    /// Do not ask before this time, because the tracker failed.
    not_before: Instant,
    /// Do not ask before this time without an event, because the tracker answered.
    earliest: Instant,
    /// The tracker knows us: a `started` has reached it, or may have.
    started: bool,
}

/// The announces of one torrent: one at a time, to the first tracker that answers.
///
/// `started` goes to each tracker once, when it is first used; `completed` once, after a `started`;
/// `stopped` once to each tracker that knows us. A tracker that answers moves to the front of its
/// tier, and the next announce starts at the first tier again (BEP 12). A tracker that fails rests
/// for 5 s + 12.5 s × failures², at most an hour (libtorrent), while the next one is tried. While
/// peers are wanted, the first tracker of every tier is asked as often as it allows, because a
/// tracker that answers may know no peers.
#[derive(Clone, Debug)]
pub struct Announcer {
    schedule: Schedule,
    /// Sorted by tier; within a tier in the order in which they are tried.
    trackers: Vec<Tracker>,
    /// Time of the next regular announce.
    next: Instant,
    /// More peers are wanted.
    wanted: bool,
    in_flight: Option<AnnounceRequest>,
    completed_due: bool,
    /// We became a partial seed during the last announce.
    partial_due: bool,
    stopping: bool,
}

impl Announcer {
    /// `tiers` are the numbers of trackers in each tier. Every tier is shuffled once. BEP 12.
    pub fn new(tiers: impl IntoIterator<Item = usize>, schedule: Schedule, rng: &mut Rng) -> Self {
        let mut trackers: Vec<Tracker> = Vec::new();
        for (tier, length) in tiers.into_iter().enumerate() {
            let start = trackers.len();
            trackers.extend((start..start + length).map(|number| Tracker {
                number,
                tier,
                failures: 0,
                not_before: Instant::START,
                earliest: Instant::START,
                started: false,
            }));
            rng.shuffle(&mut trackers[start..]);
        }
        Self {
            schedule,
            trackers,
            next: Instant::START,
            wanted: false,
            in_flight: None,
            completed_due: false,
            partial_due: false,
            stopping: false,
        }
    }

    /// The announce that is due, if any. No other announce is due until its outcome is handed in,
    /// except after `stopped`, whose outcome is not awaited.
    pub fn poll(&mut self, now: Instant) -> Option<AnnounceRequest> {
        if self.poll_timeout()? > now {
            return None;
        }
        let place = if self.stopping {
            self.trackers.iter().position(|it| it.started)
        } else if self.next <= now {
            self.trackers.iter().position(|it| it.not_before <= now)
        } else {
            self.early().filter(|it| it.0 <= now).map(|it| it.1)
        };
        let tracker = &mut self.trackers[place?];
        let event = match (self.stopping, tracker.started, self.completed_due) {
            (_, true, true) => Some(Event::Completed),
            (true, _, _) => Some(Event::Stopped),
            (false, false, _) => Some(Event::Started),
            (false, true, false) => None,
        };
        let stopped = event == Some(Event::Stopped);
        // An announce without an answer may still have reached the tracker. And a tracker that was
        // told `stopped` no longer knows us, whatever it answers.
        tracker.started = !stopped;
        self.partial_due = false;
        let request = AnnounceRequest {
            tracker: tracker.number,
            event,
        };
        self.in_flight = Some(request).filter(|_| !stopped);
        Some(request)
    }

    /// When [`Announcer::poll`] will have the next announce. `None` while one is on its way, and if
    /// no more will come.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.in_flight.is_some() {
            return None;
        }
        if self.stopping {
            let any = self.trackers.iter().any(|it| it.started);
            return any.then_some(Instant::START);
        }
        let free = self.trackers.iter().map(|it| it.not_before).min()?;
        let regular = self.next.max(free);
        Some(self.early().map_or(regular, |it| it.0.min(regular)))
    }

    /// The first tracker that may be asked for peers between the regular announces, and when. From
    /// each tier, the first working tracker counts, or else the one whose rest ends first.
    fn early(&self) -> Option<(Instant, usize)> {
        if !self.wanted {
            return None;
        }
        let tiers = self.trackers.chunk_by(|a, b| a.tier == b.tier);
        let mut start = 0;
        let firsts = tiers.filter_map(|tier| {
            let resting = |place: &usize| (tier[*place].failures > 0, tier[*place].not_before);
            let first = (0..tier.len()).min_by_key(resting)?;
            let at = tier[first].not_before.max(tier[first].earliest);
            start += tier.len();
            Some((at, start - tier.len() + first))
        });
        firsts.min()
    }

    /// Whether an earlier tier has a working tracker. Then the tracker at `place` was asked in
    /// addition to the regular announces.
    fn is_beside(&self, place: usize) -> bool {
        let tier = self.trackers[place].tier;
        let mut earlier = self.trackers.iter().filter(|it| it.tier < tier);
        earlier.any(|it| it.failures == 0 && it.started)
    }

    /// The tracker of the announce on its way answered.
    pub fn on_response(&mut self, now: Instant, wishes: Wishes) {
        let Some(request) = self.in_flight.take() else {
            return;
        };
        let floor = match wishes.min_interval {
            Some(wish) => wish.clamp(self.schedule.shortest, self.schedule.longest),
            None => self.schedule.floor,
        };
        let interval = wishes.interval.unwrap_or(self.schedule.default);
        let place = self.place(request.tracker);
        if !self.is_beside(place) {
            self.next = now.after(interval.min(self.schedule.longest).max(floor));
        }
        if request.event == Some(Event::Completed) {
            self.completed_due = false;
        }
        if self.completed_due || self.partial_due {
            self.next = now;
        }
        let tracker = &mut self.trackers[place];
        tracker.failures = 0;
        tracker.not_before = Instant::START;
        tracker.earliest = now.after(floor);
        let tier = tracker.tier;
        let front = self.trackers.partition_point(|it| it.tier < tier);
        self.trackers[front..=place].rotate_right(1);
    }

    /// The announce on its way failed: no connection, no answer in time, or a useless answer.
    pub fn on_failure(&mut self, now: Instant) {
        let Some(request) = self.in_flight.take() else {
            return;
        };
        let place = self.place(request.tracker);
        if !self.is_beside(place) {
            self.next = now;
        }
        // While stopping there is no time to try `completed` again.
        self.completed_due &= !self.stopping;
        let tracker = &mut self.trackers[place];
        tracker.failures = tracker.failures.saturating_add(1);
        tracker.not_before = now.after(backoff(tracker.failures));
        if request.event == Some(Event::Started) {
            tracker.started = false;
        }
    }

    /// The last piece has come. Do not call this for a torrent that was complete at the start. BEP
    /// 3: "No completed is sent if the file was complete when started".
    pub fn on_completed(&mut self, now: Instant) {
        self.completed_due = true;
        self.next = now;
    }

    /// All that we want is here, but not all of the torrent. The trackers should know soon that we
    /// download no more. BEP 21.
    pub fn on_partial(&mut self, now: Instant) {
        self.partial_due = true;
        self.next = now;
    }

    /// Sets whether more peers are needed. If so, trackers are asked as soon as they allow.
    pub fn want_peers(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// The torrent ends. If a `completed` is due, it is still sent after the current announce;
    /// otherwise the current announce is ignored. Then [`Announcer::poll`] returns one `stopped`
    /// for each tracker that knows us, and nothing more.
    pub fn stop(&mut self) {
        self.stopping = true;
        let completed = Some(Event::Completed);
        let pending = self.in_flight.is_some_and(|it| it.event == completed);
        if !self.completed_due && !pending {
            self.in_flight = None;
        }
    }

    /// The tracker whose answer we wait for.
    #[must_use]
    pub fn asked(&self) -> Option<usize> {
        self.in_flight.map(|it| it.tracker)
    }

    fn place(&self, number: usize) -> usize {
        let place = self.trackers.iter().position(|it| it.number == number);
        place.expect("trackers move and never go")
    }
}

/// 5 s + 12.5 s × failures², at most an hour. libtorrent `tracker_backoff` = 250.
fn backoff(failures: u32) -> Duration {
    let square = u64::from(failures).saturating_mul(u64::from(failures));
    let wait = Duration::from_millis(square.saturating_mul(12_500).saturating_add(5_000));
    wait.min(Duration::from_hours(1))
}
