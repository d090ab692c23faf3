//! Pieces lost on disk: we no longer claim to have them, blame no peer, and download them again.

use std::sync::Arc;

use unchoke_core::choke::{Parameters, build};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::ledger::Kind;
use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent, Verdict};

const PEER: PeerKey = PeerKey(0);
const PIECES: u32 = 4;
const LOST: PieceIndex = PieceIndex(2);

/// A torrent that starts complete, with all its outputs.
struct Seed {
    torrent: Torrent,
    now: Instant,
}

impl Seed {
    fn new(policy: &str) -> Self {
        let geometry = Geometry::new(u64::from(PIECES) * 65_536, 65_536).expect("a torrent");
        let config = Config {
            hello: Some(ExtendedHandshake {
                upload_only: Some(true),
                ..ExtendedHandshake::default()
            }),
            ..Config::new(geometry)
        };
        let have = config.everything();
        let policy = build(policy, &Parameters::new()).expect("a policy");
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let (config, now) = (Arc::new(config), Instant::START);
        let torrent = Torrent::new(config, have, policy, picker, Streams::new(1), 0, now);
        Self { torrent, now }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.torrent.handle_input(self.now, input);
        std::iter::from_fn(|| self.torrent.poll_output()).collect()
    }

    /// The messages to `peer` after an input.
    fn said(&mut self, peer: PeerKey, input: Input) -> Vec<Message> {
        let to_peer = |output| match output {
            Output::Send { peer: to, message } if to == peer => Some(message),
            _ => None,
        };
        self.input(input).into_iter().filter_map(to_peer).collect()
    }

    fn hear(&mut self, peer: PeerKey, message: Message) -> Vec<Message> {
        self.said(peer, Input::Message { peer, message })
    }

    fn connect(&mut self, peer: PeerKey, link: PeerLink) -> Vec<Message> {
        self.said(peer, Input::PeerConnected { peer, link })
    }

    /// Connects a peer that has nothing, is interested, and is unchoked.
    fn meet_a_leecher(&mut self, fast: bool) {
        let link = PeerLink {
            fast,
            ..PeerLink::default()
        };
        self.connect(PEER, link);
        self.hear(PEER, Message::Interested);
        assert!(!self.torrent.am_choking(PEER));
    }
}

fn block(piece: PieceIndex, index: u32) -> BlockRef {
    BlockRef {
        piece,
        begin: index * BLOCK_BYTES,
        length: BLOCK_BYTES,
    }
}

fn lost() -> Input {
    Input::PieceLost { piece: LOST }
}

#[test]
fn requests_for_a_lost_piece_are_rejected_and_others_served() {
    for fast in [true, false] {
        let mut seed = Seed::new("unchoke_all");
        seed.meet_a_leecher(fast);
        let odd = BlockRef {
            begin: 7,
            length: 5,
            ..block(LOST, 0)
        };
        let kept = block(PieceIndex(1), 3);
        for block in [block(LOST, 0), kept, odd, block(LOST, 3)] {
            assert_eq!(seed.hear(PEER, Message::Request(block)), []);
        }
        let gone = [block(LOST, 0), odd, block(LOST, 3)].map(Message::Reject);
        let expected: Vec<Message> = gone.into_iter().filter(|_| fast).collect();
        assert_eq!(seed.said(PEER, lost()), expected, "fast: {fast}");
        let writable = || Input::Writable { peer: PEER };
        assert_eq!(seed.said(PEER, writable()), [Message::Piece(kept)]);
        assert_eq!(seed.said(PEER, writable()), []);
        assert_eq!(seed.torrent.have_count(), PIECES - 1);
        assert!(!seed.torrent.is_complete() && !seed.torrent.have().has(LOST));
        // Reporting it twice does no harm.
        assert_eq!(seed.input(lost()), []);
        assert_eq!(seed.torrent.have_count(), PIECES - 1);
    }
}

/// BEP 3 has no message that tells a peer that a piece is lost.
#[test]
fn who_goes_on_asking_for_it_is_refused_and_not_dropped() {
    let mut seed = Seed::new("unchoke_all");
    seed.meet_a_leecher(true);
    seed.input(lost());
    for _ in 0..1000 {
        let said = seed.hear(PEER, Message::Request(block(LOST, 1)));
        assert_eq!(said, [Message::Reject(block(LOST, 1))]);
    }
}

#[test]
fn a_newcomer_is_told_the_truth_and_the_piece_is_fetched_again() {
    let mut seed = Seed::new("unchoke_all");
    seed.input(lost());
    let link = PeerLink {
        fast: true,
        ..PeerLink::default()
    };
    let said = seed.connect(PEER, link);
    let claimed = said.iter().find_map(|it| match it {
        Message::Bitfield(set) => Some((set.count(), set.has(LOST))),
        _ => None,
    });
    assert_eq!(claimed, Some((PIECES - 1, false)), "{said:?}");
    // Another seed is useful again.
    assert_eq!(seed.hear(PEER, Message::HaveAll), [Message::Interested]);
    let asked = seed.hear(PEER, Message::Unchoke);
    assert_eq!(asked.len(), 4, "the blocks of one piece: {asked:?}");
    let mut outputs = Vec::new();
    for message in asked {
        let Message::Request(block) = message else {
            panic!("{message:?} is no request")
        };
        assert_eq!(block.piece, LOST);
        let message = Message::Piece(block);
        outputs = seed.input(Input::Message {
            peer: PEER,
            message,
        });
    }
    let verify = |it: &Output| matches!(it, Output::VerifyPiece { piece: LOST, .. });
    assert!(outputs.iter().any(verify), "{outputs:?}");
    let verdict = Verdict::Good { blocks: Vec::new() };
    let outputs = seed.input(Input::PieceVerified {
        piece: LOST,
        verdict,
    });
    assert!(outputs.contains(&Output::Broadcast { have: LOST }));
    assert!(outputs.contains(&Output::Completed));
    assert!(seed.torrent.is_complete());
}

