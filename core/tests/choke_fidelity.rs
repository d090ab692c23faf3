//! Properties that papers and sources claim for their policies, in swarms and over many draws.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::{Node, Room, geometry};
use unchoke_core::choke::{Decision, Parameters, PeerView, Slots, Snapshot, Trigger, build};
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Output, Torrent};

const BLOCK: u64 = 16_384;
const PIECES: u32 = 400;

fn snapshot(peers: &[PeerView]) -> Snapshot<'_> {
    Snapshot {
        now: Instant::from_secs(100),
        am_seed: false,
        upload_capacity: None,
        upload_rate: 0,
        piece_count: 100,
        piece_bytes: 262_144,
        total_bytes: 100 * 262_144,
        left_bytes: 50 * 262_144,
        peers,
    }
}

/// Interested peers that sent these bytes in the last round; their keys count from 0.
fn givers(bytes: &[u64]) -> Vec<PeerView> {
    let view = |(key, bytes): (u32, &u64)| PeerView {
        peer: PeerKey(key),
        peer_interested: true,
        am_choking: true,
        down_rate: *bytes,
        down_bytes: *bytes,
        down_bytes_round: *bytes,
        ..PeerView::default()
    };
    (0..).zip(bytes).map(view).collect()
}

fn rng(seed: u32) -> Rng {
    Streams::new(1).stream(Purpose::Choke, seed)
}

fn tick(id: &str, tick: u64, peers: &[PeerView], seed: u32) -> Decision {
    let mut policy = build(id, &Parameters::new()).expect("a policy");
    policy.decide(Trigger::Tick(tick), &snapshot(peers), &mut rng(seed))
}

fn unchoked(decision: &Decision) -> &[PeerKey] {
    match &decision.slots {
        Slots::Exactly(unchoked) => unchoked,
        other => panic!("a full choice, not {other:?}"),
    }
}

/// Share of the upload that `propshare` gives to these peers, in thousandths.
fn share(bytes: &[u64], peers: &[u32]) -> u32 {
    let decision = tick("propshare", 1, &givers(bytes), 0);
    let of = |it: &&(PeerKey, u32)| peers.contains(&it.0.0);
    decision.weights.iter().filter(of).map(|it| it.1).sum()
}

/// Levin et al.: proportional share is strategy-proof; a top-k policy is not.
#[test]
fn propshare_rewards_neither_splitting_nor_aiming_at_a_threshold() {
    // 600 bytes from one identity or from three get the same share of the upload.
    let (whole, split) = (
        share(&[600, 400, 500, 900], &[0]),
        share(&[200, 200, 200, 400, 500, 900], &[0, 1, 2]),
    );
    assert!(whole.abs_diff(split) <= 3, "{whole} and {split} of 1000");
    // Half the bytes get about half the share, whatever the others send.
    for others in [[10, 10, 10], [400, 500, 900], [9000, 9000, 9000]] {
        let of = |mine: u64| share(&[mine, others[0], others[1], others[2]], &[0]);
        let rest: u64 = others.iter().sum();
        for mine in [600_u64, 300] {
            let exact = u32::try_from(1000 * mine / (mine + rest)).expect("of 1000");
            assert!(of(mine).abs_diff(exact) <= 1, "{mine} among {others:?}");
        }
    }
    // Tit for tat gives a slot for 401 bytes as for 600: one byte more than the fifth peer
    // suffices.
    for mine in [600, 401] {
        let decision = tick("tit_for_tat", 1, &givers(&[mine, 900, 800, 700, 400]), 0);
        assert!(unchoked(&decision)[..4].contains(&PeerKey(0)), "{mine}");
    }
}

/// Of two candidates, the greater debtor is unchoked if 1 / (0.8 + 0.2 / u) < 1/2, which has
/// probability 1/6.
#[test]
fn azureus_seldom_takes_the_greatest_debtor() {
    const RUNS: u32 = 20_000;
    let mut peers = givers(&[0, 0]);
    peers[0].up_bytes = 1_000_000;
    let debtor = |run: &u32| {
        let mut policy = build("azureus_2x", &{
            let mut one = Parameters::new();
            one.set("slots", 1);
            one
        })
        .expect("a policy");
        let decision = policy.decide(Trigger::Tick(1), &snapshot(&peers), &mut rng(*run));
        unchoked(&decision) == [PeerKey(0)]
    };
    let times = u32::try_from((0..RUNS).filter(debtor).count()).expect("few");
    // 3333, standard deviation 53.
    assert!(times.abs_diff(RUNS / 6) < 260, "{times} of {RUNS}");
}

