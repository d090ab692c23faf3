//! The figures and notices of a session for the user.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant as Clock;
use unchoke_core::client::explain::Hindrance;
use unchoke_core::ledger::Ledger;

use super::Explained;

/// Displayed rates are averages over this time.
const WINDOW: Duration = Duration::from_secs(5);
/// Time between two samples.
const SAMPLE: Duration = Duration::from_millis(500);

/// News for the user.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The session listens on this port.
    Listening(u16),
    /// Pieces on disk are being hashed: number done, and number of all.
    Checking(u32, u32),
    /// Number of pieces found on disk, number of all pieces, and whether resume data was used.
    Found(u32, u32, bool),
    /// A message about files.
    Files(String),
    /// The current figures, twice a second.
    Status(Box<Status>),
    /// A message about a tracker.
    Tracker(String),
    /// A message about another source of peers.
    Source(String),
    /// A message about a web seed.
    WebSeed(String),
    /// A limit of seeding was reached; the sentence gives the reason.
    Enough(String),
    /// A connection was closed because of a fault of the peer.
    Dropped(SocketAddr, String),
    /// A peer sent corrupt data and is banned.
    Banned(SocketAddr, String),
    /// The reason why no useful data arrived for a while.
    Stuck(Box<Explained>),
    /// The facts about the download, whether it is stuck or not.
    Explained(Box<Explained>),
    /// All wanted pieces are verified; the time since the start of the run.
    Completed(Duration),
}

/// The figures of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// Number of wanted pieces that are verified.
    pub have_pieces: u32,
    /// Number of wanted pieces.
    pub pieces: u32,
    /// Bytes in the verified wanted pieces.
    pub have_bytes: u64,
    /// Bytes in the wanted pieces.
    pub total_bytes: u64,
    /// Payload received, bytes/s.
    pub down_rate: u64,
    /// Payload sent, bytes/s.
    pub up_rate: u64,
    /// Number of connected peers.
    pub peers: usize,
    /// Number of running web seeds.
    pub web_seeds: usize,
    /// Estimated time to completion at the current rate; `None` if the rate is zero.
    pub left: Option<Duration>,
    /// The obstacle, while no data arrives and pieces are missing.
    pub waits_for: Option<Hindrance>,
    /// Payload uploaded, including earlier runs.
    pub uploaded: u64,
    /// Time with all wanted pieces, including earlier runs.
    pub seeded: Duration,
    /// Where the bytes went.
    pub ledger: Ledger,
}

/// The byte counts last announced to trackers. They must never fall, because some trackers treat
/// that as cheating. Our own counts may fall: unsent bytes of a closed connection are subtracted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Payload uploaded.
    pub(super) uploaded: u64,
    /// Payload downloaded.
    pub(super) downloaded: u64,
}

impl Told {
    pub(super) fn update(&mut self, ledger: &Ledger) {
        self.uploaded = self.uploaded.max(ledger.payload_sent);
        self.downloaded = self.downloaded.max(ledger.payload_received());
    }
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
    /// Number of verified pieces at the start of the run.
    pub(super) pieces_at_start: u32,
}

impl Progress {
    pub(super) fn new(now: Clock, pieces_at_start: u32) -> Self {
        Self {
            pieces_at_start,
            samples: VecDeque::new(),
            useful: 0,
            useful_at: now,
        }
    }

    /// The time of the next sample.
    pub(super) fn due(&self, epoch: Clock) -> Clock {
        self.samples.back().map_or(epoch, |it| it.at + SAMPLE)
    }

    /// Takes a sample. Returns the rates of download and upload, in bytes/s.
    pub(super) fn sample(&mut self, now: Clock, ledger: &Ledger) -> (u64, u64) {
        // Useful bytes fall when a piece fails its hash; bytes after that are progress again.
        if ledger.payload_useful > self.useful {
            self.useful_at = now;
        }
        self.useful = ledger.payload_useful;
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
        // Either count may fall: unsent bytes of a closed connection are subtracted.
        let since = |new: u64, old: u64| rate(new.saturating_sub(old));
        (since(new.received, old.received), since(new.sent, old.sent))
    }

