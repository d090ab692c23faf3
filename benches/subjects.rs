//! The parts of the workspace that are measured, ready to run.

use std::hint::black_box;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, ChokePolicy, Parameters, PeerView, Snapshot, Trigger};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick::{self, PickPolicy, PickView, Progress};
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_sim::queue::DelayLines;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;

/// Number of messages in [`messages`] without payload. They come first in the list.
pub const UNPAID: usize = 4;

/// One message of each kind that a download uses.
#[must_use]
pub fn messages() -> Vec<Message> {
    let block = BlockRef {
        piece: PieceIndex(7),
        begin: 16_384,
        length: 16_384,
    };
    vec![
        Message::Have(PieceIndex(3)),
        Message::Request(block),
        Message::Cancel(block),
        Message::Unchoke,
        Message::Piece(block),
    ]
}

/// A policy with a snapshot of its peers and a random stream.
#[derive(Debug)]
pub struct Choking {
    policy: Box<dyn ChokePolicy>,
    peers: Vec<PeerView>,
    rng: Rng,
    tick: u64,
}

impl Choking {
    /// The registered policy `id` with this number of connections, two thirds of them interested.
    #[must_use]
    pub fn new(id: &str, connections: u32) -> Self {
        let view = |key| PeerView {
            peer: PeerKey(key),
            peer_interested: key % 3 > 0,
            am_interested: true,
            am_choking: true,
            down_rate: u64::from(key) * 7919 % 10_007,
            ..PeerView::default()
        };
        let mut choking = Self {
            policy: choke::build(id, &Parameters::new()).expect("a registered policy"),
            peers: (0..connections).map(view).collect(),
            rng: Streams::new(1).stream(Purpose::Choke, 0),
            tick: 0,
        };
        for key in 0..connections {
            choking.decide(Trigger::Connected(PeerKey(key)));
        }
        choking
    }

    fn decide(&mut self, trigger: Trigger) {
        let snapshot = Snapshot {
            now: Instant::from_secs(100),
            am_seed: false,
            upload_capacity: Some(1_250_000),
            upload_rate: 1_000_000,
            piece_count: 400,
            piece_bytes: 262_144,
            total_bytes: 400 * 262_144,
            left_bytes: 200 * 262_144,
            peers: &self.peers,
        };
        black_box(
            self.policy
                .decide(trigger, black_box(&snapshot), &mut self.rng),
        );
    }

    /// One rechoke.
    pub fn rechoke(&mut self) {
        self.tick += 1;
        self.decide(Trigger::Tick(self.tick));
    }
}

/// A picker with the largest choice: the peer has every piece and no piece has been begun.
#[derive(Debug)]
pub struct Picking {
    picker: Box<dyn PickPolicy>,
    everything: Bitfield,
    copies: Vec<u16>,
    rng: Rng,
}

impl Picking {
    /// The registered picker `id` with this number of pieces, each with 1 to 40 copies among the
    /// peers.
    #[must_use]
    pub fn new(id: &str, pieces: u32) -> Self {
        let mut rng = Streams::new(1).stream(Purpose::Pick, 0);
        let copies = (0..pieces)
            .map(|_| 1 + u16::try_from(rng.below(40)).expect("small"))
            .collect();
        Self {
            picker: pick::build(id).expect("a registered picker"),
            everything: Bitfield::full(pieces),
            copies,
            rng,
        }
    }

    /// Picks a piece.
    pub fn pick(&mut self) {
        let view = PickView {
            unbegun: self.everything.words(),
            peer_has: self.everything.words(),
            availability: &self.copies,
            progress: Progress {
                have_count: 10,
                ..Progress::default()
            },
        };
        black_box(self.picker.pick(black_box(&view), &mut self.rng));
    }
}

/// A queue of pending events in the hold model: take the next event, schedule another.
#[derive(Clone, Debug)]
pub struct Holds {
    queue: DelayLines<u64>,
    /// Delays for events in the heap, used in turn. Delay lines need none.
    waits: Vec<u64>,
    next: usize,
}

const DELAY_NS: u64 = 25_000_000;
const HORIZON_NS: u64 = 10_000_000_000;

impl Holds {
    /// This number of events, all with the same delay.
    #[must_use]
    pub fn of_one_delay(pending: u64) -> Self {
        let mut queue = DelayLines::new();
        for i in 0..pending {
            queue.push(Instant::from_nanos(i), DELAY_NS, i);
        }
        let (waits, next) = (Vec::new(), 0);
        Self { queue, waits, next }
    }

    /// This number of events at random times within ten seconds.
    #[must_use]
    pub fn of_any_time(pending: u64) -> Self {
        let mut rng = Streams::new(1).stream(Purpose::Arrival, 0);
        let mut queue = DelayLines::new();
        for i in 0..pending {
            queue.push_any(Instant::from_nanos(rng.below(HORIZON_NS)), i);
        }
        // Drawn in advance, so that drawing is not measured.
        let waits = (0..pending).map(|_| rng.below(HORIZON_NS)).collect();
        let next = 0;
        Self { queue, waits, next }
    }

    /// Performs this number of holds.
    pub fn run(&mut self, holds: u64) {
        for _ in 0..holds {
            let (stamp, event) = self.queue.pop().expect("never empty");
            let Some(wait) = self.waits.get(self.next) else {
                self.queue.push(stamp.at, DELAY_NS, event);
                continue;
            };
            let later = Instant::from_nanos(stamp.at.as_nanos() + wait);
            self.queue.push_any(later, event);
            self.next = (self.next + 1) % self.waits.len();
        }
    }
}

/// The workload `w1` with this number of peers, all with this policy.
#[must_use]
pub fn swarm(policy: &str, peers: u32) -> SwarmSpec {
    let overrides = [format!("peers={peers}"), format!("policy={policy}")];
    let scenario = Scenario::builtin("w1", &overrides).expect("a built-in scenario");
    expand(&scenario, 1)
}
