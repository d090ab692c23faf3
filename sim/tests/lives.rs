//! Peers that give up, rejoin, lie or lose connections, in small swarms with known outcomes.

use std::path::Path;
use std::time::Duration;

use crate::common::{ORIGIN, PEER, run, star, swarm};
use unchoke_core::ledger::Kind;
use unchoke_core::profile::Timers;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Claims;
use unchoke_sim::result::RunResult;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::{NodeSpec, Outage, Regions, Stay};
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::world::{self, WorldError};

/// 64 pieces of 64 KiB.
const SIZE: u64 = 64 * 65_536;

fn seconds(result: &RunResult, node: usize) -> f64 {
    let time = result.nodes[node].download_time();
    time.expect("it completes").as_secs_f64()
}

#[test]
fn who_gives_up_is_counted_as_aborted() {
    let limit = Some(Duration::from_secs(3));
    // 4 MiB at 1 MB/s take longer than 3 s. The first peer's patience and the second peer's session
    // end before that; the third peer completes.
    let impatient = NodeSpec {
        patience: limit,
        ..PEER
    };
    let brief = NodeSpec {
        session: limit,
        ..PEER
    };
    let patient = NodeSpec {
        patience: Some(Duration::from_mins(10)),
        ..PEER
    };
    let result = run(&swarm(
        "unchoke_all",
        vec![ORIGIN, impatient, brief, patient],
    ));
    let left = Some(Instant::from_secs(3));
    for node in &result.nodes[1..3] {
        assert_eq!((node.left_at, node.completed_at), (left, None));
        assert!(node.aborted() && node.piece_count < 64);
    }
    assert!(!result.nodes[3].aborted() && result.nodes[3].left_at.is_none());
    assert_eq!(
        (result.aborted().count(), result.completed().count()),
        (2, 1)
    );
    assert_eq!(
        result.ended_at,
        result.nodes[3].completed_at.expect("it completes")
    );
}

#[test]
fn a_run_ends_when_the_last_leecher_has_given_up() {
    let mut spec = star("unchoke_all", 2);
    for node in &mut spec.nodes[1..] {
        node.patience = Some(Duration::from_secs(2));
    }
    let result = run(&spec);
    assert_eq!(result.ended_at, Instant::from_secs(2));
    assert_eq!((result.aborted().count(), result.bound), (2, None));
}

#[test]
fn a_session_ends_the_stay_of_a_seed() {
    let session = NodeSpec {
        session: Some(Duration::from_secs(20)),
        ..PEER
    };
    let late = NodeSpec {
        arrives_at: Instant::from_secs(60),
        ..PEER
    };
    let result = run(&swarm("unchoke_all", vec![ORIGIN, session, late]));
    assert!(seconds(&result, 1) < 20.0);
    assert_eq!(result.nodes[1].left_at, Some(Instant::from_secs(20)));
    assert!(!result.nodes[1].aborted());
}

#[test]
fn another_joins_as_one_leaves() {
    let first = NodeSpec {
        stay: Stay::For(Duration::from_secs(5)),
        ..PEER
    };
    let follower = |follows| NodeSpec {
        arrives_at: Instant::NEVER,
        follows: Some(follows),
        ..first
    };
    let nodes = vec![ORIGIN, first, follower(1), follower(2)];
    let result = run(&swarm("unchoke_all", nodes.clone()));
    for node in 2..4 {
        assert_eq!(
            result.nodes[node].arrived_at,
            result.nodes[node - 1].left_at
        );
        assert!(seconds(&result, node) > 4.0);
    }
    for (place, follows) in [(2, 2), (2, 3), (3, 1)] {
        let mut spec = swarm("unchoke_all", nodes.clone());
        spec.nodes[place].follows = Some(follows);
        let error = world::run(&spec, None).expect_err("out of order");
        let node = u32::try_from(place).expect("small");
        assert_eq!(error, WorldError::Follows { node });
    }
}

#[test]
fn while_the_tracker_is_away_newcomers_are_alone() {
    let mut spec = star("unchoke_all", 3);
    spec.nodes[3].arrives_at = Instant::from_secs(30);
    let free = run(&spec);
    let outage = Outage {
        from: Duration::from_secs(20),
        until: Duration::from_secs(100),
    };
    spec.tracker.outages = vec![outage];
    let cut = run(&spec);
    let done = |it: &RunResult| it.nodes[1].completed_at;
    assert_eq!(done(&cut), done(&free), "it was there before");
    // It announces at 30 s, 17.5 s later, and 55 s after that.
    let more = seconds(&cut, 3) - seconds(&free, 3);
    assert!((72.0..74.0).contains(&more), "{more}");
}

/// Peer exchange keeps a swarm together that loses its tracker; without it the peers lose each
/// other.
#[test]
fn with_peer_exchange_a_swarm_survives_the_loss_of_its_tracker() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/outage-exchange.toml");
    let completed = |exchange: bool| {
        let sets = [
            "peers=30".to_owned(),
            format!("client.peer_exchange={exchange}"),
        ];
        let scenario = Scenario::from_file(&file, &sets).expect("a good scenario");
        run(&expand(&scenario, 1)).completed().count()
    };
    assert_eq!(completed(true), 30);
    let without = completed(false);
    assert!(
        without < 20,
        "{without} of 30 complete without peer exchange"
    );
}

