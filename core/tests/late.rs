//! Peers that deliver late, and peers that disconnect before their piece is verified.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::choke::{Parameters, build};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::ledger::Waste;
use unchoke_core::message::Message;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{
    BlockDigest, Config, Endgame, Input, Output, PeerLink, Torrent, Verdict,
};

const PEER: PeerKey = PeerKey(0);
const MINUTE: Duration = Duration::from_mins(1);

/// A leecher and the requests that it sent.
struct Leecher {
    torrent: Torrent,
    now: Instant,
    asked: Vec<BlockRef>,
    outputs: Vec<Output>,
}

impl Leecher {
    fn new(pieces: u32, blocks: u32) -> Self {
        let bytes = u64::from(pieces * blocks * BLOCK_BYTES);
        let geometry = Geometry::new(bytes, blocks * BLOCK_BYTES).expect("whole pieces");
        let config = Arc::new(Config {
            endgame: Endgame::Off,
            ..Config::new(geometry)
        });
        let nothing = config.nothing();
        let policy = build("bep3", &Parameters::new()).expect("a policy");
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let (now, streams) = (Instant::START, Streams::new(1));
        let torrent = Torrent::new(config, nothing, policy, picker, streams, 0, now);
        let (asked, outputs) = (Vec::new(), Vec::new());
        Self {
            torrent,
            now,
            asked,
            outputs,
        }
    }

    fn input(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        while let Some(output) = self.torrent.poll_output() {
            if let Output::Send { message, .. } = &output {
                self.hear(message);
            }
            self.outputs.push(output);
        }
    }

    /// After a cancel, the peer forgets one request for the block.
    fn hear(&mut self, message: &Message) {
        match message {
            Message::Request(block) => self.asked.push(*block),
            Message::Cancel(block) => {
                let last = self.asked.iter().rposition(|it| it == block);
                self.asked.remove(last.expect("it was asked for"));
            }
            _ => {}
        }
    }

    fn message(&mut self, message: Message) {
        self.message_of(PEER, message);
    }

    fn message_of(&mut self, peer: PeerKey, message: Message) {
        self.input(Input::Message { peer, message });
    }

    /// A seed connects and unchokes.
    fn meet_a_seed(&mut self) {
        self.meet(PEER);
    }

