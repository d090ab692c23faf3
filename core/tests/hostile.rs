//! Any messages in any order: no panic, no unbounded growth, and consistent counts.

use std::sync::Arc;

use proptest::prelude::*;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{Parameters, REGISTRY, build};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{BlockDigest, Config, Input, Output, PeerLink, Torrent, Verdict};
use unchoke_core::wire::{MAX_CONTACTS, PEX_ID, PEX_NAME};

const PIECES: u32 = 5;
const PEERS: u32 = 4;

fn any_block() -> impl Strategy<Value = BlockRef> {
    let aligned =
        (0..PIECES + 1, 0_u32..4, Just(16_384_u32)).prop_map(|(piece, block, length)| BlockRef {
            piece: PieceIndex(piece),
            begin: block * 16_384,
            length,
        });
    let wild =
        (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(piece, begin, length)| BlockRef {
            piece: PieceIndex(piece),
            begin,
            length,
        });
    prop_oneof![9 => aligned, 1 => wild]
}

fn any_message() -> impl Strategy<Value = Message> {
    let piece = || prop_oneof![9 => 0..PIECES, 1 => any::<u32>()].prop_map(PieceIndex);
    prop_oneof![
        1 => Just(Message::KeepAlive),
        2 => Just(Message::Choke),
        4 => Just(Message::Unchoke),
        2 => Just(Message::Interested),
        1 => Just(Message::NotInterested),
        4 => piece().prop_map(Message::Have),
        2 => (any::<u8>(), 4..7_u32).prop_map(|(bits, pieces)| {
            let wire = [bits];
            Message::Bitfield(Box::new(Bitfield::from_wire(&wire, pieces).expect("one byte")))
        }),
        6 => any_block().prop_map(Message::Request),
        12 => any_block().prop_map(Message::Piece),
        1 => any_block().prop_map(Message::Cancel),
        3 => any_block().prop_map(Message::Reject),
        1 => Just(Message::HaveAll),
        1 => Just(Message::HaveNone),
        1 => piece().prop_map(Message::Suggest),
        1 => piece().prop_map(Message::AllowedFast),
        1 => (any::<u32>(), 0..4_u8, prop::option::of(any::<u16>())).prop_map(|(queue, id, port)| {
            let hello = ExtendedHandshake {
                extensions: [(PEX_NAME.to_owned(), id)].into(),
                listen_port: port,
                request_queue: Some(queue),
                ..ExtendedHandshake::default()
            };
            Message::Extended(Box::new(Extended::Handshake(hello)))
        }),
        1 => prop::collection::vec(any::<([u8; 4], u16)>(), 0..80).prop_map(|addresses| {
            let contact = |it: &([u8; 4], u16)| Contact {
                address: (*it).into(),
                seed: false,
                reachable: true,
            };
            let changes = Contacts {
                added: addresses.iter().map(contact).collect(),
                dropped: addresses.into_iter().map(Into::into).collect(),
            };
            Message::Extended(Box::new(Extended::Pex { id: PEX_ID, changes }))
        }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Connect {
        peer: u32,
        fast: bool,
        extended: bool,
    },
    Disconnect(u32),
    Message(u32, Message),
    /// Answer one of our requests, `n` before the last, with its block.
    Obey(usize),
    Writable(u32),
    Verify {
        index: usize,
        verdict: u8,
    },
    Lose(PieceIndex),
    Unread(u32, BlockRef),
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let peer = || 0..PEERS;
    prop_oneof![
        4 => (peer(), any::<bool>(), any::<bool>())
            .prop_map(|(peer, fast, extended)| Step::Connect { peer, fast, extended }),
        1 => peer().prop_map(Step::Disconnect),
        30 => (peer(), any_message()).prop_map(|(peer, message)| Step::Message(peer, message)),
        30 => (0..64_usize).prop_map(Step::Obey),
        4 => peer().prop_map(Step::Writable),
        8 => (0..8_usize, 0..3_u8).prop_map(|(index, verdict)| Step::Verify { index, verdict }),
        1 => (0..PIECES + 1).prop_map(|piece| Step::Lose(PieceIndex(piece))),
        1 => (peer(), any_block()).prop_map(|(peer, block)| Step::Unread(peer, block)),
        4 => (0_u64..40_000).prop_map(Step::Wait),
    ]
}

struct Driver {
    torrent: Torrent,
    now: Instant,
    open: [bool; PEERS as usize],
    requests: Vec<(PeerKey, BlockRef)>,
    to_verify: Vec<PieceIndex>,
    outputs: usize,
}

impl Driver {
    fn new(policy: &str, caps: bool) -> Self {
        let geometry =
            Geometry::new(u64::from(PIECES) * 65_536 - 20_000, 65_536).expect("a torrent");
        let cap = caps.then_some(200_000);
        let config = Config {
            upload_cap: cap,
            download_cap: cap,
            peer_ledgers: true,
            hello: Some(ExtendedHandshake {
                extensions: [(PEX_NAME.to_owned(), PEX_ID)].into(),
                ..ExtendedHandshake::default()
            }),
            ..Config::new(geometry)
        };
        let mut have = config.nothing();
        have.insert(PieceIndex(1));
        let policy = build(policy, &Parameters::new()).expect("a policy");
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let config = Arc::new(config);
        let torrent = Torrent::new(
            config,
            have,
            policy,
            picker,
            Streams::new(3),
            0,
            Instant::START,
        );
        let (requests, to_verify) = (Vec::new(), Vec::new());
        Self {
            torrent,
            now: Instant::START,
            open: [false; PEERS as usize],
            requests,
            to_verify,
            outputs: 0,
        }
    }

    fn input(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        let mut closed = Vec::new();
        while let Some(output) = self.torrent.poll_output() {
            self.outputs += 1;
            match output {
                Output::Send {
                    peer,
                    message: Message::Request(block),
                } => self.requests.push((peer, block)),
                Output::Send {
                    message: Message::Extended(extended),
                    ..
                } => {
                    if let Extended::Pex { changes, .. } = &*extended {
                        let most = changes.added.len().max(changes.dropped.len());
                        assert!((1..=MAX_CONTACTS).contains(&most), "{most} contacts");
                    }
                }
                Output::PeersFound { peers, .. } => assert!(peers.len() <= MAX_CONTACTS),
                Output::VerifyPiece { piece, .. } => self.to_verify.push(piece),
                Output::Disconnect { peer, .. } => closed.push(peer),
                _ => {}
            }
        }
        for peer in closed {
            self.disconnect(peer);
        }
    }

    fn disconnect(&mut self, peer: PeerKey) {
        if std::mem::take(&mut self.open[peer.0 as usize]) {
            self.requests.retain(|it| it.0 != peer);
            self.input(Input::PeerDisconnected { peer });
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect {
                peer,
                fast,
                extended,
            } => {
                if !std::mem::replace(&mut self.open[peer as usize], true) {
                    let link = PeerLink {
                        fast,
                        extended,
                        outgoing: peer % 2 == 0,
                        address: Some(([1, 2, 3, 4], 6881).into()),
                        ..PeerLink::default()
                    };
                    self.input(Input::PeerConnected {
                        peer: PeerKey(peer),
                        link,
                    });
                    self.input(Input::Message {
                        peer: PeerKey(peer),
                        message: Message::Unchoke,
                    });
                }
            }
            Step::Disconnect(peer) => self.disconnect(PeerKey(peer)),
            Step::Message(peer, message) => self.input(Input::Message {
                peer: PeerKey(peer),
                message,
            }),
            Step::Obey(back) => {
                if let Some(at) = self.requests.len().checked_sub(1 + back) {
                    let (peer, block) = self.requests.remove(at);
                    self.input(Input::Message {
                        peer,
                        message: Message::Piece(block),
                    });
                }
            }
            Step::Writable(peer) => self.input(Input::Writable {
                peer: PeerKey(peer),
            }),
            Step::Verify { index, verdict } => {
                if index < self.to_verify.len() {
                    let piece = self.to_verify.remove(index);
                    let blocks = vec![BlockDigest(u64::from(verdict)); 4];
                    let verdict = match verdict {
                        0 => Verdict::Good { blocks },
                        1 => Verdict::Bad { blocks },
                        _ => Verdict::Lost,
                    };
                    self.input(Input::PieceVerified { piece, verdict });
                }
            }
            Step::Lose(piece) => self.input(Input::PieceLost { piece }),
            Step::Unread(peer, block) => self.input(Input::BlockUnread {
                peer: PeerKey(peer),
                block,
            }),
            Step::Wait(ms) => self.wait(ms),
        }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now.after(std::time::Duration::from_millis(ms));
        while let Some(at) = self.torrent.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline in the past");
            let before = (at, self.outputs);
            self.now = at;
            self.input(Input::Timeout);
            let moved = self.torrent.poll_timeout() != Some(before.0) || self.outputs > before.1;
            assert!(moved, "the timer stands still at {:?}", self.now);
        }
        self.now = until;
    }

    /// Counters that are kept incrementally agree with a full count.
    fn check(&self) {
        let views = self.torrent.peer_views(self.now);
        for piece in (0..PIECES).map(PieceIndex) {
            let copies = views
                .iter()
                .filter(|it| self.torrent.peer_has(it.peer, piece))
                .count();
            assert_eq!(
                usize::from(self.torrent.availability()[piece.0 as usize]),
                copies,
                "piece {piece}"
            );
        }
        for view in &views {
            let pieces = || {
                (0..PIECES)
                    .map(PieceIndex)
                    .filter(|it| self.torrent.peer_has(view.peer, *it))
            };
            assert_eq!(view.have_count as usize, pieces().count());
            let wanted = pieces().filter(|it| !self.torrent.have().has(*it)).count();
            assert_eq!(view.wanted_count as usize, wanted);
            assert_eq!(view.am_interested, wanted > 0);
            assert!(view.queued_requests <= 2000);
        }
        assert_eq!(self.torrent.have_count(), self.torrent.have().count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_sequence_of_inputs_panics_or_miscounts(
        policy in 0..REGISTRY.len(),
        caps in any::<bool>(),
        steps in prop::collection::vec(any_step(), 1..400),
    ) {
        let mut driver = Driver::new(REGISTRY[policy].id, caps);
        for step in steps {
            driver.step(step);
            driver.check();
        }
    }
}