    /// Time since the last useful byte.
    pub(super) fn idle(&self, now: Clock) -> Duration {
        now - self.useful_at
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
    use unchoke_core::ids::{PeerKey, PieceIndex};
    use unchoke_core::ledger::Kind;
    use unchoke_core::message::Message;
    use unchoke_core::rng::Streams;
    use unchoke_core::time::Instant;
    use unchoke_core::torrent::{Config, Input, PeerLink, Torrent, Unsent};
    use unchoke_core::{choke, pick};

    use super::*;

    const PEER: PeerKey = PeerKey(0);

    /// A seed that has handed eight blocks to the connection of a peer.
    fn stalled_seed() -> (Torrent, u64) {
        let block = BLOCK_BYTES;
        let geometry = Geometry::new(8 * u64::from(block), 8 * block).expect("a piece");
        let config = Arc::new(Config::new(geometry.clone()));
        let policy = choke::build("unchoke_all", &choke::Parameters::new()).expect("a policy");
        let picker = pick::build("rarest_first").expect("a picker");
        let (have, streams) = (config.everything(), Streams::new(1));
        let start = Instant::START;
        let mut torrent = Torrent::new(config, have, policy, picker, streams, 0, start);
        let link = PeerLink::default();
        torrent.handle_input(start, Input::PeerConnected { peer: PEER, link });
        for _ in 0..8 {
            torrent.handle_input(start, Input::Writable { peer: PEER });
        }
        let mut tell = |message| {
            let said = Input::Message {
                peer: PEER,
                message,
            };
            torrent.handle_input(start, said);
        };
        tell(Message::Interested);
        (0..8).for_each(|it| tell(Message::Request(geometry.block(PieceIndex(0), it))));
        assert_eq!(torrent.ledger().payload_sent, 8 * u64::from(block));
        (torrent, u64::from(block))
    }

    /// A peer requests blocks, does not read, and disconnects: its unsent bytes are subtracted. The
    /// figures must stay valid even if a faulty driver subtracts too much.
    #[test]
    fn no_figure_goes_wrong_when_what_was_sent_is_taken_back() {
        for blocks in [0_u32, 1, 5, 8, 9, u32::MAX] {
            let (mut torrent, block) = stalled_seed();
            let start = Clock::now();
            let (mut progress, mut told) = (Progress::new(start, 0), Told::default());
            told.update(torrent.ledger());
            assert_eq!(progress.sample(start, torrent.ledger()), (0, 0));
            let payload = u64::from(blocks) * block;
            torrent.take_back(PEER, Unsent { blocks, payload });
            torrent.handle_input(Instant::START, Input::PeerDisconnected { peer: PEER });
            let ledger = *torrent.ledger();
            assert_eq!(ledger.payload_sent, (8 * block).saturating_sub(payload));
            let headers = ledger.protocol[Kind::PieceHeader as usize].sent;
            assert_eq!(headers, 13 * u64::from(8_u32.saturating_sub(blocks)));
            assert!(
                ledger.sent() < 9 * block && ledger.received() < block,
                "{ledger:?}"
            );
            for second in 1..20 {
                let now = start + Duration::from_secs(second);
                assert_eq!(progress.sample(now, &ledger), (0, 0), "{blocks} blocks");
            }
            told.update(&ledger);
            assert_eq!((told.uploaded, told.downloaded), (8 * block, 0));
            let mut sum = Ledger::default();
            sum += ledger;
            assert_eq!(sum, ledger);
        }
    }

    #[test]
    fn what_comes_after_a_failed_piece_is_useful_again() {
        let start = Clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let useful = |payload_useful| Ledger {
            payload_useful,
            ..Ledger::default()
        };
        let mut progress = Progress::new(start, 0);
        for (second, bytes) in [(1, 1_000_000), (2, 0), (3, 500)] {
            progress.sample(at(second), &useful(bytes));
        }
        assert_eq!(progress.idle(at(4)), Duration::from_secs(1));
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
            rates = progress.sample(start + SAMPLE * half, &ledger);
        }
        assert_eq!(rates, (1000, 100));
        assert!(progress.samples.len() <= 12, "old samples are forgotten");
    }
}
