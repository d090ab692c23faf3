//! Limits on repeated messages, harmless behaviour, and peers that must not be disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{
    BoxedPolicy, ChokePolicy, Decision, Parameters, Scope, Snapshot, Trigger, Triggers, build,
};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::{Extended, ExtendedHandshake, Message};
use unchoke_core::meter::Estimator;
use unchoke_core::rng::{Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, ProtocolViolation, Reason, Torrent};

const PIECES: u32 = 8;
const PEER: PeerKey = PeerKey(0);

struct Bench {
    torrent: Torrent,
    now: Instant,
}

impl Bench {
    fn new(policy: BoxedPolicy, seed: bool) -> Self {
        Self::of(PIECES, policy, seed)
    }

    fn of(pieces: u32, policy: BoxedPolicy, seed: bool) -> Self {
        let geometry = Geometry::new(u64::from(pieces) * 65_536, 65_536).expect("a torrent");
        let config = Arc::new(Config {
            hello: Some(ExtendedHandshake {
                upload_only: Some(true),
                ..ExtendedHandshake::default()
            }),
            ..Config::new(geometry)
        });
        let have = if seed {
            config.everything()
        } else {
            config.nothing()
        };
        let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
        let (now, streams) = (Instant::START, Streams::new(1));
        let torrent = Torrent::new(config, have, policy, picker, streams, 0, now);
        Self { torrent, now }
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.torrent.handle_input(self.now, input);
        std::iter::from_fn(|| self.torrent.poll_output()).collect()
    }

    fn connect(&mut self, peer: PeerKey) -> Vec<Output> {
        let link = PeerLink {
            fast: true,
            extended: true,
            ..PeerLink::default()
        };
        self.input(Input::PeerConnected { peer, link })
    }

    fn tell(&mut self, peer: PeerKey, message: Message) -> Vec<Output> {
        self.input(Input::Message { peer, message })
    }

    fn wait(&mut self, time: Duration) -> Vec<Output> {
        let until = self.now.after(time);
        let mut outputs = Vec::new();
        while let Some(at) = self.torrent.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            outputs.extend(self.input(Input::Timeout));
        }
        self.now = until;
        outputs
    }
}

fn named(policy: &str) -> BoxedPolicy {
    build(policy, &Parameters::new()).expect("a policy")
}

/// A policy that counts its calls and wants to close all connections at each tick.
#[derive(Debug)]
struct Ruthless {
    asked: Arc<AtomicU32>,
}

impl ChokePolicy for Ruthless {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(Duration::from_secs(10)),
            interest: Scope::All,
            connected: Scope::Never,
            disconnected: Scope::Never,
            block: Scope::Never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let all = snapshot.peers.iter().map(|it| it.peer);
        Decision {
            disconnect: match trigger {
                Trigger::Tick(_) => all.collect(),
                _ => Vec::new(),
            },
            ..Decision::default()
        }
    }
}

/// A policy that unchokes interested peers and chokes the others.
#[derive(Debug)]
struct Obliging;

impl ChokePolicy for Obliging {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: None,
            interest: Scope::Peer,
            connected: Scope::Never,
            disconnected: Scope::Never,
            block: Scope::Never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        let interested = snapshot.peers.iter().filter(|it| it.peer_interested);
        Decision::exactly(interested.map(|it| it.peer).collect())
    }
}

fn set(pieces: impl IntoIterator<Item = u32>) -> Message {
    let mut set = Bitfield::empty(PIECES);
    for piece in pieces {
        set.insert(PieceIndex(piece));
    }
    Message::Bitfield(Box::new(set))
}

fn dropped(outputs: &[Output]) -> Vec<PeerKey> {
    let peers = outputs.iter().filter_map(|it| match it {
        Output::Disconnect {
            peer,
            reason: Reason::Policy,
        } => Some(*peer),
        _ => None,
    });
    peers.collect()
}

#[test]
fn who_alone_has_something_we_lack_is_never_dropped_for_being_slow() {
    let asked = Arc::new(AtomicU32::new(0));
    let mut bench = Bench::new(Box::new(Ruthless { asked }), false);
    let [most, last, some] = [0, 1, 2].map(PeerKey);
    for (peer, pieces) in [(most, 0..7), (last, 7..8), (some, 2..4)] {
        bench.connect(peer);
        bench.tell(peer, set(pieces));
    }
    let outputs = bench.wait(Duration::from_secs(25));
    assert_eq!(
        dropped(&outputs),
        [some],
        "pieces 0, 1, 4 to 6, and 7 are rare"
    );
    // Another peer also has the last piece, so the slow peer is no longer needed.
    bench.connect(PeerKey(3));
    bench.tell(PeerKey(3), Message::HaveAll);
    let outputs = bench.wait(Duration::from_secs(10));
    assert_eq!(dropped(&outputs).first(), Some(&most));
    assert!(
        !dropped(&outputs).contains(&PeerKey(3)),
        "it has the last copies now"
    );
}

