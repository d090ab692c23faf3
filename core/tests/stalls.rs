//! Liveness: whatever other peers do, the download finishes if one honest seed has upload capacity.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{Parameters, build};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{BlockDigest, Config, Input, Output, PeerLink, Torrent, Verdict};

const PIECES: u32 = 10;
const BLOCKS: u32 = 16;
/// The piece that hostile peers corrupt.
const SPOILT: PieceIndex = PieceIndex(3);

/// How a peer behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Answers requests in order, one block in this many milliseconds.
    Honest(u64),
    /// Accepts requests and never answers.
    Silent,
    /// Has one piece, sends one corrupt block of it, and then rejects every request.
    SpoilsAndRejects,
    /// Has one piece, sends one corrupt block of it, and then announces that it has nothing.
    SpoilsAndWithdraws,
    /// Has one piece, sends one corrupt block of it, and then sends one block in this many seconds.
    SpoilsAndDrips(u64),
    /// Honest, but silently drops requests that arrive while this many wait.
    Forgets(usize),
}

struct Peer {
    manner: Manner,
    waiting: VecDeque<BlockRef>,
    /// Time of its next answer.
    ready_at: Instant,
    /// Whether it has sent its corrupt block.
    spoilt: bool,
    gone: bool,
}

/// A leecher and its peers, with a clock.
struct Bench {
    torrent: Torrent,
    now: Instant,
    peers: Vec<Peer>,
    verify: Vec<PieceIndex>,
    /// Index of the stored corrupt block in its piece, if any.
    bad: Option<u32>,
    fast: bool,
}

impl Bench {
    fn new(manners: &[Manner], policy: &str, fast: bool) -> Self {
        let piece = BLOCKS * BLOCK_BYTES;
        let geometry = Geometry::new(u64::from(PIECES * piece), piece).expect("a torrent");
        let config = Arc::new(Config::new(geometry));
        let nothing = config.nothing();
        let policy = build(policy, &Parameters::new()).expect("a policy");
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let (now, streams) = (Instant::START, Streams::new(1));
        let peer = |manner: &Manner| Peer {
            manner: *manner,
            waiting: VecDeque::new(),
            ready_at: now,
            spoilt: false,
            gone: false,
        };
        let mut bench = Self {
            torrent: Torrent::new(config, nothing, policy, picker, streams, 0, now),
            now,
            peers: manners.iter().map(peer).collect(),
            verify: Vec::new(),
            bad: None,
            fast,
        };
        (0..manners.len()).for_each(|peer| bench.connect(peer));
        bench
    }

    fn key(peer: usize) -> PeerKey {
        PeerKey(u32::try_from(peer).expect("few peers"))
    }

    fn connect(&mut self, peer: usize) {
        let link = PeerLink {
            fast: self.fast,
            ..PeerLink::default()
        };
        let spoils = !matches!(
            self.peers[peer].manner,
            Manner::Honest(_) | Manner::Silent | Manner::Forgets(_)
        );
        let mut has = Bitfield::full(PIECES);
        if spoils {
            has = Bitfield::empty(PIECES);
            has.insert(SPOILT);
        }
        let peer = Self::key(peer);
        self.input(Input::PeerConnected { peer, link });
        self.tell(peer, Message::Bitfield(Box::new(has)));
        self.tell(peer, Message::Unchoke);
    }

    fn tell(&mut self, peer: PeerKey, message: Message) {
        self.input(Input::Message { peer, message });
    }

    fn input(&mut self, input: Input) {
        self.torrent.handle_input(self.now, input);
        let mut closed = Vec::new();
        while let Some(output) = self.torrent.poll_output() {
            match output {
                Output::Send { peer, message } => self.hear(peer, &message),
                Output::VerifyPiece { piece, .. } => self.verify.push(piece),
                Output::Disconnect { peer, .. } => closed.push(peer),
                _ => {}
            }
        }
        for peer in closed {
            self.peers[peer.0 as usize].gone = true;
            self.peers[peer.0 as usize].waiting.clear();
            self.input(Input::PeerDisconnected { peer });
        }
    }

    fn hear(&mut self, peer: PeerKey, message: &Message) {
        let peer = &mut self.peers[peer.0 as usize];
        match message {
            Message::Request(_) if matches!(peer.manner, Manner::Forgets(most) if peer.waiting.len() >= most) =>
                {}
            Message::Request(block) => peer.waiting.push_back(*block),
            Message::Cancel(block) => peer.waiting.retain(|it| it != block),
            _ => {}
        }
    }