    fn meet(&mut self, peer: PeerKey) {
        let link = PeerLink {
            fast: true,
            ..PeerLink::default()
        };
        self.input(Input::PeerConnected { peer, link });
        self.message_of(peer, Message::HaveAll);
        self.message_of(peer, Message::Unchoke);
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now.after(time);
        while let Some(at) = self.torrent.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// Number of requests for each block, answered or not.
    fn counts(&self) -> BTreeMap<BlockRef, u32> {
        self.asked.iter().fold(BTreeMap::new(), |mut counts, it| {
            *counts.entry(*it).or_default() += 1;
            counts
        })
    }
}

#[test]
fn a_slow_peer_sends_no_block_twice() {
    // One block per 90 s, so each request times out before its block arrives. Until the first
    // block, we do not know that the peer is slow, so we repeat requests. Superfluous ones are
    // cancelled in time.
    let mut leecher = Leecher::new(2, 8);
    leecher.meet_a_seed();
    let mut next = 0;
    while !leecher.torrent.is_complete() {
        leecher.wait(MINUTE * 3 / 2);
        let block = leecher.asked[next];
        next += 1;
        leecher.message(Message::Piece(block));
        let verify = leecher.outputs.drain(..).find_map(|it| match it {
            Output::VerifyPiece { piece, .. } => Some(piece),
            _ => None,
        });
        if let Some(piece) = verify {
            let verdict = Verdict::Good { blocks: Vec::new() };
            leecher.input(Input::PieceVerified { piece, verdict });
        }
    }
    assert!(leecher.counts().values().all(|it| *it == 1));
    assert_eq!(leecher.torrent.ledger().wasted(), 0);
}

#[test]
fn a_peer_that_has_lost_its_requests_is_asked_anew() {
    let mut leecher = Leecher::new(1, 8);
    leecher.meet_a_seed();
    let first = leecher.asked.len();
    // After 20 s plus the interval between two checks. Each later wait is as long as all before it.
    for (seconds, anew) in [
        (19, 0),
        (12, 1),
        (20, 1),
        (20, 2),
        (30, 2),
        (25, 3),
        (260, 5),
    ] {
        leecher.wait(Duration::from_secs(seconds));
        leecher.message(Message::KeepAlive);
        assert_eq!(leecher.asked.len(), first + anew, "at {:?}", leecher.now);
    }
}

/// BEP 6: requests "must" be rejected. Other peers must still be asked if a peer does not reject.
#[test]
fn a_peer_that_chokes_without_a_reject_is_given_up() {
    let mut leecher = Leecher::new(1, 4);
    leecher.meet_a_seed();
    assert_eq!(leecher.asked.len(), 4);
    leecher.message(Message::Choke);
    leecher.meet(PeerKey(1));
    assert_eq!(leecher.asked.len(), 4, "all blocks are requested");
    leecher.wait(Duration::from_secs(31));
    assert!(leecher.counts().values().all(|it| *it == 2));
}

/// A block is requested from two peers because the first was late. When the second delivers it, the
/// first gets a cancel.
#[test]
fn a_late_peer_is_told_when_the_block_came_from_elsewhere() {
    let mut leecher = Leecher::new(1, 2);
    leecher.meet_a_seed();
    leecher.wait(2 * MINUTE);
    leecher.meet(PeerKey(1));
    let block = leecher.asked[0];
    leecher.outputs.clear();
    leecher.message_of(PeerKey(1), Message::Piece(block));
    let cancel = Output::Send {
        peer: PEER,
        message: Message::Cancel(block),
    };
    assert!(leecher.outputs.contains(&cancel), "{:?}", leecher.outputs);
}

/// A late peer gets the cancel even if it has delivered a block since and has no other request.
#[test]
fn a_peer_that_was_late_is_told_too() {
    let mut leecher = Leecher::new(1, 2);
    leecher.meet_a_seed();
    leecher.wait(2 * MINUTE);
    leecher.meet(PeerKey(1));
    let [first, second] = [leecher.asked[0], leecher.asked[1]];
    leecher.message(Message::Piece(first));
    leecher.outputs.clear();
    leecher.message_of(PeerKey(1), Message::Piece(second));
    let cancel = Output::Send {
        peer: PEER,
        message: Message::Cancel(second),
    };
    assert!(leecher.outputs.contains(&cancel), "{:?}", leecher.outputs);
}

#[test]
fn a_newcomer_is_not_blamed_for_who_had_its_key_before() {
    let mut leecher = Leecher::new(1, 2);
    leecher.meet_a_seed();
    let [first, second] = leecher.asked[..] else {
        panic!("both blocks are asked for: {:?}", leecher.asked);
    };
    leecher.message(Message::Piece(first));
    leecher.input(Input::PeerDisconnected { peer: PEER });
    leecher.meet_a_seed();
    leecher.message(Message::Piece(second));
    leecher.outputs.clear();
    let (piece, blocks) = (PieceIndex(0), vec![BlockDigest(0); 2]);
    let verdict = Verdict::Bad { blocks };
    leecher.input(Input::PieceVerified { piece, verdict });
    let banned = |it: &Output| matches!(it, Output::Disconnect { .. });
    assert!(!leecher.outputs.iter().any(banned), "{:?}", leecher.outputs);
    let wasted = leecher.torrent.ledger().payload_wasted[Waste::HashFailure as usize];
    assert_eq!(wasted, 2 * u64::from(BLOCK_BYTES));
    // A peer that alone sent a whole bad piece is to blame.
    for block in [first, second] {
        leecher.message(Message::Piece(block));
    }
    let verdict = Verdict::Bad {
        blocks: vec![BlockDigest(0); 2],
    };
    leecher.input(Input::PieceVerified { piece, verdict });
    assert!(leecher.outputs.iter().any(banned), "{:?}", leecher.outputs);
}

/// The peer lost the first request for a block and rejects the second. The block may then be
/// requested from others.
#[test]
fn a_reject_of_the_second_request_for_a_block_frees_it() {
    let mut leecher = Leecher::new(1, 4);
    leecher.meet_a_seed();
    let last = leecher.asked[3];
    // The peer is silent, so the last block is requested again.
    leecher.wait(Duration::from_secs(31));
    assert_eq!(leecher.counts()[&last], 2, "{:?}", leecher.counts());
    leecher.message(Message::Reject(last));
    leecher.meet(PeerKey(1));
    assert_eq!(
        leecher.counts()[&last],
        3,
        "it is requested from the new peer"
    );
}
