//! Whole swarms of torrents in memory.

use std::time::Duration;

use crate::common::{Node, Room, geometry};
use proptest::prelude::*;
use unchoke_core::choke::{Entry, REGISTRY};
use unchoke_core::ids::PeerKey;
use unchoke_core::ledger::Waste;
use unchoke_core::message::Message;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Input, Output, PeerLink, Reason};

const PIECES: u32 = 20;

fn config() -> Config {
    Config {
        peer_ledgers: true,
        ..Config::new(geometry(PIECES))
    }
}

fn assert_all_complete(room: &Room, what: &str) {
    for (node, torrent) in room.torrents.iter().enumerate() {
        let (have, at) = (torrent.have_count(), room.now.as_secs());
        assert!(
            torrent.is_complete(),
            "{what}: node {node} has {have} of {PIECES} after {at} s"
        );
    }
}

fn assert_conserved(room: &Room) {
    let size = geometry(PIECES).total_bytes();
    let ledgers = || {
        room.torrents
            .iter()
            .map(unchoke_core::torrent::Torrent::ledger)
    };
    for ledger in ledgers().filter(|it| it.payload_useful > 0) {
        assert_eq!(ledger.payload_useful, size, "useful bytes are one copy");
    }
    let sent: u64 = ledgers().map(|it| it.payload_sent).sum();
    let received: u64 = ledgers()
        .map(unchoke_core::ledger::Ledger::payload_received)
        .sum();
    assert!(sent >= received, "{received} received of {sent} sent");
}

/// Leechers with this policy, and a seed with it, or with another policy if this one never uploads.
fn swarm_of(policy: &Entry, leechers: usize) -> Vec<Node> {
    let mut nodes = vec![Node::leecher(policy.id); leechers];
    nodes.push(Node::seed(if policy.uploads {
        policy.id
    } else {
        "unchoke_all"
    }));
    nodes
}

/// Payload bytes that the leechers sent.
fn sent_by_leechers(room: &Room) -> u64 {
    let leechers = &room.torrents[..room.torrents.len() - 1];
    leechers.iter().map(|it| it.ledger().payload_sent).sum()
}

#[test]
fn every_policy_completes_a_swarm_with_and_without_the_fast_extension() {
    for entry in REGISTRY {
        for fast in [true, false] {
            // Links in this test are very fast: all leechers might finish before the first rechoke.
            let config = Config {
                upload_cap: Some(65_536),
                ..config()
            };
            let mut room = Room::new(&config, swarm_of(entry, 6), 7);
            room.connect_all(fast);
            room.run(Instant::from_secs(3600));
            assert_all_complete(&room, entry.id);
            assert_conserved(&room);
            // Policies that never upload send nothing; all others send something.
            let sent = sent_by_leechers(&room);
            assert_eq!(sent > 0, entry.uploads, "{}: sent {sent} bytes", entry.id);
        }
    }
}

#[test]
fn where_nobody_uploads_nobody_gets_anything() {
    let free_riders = || REGISTRY.iter().filter(|it| !it.uploads).map(|it| it.id);
    assert!(
        free_riders().count() > 0,
        "at least one free-rider is known"
    );
    for policy in free_riders() {
        let mut nodes = vec![Node::leecher(policy); 3];
        nodes.push(Node::seed(policy));
        let mut room = Room::new(&config(), nodes, 7);
        room.connect_all(true);
        room.run(Instant::from_secs(600));
        let leechers = &room.torrents[..3];
        assert!(leechers.iter().all(|it| it.have_count() == 0), "{policy}");
    }
}