#[test]
fn regions_add_their_delay_to_each_connection() {
    let time = |region| {
        let mut spec = star("unchoke_all", 1);
        spec.regions = Regions {
            names: vec!["here".to_owned(), "there".to_owned()],
            delays_ns: vec![0, 200_000_000, 200_000_000, 0],
        };
        spec.nodes[1].region = region;
        seconds(&run(&spec), 1)
    };
    let plain = seconds(&run(&star("unchoke_all", 1)), 1);
    assert!((time(0) - plain).abs() < 1e-9, "none within the region");
    // Dialling takes 4 one-way delays; then come interest, unchoke, request and block, and some
    // round trips until the pipeline is deep enough.
    let more = time(1) - plain;
    assert!((1.6..3.6).contains(&more), "{more}");
    let mut spec = star("unchoke_all", 1);
    spec.nodes[1].region = 1;
    let error = world::run(&spec, None).expect_err("there is one region");
    assert_eq!(error, WorldError::Unlisted { node: 1 });
}

#[derive(Default)]
struct Connections {
    made: u32,
    lost: u32,
}

impl Sink for Connections {
    fn record(&mut self, _: Instant, happening: &Happening) {
        self.made += u32::from(matches!(happening, Happening::Connect { .. }));
        self.lost += u32::from(matches!(happening, Happening::Disconnect { .. }));
    }
}

#[test]
fn connections_break_at_their_rate_and_are_made_again() {
    let mut spec = star("unchoke_all", 8);
    // Too slow for any peer to complete, because two seeds would close their connection.
    for node in &mut spec.nodes {
        (node.up, node.down) = (2_000, 2_000);
    }
    spec.horizon = Instant::from_secs(1200);
    let mut calm = Connections::default();
    world::run(&spec, Some(&mut calm)).expect("a good spec");
    assert_eq!((calm.made, calm.lost), (36, 0));
    spec.break_mean = Some(Duration::from_mins(2));
    let mut broken = Connections::default();
    world::run(&spec, Some(&mut broken)).expect("a good spec");
    // Each of the 36 connections breaks after a mean of 2 min and is made again within a minute by
    // one side: between 36 x 20/3 = 240 and 36 x 20/2 = 360 breaks, with a tolerance of twice the
    // square root.
    let breaks = broken.lost / 2;
    assert!((210..=395).contains(&breaks), "{breaks} breaks");
    assert!(broken.made > breaks);
}

#[test]
fn liars_do_harm_but_prevent_nothing() {
    let honest = run(&star("bep3", 6));
    let rejects = |result: &RunResult| -> u64 {
        let sent =
            |it: &unchoke_sim::result::NodeResult| it.ledger.protocol[Kind::Reject as usize].sent;
        result.nodes.iter().map(sent).sum()
    };
    let lie = |claims| {
        let mut spec = star("bep3", 6);
        spec.nodes[3].claims = claims;
        run(&spec)
    };
    let over = lie(Claims::AllButOne);
    assert!(
        rejects(&over) > rejects(&honest),
        "pieces that it lacks were requested from it"
    );
    let under = lie(Claims::Nothing);
    assert_eq!(
        under.nodes[3].ledger.payload_sent, 0,
        "no peer requests from it"
    );
    assert!(honest.nodes[3].ledger.payload_sent > 0);
    for result in [&over, &under] {
        assert_eq!(result.completed().count(), 6);
        assert!(
            result.nodes[1..]
                .iter()
                .all(|it| it.ledger.payload_useful == SIZE)
        );
    }
}

/// The tracker names two peers to each node and answers once. All other addresses come from peers.
#[test]
fn peers_that_exchange_contacts_find_each_other() {
    let connections = |peer_exchange| {
        let mut spec = star("unchoke_all", 20);
        for node in &mut spec.nodes {
            (node.up, node.down) = (2_000, 2_000);
        }
        spec.tracker.numwant = 2;
        spec.clients[0].peer_exchange = peer_exchange;
        spec.clients[0].rerequest_interval = Duration::from_mins(30);
        spec.horizon = Instant::from_secs(600);
        let mut seen = Connections::default();
        let result = world::run(&spec, Some(&mut seen)).expect("a good spec");
        let bytes = |it: &unchoke_sim::result::NodeResult| {
            it.ledger.protocol[Kind::Extension as usize].sent
        };
        (seen.made, result.nodes.iter().map(bytes).sum::<u64>())
    };
    let (alone, silence) = connections(false);
    let (together, talk) = connections(true);
    assert!(
        alone <= 42 && silence == 0,
        "{alone} connections, {silence} bytes"
    );
    assert_eq!(together, 210, "each pair of 21 once");
    assert!(talk > 21 * 60, "{talk} bytes");
}

#[test]
fn an_origin_may_super_seed_under_any_policy() {
    let mut spec = star("unchoke_all", 12);
    spec.nodes[0].client = 1;
    spec.nodes[0].up = 200_000;
    let mut origin = crate::common::client("unchoke_all");
    "origin".clone_into(&mut origin.name);
    spec.clients.push(origin);
    let open = run(&spec);
    spec.clients[1].super_seed = true;
    let hidden = run(&spec);
    let sent = |it: &RunResult| it.nodes[0].ledger.payload_sent;
    assert_eq!(hidden.completed().count(), 12);
    assert!(
        sent(&hidden) < SIZE * 13 / 10,
        "{} of {SIZE}",
        sent(&hidden)
    );
    assert!(sent(&hidden) < sent(&open));
}

/// The times of a client hold in its connections: with 16 kB every two seconds, one side is often
/// silent for more than one second, and never for two minutes.
#[test]
fn who_is_silent_sends_keep_alives_after_the_time_of_its_client() {
    let slow = NodeSpec { up: 8000, ..ORIGIN };
    let keep_alives = |after: Duration| {
        let mut spec = swarm("unchoke_all", vec![slow, PEER]);
        spec.clients[0].timers.keep_alive = after;
        let ledger = run(&spec).nodes[1].ledger;
        ledger.protocol[Kind::KeepAlive as usize].sent
    };
    assert_eq!(keep_alives(Timers::default().keep_alive), 0);
    assert!(keep_alives(Duration::from_secs(1)) > 0);
}