/// No peer gets its second optimistic unchoke before all others had their first.
#[test]
fn libtorrent_passes_the_optimistic_slot_round() {
    let mut policy = build("libtorrent_fixed", &Parameters::new()).expect("a policy");
    let mut rng = rng(0);
    let mut peers = givers(&[9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0]);
    let mut turns = Vec::new();
    for turn in 0..50_u64 {
        let view = Snapshot {
            now: Instant::from_secs(1000 + turn * 30),
            ..snapshot(&peers)
        };
        let decision = policy.decide(Trigger::Tick(turn * 2), &view, &mut rng);
        let chosen = unchoked(&decision).to_vec();
        for it in &mut peers {
            it.am_choking = !chosen.contains(&it.peer);
        }
        turns.extend(chosen.into_iter().filter(|it| it.0 >= 7));
    }
    assert_eq!(turns.len(), 50, "one optimistic unchoke at a time");
    for five in turns.chunks(5) {
        let mut round: Vec<u32> = five.iter().map(|it| it.0).collect();
        round.sort_unstable();
        assert_eq!(round, [7, 8, 9, 10, 11]);
    }
}

/// Five leechers, two of them with a tenth of the others' upload, and a free-rider. Each leecher
/// starts with a random half of the pieces. So they have much to exchange, and upload is scarce.
fn uneven_swarm(policy: &'static str) -> Room {
    let config = Config::new(geometry(PIECES));
    let mut nodes = vec![Node::leecher(policy); 5];
    nodes.push(Node::leecher("freerider"));
    let mut room = Room::new(&config, nodes, 3);
    let mut halves = Streams::new(3).stream(Purpose::Fault, 0);
    for node in 0_u32..5 {
        let capped = Config {
            upload_cap: Some(if node < 2 { 40_000 } else { 400_000 }),
            ..config.clone()
        };
        let mut have = config.nothing();
        for piece in (0..PIECES).filter(|_| halves.chance(1, 2)) {
            have.insert(PieceIndex(piece));
        }
        room.torrents[node as usize] = Torrent::new(
            Arc::new(capped),
            have,
            build(policy, &Parameters::new()).expect("a policy"),
            pick::build("rarest_first").expect("a picker"),
            Streams::new(3),
            node,
            Instant::START,
        );
    }
    room.connect_all(true);
    room
}

/// The largest deficit in blocks, until a leecher has 80 % of the pieces. A deficit is what one
/// leecher sent another minus what came back. Blocks in flight count as sent.
fn greatest_deficit(policy: &'static str) -> u64 {
    let (mut greatest, end) = (0, Instant::from_secs(600));
    let mut room = uneven_swarm(policy);
    while room
        .torrents
        .iter()
        .all(|it| it.have_count() * 5 < PIECES * 4)
    {
        assert!(room.now < end, "{policy} makes no progress");
        room.step(end);
        for node in &room.torrents {
            for it in node.peer_views(room.now) {
                greatest = greatest.max(it.up_bytes.saturating_sub(it.down_bytes));
            }
        }
    }
    eprintln!(
        "{policy}: {} blocks after {} s",
        greatest / BLOCK,
        room.now.as_secs()
    );
    greatest / BLOCK
}

/// Sherman, Nieh and Stein: deficits stay bounded whatever the capacities.
#[test]
fn fairtorrent_bounds_the_deficit_between_two_leechers() {
    let (fair, all) = (
        greatest_deficit("fairtorrent"),
        greatest_deficit("unchoke_all"),
    );
    assert!(fair <= 4, "{fair} blocks");
    assert!(all >= 20 * fair, "{all} blocks without a rule, {fair} with");
}

/// Bharambe et al.: at most Delta blocks, plus the one that the rule still allows at Delta.
#[test]
fn block_tft_bounds_what_a_leecher_gives_in_advance() {
    let blocks = greatest_deficit("block_tft");
    assert!((1..=3).contains(&blocks), "{blocks}");
    // A free-rider that keeps requesting gets exactly this maximum.
    let mut room = uneven_swarm("block_tft");
    for (a, b) in [(0, 1), (0, 2), (0, 3), (0, 4)] {
        room.disconnect(a, b);
    }
    room.run(Instant::from_secs(120));
    let views = room.torrents[0].peer_views(room.now);
    let sent: Vec<u64> = views.iter().map(|it| it.up_bytes / BLOCK).collect();
    assert_eq!(sent, [3]);
}

