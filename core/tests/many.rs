//! What a driver of many torrents hands in together has the same result as one input after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::BLOCK_BYTES;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{
    Config, Input, ManyTorrents as _, Output, PeerLink, Torrent, Verdict, WAITING_HAVES,
};

use crate::common::geometry;

const PEERS: u32 = 4;
const PIECES: u32 = 12;

#[derive(Clone, Debug)]
enum Step {
    Have(u32, u32),
    Requests {
        peer: u32,
        piece: u32,
        first: u32,
        count: u32,
    },
    Say(u32, Message),
    Writable(u32),
    /// The peer sends the block that was asked first.
    Deliver(u32),
    Timeout,
}

fn step() -> impl Strategy<Value = Step> {
    let said = prop::sample::select(vec![
        Message::Choke,
        Message::Unchoke,
        Message::Unchoke,
        Message::Interested,
        Message::Interested,
        Message::NotInterested,
    ]);
    prop_oneof![
        9 => (0..PEERS, 0..PIECES).prop_map(|(peer, piece)| Step::Have(peer, piece)),
        3 => (0..PEERS, 0..PIECES, 0..4_u32, 1..6_u32).prop_map(|(peer, piece, first, count)| {
            Step::Requests { peer, piece, first, count }
        }),
        4 => (0..PEERS, said).prop_map(|(peer, message)| Step::Say(peer, message)),
        2 => (0..PEERS).prop_map(Step::Writable),
        9 => (0..PEERS).prop_map(Step::Deliver),
        1 => Just(Step::Timeout),
    ]
}

/// A torrent with the part of its driver that matters here.
struct Driven {
    torrent: Torrent,
    now: Instant,
    together: bool,
    waiting: Vec<(Instant, PeerKey, PieceIndex)>,
    asked: Vec<VecDeque<BlockRef>>,
    requests: VecDeque<Output>,
    log: Vec<Output>,
}

impl Driven {
    fn new(together: bool) -> Self {
        let config = Config::new(geometry(PIECES));
        let mut have = config.nothing();
        have.insert(PieceIndex(0));
        have.insert(PieceIndex(5));
        let policy = choke::build("unchoke_all", &Parameters::new()).expect("registered");
        let picker = pick::build("rarest_first").expect("registered");
        let (streams, now) = (Streams::new(1), Instant::START);
        let torrent = Torrent::new(Arc::new(config), have, policy, picker, streams, 0, now);
        let mut driven = Self {
            torrent,
            now,
            together,
            waiting: Vec::new(),
            asked: vec![VecDeque::new(); PEERS as usize],
            requests: VecDeque::new(),
            log: Vec::new(),
        };
        for peer in (0..PEERS).map(PeerKey) {
            let link = PeerLink {
                fast: true,
                ..PeerLink::default()
            };
            driven.input(Input::PeerConnected { peer, link });
            driven.input(Input::Writable { peer });
        }
        driven
    }

    fn input(&mut self, input: Input) {
        self.torrent.count_deferred(self.waiting.drain(..));
        assert_eq!(
            self.torrent.poll_output(),
            None,
            "what only counts is silent"
        );
        self.torrent.handle_input(self.now, input);
        let mut answers = Vec::new();
        while let Some(output) = self.poll() {
            match &output {
                Output::Send {
                    peer,
                    message: Message::Request(block),
                } => {
                    self.asked[peer.0 as usize].push_back(*block);
                }
                Output::VerifyPiece { piece, .. } => {
                    let (piece, verdict) = (*piece, Verdict::Good { blocks: Vec::new() });
                    answers.push(Input::PieceVerified { piece, verdict });
                }
                Output::Disconnect { peer, .. } => {
                    answers.push(Input::PeerDisconnected { peer: *peer });
                }
                _ => {}
            }
            self.log.push(output);
        }
        for answer in answers {
            self.input(answer);
        }
    }

    /// The next output; requests come one by one in the end.
    fn poll(&mut self) -> Option<Output> {
        if let Some(waiting) = self.requests.pop_front() {
            return Some(waiting);
        }
        if self.together
            && let Some((peer, run)) = self.torrent.poll_requests()
        {
            let first = run.first.begin / BLOCK_BYTES;
            for block in first..first + run.count {
                let message = Message::Request(geometry(PIECES).block(run.first.piece, block));
                self.requests.push_back(Output::Send { peer, message });
            }
            return self.requests.pop_front();
        }
        self.torrent.poll_output()
    }

    fn writable(&mut self, peer: PeerKey) {
        let together = self.together.then_some(&mut self.torrent);
        match together.and_then(|it| it.hand_out(self.now, peer)) {
            Some(block) => {
                let message = Message::Piece(block);
                self.log.push(Output::Send { peer, message });
            }
            None => self.input(Input::Writable { peer }),
        }
    }

    fn say(&mut self, peer: PeerKey, message: Message) {
        self.input(Input::Message { peer, message });
    }

    fn have(&mut self, peer: PeerKey, piece: PieceIndex) {
        let count = u32::try_from(self.waiting.len()).expect("few");
        let only_counts =
            self.torrent.indifferent().has(peer) || self.torrent.only_counts(peer, piece, count);
        if self.together && only_counts && count < WAITING_HAVES {
            self.waiting.push((self.now, peer, piece));
        } else {
            self.say(peer, Message::Have(piece));
        }
    }

    fn requests(&mut self, peer: PeerKey, piece: PieceIndex, first: u32, count: u32) {
        let mut blocks = first..first + count;
        while !blocks.is_empty() {
            if self.together {
                self.torrent.count_deferred(self.waiting.drain(..));
                let rest = blocks.clone();
                blocks.start += self.torrent.queue_requests(self.now, peer, piece, rest);
            }
            if let Some(block) = blocks.next() {
                let (begin, geometry) = (block * BLOCK_BYTES, geometry(PIECES));
                let ours = block < geometry.blocks_in(piece);
                let length = if ours {
                    geometry.block(piece, block).length
                } else {
                    BLOCK_BYTES
                };
                self.say(
                    peer,
                    Message::Request(BlockRef {
                        piece,
                        begin,
                        length,
                    }),
                );
            }
        }
    }

    fn take(&mut self, step: &Step) {
        self.now = self.now.after(Duration::from_millis(300));
        match *step {
            Step::Have(peer, piece) => self.have(PeerKey(peer), PieceIndex(piece)),
            Step::Requests {
                peer,
                piece,
                first,
                count,
            } => {
                self.requests(PeerKey(peer), PieceIndex(piece), first, count);
            }
            Step::Say(peer, ref message) => self.say(PeerKey(peer), message.clone()),
            Step::Writable(peer) => self.writable(PeerKey(peer)),
            Step::Deliver(peer) => {
                if let Some(block) = self.asked[peer as usize].pop_front() {
                    self.say(PeerKey(peer), Message::Piece(block));
                }
            }
            Step::Timeout => self.input(Input::Timeout),
        }
    }
}

proptest! {
    #[test]
    fn what_is_handed_in_together_is_the_same(steps in prop::collection::vec(step(), 1..150)) {
        let (mut one, mut many) = (Driven::new(false), Driven::new(true));
        for step in steps {
            one.take(&step);
            many.take(&step);
            prop_assert_eq!(&one.log, &many.log, "after {:?}", step);
        }
        one.input(Input::Timeout);
        many.input(Input::Timeout);
        prop_assert_eq!(one.log, many.log);
        prop_assert_eq!(one.torrent.ledger(), many.torrent.ledger());
        prop_assert_eq!(one.torrent.availability(), many.torrent.availability());
        prop_assert_eq!(one.torrent.have(), many.torrent.have());
    }
}
