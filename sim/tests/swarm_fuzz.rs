//! Random small swarms. The world asserts its own invariants (conservation, capacities, choking,
//! payload, the Kumar-Ross bound). This file checks the others from the events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::common::{PEER, client, swarm};
use proptest::prelude::*;
use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PieceIndex;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Claims, Endgame};
use unchoke_sim::spec::{ClientSpec, Engine, NodeSpec, Outage, Regions, Solver, Stay, SwarmSpec};
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::transport::TransportSpec;
use unchoke_sim::units::Share;
use unchoke_sim::world::{self, Cores};

/// Follows the events and checks each against the state that the earlier ones left.
#[derive(Default)]
struct Follower {
    last: Instant,
    present: BTreeSet<u32>,
    has: BTreeSet<(u32, PieceIndex)>,
    origins: BTreeSet<u32>,
    blocks: BTreeMap<(u32, PieceIndex), u64>,
    complete: BTreeSet<u32>,
}

impl Sink for Follower {
    fn record(&mut self, at: Instant, happening: &Happening) {
        assert!(at >= self.last, "the log goes backwards");
        self.last = at;
        match *happening {
            Happening::Join { node } => assert!(self.present.insert(node)),
            Happening::Leave { node } => assert!(self.present.remove(&node)),
            Happening::Block { node, other, block } => {
                let has = self.origins.contains(&other) || self.has.contains(&(other, block.piece));
                assert!(has, "{other} sent piece {} and lacks it", block.piece);
                assert!(self.present.contains(&node), "{node} is absent");
                let bytes = self.blocks.entry((node, block.piece)).or_default();
                *bytes += u64::from(block.length);
            }
            Happening::Piece { node, piece } => {
                assert!(self.has.insert((node, piece)), "verified twice");
                assert!(self.blocks.contains_key(&(node, piece)));
            }
            Happening::Complete { node } => assert!(self.complete.insert(node)),
            Happening::Connect { node, other } => assert_ne!(node, other),
            Happening::Disconnect { .. }
            | Happening::Choke { .. }
            | Happening::Unchoke { .. }
            | Happening::Corrupt { .. } => {}
        }
    }
}

fn node() -> impl Strategy<Value = NodeSpec> {
    let access = (20_000..2_000_000_u64, 20_000..4_000_000_u64);
    let delay = prop::sample::select(vec![0, 1, 5_000_000, 12_345_678, 80_000_000_u64]);
    let stay = prop_oneof![
        Just(Stay::AtOnce),
        Just(Stay::Forever),
        (0..200_u64).prop_map(|it| Stay::For(Duration::from_secs(it))),
    ];
    let flags = (prop::bool::weighted(0.8), prop::bool::weighted(0.1));
    let ids = (0..2_u16, 0..2_u16, 0..2_u16);
    let limit = || prop::option::weighted(0.2, (0..300_u64).prop_map(Duration::from_secs));
    let claims = prop_oneof![
        8 => Just(Claims::Truth),
        1 => Just(Claims::AllButOne),
        1 => Just(Claims::Nothing),
    ];
    let life = (stay, limit(), limit(), claims);
    (0..100_000_000_000_u64, access, delay, life, flags, ids).prop_map(
        |(arrives_ns, (up, down), delay_ns, life, (reachable, corrupts), ids)| {
            let (stay, patience, session, claims) = life;
            let (class, client, region) = ids;
            NodeSpec {
                // Half of them arrive together at the start.
                arrives_at: Instant::from_nanos(if arrives_ns % 2 == 0 { 0 } else { arrives_ns }),
                up,
                down,
                delay_ns,
                region,
                class,
                client,
                stay,
                patience,
                session,
                reachable,
                corrupts,
                claims,
                ..PEER
            }
        },
    )
}

fn any_client() -> impl Strategy<Value = ClientSpec> {
    let policy = prop::sample::select(vec![
        "unchoke_all",
        "random_k",
        "credit",
        "bep3",
        "tit_for_tat",
    ]);
    let picker = prop::sample::select(vec!["rarest_first", "random", "sequential", "libtorrent"]);
    let cap = prop::option::weighted(0.2, 20_000..200_000_u64);
    (policy, picker, 1..20_u16, cap.clone(), cap, any::<bool>()).prop_map(
        |(policy, picker, max_connections, upload_cap, download_cap, endgame)| ClientSpec {
            super_seed: endgame && max_connections % 4 == 0,
            picker: picker.to_owned(),
            max_connections,
            upload_cap,
            download_cap,
            endgame: match (endgame, max_connections % 3) {
                (false, _) => Endgame::Off,
                (true, 0) => Endgame::Strict,
                (true, _) => Endgame::Capped,
            },
            allowed_fast: AllowedFast {
                grants: u8::try_from(max_connections % 5).expect("below 5"),
                takes: max_connections % 2 == 0,
                ..AllowedFast::default()
            },
            ..client(policy)
        },
    )
}

