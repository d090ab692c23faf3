//! The announce schedule, with a clock and with trackers that answer or fail.

use std::time::Duration;

use unchoke_core::client::announcer::{AnnounceRequest, Announcer, Schedule, Wishes};
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::tracker::Event;

fn rng() -> Rng {
    Streams::new(1).stream(Purpose::Tracker, 0)
}

/// An announcer and its clock.
struct Story {
    announcer: Announcer,
    now: Instant,
}

impl Story {
    fn new(tiers: &[usize]) -> Self {
        Self {
            announcer: Announcer::new(tiers.iter().copied(), Schedule::default(), &mut rng()),
            now: Instant::START,
        }
    }

    /// Waits for the next announce. Returns the wait in seconds, the tracker and the event.
    fn next(&mut self) -> Option<(u64, usize, Option<Event>)> {
        let at = self.announcer.poll_timeout()?.max(self.now);
        if at > self.now {
            let early = Instant::from_nanos(at.as_nanos() - 1);
            assert_eq!(self.announcer.poll(early), None, "not before its time");
        }
        let waited = at.since(self.now).as_secs();
        self.now = at;
        let AnnounceRequest { tracker, event } = self
            .announcer
            .poll(at)
            .expect("due, according to its timeout");
        if event != STOPPED {
            assert_eq!(self.announcer.poll_timeout(), None, "one at a time");
            assert_eq!(self.announcer.poll(at), None, "one at a time");
        }
        Some((waited, tracker, event))
    }

    fn answer(&mut self) {
        self.answer_with(Some(1800), None);
    }

    fn answer_with(&mut self, interval: Option<u64>, min_interval: Option<u64>) {
        let wishes = Wishes {
            interval: interval.map(Duration::from_secs),
            min_interval: min_interval.map(Duration::from_secs),
        };
        self.announcer.on_response(self.now, wishes);
    }

    fn fail(&mut self) {
        self.announcer.on_failure(self.now);
    }
}

const STARTED: Option<Event> = Some(Event::Started);
const COMPLETED: Option<Event> = Some(Event::Completed);
const STOPPED: Option<Event> = Some(Event::Stopped);

