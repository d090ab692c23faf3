//! What a user sees of a session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::ledger::Ledger;

/// Rates shown are means over this long.
const WINDOW: Duration = Duration::from_secs(5);
/// Time between two samples.
const SAMPLE: Duration = Duration::from_millis(500);
/// Without a peer for so long, we say so, and again after each further such time.
const LONELY: Duration = Duration::from_secs(30);

/// Something worth telling.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The session listens on this port.
    Listening(u16),
    /// Pieces on disk are being hashed: done and all.
    Checking(u32, u32),
    /// Pieces found on disk, of how many, and whether resume data vouched for them.
    Found(u32, u32, bool),
    /// Something about the files that the user should know.
    Files(String),
    /// How it goes; comes twice a second.
    Status(Box<Status>),
    /// What a tracker said.
    Tracker(String),
    /// A sentence about another source of peers.
    Source(String),
    /// What became of a web seed.
    WebSeed(String),
    /// A connection was closed for cause.
    Dropped(SocketAddr, String),
    /// A peer sent corrupt data and is banned.
    Banned(SocketAddr, String),
    /// Nobody is connected since so long.
    Lonely(Duration),
    /// Every piece that is wanted is here and verified, so long after the run began.
    Completed(Duration),
}

/// How a session stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Since the run began.
    pub elapsed: Duration,
    /// Verified pieces of those that are wanted.
    pub have_pieces: u32,
    /// Pieces that are wanted.
    pub pieces: u32,
    /// Bytes of those verified pieces.
    pub have_bytes: u64,
    /// Bytes of the pieces that are wanted.
    pub total_bytes: u64,
    /// Payload received, bytes/s.
    pub down_rate: u64,
    /// Payload sent, bytes/s.
    pub up_rate: u64,
    /// Connections to peers.
    pub peers: usize,
    /// Web seeds in use.
    pub web_seeds: usize,
    /// Time left at the present rate, if there is one.
    pub left: Option<Duration>,
    /// Where the bytes went.
    pub ledger: Ledger,
}

#[derive(Debug)]
struct Sample {
    at: Clock,
    received: u64,
    sent: u64,
}

/// Measures rates and idle times.
#[derive(Debug)]
pub(super) struct Progress {
    samples: VecDeque<Sample>,
    useful: u64,
    useful_at: Clock,
    peer_at: Clock,
    lonely_told: u32,
    /// Verified pieces when the run began.
    pub(super) pieces_at_start: u32,
}

impl Progress {
    pub(super) fn new(now: Clock, pieces_at_start: u32) -> Self {
        Self {
            pieces_at_start,
            samples: VecDeque::new(),
            useful: 0,
            useful_at: now,
            peer_at: now,
            lonely_told: 0,
        }
    }

    /// When the next sample is due.
    pub(super) fn due(&self, epoch: Clock) -> Clock {
        self.samples.back().map_or(epoch, |it| it.at + SAMPLE)
    }

    /// Takes a sample; gives the rates received and sent in bytes/s.
    pub(super) fn sample(&mut self, now: Clock, ledger: &Ledger, peers: usize) -> (u64, u64) {
        if ledger.payload_useful > self.useful {
            (self.useful, self.useful_at) = (ledger.payload_useful, now);
        }
        if peers > 0 {
            (self.peer_at, self.lonely_told) = (now, 0);
        }
        self.samples.push_back(Sample {
            at: now,
            received: ledger.payload_received(),
            sent: ledger.payload_sent,
        });
        while self.samples.len() > 2 && now - self.samples[1].at >= WINDOW {
            self.samples.pop_front();
        }
        let (old, new) = (&self.samples[0], &self.samples[self.samples.len() - 1]);
        let ms = u64::try_from((new.at - old.at).as_millis()).unwrap_or(u64::MAX);
        let rate = |bytes: u64| bytes.saturating_mul(1000) / ms.max(1);
        if ms == 0 {
            return (0, 0);
        }
        // Either may fall: blocks that a closed connection did not take are no longer counted as sent.
        let since = |new: u64, old: u64| rate(new.saturating_sub(old));
        (since(new.received, old.received), since(new.sent, old.sent))
    }

    /// Time since the last useful byte.
    pub(super) fn idle(&self, now: Clock) -> Duration {
        now - self.useful_at
    }

    /// How long nobody has been connected, when that should be said.
    pub(super) fn lonely(&mut self, now: Clock) -> Option<Duration> {
        let alone = now - self.peer_at;
        (alone >= LONELY * (self.lonely_told + 1)).then(|| {
            self.lonely_told += 1;
            alone
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer asks, does not read and closes: what was counted as sent is taken back.
    #[test]
    fn a_ledger_that_falls_shows_no_rate() {
        let start = Clock::now();
        let mut progress = Progress::new(start, 0);
        let ledger = |payload_sent| Ledger {
            payload_sent,
            ..Ledger::default()
        };
        let (full, fallen) = (ledger(1_000_000), ledger(16_384));
        assert_eq!(progress.sample(start, &full, 1), (0, 0));
        for second in 1..20 {
            let now = start + Duration::from_secs(second);
            assert_eq!(progress.sample(now, &fallen, 1), (0, 0));
        }
    }

    #[test]
    fn rates_are_means_over_the_window() {
        let start = Clock::now();
        let mut progress = Progress::new(start, 0);
        let mut rates = (0, 0);
        for half in 0..=20u32 {
            let ledger = Ledger {
                payload_useful: u64::from(half) * 500,
                payload_sent: u64::from(half) * 50,
                ..Ledger::default()
            };
            rates = progress.sample(start + SAMPLE * half, &ledger, 0);
        }
        assert_eq!(rates, (1000, 100));
        assert!(progress.samples.len() <= 12, "old samples are forgotten");
    }

    #[test]
    fn loneliness_is_told_once_per_half_minute() {
        let start = Clock::now();
        let mut progress = Progress::new(start, 0);
        let told = (0..=180).filter(|s| {
            let now = start + Duration::from_secs(*s);
            progress.sample(now, &Ledger::default(), usize::from(*s == 70));
            progress.lonely(now).is_some()
        });
        assert_eq!(told.collect::<Vec<_>>(), [30, 60, 100, 130, 160]);
    }
}
