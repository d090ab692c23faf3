//! Torrents of which only some files are wanted, or some files first.

use std::sync::Arc;

use unchoke_core::choke::{Parameters, build};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};
use unchoke_core::wanted::{Priority, Wanted};

use super::common::{Node, Room, geometry};

const PIECES: u32 = 12;

fn config(wanted: Wanted) -> Config {
    Config {
        wanted: Some(Arc::new(wanted)),
        ..Config::new(geometry(PIECES))
    }
}

fn some(pieces: &[(u32, Priority)]) -> Wanted {
    let mut wanted = Wanted::nothing(PIECES);
    for (piece, priority) in pieces {
        wanted.add(PieceIndex(*piece), *priority);
    }
    wanted
}

/// A leecher and a seed that have been connected for a minute.
fn fetched(wanted: Wanted, picker: &'static str) -> Room {
    let leecher = Node {
        picker,
        ..Node::leecher("tit_for_tat")
    };
    let mut room = Room::new(&config(wanted), vec![Node::seed("bep3"), leecher], 5);
    room.connect(0, 1, true);
    room.run(Instant::from_secs(60));
    room
}

/// The pieces that node 1 requested, in the order of their first requests.
fn asked(room: &Room) -> Vec<u32> {
    let mut asked = Vec::new();
    for logged in room.log.iter().filter(|it| it.node == 1) {
        if let Output::Send {
            message: Message::Request(block),
            ..
        } = &logged.output
            && !asked.contains(&block.piece.0)
        {
            asked.push(block.piece.0);
        }
    }
    asked
}

#[test]
fn nothing_is_fetched_but_what_is_wanted() {
    let wanted = [3, 4, 9].map(|it| (it, Priority::Normal));
    let room = fetched(some(&wanted), "rarest_first");
    let have: Vec<u32> = room.have(1).iter().map(|it| it.0).collect();
    assert_eq!(have, [3, 4, 9]);
    let mut asked = asked(&room);
    asked.sort_unstable();
    assert_eq!(asked, [3, 4, 9]);
    let torrent = &room.torrents[1];
    assert!(torrent.is_done() && !torrent.is_complete());
}

#[test]
fn it_says_once_that_it_is_done_and_loses_interest() {
    let room = fetched(some(&[(0, Priority::Low)]), "rarest_first");
    let of_leecher = || room.log.iter().filter(|it| it.node == 1);
    let completed = of_leecher().filter(|it| it.output == Output::Completed);
    assert_eq!(completed.count(), 1);
    // Neither peer has anything for the other, so they disconnect.
    let closed: Vec<&str> = room.closed.iter().map(|_| "closed").collect();
    assert_eq!(closed, ["closed"]);
    let last = of_leecher().filter_map(|it| match &it.output {
        Output::Send { message, .. } => Some(message),
        _ => None,
    });
    assert!(last.into_iter().any(|it| *it == Message::NotInterested));
}

#[test]
fn the_more_urgent_is_begun_first() {
    let wanted = some(&[
        (0, Priority::Low),
        (1, Priority::Normal),
        (2, Priority::Normal),
        (7, Priority::High),
        (11, Priority::High),
    ]);
    for picker in ["rarest_first", "libtorrent", "random", "sequential"] {
        let asked = asked(&fetched(wanted.clone(), picker));
        let rank = |piece: &u32| wanted.rank(PieceIndex(*piece));
        assert!(asked.is_sorted_by_key(rank), "{picker}: {asked:?}");
        assert_eq!(asked.len(), 5, "{picker}: {asked:?}");
    }
}

#[test]
fn sequential_goes_in_order_within_a_rank() {
    let all = (0..PIECES).map(|it| {
        let high = it >= 8;
        let priority = if high {
            Priority::High
        } else {
            Priority::Normal
        };
        (it, priority)
    });
    let all: Vec<(u32, Priority)> = all.collect();
    let asked = asked(&fetched(some(&all), "sequential"));
    assert_eq!(asked, [8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7]);
}

/// A torrent without any piece that wants only piece 2, with one connection.
struct Lone(Torrent);

