//! A node with many connections: it keeps dialling, replaces some connections, and stays within its
//! caps.

use std::time::Duration;

use unchoke_core::time::Instant;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::world;

use crate::common::{run, star};

fn w1(sets: &[&str]) -> SwarmSpec {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    let scenario = Scenario::builtin("w1", &sets).expect("a scenario");
    expand(&scenario, 1)
}

/// Number of connections made.
#[derive(Default)]
struct Connections(u32);

impl Sink for Connections {
    fn record(&mut self, _: Instant, happening: &Happening) {
        self.0 += u32::from(matches!(happening, Happening::Connect { .. }));
    }
}

#[test]
fn a_connection_made_lets_the_next_attempt_begin() {
    // Of its 80 connections, a node dials 51 itself. This is more than the 20 attempts allowed at a
    // time.
    let sets = ["peers.total=300", "tracker.numwant=200", "horizon=20 s"];
    let mut made = Connections::default();
    world::run(&w1(&sets), Some(&mut made)).expect("a spec that can be run");
    let each = 2 * made.0 / 300;
    assert!((51..=80).contains(&each), "{each} connections each");
}

#[test]
fn a_node_that_exchanges_connections_serves_none_of_those() {
    // Policies that order uploads must serve another peer as soon as a connection closes.
    let slow = [
        "peers.total=80",
        "peers.reachable=20 %",
        "client.policy=fairtorrent",
        "client.max_connections=50",
        "torrent.size=1 MiB",
        "peers.class.0.up=20 kbit/s",
        "origin.0.up=20 kbit/s",
    ];
    let result = run(&w1(&slow));
    assert_eq!(result.completed().count(), 79);
}

#[test]
fn a_cap_takes_nobody_his_turn() {
    // The origin divides its upload evenly among three peers, which have nothing to upload in
    // return.
    let sets = [
        "peers.total=4",
        "client.policy=freerider",
        "origin.0.policy=propshare",
        "origin.0.upload_cap=1 Mbit/s",
        "horizon=100 s",
    ];
    let result = run(&w1(&sets));
    let bytes = |node: usize| result.nodes[node].ledger.payload_useful;
    let (least, most) = ((1..4).map(bytes).min(), (1..4).map(bytes).max());
    let (least, most) = (least.expect("three"), most.expect("three"));
    assert!(
        least > 2_500_000 && most < least * 6 / 5,
        "{least} to {most}"
    );
}

#[test]
fn what_has_not_left_when_a_connection_closes_was_not_sent() {
    // 10 kB/s for 40 peers that leave after ten seconds: no peer got a whole block.
    let mut spec = star("unchoke_all", 40);
    spec.nodes[0].up = 10_000;
    for node in &mut spec.nodes[1..] {
        node.session = Some(Duration::from_secs(10));
    }
    spec.horizon = Instant::from_secs(20);
    let result = run(&spec);
    let sent = result.nodes[0].ledger.payload_sent;
    assert!(
        (80_000..=100_000).contains(&sent),
        "{sent} bytes in ten seconds"
    );
}
