//! Which started piece gets the next request. Cohen 2003 §2.4.1, *strict priority*, as in mainline
//! 4.0.

use std::sync::Arc;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{PeerId, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};

const PIECES: u32 = 20;

/// A leecher that keeps two requests outstanding; pieces have four blocks.
fn leecher(seed: u64) -> Torrent {
    leecher_with("rarest_first", seed)
}

fn leecher_with(picker: &str, seed: u64) -> Torrent {
    let geometry = Geometry::new(u64::from(PIECES) * 65_536, 65_536).expect("a torrent");
    let mut config = Config::new(geometry);
    (config.pipeline.min, config.pipeline.max) = (2, 2);
    let config = Arc::new(config);
    let policy = choke::build("unchoke_all", &Parameters::new()).expect("a policy");
    let picker = pick::build(picker).expect("a picker");
    let nothing = config.nothing();
    let streams = Streams::new(seed);
    Torrent::new(config, nothing, policy, picker, streams, 0, Instant::START)
}

/// Connects a peer with these pieces.
fn connect(torrent: &mut Torrent, key: u32, has: impl Iterator<Item = u32>) {
    let peer = PeerKey(key);
    let mut set = Bitfield::empty(PIECES);
    has.for_each(|it| {
        set.insert(PieceIndex(it));
    });
    let link = PeerLink {
        peer_id: PeerId([u8::try_from(key).expect("few peers"); 20]),
        fast: true,
        extended: false,
        outgoing: true,
        returning: false,
        address: None,
        web: false,
    };
    torrent.handle_input(Instant::START, Input::PeerConnected { peer, link });
    let message = Message::Bitfield(Box::new(set));
    torrent.handle_input(Instant::START, Input::Message { peer, message });
}

/// The pieces requested when a peer with these pieces connects and unchokes.
fn requested(torrent: &mut Torrent, key: u32, has: impl Iterator<Item = u32>) -> Vec<PieceIndex> {
    connect(torrent, key, has);
    let (peer, message) = (PeerKey(key), Message::Unchoke);
    torrent.handle_input(Instant::START, Input::Message { peer, message });
    let outputs = std::iter::from_fn(|| torrent.poll_output());
    let asked = outputs.filter_map(|it| match it {
        Output::Send {
            peer: to,
            message: Message::Request(block),
        } if to == peer => Some(block.piece),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_begun_piece_comes_before_new_ones() {
    for seed in 0..20 {
        let mut torrent = leecher(seed);
        let first = requested(&mut torrent, 0, 3..4);
        assert_eq!(first, [PieceIndex(3); 2]);
        let second = requested(&mut torrent, 1, 0..PIECES - 1);
        assert_eq!(second, [PieceIndex(3); 2], "seed {seed}");
    }
}

/// The piece with the fewest copies is finished first, so that it spreads first.
#[test]
fn of_two_begun_pieces_the_rarer_is_finished_first() {
    for (common, rare) in [(3, 7), (7, 3)] {
        let mut torrent = leecher(1);
        for (key, piece) in (0..).zip([common, rare]) {
            let asked = requested(&mut torrent, key, std::iter::once(piece));
            assert_eq!(asked, [PieceIndex(piece); 2]);
        }
        // Two more peers have the common piece; they choke us.
        for key in 2..4 {
            connect(&mut torrent, key, std::iter::once(common));
        }
        let third = requested(&mut torrent, 4, [common, rare].into_iter());
        assert_eq!(third, [PieceIndex(rare); 2]);
    }
}

/// A seed is asked only for pieces that leechers have not started, because leechers can finish
/// theirs.
#[test]
fn a_seed_does_not_finish_what_leechers_began() {
    for seed in 0..20 {
        let mut torrent = leecher(seed);
        requested(&mut torrent, 0, 3..4);
        let of_seed = requested(&mut torrent, 1, 0..PIECES);
        assert_eq!(of_seed.len(), 2);
        assert!(!of_seed.contains(&PieceIndex(3)), "seed {seed}");
        let of_another = requested(&mut torrent, 2, 0..PIECES);
        assert_eq!(
            of_another, of_seed,
            "a seed finishes pieces that a seed started"
        );
    }
}

/// If nothing else is left, a seed is asked for pieces that leechers have started.
#[test]
fn a_seed_finishes_anything_in_the_end() {
    let mut torrent = leecher(1);
    for piece in 0..PIECES {
        requested(&mut torrent, piece, std::iter::once(piece));
    }
    assert_eq!(requested(&mut torrent, PIECES, 0..PIECES).len(), 2);
}

/// libtorrent has no such rule: it finishes started pieces with any peer.
#[test]
fn with_the_libtorrent_picker_a_seed_finishes_what_leechers_began() {
    for seed in 0..20 {
        let mut torrent = leecher_with("libtorrent", seed);
        requested(&mut torrent, 0, 3..4);
        let of_seed = requested(&mut torrent, 1, 0..PIECES);
        assert_eq!(of_seed, [PieceIndex(3); 2], "seed {seed}");
    }
}
