//! Whole pieces from fast peers: libtorrent `whole_pieces_threshold`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent, Verdict};

const PIECES: u32 = 200;
/// Blocks per piece.
const BLOCKS: u32 = 4;

/// A leecher with two seeds. The first unchokes first.
struct Bench {
    torrent: Torrent,
    now: Instant,
    /// Unanswered requests, each with its peer.
    open: Vec<(PeerKey, BlockRef)>,
}

impl Bench {
    fn new(picker: &str) -> Self {
        let piece = BLOCKS * BLOCK_BYTES;
        let geometry = Geometry::new(u64::from(PIECES * piece), piece).expect("a torrent");
        let mut config = Config::new(geometry);
        config.pipeline.max = 10;
        let config = Arc::new(config);
        let nothing = config.nothing();
        let policy = choke::build("unchoke_all", &Parameters::new()).expect("a policy");
        let picker = pick::build(picker).expect("a picker");
        let (streams, now) = (Streams::new(1), Instant::START);
        let mut bench = Self {
            torrent: Torrent::new(config, nothing, policy, picker, streams, 0, now),
            now,
            open: Vec::new(),
        };
        for key in [0, 1] {
            let (peer, link) = (PeerKey(key), PeerLink::default());
            bench.feed(Input::PeerConnected { peer, link });
            let all = Bitfield::full(PIECES);
            bench.say(key, Message::Bitfield(Box::new(all)));
        }
        bench
    }

    fn feed(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        let mut verify = Vec::new();
        while let Some(output) = self.torrent.poll_output() {
            match output {
                Output::Send {
                    peer,
                    message: Message::Request(block),
                } => self.open.push((peer, block)),
                Output::VerifyPiece { piece, .. } => verify.push(piece),
                _ => {}
            }
        }
        for piece in verify {
            let verdict = Verdict::Good { blocks: Vec::new() };
            self.feed(Input::PieceVerified { piece, verdict });
        }
    }

    fn say(&mut self, key: u32, message: Message) {
        let peer = PeerKey(key);
        self.feed(Input::Message { peer, message });
    }

    /// The peer answers its oldest request, `ms` milliseconds after the last event.
    fn answer(&mut self, key: u32, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
        let at = self.open.iter().position(|it| it.0 == PeerKey(key));
        let (_, block) = self.open.remove(at.expect("it is asked for something"));
        self.say(key, Message::Piece(block));
    }

    /// The pieces of the peer's unanswered requests.
    fn asked(&self, key: u32) -> BTreeSet<PieceIndex> {
        let of_peer = self.open.iter().filter(|it| it.0 == PeerKey(key));
        of_peer.map(|it| it.1.piece).collect()
    }
}

/// The first seed delivers at 400 KB/s for a while, which is 125 pieces in 20 s. Then both seeds
/// deliver. Returns whether both were ever asked for the same piece.
fn shared(picker: &str) -> (Bench, bool) {
    let mut bench = Bench::new(picker);
    bench.say(0, Message::Unchoke);
    (0..100).for_each(|_| bench.answer(0, 40));
    bench.say(1, Message::Unchoke);
    let mut shared = false;
    for _ in 0..40 {
        bench.answer(0, 20);
        bench.answer(1, 20);
        shared |= !bench.asked(0).is_disjoint(&bench.asked(1));
    }
    (bench, shared)
}

#[test]
fn fast_peers_share_no_piece_with_libtorrent_and_do_with_others() {
    assert!(!shared("libtorrent").1);
    assert!(shared("rarest_first").1);
}

/// The rarest piece and its neighbours are downloaded one after the other.
#[test]
fn pieces_are_kept_in_a_row() {
    let mut bench = Bench::new("libtorrent");
    bench.say(0, Message::Unchoke);
    let mut order = Vec::new();
    for _ in 0..300 {
        bench.answer(0, 40);
        let piece = bench.open.last().expect("a request").1.piece;
        if order.last() != Some(&piece) {
            order.push(piece);
        }
    }
    let next = |pair: &&[PieceIndex]| pair[1].0 == pair[0].0 + 1;
    let in_a_row = order.windows(2).filter(next).count();
    assert!(in_a_row * 10 > order.len() * 8, "{in_a_row} of {order:?}");
}

/// A reservation ends when the peer chokes.
#[test]
fn who_chokes_keeps_nothing() {
    let (mut bench, _) = shared("libtorrent");
    bench.say(0, Message::Choke);
    bench.open.retain(|it| it.0 == PeerKey(1));
    let missing = u64::from(PIECES * BLOCKS);
    for _ in 0..missing {
        if bench.torrent.is_complete() {
            break;
        }
        bench.answer(1, 20);
    }
    assert!(bench.torrent.is_complete());
}
