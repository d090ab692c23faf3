//! Request queues that begin short and grow: libtorrent's slow start of a connection.

use std::sync::Arc;
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};

const SEED: PeerKey = PeerKey(0);

/// A leecher with one seed.
struct Bench {
    torrent: Torrent,
    now: Instant,
    /// Unanswered requests, oldest first.
    open: Vec<BlockRef>,
}

impl Bench {
    fn new(start: u16) -> Self {
        let piece = 64 * BLOCK_BYTES;
        let geometry = Geometry::new(8 * u64::from(piece), piece).expect("a torrent");
        let mut config = Config::new(geometry);
        (config.pipeline.min, config.pipeline.start) = (2, start);
        let config = Arc::new(config);
        let nothing = config.nothing();
        let policy = choke::build("unchoke_all", &Parameters::new()).expect("a policy");
        let picker = pick::build("rarest_first").expect("a picker");
        let (streams, now) = (Streams::new(1), Instant::START);
        let mut bench = Self {
            torrent: Torrent::new(config, nothing, policy, picker, streams, 0, now),
            now,
            open: Vec::new(),
        };
        let (peer, link) = (SEED, PeerLink::default());
        bench.feed(Input::PeerConnected { peer, link });
        bench.say(Message::Bitfield(Box::new(Bitfield::full(8))));
        bench
    }

    fn feed(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        while let Some(output) = self.torrent.poll_output() {
            if let Output::Send {
                message: Message::Request(block),
                ..
            } = output
            {
                self.open.push(block);
            }
        }
    }

    fn say(&mut self, message: Message) {
        let peer = SEED;
        self.feed(Input::Message { peer, message });
    }

    /// The seed answers this many requests, evenly over the next second. Returns the requests that
    /// are outstanding then.
    fn second(&mut self, answers: u64) -> usize {
        for _ in 0..answers {
            self.now = self.now.after(Duration::from_millis(1000 / answers));
            let block = self.open.remove(0);
            self.say(Message::Piece(block));
        }
        self.open.len()
    }
}

#[test]
fn the_queue_begins_with_four_and_grows_with_each_block() {
    let mut bench = Bench::new(4);
    bench.say(Message::Unchoke);
    assert_eq!(bench.open.len(), 4);
    // The rate doubles each second, so the queue keeps growing: one more for each block.
    assert_eq!(bench.second(2), 4 + 2);
    assert_eq!(bench.second(4), 4 + 2 + 4);
    // A quarter of the queue may be free before more requests go out.
    let third = bench.second(8);
    assert!((14..=4 + 2 + 4 + 8).contains(&third), "{third}");
}

#[test]
fn when_the_rate_stops_growing_the_queue_follows_it() {
    let mut bench = Bench::new(4);
    bench.say(Message::Unchoke);
    let lengths: Vec<usize> = (0..40).map(|_| bench.second(4)).collect();
    // Grown in the first two seconds, and not after.
    assert!(lengths[1] >= 8, "{lengths:?}");
    // Three seconds of four blocks, and one more; a quarter of it may be free.
    let last = lengths[39];
    assert!((10..=13).contains(&last), "{lengths:?}");
}

#[test]
fn without_it_the_queue_follows_the_rate_from_the_start() {
    let mut bench = Bench::new(0);
    bench.say(Message::Unchoke);
    assert_eq!(bench.open.len(), 2, "as few as allowed");
    let mut last = 2;
    for _ in 0..40 {
        last = bench.second(4.min(last as u64));
    }
    assert!((10..=13).contains(&last), "{last}");
}