/// BEP 3 and 6: only one such message, and only as the first. We accept repetitions, but no flood.
#[test]
fn what_it_has_may_be_said_again_but_not_all_the_time() {
    for message in [Message::HaveAll, Message::HaveNone, set(0..3)] {
        let mut bench = Bench::new(named("bep3"), false);
        bench.connect(PEER);
        // Two in ten seconds are always accepted.
        for _ in 0..50 {
            for message in [Message::HaveNone, message.clone()] {
                let outputs = bench.tell(PEER, message);
                let closed = |it: &Output| matches!(it, Output::Disconnect { .. });
                assert!(!outputs.iter().any(closed), "{outputs:?}");
            }
            bench.wait(Duration::from_secs(10));
        }
        let mut closed = None;
        for count in 1..100 {
            let outputs = bench.tell(PEER, message.clone());
            if let Some(Output::Disconnect { reason, .. }) = outputs.last() {
                closed = Some((count, reason.clone()));
                break;
            }
        }
        let (count, reason) = closed.expect("a flood ends the connection");
        assert!((3..=30).contains(&count), "after {count}");
        let repeated = matches!(reason, Reason::Violation(ProtocolViolation::Repeated));
        assert!(repeated, "{reason:?}");
    }
}

/// aria2 does this during fast downloads.
#[test]
fn a_bitfield_may_stand_for_haves_as_long_as_it_grows() {
    let pieces = 200;
    let mut bench = Bench::of(pieces, named("bep3"), true);
    bench.connect(PEER);
    for have in 1..pieces {
        let mut set = Bitfield::empty(pieces);
        for piece in 0..have {
            set.insert(PieceIndex(piece));
        }
        let outputs = bench.tell(PEER, Message::Bitfield(Box::new(set)));
        let closed = |it: &Output| matches!(it, Output::Disconnect { .. });
        assert!(!outputs.iter().any(closed), "{have}: {outputs:?}");
    }
}

#[test]
fn a_peer_that_changes_its_mind_all_the_time_does_not_keep_the_policy_busy() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let mut bench = Bench::new(Box::new(Ruthless { asked: counted }), true);
    bench.connect(PEER);
    for _ in 0..5000 {
        bench.tell(PEER, Message::Interested);
        bench.tell(PEER, Message::NotInterested);
    }
    bench.tell(PEER, Message::Interested);
    let before = asked.load(Ordering::Relaxed);
    assert!((1..=30).contains(&before), "asked {before} times");
    // The policy is called with the final state.
    let view = bench.torrent.peer_views(bench.now)[0];
    assert!(view.peer_interested);
    bench.wait(Duration::from_secs(10));
    assert!(asked.load(Ordering::Relaxed) > before);
}

#[test]
fn a_peer_that_chokes_and_unchokes_all_the_time_gets_few_requests() {
    let mut bench = Bench::new(named("bep3"), false);
    bench.connect(PEER);
    bench.tell(PEER, Message::HaveAll);
    let mut sent = 0;
    for _ in 0..1000 {
        sent += bench.tell(PEER, Message::Unchoke).len();
        sent += bench.tell(PEER, Message::Choke).len();
        sent += bench.tell(PEER, Message::Choke).len();
    }
    assert!((5..=200).contains(&sent), "{sent} messages");
}

fn block(index: u32) -> BlockRef {
    BlockRef {
        piece: PieceIndex(index / 4 % PIECES),
        begin: index % 4 * BLOCK_BYTES,
        length: BLOCK_BYTES,
    }
}

/// On a fast link with a long delay, a whole pipeline of requests is in flight when we choke.
#[test]
fn requests_that_cross_our_choke_are_no_offence() {
    let mut bench = Bench::new(Box::new(Obliging), true);
    bench.connect(PEER);
    bench.tell(PEER, Message::Interested);
    assert!(!bench.torrent.am_choking(PEER));
    bench.tell(PEER, Message::NotInterested);
    assert!(bench.torrent.am_choking(PEER));
    let closed = |it: &Output| matches!(it, Output::Disconnect { .. });
    let mut count = 0;
    while count < 10_000 {
        let outputs = bench.tell(PEER, Message::Request(block(count)));
        if outputs.iter().any(closed) {
            break;
        }
        let reject = Output::Send {
            peer: PEER,
            message: Message::Reject(block(count)),
        };
        assert_eq!(outputs, [reject], "each is answered");
        count += 1;
    }
    // The maximum length of the queue, plus the limit on faults.
    assert_eq!(count, 2000 + 300);
}

/// BEP 16 and BEP 21: a peer would disconnect if it saw no pieces and `upload_only`.
#[test]
fn who_hides_pieces_does_not_say_that_it_only_uploads() {
    let says = |policy: &str, seed: bool| {
        let mut bench = Bench::new(named(policy), seed);
        let outputs = bench.connect(PEER);
        let hello = outputs.iter().find_map(|it| match it {
            Output::Send {
                message: Message::Extended(extended),
                ..
            } => match &**extended {
                Extended::Handshake(hello) => Some(hello.upload_only),
                _ => None,
            },
            _ => None,
        });
        hello.expect("it says hello")
    };
    assert_eq!(says("bep3", true), Some(true));
    assert_eq!(says("bep3", false), None);
    for policy in ["superseed", "smartseed"] {
        assert_eq!(says(policy, true), None, "{policy}");
    }
}
