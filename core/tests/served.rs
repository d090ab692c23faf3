//! Requests, served or not, and what remains of a closed connection whose key is used again.

use std::sync::Arc;

use unchoke_core::choke::{
    ChokePolicy, Decision, Scope, Slots, Snapshot, Trigger, Triggers, UploadOrder,
};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::meter::Estimator;
use unchoke_core::pick;
use unchoke_core::rng::{Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Torrent};

const PEER: PeerKey = PeerKey(0);

/// Unchokes interested peers and chokes the others. Caps and weights can be set.
#[derive(Debug)]
struct Willing {
    order: UploadOrder,
    cap: Option<u64>,
    weight: u32,
}

impl ChokePolicy for Willing {
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

    fn upload_order(&self) -> UploadOrder {
        self.order
    }

    fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        let it = &snapshot.peers[0];
        let slots = if it.peer_interested {
            Slots::Unchoke(it.peer)
        } else {
            Slots::Choke(it.peer)
        };
        Decision {
            slots,
            caps: vec![(it.peer, self.cap)],
            weights: vec![(it.peer, self.weight)],
            ..Decision::default()
        }
    }
}

/// A seed and its clock.
struct Seed {
    torrent: Torrent,
    now: Instant,
}

impl Seed {
    fn new(policy: Willing, peer_ledgers: bool) -> Self {
        let geometry = Geometry::new(4 * 65_536, 65_536).expect("a torrent");
        let mut config = Config::new(geometry);
        config.peer_ledgers = peer_ledgers;
        let have = config.everything();
        let torrent = Torrent::new(
            Arc::new(config),
            have,
            Box::new(policy),
            pick::build("rarest_first").expect("a picker"),
            Streams::new(1),
            0,
            Instant::START,
        );
        let now = Instant::START;
        Self { torrent, now }
    }

    /// The messages of the seed after an input.
    fn input(&mut self, input: Input) -> Vec<Message> {
        self.now = self.now.after(std::time::Duration::from_millis(1));
        self.torrent.handle_input(self.now, input);
        let outputs = std::iter::from_fn(|| self.torrent.poll_output());
        let sent = outputs.map(|output| match output {
            Output::Send {
                peer: PEER,
                message,
            } => message,
            other => panic!("a seed with one peer does not ask for {other:?}"),
        });
        sent.collect()
    }

    fn hear(&mut self, message: Message) -> Vec<Message> {
        self.input(Input::Message {
            peer: PEER,
            message,
        })
    }

    /// Connects a peer that is interested and unchoked.
    fn connect(&mut self, fast: bool) {
        let link = PeerLink {
            fast,
            ..PeerLink::default()
        };
        self.input(Input::PeerConnected { peer: PEER, link });
        assert_eq!(self.hear(Message::Interested), [Message::Unchoke]);
    }

    fn disconnect(&mut self) {
        assert_eq!(self.input(Input::PeerDisconnected { peer: PEER }), []);
    }
}

fn independent() -> Willing {
    Willing {
        order: UploadOrder::Independent,
        cap: None,
        weight: 1,
    }
}

fn block(piece: u32, begin: u32, length: u32) -> BlockRef {
    BlockRef {
        piece: PieceIndex(piece),
        begin,
        length,
    }
}

/// The usual blocks, and other ranges that BEP 3 allows.
fn requests() -> [BlockRef; 5] {
    [
        block(0, 0, BLOCK_BYTES),
        block(0, 5, 100),
        block(3, BLOCK_BYTES, BLOCK_BYTES),
        block(0, 5, 100),
        block(1, BLOCK_BYTES, 1),
    ]
}

#[test]
fn requests_of_any_shape_are_served_in_order() {
    let mut seed = Seed::new(independent(), false);
    seed.connect(true);
    for block in requests() {
        assert_eq!(seed.hear(Message::Request(block)), []);
    }
    for block in requests() {
        let sent = seed.input(Input::Writable { peer: PEER });
        assert_eq!(sent, [Message::Piece(block)]);
    }
    assert_eq!(seed.input(Input::Writable { peer: PEER }), []);
}

/// BEP 6: "each request is guaranteed to result in EXACTLY ONE response".
#[test]
fn a_cancel_takes_the_oldest_such_request_out() {
    let mut seed = Seed::new(independent(), false);
    seed.connect(true);
    for block in requests() {
        seed.hear(Message::Request(block));
    }
    for left in [1, 0] {
        let odd = block(0, 5, 100);
        assert_eq!(
            seed.hear(Message::Cancel(odd)),
            [Message::Reject(odd)],
            "{left} left"
        );
    }
    assert_eq!(seed.hear(Message::Cancel(block(0, 5, 100))), []);
    let kept = [requests()[0], requests()[2], requests()[4]];
    for block in kept {
        let sent = seed.input(Input::Writable { peer: PEER });
        assert_eq!(sent, [Message::Piece(block)]);
    }
}

#[test]
fn a_choke_rejects_what_waits_in_order_and_without_bep_6_is_silent() {
    for fast in [true, false] {
        let mut seed = Seed::new(independent(), false);
        seed.connect(fast);
        for block in requests() {
            seed.hear(Message::Request(block));
        }
        let rejects = requests().into_iter().map(Message::Reject).filter(|_| fast);
        let expected: Vec<Message> = std::iter::once(Message::Choke).chain(rejects).collect();
        assert_eq!(seed.hear(Message::NotInterested), expected);
        // No request survives the choke.
        assert_eq!(seed.hear(Message::Interested), [Message::Unchoke]);
        assert_eq!(seed.input(Input::Writable { peer: PEER }), []);
    }
}

#[test]
fn a_key_that_is_used_again_starts_afresh() {
    let weighted = UploadOrder::Weighted { in_flight: 1 };
    for order in [UploadOrder::Independent, weighted] {
        let cap = Some(1_000_000);
        let policy = Willing {
            order,
            cap,
            weight: 3,
        };
        let mut seed = Seed::new(policy, true);
        seed.connect(true);
        seed.hear(Message::Request(requests()[0]));
        let sent = seed.input(Input::Writable { peer: PEER });
        assert_eq!(sent, [Message::Piece(requests()[0])], "{order:?}");
        seed.hear(Message::Request(requests()[1]));
        let view = seed.torrent.peer_views(seed.now)[0];
        assert_eq!(
            (view.up_bytes, view.queued_requests),
            (16_384, 1),
            "{order:?}"
        );
        assert_eq!(seed.torrent.peer_ledger(PEER), Some(seed.torrent.ledger()));

        seed.disconnect();
        assert_eq!(seed.torrent.peer_ledger(PEER), None);
        let before = *seed.torrent.ledger();
        seed.connect(true);
        let view = seed.torrent.peer_views(seed.now)[0];
        let counts = (
            view.up_bytes,
            view.up_bytes_round,
            view.up_rate,
            view.queued_requests,
        );
        assert_eq!(counts, (0, 0, 0, 0), "{order:?}");
        let own = seed.torrent.peer_ledger(PEER).expect("it is connected");
        let all = seed.torrent.ledger();
        assert_eq!(own.payload_sent, 0, "{order:?}");
        for kind in 0..own.protocol.len() {
            let since = all.protocol[kind].sent - before.protocol[kind].sent;
            assert_eq!(own.protocol[kind].sent, since, "{order:?}, kind {kind}");
        }
        // The request that waited when the connection closed is not answered.
        assert_eq!(seed.input(Input::Writable { peer: PEER }), [], "{order:?}");
    }
}