    /// Lets `peer` act if its time has come. Returns whether it did.
    fn act(&mut self, peer: usize) -> bool {
        let key = Self::key(peer);
        let it = &mut self.peers[peer];
        if it.gone || it.manner == Manner::Silent || it.ready_at > self.now {
            return false;
        }
        let Some(block) = it.waiting.pop_front() else {
            return false;
        };
        let each = match it.manner {
            Manner::Honest(ms) => ms,
            Manner::SpoilsAndDrips(seconds) if it.spoilt => seconds * 1000,
            _ => 10,
        };
        it.ready_at = self.now.after(Duration::from_millis(each));
        let spoils = matches!(
            it.manner,
            Manner::SpoilsAndRejects | Manner::SpoilsAndWithdraws | Manner::SpoilsAndDrips(_)
        );
        if !spoils {
            self.tell(key, Message::Piece(block));
            return true;
        }
        if !std::mem::replace(&mut it.spoilt, true) {
            self.bad = Some(block.begin / BLOCK_BYTES);
            self.tell(key, Message::Piece(block));
            return true;
        }
        match it.manner {
            Manner::SpoilsAndDrips(_) => self.tell(key, Message::Piece(block)),
            Manner::SpoilsAndWithdraws => {
                self.tell(key, Message::Reject(block));
                self.tell(key, Message::HaveNone);
            }
            _ => self.tell(key, Message::Reject(block)),
        }
        true
    }

    fn verify_all(&mut self) {
        while let Some(piece) = self.verify.pop() {
            let mut blocks = vec![BlockDigest(0); BLOCKS as usize];
            let bad = self.bad.filter(|_| piece == SPOILT);
            let verdict = match bad {
                Some(bad) => {
                    blocks[bad as usize] = BlockDigest(1);
                    self.bad = None;
                    Verdict::Bad { blocks }
                }
                None => Verdict::Good { blocks },
            };
            self.input(Input::PieceVerified { piece, verdict });
        }
    }

    /// Returns the time of completion in seconds.
    fn run(&mut self, limit: u64) -> Option<u64> {
        let mut keep_alive = 0;
        while self.now < Instant::from_secs(limit) {
            if self.torrent.is_complete() {
                return Some(self.now.as_secs());
            }
            for peer in 0..self.peers.len() {
                while self.act(peer) {
                    self.verify_all();
                }
            }
            if self.now.as_secs() / 60 > keep_alive {
                keep_alive = self.now.as_secs() / 60;
                for peer in 0..self.peers.len() {
                    if !self.peers[peer].gone {
                        self.tell(Self::key(peer), Message::KeepAlive);
                    }
                }
            }
            self.now = self.now.after(Duration::from_millis(10));
            if self.torrent.poll_timeout().is_some_and(|at| at <= self.now) {
                self.input(Input::Timeout);
            }
        }
        None
    }
}

const POLICIES: [&str; 2] = ["tit_for_tat", "bep3"];

/// A failed piece is reserved for one peer, which may be the peer that corrupted it.
#[test]
fn nobody_keeps_a_piece_it_spoilt_to_itself() {
    let manners = [
        (Manner::SpoilsAndRejects, 30),
        (Manner::SpoilsAndWithdraws, 30),
        (Manner::SpoilsAndDrips(59), 60),
        (Manner::SpoilsAndDrips(5), 90),
    ];
    for policy in POLICIES {
        for (manner, limit) in manners {
            for order in [[manner, Manner::Honest(20)], [Manner::Honest(20), manner]] {
                let mut bench = Bench::new(&order, policy, true);
                let took = bench.run(3600);
                assert!(
                    took.is_some_and(|it| it <= limit),
                    "{policy}, {order:?}: {took:?}"
                );
            }
        }
    }
}

#[test]
fn several_that_spoil_the_same_piece_do_not_stop_it_either() {
    let mut manners = vec![Manner::SpoilsAndDrips(59); 4];
    manners.push(Manner::Honest(20));
    for policy in POLICIES {
        let took = Bench::new(&manners, policy, true).run(3600);
        assert!(took.is_some_and(|it| it <= 300), "{policy}: {took:?}");
    }
}

/// 160 blocks at 20 ms take 4 s.
#[test]
fn silent_peers_cost_nothing() {
    for policy in POLICIES {
        for silent in [0, 5, 20, 49] {
            let mut manners = vec![Manner::Silent; silent];
            manners.push(Manner::Honest(20));
            let took = Bench::new(&manners, policy, true).run(3600);
            assert!(
                took.is_some_and(|it| it <= 6),
                "{policy}, {silent} silent peers: {took:?}"
            );
        }
    }
}

/// Clients without BEP 6 do this when their queue is full. All lost requests are repeated together,
/// not one by one.
#[test]
fn a_lone_seed_that_forgets_requests_is_asked_again_within_seconds() {
    for fast in [false, true] {
        for most in [1, 3, 10] {
            let took = Bench::new(&[Manner::Forgets(most)], "tit_for_tat", fast).run(36_000);
            assert!(
                took.is_some_and(|it| it <= 120),
                "fast {fast}, a queue of {most}: {took:?}"
            );
        }
    }
}