/// The duplicate picker requests a block from several peers and wastes payload; others waste
/// little.
#[test]
fn the_duplicate_picker_wastes_what_others_do_not() {
    let wasted = |picker: &'static str| {
        let naive = Node {
            picker,
            ..Node::leecher("unchoke_all")
        };
        let mut nodes = vec![naive];
        nodes.extend(vec![Node::seed("unchoke_all"); 4]);
        let mut room = Room::new(&Config::new(geometry(50)), nodes, 5);
        (1..5).for_each(|seed| room.connect(0, seed, true));
        room.run(Instant::from_secs(600));
        let ledger = room.torrents[0].ledger();
        assert!(room.torrents[0].is_complete(), "{picker}");
        ledger.wasted() * 100 / ledger.payload_useful
    };
    let (naive, random) = (wasted("duplicate"), wasted("random"));
    assert!(
        naive >= 50 && random <= 5,
        "{naive} % wasted, {random} % with single requests"
    );
}

/// A seed that serves 200 kB/s and ten leechers of `bep3`.
fn one_seed(policy: &'static str, seed: u64) -> Room {
    let config = Config {
        upload_cap: Some(200_000),
        ..Config::new(geometry(40))
    };
    let mut nodes = vec![Node::seed(policy)];
    nodes.extend(vec![Node::leecher("bep3"); 10]);
    let mut room = Room::new(&config, nodes, seed);
    room.connect_all(true);
    room
}

/// BEP 16: "only needs to upload 105 % or so".
#[test]
fn superseed_sends_little_more_than_one_copy() {
    let sent = |policy| {
        let mut room = one_seed(policy, 3);
        room.run(Instant::from_secs(3600));
        assert!(room.torrents.iter().all(Torrent::is_complete), "{policy}");
        room.torrents[0].ledger().payload_sent * 100 / geometry(40).total_bytes()
    };
    let (hidden, shown) = (sent("superseed"), sent("bep3"));
    assert!((100..=110).contains(&hidden), "{hidden} % of the torrent");
    assert!(shown >= 120, "{shown} % without hiding, {hidden} % with");
}

/// Bharambe et al.: a smart seed finishes a block (a piece in our terms) before it starts another.
/// So a peer has a piece to pass on as early as possible.
#[test]
fn a_seed_that_hides_its_pieces_sends_one_after_the_other() {
    let begun = |policy| {
        let (mut room, end) = (one_seed(policy, 3), Instant::from_secs(60));
        let done = |room: &Room| {
            let verify = |it: &Output| matches!(it, Output::VerifyPiece { .. });
            room.log.iter().any(|it| verify(&it.output))
        };
        while !done(&room) {
            assert!(room.now < end, "{policy}: no piece is complete");
            room.step(end);
        }
        let sent = room.log.iter().filter(|it| it.node == 0);
        let pieces = sent.filter_map(|it| match &it.output {
            Output::Send {
                message: Message::Piece(block),
                ..
            } => Some(block.piece),
            _ => None,
        });
        pieces.collect::<BTreeSet<_>>().len()
    };
    for policy in ["smartseed", "superseed"] {
        let pieces = begun(policy);
        assert!(pieces <= 3, "{policy}: {pieces} pieces are started");
    }
}

/// Number of repeated blocks that the seed had sent by the time it had sent every block once.
fn copies_when_all_is_out(policy: &'static str, run: u64) -> u32 {
    let (mut room, end) = (one_seed(policy, run), Instant::from_secs(600));
    let mut sent = BTreeMap::<BlockRef, u32>::new();
    let blocks = geometry(40).total_bytes().div_ceil(BLOCK);
    let mut seen = 0;
    while (sent.len() as u64) < blocks {
        assert!(room.now < end, "{policy} does not send everything");
        room.step(end);
        for it in room.log[seen..].iter().filter(|it| it.node == 0) {
            if let Output::Send {
                message: Message::Piece(block),
                ..
            } = &it.output
            {
                *sent.entry(*block).or_default() += 1;
            }
        }
        seen = room.log.len();
    }
    sent.values().sum::<u32>() - u32::try_from(blocks).expect("few")
}

/// Bharambe et al.: no block is sent twice before every block was sent once.
#[test]
fn smartseed_sends_nothing_twice_before_all_is_out() {
    assert_eq!(copies_when_all_is_out("smartseed", 3), 0);
    let ordinary = copies_when_all_is_out("bep3", 3);
    assert!(ordinary > 0, "an ordinary seed repeats blocks");
}

/// Michiardi et al.: of the requested pieces, the least served is sent first.
#[test]
fn seed_pf_repeats_less_than_a_seed_that_serves_whoever_asks() {
    let copies = |policy| {
        (1..=8)
            .map(|seed| copies_when_all_is_out(policy, seed))
            .sum::<u32>()
    };
    let fair = copies("seed_pf");
    for other in ["unchoke_all", "fairtorrent"] {
        let copies = copies(other);
        assert!(fair * 10 < copies * 9, "{fair} against {copies}, {other}");
    }
}
