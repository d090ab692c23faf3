//! Swarms of two and three nodes, worked out by hand.

use std::time::Duration;

use crate::common::{ORIGIN, PEER, run, star, swarm};
use unchoke_core::ledger::{Kind, Waste};
use unchoke_core::time::Instant;
use unchoke_sim::spec::{NodeSpec, Stay};
use unchoke_sim::world::{WorldError, run as run_world};

const SIZE: u64 = 64 * 65_536;

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[test]
fn a_download_from_one_seed_takes_size_over_capacity() {
    let result = run(&star("unchoke_all", 1));
    let leecher = &result.nodes[1];
    let time = seconds(leecher.download_time().expect("it completes"));
    // 4 194 304 bytes at 1 MB/s, plus 13 header bytes per block and less than one per cent of other
    // messages. Plus 2 round trips of 40 ms to connect, 1.5 for interest, unchoke and request, and
    // half a round trip for the last block.
    let payload = 4.194_304;
    assert!(time > payload + 0.08, "{time}");
    assert!(time < payload * 1.01 + 0.5, "{time}");
    assert_eq!(leecher.ledger.payload_useful, SIZE);
    assert_eq!(leecher.ledger.wasted(), 0);
    assert_eq!(result.nodes[0].ledger.payload_sent, SIZE);
    assert_eq!(result.blocks_transferred, SIZE / 16_384);
    // Both nodes learn of each other at once and both dial. The leecher's connection stays because
    // its name is greater; before that, it had accepted the other connection.
    let handshakes =
        |node: usize| result.nodes[node].ledger.protocol[Kind::Handshake as usize].sent;
    assert_eq!([handshakes(0), handshakes(1)], [68, 136]);
}

#[test]
fn a_slow_downlink_is_the_bottleneck() {
    let mut spec = star("unchoke_all", 1);
    spec.nodes[1].down = 250_000;
    let time = seconds(run(&spec).nodes[1].download_time().expect("it completes"));
    let payload = 4.0 * 4.194_304;
    assert!((payload..payload * 1.01 + 0.5).contains(&time), "{time}");
}

#[test]
fn two_leechers_of_one_seed_help_each_other() {
    let result = run(&star("unchoke_all", 2));
    let bound = seconds(result.bound.expect("they complete").time());
    for leecher in &result.nodes[1..] {
        let time = seconds(leecher.download_time().expect("they complete"));
        // If each leecher only used the seed's uplink, two would take twice as long as one.
        assert!(
            (bound..1.6 * bound).contains(&time),
            "{time} against {bound}"
        );
    }
    let traded: u64 = result.nodes[1..]
        .iter()
        .map(|it| it.ledger.payload_sent)
        .sum();
    assert!(traded > SIZE / 2, "{traded} bytes");
}

#[test]
fn delay_is_paid_for_the_connection_and_the_last_block() {
    let times = [1_000_000, 101_000_000].map(|delay_ns| {
        let mut spec = star("unchoke_all", 1);
        spec.nodes.iter_mut().for_each(|it| it.delay_ns = delay_ns);
        run(&spec).nodes[1].download_time().expect("it completes")
    });
    let one_way = 0.2; // 100 ms more at both ends.
    let more = seconds(times[1]) - seconds(times[0]);
    // Dialling takes 4 one-way delays; then come interest, unchoke, request and block. Until the
    // pipeline has its depth, only five blocks per round trip arrive.
    assert!(more >= 8.0 * one_way, "{more}");
    assert!(more <= 8.0 * one_way + 2.0, "{more}");
}

#[test]
fn who_leaves_at_once_is_gone_when_it_completes() {
    let leaver = |stay| NodeSpec { stay, ..PEER };
    let wait = Duration::from_secs(3);
    let late = NodeSpec {
        arrives_at: Instant::from_secs(60),
        ..PEER
    };
    let nodes = vec![ORIGIN, leaver(Stay::AtOnce), leaver(Stay::For(wait)), late];
    let result = run(&swarm("unchoke_all", nodes));
    let [_, first, second, third] = &result.nodes[..] else {
        panic!("four nodes");
    };
    assert_eq!(first.left_at, first.completed_at);
    assert_eq!(second.left_at, second.completed_at.map(|it| it.after(wait)));
    assert_eq!(third.left_at, None);
    assert_eq!(third.arrived_at, Some(Instant::from_secs(60)));
    assert!(third.download_time().is_some());
    assert_eq!(result.ended_at, third.completed_at.expect("it completes"));
}

#[test]
fn unreachable_peers_connect_outwards_only() {
    let hidden = NodeSpec {
        reachable: false,
        ..PEER
    };
    let open = run(&swarm("unchoke_all", vec![ORIGIN, hidden]));
    assert!(open.nodes[1].completed_at.is_some());
    let hidden_origin = NodeSpec {
        origin: true,
        ..hidden
    };
    let mut spec = swarm("unchoke_all", vec![hidden_origin, hidden]);
    spec.horizon = Instant::from_secs(600);
    let shut = run(&spec);
    assert_eq!(shut.blocks_transferred, 0);
    assert_eq!(shut.ended_at, spec.horizon);
    assert_eq!(shut.bound, None);
}

#[test]
fn a_corrupting_peer_delays_but_does_not_prevent() {
    let liar = NodeSpec {
        corrupts: true,
        ..PEER
    };
    let result = run(&swarm("unchoke_all", vec![ORIGIN, liar, PEER, PEER, PEER]));
    let wasted: u64 = result
        .nodes
        .iter()
        .map(|it| it.ledger.payload_wasted[Waste::HashFailure as usize])
        .sum();
    assert!(wasted > 0, "the liar was never asked for anything");
    for node in &result.nodes[1..] {
        assert!(node.completed_at.is_some(), "node {}", node.node);
        assert_eq!(node.ledger.payload_useful, SIZE);
    }
}

#[test]
fn useful_bytes_are_counted_from_class_to_class() {
    let other = NodeSpec { class: 1, ..PEER };
    let result = run(&swarm("unchoke_all", vec![ORIGIN, other, other]));
    assert_eq!(result.class_count, 2);
    // From class a to a, from a to b, and so on.
    let [aa, ab, ba, bb] = result.class_matrix[..] else {
        panic!("two by two");
    };
    assert_eq!((aa, ba), (0, 0));
    assert_eq!(ab + bb, 2 * SIZE);
    assert!(bb > 0);
}

#[test]
fn a_spec_that_cannot_be_run_is_refused_in_words() {
    let mut spec = star("tit_for_cat", 1);
    let error = run_world(&spec, None).expect_err("no such policy");
    assert!(error.to_string().contains("tit_for_cat"), "{error}");
    spec = star("bep3", 1);
    spec.clients[0].picker = "commonest_first".to_owned();
    let error = run_world(&spec, None).expect_err("no such picker");
    assert!(error.to_string().contains("commonest_first"), "{error}");
    spec = star("bep3", 1);
    spec.nodes[1].class = 7;
    let error = run_world(&spec, None).expect_err("no such class");
    assert_eq!(error, WorldError::Unlisted { node: 1 });
}