const PEER: PeerKey = PeerKey(0);

impl Lone {
    fn new(wanted: Wanted, have: &[u32]) -> Self {
        let config = Config {
            hello: Some(ExtendedHandshake {
                upload_only: Some(true),
                ..ExtendedHandshake::default()
            }),
            ..config(wanted)
        };
        let mut here = config.nothing();
        for piece in have {
            here.insert(PieceIndex(*piece));
        }
        let policy = build("bep3", &Parameters::new()).expect("a policy");
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let now = Instant::START;
        let config = Arc::new(config);
        Self(Torrent::new(
            config,
            here,
            policy,
            picker,
            Streams::new(1),
            0,
            now,
        ))
    }

    fn input(&mut self, input: Input) -> Vec<Message> {
        self.0.handle_input(Instant::START, input);
        let outputs = std::iter::from_fn(|| self.0.poll_output());
        let sent = outputs.filter_map(|it| match it {
            Output::Send { message, .. } => Some(message),
            _ => None,
        });
        sent.collect()
    }

    fn connect(&mut self) -> Vec<Message> {
        let link = PeerLink {
            fast: true,
            extended: true,
            ..PeerLink::default()
        };
        self.input(Input::PeerConnected { peer: PEER, link })
    }

    fn hear(&mut self, message: Message) -> Vec<Message> {
        self.input(Input::Message {
            peer: PEER,
            message,
        })
    }
}

fn says_that_it_only_uploads(said: &[Message]) -> bool {
    said.iter().any(|it| match it {
        Message::Extended(it) => {
            matches!(&**it, Extended::Handshake(hello) if hello.upload_only == Some(true))
        }
        _ => false,
    })
}

#[test]
fn a_peer_is_of_interest_only_for_what_is_wanted() {
    let mut lone = Lone::new(some(&[(2, Priority::Normal)]), &[]);
    let said = lone.connect();
    assert!(!says_that_it_only_uploads(&said));
    assert_eq!(lone.hear(Message::Have(PieceIndex(1))), []);
    let said = lone.hear(Message::Have(PieceIndex(2)));
    assert_eq!(said, [Message::Interested]);
}

/// BEP 21: a partial seed announces `upload_only`.
#[test]
fn who_has_all_it_wants_says_that_it_only_uploads() {
    let mut lone = Lone::new(some(&[(2, Priority::Normal)]), &[2, 5]);
    assert!(lone.0.is_done());
    let said = lone.connect();
    assert!(says_that_it_only_uploads(&said));
    assert_eq!(lone.hear(Message::Have(PieceIndex(1))), []);
}

#[test]
fn a_lost_piece_is_wanted_again_only_if_it_was() {
    let mut lone = Lone::new(some(&[(2, Priority::Normal)]), &[2, 5]);
    lone.connect();
    lone.hear(Message::HaveAll);
    let piece = PieceIndex(5);
    assert!(
        !lone
            .input(Input::PieceLost { piece })
            .contains(&Message::Interested)
    );
    assert!(lone.0.is_done());
    let piece = PieceIndex(2);
    lone.input(Input::PieceLost { piece });
    assert!(!lone.0.is_done());
}

#[test]
fn a_piece_of_two_files_counts_for_the_one_wanted_most() {
    let geometry = Geometry::new(1000, 100).expect("ten pieces");
    let files = [
        (0..150, Priority::Skip),
        (150..250, Priority::Low),
        (250..250, Priority::High),
        (250..420, Priority::High),
        (420..1000, Priority::Skip),
    ];
    let wanted = Wanted::of_files(&geometry, files);
    let pieces = |priority| {
        let of = |it: &(Priority, _)| it.0 == priority;
        let (_, set) = wanted.ranks().find(of).expect("a rank");
        set.iter().map(|it| it.0).collect::<Vec<u32>>()
    };
    assert_eq!(pieces(Priority::High), [2, 3, 4]);
    assert_eq!(pieces(Priority::Normal), []);
    assert_eq!(pieces(Priority::Low), [1]);
    assert_eq!(wanted.pieces().count(), 4);
}