fn any_swarm() -> impl Strategy<Value = SwarmSpec> {
    let nodes = prop::collection::vec(node(), 2..14);
    let clients = (any_client(), any_client());
    let size = (
        1..2_000_000_u64,
        prop::sample::select(vec![16_384, 65_536, 100_000]),
    );
    let faults = (
        prop::option::weighted(0.3, 2..200_u64),
        prop::option::weighted(0.3, (0..100_u64, 1..100_u64)),
        any::<bool>(),
    );
    let network = (any::<bool>(), 1..6_u8, 1..20_u32, faults);
    (nodes, clients, size, network, any::<u64>()).prop_map(
        |(nodes, clients, size, network, seed)| {
            let mut spec = swarm("bep3", nodes);
            spec.nodes[0] = NodeSpec {
                origin: true,
                corrupts: false,
                reachable: true,
                arrives_at: Instant::START,
                claims: Claims::Truth,
                ..spec.nodes[0]
            };
            spec.seed = seed;
            spec.clients = vec![clients.0, clients.1];
            spec.geometry = Geometry::new(size.0, size.1).expect("sizes of a torrent");
            let (exact, buffer, numwant, (break_s, outage, rejoins)) = network;
            spec.break_mean = break_s.map(Duration::from_secs);
            let outages = outage.into_iter().map(|(from, lasts)| Outage {
                from: Duration::from_secs(from),
                until: Duration::from_secs(from + lasts),
            });
            spec.tracker.outages = outages.collect();
            spec.regions = Regions {
                names: vec!["a".to_owned(), "b".to_owned()],
                delays_ns: vec![0, 40_000_000, 40_000_000, 1],
            };
            if rejoins {
                let last = u32::try_from(spec.nodes.len() - 1).expect("few nodes");
                spec.nodes.push(NodeSpec {
                    arrives_at: Instant::NEVER,
                    follows: Some(last),
                    ..spec.nodes[last as usize]
                });
            }
            spec.network.solver = if exact { Solver::Exact } else { Solver::Fast };
            spec.network.send_buffer_blocks = buffer;
            spec.tracker.numwant = numwant;
            spec
        },
    )
}

fn any_transport() -> impl Strategy<Value = TransportSpec> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    flags.prop_map(|(headers, slow_start, bias, uneven)| TransportSpec {
        header_bytes: if headers { 66 } else { 0 },
        packets_per_ack: 2,
        initial_window: slow_start.then_some(10),
        loss: Share::from_millionths(if bias { 1000 } else { 0 }).expect("a share"),
        rtt_bias: bias,
        uneven: uneven.then_some(Duration::from_secs(1)),
        ..TransportSpec::PLAIN
    })
}

/// Runs a swarm on one core and on these, and checks that both runs are the same and keep the rules.
fn check(spec: &SwarmSpec, cores: Cores) -> Result<(), TestCaseError> {
    let mut follower = Follower {
        origins: BTreeSet::from([0]),
        ..Follower::default()
    };
    let result = world::run_on(spec, Some(&mut follower), cores).expect("a spec that can be run");
    let completed: BTreeSet<u32> = result.completed().map(|it| it.node).collect();
    prop_assert_eq!(&completed, &follower.complete);
    let aborted = result.aborted().map(|it| it.node);
    prop_assert_eq!(
        aborted.filter(|it| follower.present.contains(it)).count(),
        0
    );
    for node in &result.nodes {
        let pieces = follower.has.iter().filter(|it| it.0 == node.node).count();
        let expected = if node.origin {
            0
        } else {
            node.piece_count as usize
        };
        prop_assert_eq!(pieces, expected);
        prop_assert_eq!(node.first_piece_at.is_some(), pieces > 0);
    }
    let again = world::run(spec, None).expect("a spec that can be run");
    prop_assert_eq!(result, again);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_swarms_keep_the_rules(spec in any_swarm()) {
        check(&spec, Cores::ONE)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn random_swarms_in_windows_keep_the_rules(
        spec in any_swarm(),
        transport in any_transport(),
        base_delay_ns in prop::sample::select(vec![2_000_000, 25_000_000_u64]),
        shards in 1..9_u32,
        threads in 1..3_usize,
    ) {
        let mut spec = spec;
        spec.network.engine = Engine::Windows;
        spec.network.base_delay_ns = base_delay_ns;
        spec.network.transport = transport;
        let shards = Some(shards);
        check(&spec, Cores { threads, shards })?;
    }
}