/// BEP 3, *trackers*: "started is sent when a download first begins", "not present [...] at regular
/// intervals", "stopped when they cease downloading".
#[test]
fn one_tracker_from_start_to_stop() {
    let mut story = Story::new(&[1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.answer();
    assert_eq!(story.next(), Some((1800, 0, None)));
    story.answer();
    story.announcer.on_completed(story.now);
    assert_eq!(story.next(), Some((0, 0, COMPLETED)));
    story.answer();
    assert_eq!(story.next(), Some((1800, 0, None)));
    story.answer();
    story.announcer.stop();
    assert_eq!(story.next(), Some((0, 0, STOPPED)));
    story.answer();
    assert_eq!(story.next(), None);
}

#[test]
fn no_tracker_no_announce() {
    let mut story = Story::new(&[]);
    assert_eq!(story.next(), None);
    story.announcer.on_completed(story.now);
    assert_eq!(story.next(), None);
    story.announcer.stop();
    assert_eq!(story.next(), None);
}

#[test]
fn a_tracker_that_never_heard_of_us_is_told_nothing_at_the_end() {
    let mut story = Story::new(&[1]);
    story.announcer.stop();
    assert_eq!(story.next(), None);
    let mut story = Story::new(&[1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.fail();
    story.announcer.stop();
    assert_eq!(story.next(), None);
}

#[test]
fn stop_does_not_wait_for_the_answer_on_its_way() {
    let mut story = Story::new(&[1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.announcer.stop();
    assert_eq!(story.next(), Some((0, 0, STOPPED)));
    story.fail();
    assert_eq!(story.next(), None, "stopped is tried once");
}

#[test]
fn completed_waits_for_started() {
    let mut story = Story::new(&[1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.announcer.on_completed(story.now);
    story.answer();
    assert_eq!(story.next(), Some((0, 0, COMPLETED)));
    story.answer();
    assert_eq!(story.next(), Some((1800, 0, None)));
}

#[test]
fn completed_is_repeated_until_it_arrives() {
    let mut story = Story::new(&[1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.answer();
    story.announcer.on_completed(story.now);
    assert_eq!(story.next(), Some((0, 0, COMPLETED)));
    story.fail();
    assert_eq!(story.next(), Some((17, 0, COMPLETED)));
    story.answer();
    assert_eq!(story.next(), Some((1800, 0, None)));
}

/// libtorrent: 5 s plus 12.5 s times the square of the number of failures, at most an hour.
#[test]
fn failures_make_the_wait_longer() {
    let mut story = Story::new(&[1]);
    story.next();
    for wait in [17, 55, 117, 205, 317, 455, 617, 805] {
        story.fail();
        assert_eq!(story.next(), Some((wait, 0, STARTED)));
    }
    for _ in 0..100 {
        story.fail();
        story.next();
    }
    story.fail();
    assert_eq!(story.next(), Some((3600, 0, STARTED)));
    story.answer();
    assert_eq!(story.next(), Some((1800, 0, None)));
    story.fail();
    assert_eq!(
        story.next(),
        Some((17, 0, None)),
        "an answer resets the number of failures"
    );
}

#[test]
fn intervals_are_kept_within_bounds() {
    let day = 24 * 3600;
    for (interval, min_interval, wait) in [
        (Some(1800), None, 1800),
        (None, None, 1800),
        (Some(0), None, 300),
        (Some(299), None, 300),
        (Some(u64::MAX), None, day),
        (Some(100), Some(90), 100),
        (Some(80), Some(90), 90),
        (Some(0), Some(0), 60),
        (Some(1800), Some(3600), 3600),
        (Some(1800), Some(u64::MAX), day),
    ] {
        let mut story = Story::new(&[1]);
        story.next();
        story.answer_with(interval, min_interval);
        assert_eq!(
            story.next(),
            Some((wait, 0, None)),
            "{interval:?} {min_interval:?}"
        );
    }
}

#[test]
fn peers_can_be_asked_for_early_but_not_before_the_minimum() {
    let mut story = Story::new(&[1]);
    story.next();
    story.answer_with(Some(1800), Some(600));
    story.now = Instant::from_secs(100);
    story.announcer.want_peers(true);
    assert_eq!(story.next(), Some((500, 0, None)));
    story.answer_with(Some(1800), Some(600));
    story.now = story.now.after(Duration::from_secs(1000));
    story.announcer.want_peers(true);
    assert_eq!(story.next(), Some((0, 0, None)));
    // Wanting peers never delays an announce. It stays in effect until it is withdrawn.
    story.answer_with(Some(700), Some(600));
    story.now = story.now.after(Duration::from_secs(650));
    story.announcer.want_peers(true);
    assert_eq!(story.next(), Some((0, 0, None)));
    story.announcer.want_peers(false);
    story.answer_with(Some(1800), Some(600));
    assert_eq!(story.next(), Some((1800, 0, None)));
}

/// The first tracker may answer without any peer. With too few peers, every tier is asked, each at
/// its minimum interval, and the regular announces continue.
#[test]
fn with_too_few_peers_every_tier_is_asked() {
    let mut story = Story::new(&[1, 2, 1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.answer_with(Some(1800), Some(600));
    story.announcer.want_peers(true);
    let (wait, second, event) = story.next().expect("the second tier");
    assert_eq!((wait, event), (0, STARTED));
    assert!(second == 1 || second == 2);
    story.answer_with(Some(1800), Some(300));
    assert_eq!(story.next(), Some((0, 3, STARTED)));
    // This tracker fails and is asked again later. The others have answered, so they wait for their
    // minimum interval.
    story.fail();
    assert_eq!(story.next(), Some((17, 3, STARTED)));
    story.answer_with(Some(1800), Some(900));
    assert_eq!(story.next(), Some((282, second, None)));
    story.answer_with(Some(1800), Some(300));
    assert_eq!(story.next(), Some((300, 0, None)));
    story.answer_with(Some(1800), Some(600));
    story.announcer.want_peers(false);
    assert_eq!(story.next(), Some((1800, 0, None)), "only the regular one");
}

#[test]
fn completed_is_told_before_the_farewell() {
    let mut story = Story::new(&[1, 1]);
    assert_eq!(story.next(), Some((0, 0, STARTED)));
    story.announcer.on_completed(story.now);
    story.announcer.stop();
    assert_eq!(
        story.announcer.poll_timeout(),
        None,
        "we wait for an answer"
    );
    story.answer();
    assert_eq!(story.next(), Some((0, 0, COMPLETED)));
    // Even if that fails, because there is no time to try again.
    story.fail();
    assert_eq!(story.next(), Some((0, 0, STOPPED)));
    assert_eq!(story.next(), None);
}

/// BEP 12, *Order of Processing*: tiers in order, shuffled within, "if a connection with a tracker
/// is successful, it will be moved to the front of the tier".
#[test]
fn a_tracker_that_answers_moves_to_the_front_of_its_tier() {
    let mut story = Story::new(&[3, 1]);
    let (_, first, _) = story.next().expect("due");
    story.fail();
    let (wait, second, event) = story.next().expect("due");
    assert_eq!((wait, event), (0, STARTED), "the next one is tried at once");
    assert!(first < 3 && second < 3 && first != second);
    story.answer();
    for _ in 0..3 {
        assert_eq!(story.next(), Some((1800, second, None)));
        story.answer();
    }
    // The tracker fails. The others of its tier follow in order, then the next tier.
    story.next();
    story.fail();
    assert_eq!(story.next(), Some((0, first, STARTED)));
    story.fail();
    assert_eq!(story.next(), Some((0, 3 - first - second, STARTED)));
    story.fail();
    assert_eq!(story.next(), Some((0, 3, STARTED)));
    story.answer();
    // BEP 12: the next announce starts at the first tier again.
    assert_eq!(story.next(), Some((1800, second, None)));
    story.answer();
    story.announcer.stop();
    let mut told = [usize::MAX; 2];
    for tracker in &mut told {
        let (wait, number, event) = story.next().expect("two trackers know us");
        assert_eq!((wait, event), (0, STOPPED));
        *tracker = number;
        story.answer();
    }
    told.sort_unstable();
    assert_eq!(told, [second, 3]);
    assert_eq!(story.next(), None);
}

/// BEP 12, *Order of Processing*: "the list will be shuffled when first read".
#[test]
fn every_order_of_a_tier_comes_up() {
    let mut first = [0u32; 3];
    let mut rng = rng();
    for _ in 0..3000 {
        let mut announcer = Announcer::new([3, 2], Schedule::default(), &mut rng);
        let request = announcer.poll(Instant::START).expect("due");
        first[request.tracker] += 1;
    }
    assert!(first.iter().all(|it| (900..1100).contains(it)), "{first:?}");
}

#[test]
fn outcomes_nobody_waits_for_are_ignored() {
    let mut story = Story::new(&[1]);
    story.answer();
    story.fail();
    assert_eq!(story.next(), Some((0, 0, STARTED)));
}
