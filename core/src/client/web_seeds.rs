//! Which web seeds are used, and when to retry after a failure. BEP 19.
//!
//! A web seed does not count as a connection. Only a few web seeds are used at a time, and one that
//! sent wrong data several times is never used again.

use alloc::vec::Vec;
use core::time::Duration;

use super::redial::Ended;
use crate::ids::PeerKey;
use crate::time::Instant;

/// Most web seeds in use at a time. libtorrent `max_web_seed_connections`: 3.
const AT_ONCE: usize = 3;

/// Wait after the first failure; doubled with each further one. libtorrent `urlseed_wait_retry`: 30 s.
const RETRY: Duration = Duration::from_secs(30);

/// The longest wait unless the server asks for a longer one. Also the wait after an answer that did
/// not fit the request, and until a file that was missing is requested again.
const LONGEST: Duration = Duration::from_mins(10);

/// Bounds of a wait that the server asks for (`Retry-After`; RFC 9110, section 10.2.3).
const LEAST_ASKED: Duration = Duration::from_secs(1);
const MOST_ASKED: Duration = Duration::from_hours(1);

/// After this many answers that did not fit the request a web seed is never used again.
const LIES: u8 = 3;

/// The failures of a web seed are forgotten after it was in use for this time.
const PROVEN: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InUse {
        since: Instant,
        /// Why we asked the driver to end it.
        closing: Option<Ended>,
    },
    Left,
}

#[derive(Clone, Copy, Debug)]
struct WebSeed {
    /// Its key. It keeps the key as long as the torrent lasts, so that it can be blamed for all it
    /// sent.
    peer: Option<PeerKey>,
    state: State,
    not_before: Instant,
    failures: u8,
    lies: u8,
}

/// The web seeds of a torrent, by their index there.
#[derive(Clone, Debug)]
pub(super) struct WebSeeds {
    all: Vec<WebSeed>,
}

impl WebSeeds {
    pub(super) fn new(count: u16) -> Self {
        let seed = WebSeed {
            peer: None,
            state: State::Waiting,
            not_before: Instant::START,
            failures: 0,
            lies: 0,
        };
        Self {
            all: alloc::vec![seed; usize::from(count)],
        }
    }

    /// Number of web seeds in use.
    pub(super) fn in_use(&self) -> usize {
        let in_use = |it: &&WebSeed| matches!(it.state, State::InUse { .. });
        self.all.iter().filter(in_use).count()
    }

    /// The keys of the web seeds that are in use and not being ended.
    pub(super) fn open(&self) -> impl Iterator<Item = PeerKey> {
        let open = |it: &&WebSeed| matches!(it.state, State::InUse { closing: None, .. });
        self.all.iter().filter(open).filter_map(|it| it.peer)
    }

    fn free(&self) -> usize {
        AT_ONCE.saturating_sub(self.in_use())
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, &WebSeed)> {
        let all = self.all.iter().enumerate();
        all.filter(|it| it.1.state == State::Waiting)
    }

    /// The next web seed to use, if there is room: the one with the fewest failures. `key` makes a
    /// key if it has none.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        key: impl FnOnce() -> PeerKey,
    ) -> Option<(u16, PeerKey)> {
        if self.free() == 0 {
            return None;
        }
        let due = self.waiting().filter(|it| it.1.not_before <= now);
        let (index, _) = due.min_by_key(|(index, it)| (it.failures, *index))?;
        let seed = &mut self.all[index];
        seed.state = State::InUse {
            since: now,
            closing: None,
        };
        let peer = *seed.peer.get_or_insert_with(key);
        Some((u16::try_from(index).expect("counted in 16 bits"), peer))
    }

    /// When another web seed may be used; a past time if now.
    pub(super) fn poll_timeout(&self) -> Instant {
        if self.free() == 0 {
            return Instant::NEVER;
        }
        let due = self.waiting().map(|it| it.1.not_before);
        due.min().unwrap_or(Instant::NEVER)
    }

    /// The web seed with this key.
    pub(super) fn of(&self, peer: PeerKey) -> Option<u16> {
        let found = self.all.iter().position(|it| it.peer == Some(peer));
        found.map(|it| u16::try_from(it).expect("counted in 16 bits"))
    }

    /// We ask the driver to end it.
    pub(super) fn closing(&mut self, seed: u16, why: Ended) {
        if let State::InUse { closing, .. } = &mut self.all[usize::from(seed)].state {
            *closing = Some(why);
        }
    }

    /// Drops a web seed for ever. False if it was dropped already.
    pub(super) fn leave(&mut self, seed: u16) -> bool {
        let seed = &mut self.all[usize::from(seed)];
        let was = seed.lies < LIES;
        seed.lies = LIES;
        if seed.state == State::Waiting {
            seed.state = State::Left;
        }
        was
    }

    /// The web seed is no longer in use. True if it is dropped for ever.
    pub(super) fn ended(&mut self, now: Instant, seed: u16, how: Ended) -> bool {
        let seed = &mut self.all[usize::from(seed)];
        let State::InUse { since, closing } = seed.state else {
            return false;
        };
        if now - since >= PROVEN {
            seed.failures = 0;
        }
        let wait = match closing.unwrap_or(how) {
            Ended::BothSeeds => Duration::ZERO,
            Ended::Useless => LONGEST,
            Ended::Busy(seconds) => {
                seed.failures = seed.failures.saturating_add(1);
                Duration::from_secs(seconds.into()).clamp(LEAST_ASKED, MOST_ASKED)
            }
            Ended::Garbage | Ended::Violation | Ended::Corrupt => {
                seed.lies = seed.lies.saturating_add(1);
                LONGEST
            }
            _ => {
                let wait = RETRY * 2_u32.saturating_pow(u32::from(seed.failures.min(10)));
                seed.failures = seed.failures.saturating_add(1);
                wait.min(LONGEST)
            }
        };
        seed.not_before = now.after(wait);
        let left = seed.lies >= LIES;
        seed.state = if left { State::Left } else { State::Waiting };
        left
    }
}