#[test]
fn a_piece_that_is_on_disk_again_counts_and_is_announced() {
    let found = || Input::PieceFound { piece: LOST };
    let mut seed = Seed::new("unchoke_all");
    assert_eq!(seed.input(found()), [], "it is not lost");
    seed.input(lost());
    let outputs = seed.input(found());
    assert!(outputs.contains(&Output::Broadcast { have: LOST }));
    assert!(outputs.contains(&Output::Completed));
    assert!(seed.torrent.is_complete());
    seed.meet_a_leecher(true);
    let request = block(LOST, 0);
    seed.hear(PEER, Message::Request(request));
    let said = seed.said(PEER, Input::Writable { peer: PEER });
    assert_eq!(said, [Message::Piece(request)]);
}

#[test]
fn a_piece_that_is_on_disk_again_is_downloaded_to_the_end_once_it_is_requested() {
    let found = || Input::PieceFound { piece: LOST };
    let mut seed = Seed::new("unchoke_all");
    seed.input(lost());
    let link = PeerLink {
        fast: true,
        ..PeerLink::default()
    };
    seed.connect(PEER, link);
    seed.hear(PEER, Message::HaveAll);
    assert_eq!(seed.hear(PEER, Message::Unchoke).len(), 4, "all its blocks");
    seed.input(Input::Message {
        peer: PEER,
        message: Message::Piece(block(LOST, 0)),
    });
    assert_eq!(seed.input(found()), []);
    // The rest never comes.
    seed.input(Input::PeerDisconnected { peer: PEER });
    assert!(!seed.torrent.is_complete());
    assert!(seed.input(found()).contains(&Output::Completed));
    assert!(seed.torrent.is_complete());
}

/// BEP 21: a peer with `upload_only` is not expected to want anything.
#[test]
fn a_seed_that_lost_a_piece_says_that_it_no_longer_only_uploads() {
    let mut seed = Seed::new("unchoke_all");
    let link = PeerLink {
        extended: true,
        ..PeerLink::default()
    };
    seed.connect(PEER, link);
    let said = seed.said(PEER, lost());
    let [Message::Extended(extended)] = &said[..] else {
        panic!("one hello and nothing else: {said:?}")
    };
    let Extended::Handshake(hello) = &**extended else {
        panic!("{extended:?}")
    };
    assert_eq!(hello.upload_only, Some(false));
    // A second piece makes no difference.
    let piece = PieceIndex(0);
    assert_eq!(seed.said(PEER, Input::PieceLost { piece }), []);
}

#[test]
fn a_super_seed_neither_reveals_nor_announces_what_it_lost() {
    let mut seed = Seed::new("superseed");
    (0..PIECES - 1).for_each(|piece| {
        let piece = PieceIndex(piece);
        seed.input(Input::PieceLost { piece });
    });
    let said = seed.connect(PEER, PeerLink::default());
    let kept = PieceIndex(PIECES - 1);
    assert!(said.contains(&Message::Have(kept)), "{said:?}");
    let haves = |it: &&Message| matches!(it, Message::Have(_));
    assert_eq!(said.iter().filter(haves).count(), 1, "{said:?}");
}

#[test]
fn a_block_that_could_not_be_read_is_rejected_and_not_counted_as_sent() {
    let mut seed = Seed::new("unchoke_all");
    seed.meet_a_leecher(true);
    let (unread, next) = (block(LOST, 0), block(PieceIndex(1), 0));
    seed.hear(PEER, Message::Request(unread));
    let sent = seed.said(PEER, Input::Writable { peer: PEER });
    assert_eq!(sent, [Message::Piece(unread)]);
    seed.hear(PEER, Message::Request(next));
    let said = seed.said(
        PEER,
        Input::BlockUnread {
            peer: PEER,
            block: unread,
        },
    );
    // The link accepts the next block in its place.
    assert_eq!(said, [Message::Reject(unread), Message::Piece(next)]);
    let ledger = seed.torrent.ledger();
    assert_eq!(ledger.payload_sent, u64::from(BLOCK_BYTES));
    assert_eq!(ledger.protocol[Kind::PieceHeader as usize].sent, 13);
    // The input has no effect for a connection without a block in flight, or for a closed
    // connection.
    seed.input(Input::Writable { peer: PEER });
    for peer in [PEER, PeerKey(9)] {
        assert_eq!(seed.input(Input::BlockUnread { peer, block: next }), []);
    }
    assert_eq!(seed.torrent.ledger().payload_sent, u64::from(BLOCK_BYTES));
}