#[test]
fn a_lone_corrupt_sender_is_banned_and_its_blocks_are_counted() {
    let corrupt = Node {
        corrupts: true,
        ..Node::seed("unchoke_all")
    };
    let nodes = vec![Node::leecher("unchoke_all"), corrupt];
    let mut room = Room::new(&config(), nodes, 1);
    room.connect(0, 1, true);
    room.run(Instant::from_secs(600));
    let banned = |it: &(usize, usize, Reason)| it.1 == 1 && matches!(it.2, Reason::Corrupt { .. });
    assert!(room.closed.iter().any(banned), "{:?}", room.closed);
    let ledger = room.torrents[0].ledger();
    assert!(
        ledger.payload_useful < 65_536,
        "at most the blocks of a piece not yet verified"
    );
    assert!(ledger.payload_wasted[Waste::HashFailure as usize] > 0);
    assert_eq!(room.torrents[0].have_count(), 0);
}

#[test]
fn a_corrupt_sender_among_honest_ones_is_found_and_the_download_completes() {
    let corrupt = Node {
        corrupts: true,
        ..Node::seed("unchoke_all")
    };
    let honest = Node::seed("unchoke_all");
    let nodes = vec![
        Node::leecher("unchoke_all"),
        corrupt,
        honest.clone(),
        honest,
    ];
    let mut room = Room::new(&config(), nodes, 1);
    (1..4).for_each(|other| room.connect(0, other, true));
    room.run(Instant::from_secs(3600));
    assert!(
        room.torrents[0].is_complete(),
        "has {}",
        room.torrents[0].have_count()
    );
    let corrupt = room
        .closed
        .iter()
        .filter(|it| matches!(it.2, Reason::Corrupt { .. }));
    let banned: Vec<usize> = corrupt.map(|it| it.1).collect();
    assert_eq!(banned, [1], "only the liar is banned");
}

#[test]
fn requests_at_a_silent_peer_go_to_another_after_the_snub_time() {
    let mut room = Room::new(
        &config(),
        vec![Node::leecher("bep3"), Node::seed("bep3")],
        1,
    );
    // Node 2 does not exist. It stands for a peer that announces all pieces, unchokes us and sends
    // nothing.
    let (mute, link) = (
        PeerKey(2),
        PeerLink {
            fast: true,
            ..PeerLink::default()
        },
    );
    let torrent = &mut room.torrents[0];
    torrent.handle_input(Instant::START, Input::PeerConnected { peer: mute, link });
    for message in [Message::HaveAll, Message::Unchoke] {
        torrent.handle_input(
            Instant::START,
            Input::Message {
                peer: mute,
                message,
            },
        );
    }
    let mut asked = 0;
    while let Some(output) = torrent.poll_output() {
        asked += u32::from(matches!(
            output,
            Output::Send {
                message: Message::Request(_),
                ..
            }
        ));
    }
    assert_eq!(asked, 5, "the pipeline starts with five requests");
    for second in (10..=80).step_by(10) {
        torrent.handle_input(Instant::from_secs(second), Input::Timeout);
    }
    let views = torrent.peer_views(Instant::from_secs(80));
    assert!(views.iter().all(|it| it.snubbed), "{views:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Disconnects at random moments lose nothing: every peer that stays connected completes.
    #[test]
    fn swarms_with_random_disconnects_complete(
        seed in 0_u64..1000,
        policy in 0..REGISTRY.len(),
        fast in any::<bool>(),
        cuts in prop::collection::vec((0_u64..30_000, 0_usize..5, 0_usize..5), 0..12),
    ) {
        let mut room = Room::new(&config(), swarm_of(&REGISTRY[policy], 4), seed);
        room.connect_all(fast);
        let mut cuts = cuts;
        cuts.sort_unstable();
        for (at_ms, a, b) in cuts {
            let at = Instant::START.after(Duration::from_millis(at_ms));
            while room.now < at { room.step(at); }
            if a != b {
                room.disconnect(a, b);
                room.connect(a, b, fast);
            }
        }
        room.run(Instant::from_secs(7200));
        // A seed and a finished peer disconnect from each other, so only completion is checked.
        assert_all_complete(&room, REGISTRY[policy].id);
        assert_conserved(&room);
    }
}
