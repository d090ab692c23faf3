//! BEP 16, Super-seeding: one test per requirement.

use crate::common::{Node, Room, geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink};

const PIECES: u32 = 40;
const LEECHERS: usize = 10;

/// Copies of the torrent that the seed sends until all leechers are complete, in percent.
fn seed_upload(super_seed: bool) -> u64 {
    let config = Config {
        super_seed,
        upload_cap: Some(200_000),
        ..Config::new(geometry(PIECES))
    };
    let mut nodes = vec![Node::seed("unchoke_all")];
    nodes.extend(vec![Node::leecher("unchoke_all"); LEECHERS]);
    let mut room = Room::new(&config, nodes, 3);
    room.connect_all(true);
    room.run(Instant::from_secs(3600));
    assert!(
        room.torrents
            .iter()
            .all(unchoke_core::torrent::Torrent::is_complete)
    );
    room.torrents[0].ledger().payload_sent * 100 / geometry(PIECES).total_bytes()
}

/// "Rationale": "a super-seed … only needs to upload 105 % or so", against 150 to 200 %.
#[test]
fn a_super_seed_sends_little_more_than_one_copy() {
    let (hidden, shown) = (seed_upload(true), seed_upload(false));
    assert!(
        (100..=110).contains(&hidden),
        "{hidden} % with super-seeding"
    );
    assert!(shown > hidden, "{shown} % without, {hidden} % with");
}

fn seed(fast: bool) -> (Room, Vec<Message>) {
    let config = Config {
        super_seed: true,
        ..Config::new(geometry(PIECES))
    };
    let mut room = Room::new(&config, vec![Node::seed("unchoke_all")], 1);
    let link = PeerLink {
        fast,
        ..PeerLink::default()
    };
    let torrent = &mut room.torrents[0];
    torrent.handle_input(
        Instant::START,
        Input::PeerConnected {
            peer: PeerKey(0),
            link,
        },
    );
    let mut said = Vec::new();
    while let Some(output) = torrent.poll_output() {
        if let Output::Send { message, .. } = output {
            said.push(message);
        }
    }
    (room, said)
}

/// "It informs every peer that it has no pieces, then of one piece".
#[test]
fn it_shows_nothing_and_then_a_single_piece() {
    let (_, said) = seed(true);
    assert!(
        matches!(
            said[..],
            [Message::HaveNone, Message::Have(_), Message::Unchoke]
        ),
        "{said:?}"
    );
    let (_, said) = seed(false);
    assert!(
        matches!(said[..], [Message::Have(_), Message::Unchoke]),
        "{said:?}"
    );
}

#[test]
fn a_request_for_a_hidden_piece_is_rejected() {
    let (mut room, said) = seed(true);
    let Message::Have(revealed) = said[1] else {
        panic!("{said:?}")
    };
    let hidden = PieceIndex((revealed.0 + 1) % (PIECES - 1));
    let torrent = &mut room.torrents[0];
    torrent.handle_input(Instant::START, Input::Writable { peer: PeerKey(0) });
    for (piece, served) in [(hidden, false), (revealed, true)] {
        let block = BlockRef {
            piece,
            begin: 0,
            length: 16_384,
        };
        let message = Message::Request(block);
        torrent.handle_input(
            Instant::START,
            Input::Message {
                peer: PeerKey(0),
                message,
            },
        );
        let answer = torrent.poll_output();
        let message = if served {
            Message::Piece(block)
        } else {
            Message::Reject(block)
        };
        assert_eq!(
            answer,
            Some(Output::Send {
                peer: PeerKey(0),
                message
            })
        );
    }
}
