//! Decisions of a policy beyond slots: weights, caps, order of peers, and closing connections. The
//! policies here are defined outside the crate, as a user would define them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Logged, Node, Room, geometry};
use unchoke_core::choke::{
    ChokePolicy, Decision, PeerView, Scope, Slots, Snapshot, Trigger, Triggers, UploadOrder,
};
use unchoke_core::ids::PeerKey;
use unchoke_core::message::Message;
use unchoke_core::meter::Estimator;
use unchoke_core::rng::{Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Output, Reason, Torrent};

/// Unchokes all peers. The test sets the other decisions.
#[derive(Debug)]
struct Told {
    order: UploadOrder,
    weights: Vec<(PeerKey, u32)>,
    caps: Vec<(PeerKey, Option<u64>)>,
    close: Vec<PeerKey>,
    /// With `ByPolicy`: the number of ready peers at each call.
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Told {
    fn new(order: UploadOrder) -> Self {
        let (weights, caps, close) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            order,
            weights,
            caps,
            close,
            asked: Arc::default(),
        }
    }
}

impl ChokePolicy for Told {
    fn triggers(&self) -> Triggers {
        let tick = Some(Duration::from_secs(1));
        let never = Scope::Never;
        Triggers {
            tick,
            interest: never,
            connected: Scope::Peer,
            disconnected: never,
            block: never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn upload_order(&self) -> UploadOrder {
        self.order
    }

    fn decide(&mut self, trigger: Trigger, _: &Snapshot<'_>, _: &mut Rng) -> Decision {
        let slots = match trigger {
            Trigger::Connected(peer) => Slots::Unchoke(peer),
            _ => Slots::Keep,
        };
        let (weights, caps) = (self.weights.clone(), self.caps.clone());
        let closing = matches!(trigger, Trigger::Tick(5));
        let disconnect = if closing {
            self.close.clone()
        } else {
            Vec::new()
        };
        Decision {
            slots,
            caps,
            weights,
            disconnect,
        }
    }

    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        self.asked.lock().expect("one thread").push(ready.len());
        // The rule of FairTorrent: the lowest value of sent minus received.
        ready
            .iter()
            .min_by_key(|it| {
                (
                    it.up_bytes.cast_signed() - it.down_bytes.cast_signed(),
                    it.peer,
                )
            })
            .map(|it| it.peer)
    }
}

/// A seed with the policy, and `leechers` that download everything from it.
fn room(policy: Told, leechers: usize, config: &Config) -> Room {
    let mut nodes = vec![Node::seed("unchoke_all")];
    nodes.extend(vec![Node::leecher("unchoke_all"); leechers]);
    let mut room = Room::new(config, nodes, 1);
    let picker = unchoke_core::pick::build("rarest_first").expect("a picker");
    let config = Arc::new(config.clone());
    let have = config.everything();
    room.torrents[0] = Torrent::new(
        config,
        have,
        Box::new(policy),
        picker,
        Streams::new(1),
        0,
        Instant::START,
    );
    (1..=leechers).for_each(|leecher| room.connect(0, leecher, true));
    room
}

fn sent_to(log: &[Logged], leecher: u32) -> usize {
    let to = |it: &&Logged| {
        it.node == 0
            && matches!(&it.output, Output::Send { peer, message: Message::Piece(_) } if peer.0 == leecher)
    };
    log.iter().filter(to).count()
}

fn config() -> Config {
    Config::new(geometry(200))
}

#[test]
fn weights_share_the_upload_in_their_proportion() {
    let mut policy = Told::new(UploadOrder::Weighted { in_flight: 1 });
    policy.weights = vec![(PeerKey(1), 1), (PeerKey(2), 3)];
    let mut room = room(policy, 2, &config());
    room.run(Instant::from_secs(8));
    let (one, three) = (sent_to(&room.log, 1), sent_to(&room.log, 2));
    assert!(
        one > 50 && (three * 100 / one).abs_diff(300) < 15,
        "{one} and {three} blocks"
    );
}

#[test]
fn the_policy_names_who_gets_the_next_block() {
    let policy = Told::new(UploadOrder::ByPolicy { in_flight: 2 });
    let asked = policy.asked.clone();
    let mut room = room(policy, 3, &config());
    room.run(Instant::from_secs(5));
    let blocks: Vec<usize> = (1..=3).map(|leecher| sent_to(&room.log, leecher)).collect();
    assert!(blocks.iter().all(|it| *it > 20), "{blocks:?}");
    let spread = blocks.iter().max().expect("three") - blocks.iter().min().expect("three");
    assert!(
        spread <= 2,
        "equal deficits stay within a block or two: {blocks:?}"
    );
    assert!(
        asked.lock().expect("one thread").contains(&3),
        "a choice was offered"
    );
}

#[test]
fn a_cap_holds_for_its_peer_alone() {
    let mut policy = Told::new(UploadOrder::Independent);
    policy.caps = vec![(PeerKey(1), Some(50_000))];
    let mut room = room(policy, 2, &config());
    room.run(Instant::from_secs(20));
    let capped = sent_to(&room.log, 1) * 16_384;
    assert!(
        (950_000..=1_050_000).contains(&capped),
        "{capped} bytes in 20 s"
    );
    assert!(sent_to(&room.log, 2) * 16_384 > 2 * capped);
}

#[test]
fn the_cap_of_the_torrent_holds_over_all_peers() {
    let config = Config {
        upload_cap: Some(100_000),
        ..config()
    };
    let mut room = room(Told::new(UploadOrder::Independent), 3, &config);
    room.run(Instant::from_secs(30));
    let bytes = room.torrents[0].ledger().payload_sent;
    assert!(
        (2_900_000..=3_040_000).contains(&bytes),
        "{bytes} bytes in 30 s at 100 kB/s"
    );
}

#[test]
fn a_download_cap_slows_the_requests() {
    let config = Config {
        download_cap: Some(100_000),
        ..config()
    };
    let mut room = room(Told::new(UploadOrder::Independent), 1, &config);
    room.run(Instant::from_secs(30));
    let bytes = room.torrents[1].ledger().payload_useful;
    assert!(
        (2_800_000..=3_040_000).contains(&bytes),
        "{bytes} bytes in 30 s at 100 kB/s"
    );
}

#[test]
fn a_policy_may_close_a_connection() {
    let mut policy = Told::new(UploadOrder::Independent);
    policy.close = vec![PeerKey(1)];
    let config = Config {
        upload_cap: Some(100_000),
        ..config()
    };
    let mut room = room(policy, 2, &config);
    room.run(Instant::from_secs(10));
    assert_eq!(room.closed, [(0, 1, Reason::Policy)]);
}

#[test]
fn under_a_cap_the_peers_are_served_in_turn() {
    let config = Config {
        upload_cap: Some(100_000),
        ..config()
    };
    let mut room = room(Told::new(UploadOrder::Independent), 6, &config);
    room.run(Instant::from_secs(60));
    let blocks: Vec<usize> = (1..=6).map(|leecher| sent_to(&room.log, leecher)).collect();
    let (least, most) = (
        blocks.iter().min().expect("six"),
        blocks.iter().max().expect("six"),
    );
    assert!(*least > 40 && most - least <= 12, "{blocks:?}");
}
