//! When to announce what to which tracker. BEP 3, *trackers*; BEP 12.

use alloc::vec::Vec;
use core::time::Duration;

use super::request::Event;
use super::response::AnnounceResponse;
use crate::rng::Rng;
use crate::time::Instant;

/// Bounds of the time between announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When the tracker names no interval. libtorrent: 30 min.
    pub default: Duration,
    /// Shortest interval used when the tracker names no `min interval`. libtorrent: 300 s.
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
    /// Which tracker: position among all trackers of the torrent, tier after tier.
    pub tracker: usize,
    /// What to report.
    pub event: Option<Event>,
}

/// A tracker and what we know of it.
#[derive(Clone, Copy, Debug)]
struct Tracker {
    number: usize,
    tier: usize,
    /// Failures since the last answer.
    failures: u32,
    /// Not to be asked before.
    not_before: Instant,
    /// It knows us: a `started` has reached it, or may have.
    started: bool,
}

/// The announces of one torrent. One at a time, to the first tracker that answers.
///
/// `started` goes to each tracker once, when it is first used; `completed` once, after a `started`;
/// `stopped` once to each tracker that knows us. A tracker that answers moves to the front of its
/// tier, and the next announce starts at the first tier again (BEP 12). A tracker that fails rests
/// for 5 s + 12.5 s × failures², at most an hour (libtorrent), while the next one is tried.
#[derive(Clone, Debug)]
pub struct Announcer {
    schedule: Schedule,
    /// By tier; within a tier in the order of trial.
    trackers: Vec<Tracker>,
    next: Instant,
    /// Before it the tracker wants no announce without an event.
    earliest: Instant,
    in_flight: Option<AnnounceRequest>,
    completed_due: bool,
    stopping: bool,
}

impl Announcer {
    /// For tiers of so many trackers each. Every tier is shuffled once. BEP 12.
    pub fn new(tiers: impl IntoIterator<Item = usize>, schedule: Schedule, rng: &mut Rng) -> Self {
        let mut trackers: Vec<Tracker> = Vec::new();
        for (tier, length) in tiers.into_iter().enumerate() {
            let start = trackers.len();
            trackers.extend((start..start + length).map(|number| Tracker {
                number,
                tier,
                failures: 0,
                not_before: Instant::START,
                started: false,
            }));
            rng.shuffle(&mut trackers[start..]);
        }
        Self {
            schedule,
            trackers,
            next: Instant::START,
            earliest: Instant::START,
            in_flight: None,
            completed_due: false,
            stopping: false,
        }
    }

    /// The announce that is due, if any. Until its outcome is handed in, no other is.
    pub fn poll(&mut self, now: Instant) -> Option<AnnounceRequest> {
        if self.poll_timeout()? > now {
            return None;
        }
        let place = if self.stopping {
            self.trackers.iter().position(|it| it.started)
        } else {
            self.trackers.iter().position(|it| it.not_before <= now)
        };
        let tracker = &mut self.trackers[place?];
        let event = match (self.stopping, tracker.started) {
            (true, _) => Some(Event::Stopped),
            (false, false) => Some(Event::Started),
            (false, true) => self.completed_due.then_some(Event::Completed),
        };
        // Even an announce whose answer never comes may have reached the tracker; and a tracker
        // that was told `stopped` no longer knows us, whatever it answers.
        tracker.started = !self.stopping;
        let request = AnnounceRequest {
            tracker: tracker.number,
            event,
        };
        self.in_flight = Some(request);
        Some(request)
    }

    /// When [`Announcer::poll`] has the next announce. `None` while one is on its way, and when
    /// there is none to come.
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
        Some(self.next.max(free))
    }

    /// The tracker of the announce on its way answered.
    pub fn on_response(&mut self, now: Instant, response: &AnnounceResponse) {
        let Some(request) = self.in_flight.take() else {
            return;
        };
        let floor = match response.min_interval {
            Some(wish) => wish.clamp(self.schedule.shortest, self.schedule.longest),
            None => self.schedule.floor,
        };
        let interval = response.interval.unwrap_or(self.schedule.default);
        self.earliest = now.after(floor);
        self.next = now.after(interval.min(self.schedule.longest).max(floor));
        if request.event == Some(Event::Completed) {
            self.completed_due = false;
        }
        if self.completed_due {
            self.next = now;
        }
        let place = self.place(request.tracker);
        let tracker = &mut self.trackers[place];
        tracker.failures = 0;
        tracker.not_before = Instant::START;
        let tier = tracker.tier;
        let front = self.trackers.partition_point(|it| it.tier < tier);
        self.trackers[front..=place].rotate_right(1);
    }

    /// The announce on its way failed: no connection, no answer in time, or one of no use.
    pub fn on_failure(&mut self, now: Instant) {
        let Some(request) = self.in_flight.take() else {
            return;
        };
        let place = self.place(request.tracker);
        let tracker = &mut self.trackers[place];
        tracker.failures = tracker.failures.saturating_add(1);
        tracker.not_before = now.after(backoff(tracker.failures));
        if request.event == Some(Event::Started) {
            tracker.started = false;
        }
        self.next = now;
    }

    /// The last piece has come. Not to be called for a torrent that was complete at the start.
    /// BEP 3: "No completed is sent if the file was complete when started".
    pub fn on_completed(&mut self, now: Instant) {
        self.completed_due = true;
        self.next = now;
    }

    /// More peers are needed: the next announce comes as soon as the tracker allows.
    pub fn want_peers(&mut self, now: Instant) {
        self.next = self.next.min(self.earliest.max(now));
    }

    /// The torrent ends. What is on its way is forgotten; [`Announcer::poll`] has one `stopped` for
    /// each tracker that knows us, then nothing more.
    pub fn stop(&mut self) {
        self.in_flight = None;
        self.stopping = true;
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
