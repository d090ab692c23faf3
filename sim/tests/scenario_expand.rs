//! Expanding a scenario and a seed into a swarm.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use unchoke_core::choke::Parameters;
use unchoke_core::time::Instant;
use unchoke_sim::distribution::Law;
use unchoke_sim::scenario::{Capacity, Part, Population, Scenario, StayModel, expand};
use unchoke_sim::spec::{NodeSpec, Solver, Stay, SwarmSpec};
use unchoke_sim::units::Share;

fn load(name: &str, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    Scenario::builtin(name, &sets).expect("a good scenario")
}

fn percent(share: u32) -> Share {
    Share::from_millionths(share * 10_000).expect("at most 100 %")
}

/// `scenario` with some adopters of `policy` among peers that run `bep3`.
fn mixed(scenario: &Scenario, policy: &str, part: Part) -> Scenario {
    let population = |name: &str, policy: &str, part| Population {
        part,
        class: None,
        client: scenario
            .client
            .with_policy(name, policy, &Parameters::new()),
    };
    let mix = vec![
        population("adopters", policy, part),
        population("others", "bep3", Part::Rest),
    ];
    let mixed = scenario.clone().with_populations(mix);
    mixed.expect("a good mix")
}

/// A node without its client.
fn life(node: &NodeSpec) -> NodeSpec {
    NodeSpec { client: 0, ..*node }
}

fn adopters(spec: &SwarmSpec) -> BTreeSet<usize> {
    let nodes = spec.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| spec.clients[usize::from(node.client)].name == "adopters")
        .map(|it| it.0)
        .collect()
}

fn in_class(spec: &SwarmSpec, name: &str) -> usize {
    let of = |node: &&NodeSpec| spec.classes[usize::from(node.class)] == name;
    spec.nodes.iter().filter(of).count()
}

#[test]
fn w1_is_as_published() {
    let spec = expand(&load("w1", &["peers=1000"]), 1);
    assert_eq!(spec.nodes.len(), 1000, "the origin is one of them");
    assert_eq!(spec.nodes.iter().filter(|it| it.origin).count(), 1);
    for node in &spec.nodes {
        assert_eq!((node.up, node.down), (1_250_000, 1_250_000));
        assert_eq!(
            (node.arrives_at, node.stay),
            (Instant::START, Stay::Forever)
        );
        assert_eq!(node.delay_ns, 0);
        assert!(node.reachable && !node.corrupts);
    }
    assert_eq!(spec.network.base_delay_ns, 25_000_000);
    assert_eq!(spec.geometry.piece_count(), 100);
    assert_eq!(spec.geometry.piece_bytes(), 256 * 1024);
    assert_eq!(spec.tracker.numwant, 50);
}

#[test]
fn built_in_scenarios_have_a_sentence_and_expand() {
    let list = Scenario::list();
    assert_eq!(list.len(), 23);
    for builtin in list {
        let name = builtin.name;
        assert!(builtin.version >= 1);
        assert!(
            builtin.about.ends_with('.') && builtin.about.len() < 100,
            "{name}"
        );
        let scenario = load(name, &[]);
        assert_eq!(scenario.name, name);
        let spec = expand(&scenario, 3);
        assert_eq!(spec.classes[0], "origin");
        assert!(spec.nodes[0].origin);
        for node in &spec.nodes {
            assert!(usize::from(node.class) < spec.classes.len());
            assert!(usize::from(node.client) < spec.clients.len());
            assert_eq!(node.origin, node.class == 0);
        }
        let small = expand(&load(name, &["peers=7", "peers.rejoins=0"]), 3);
        assert!(
            small.nodes.len() < 11,
            "{name} accepts a small number of peers"
        );
    }
}

#[test]
fn a_scenario_reads_back_from_its_own_text() {
    for builtin in Scenario::list() {
        let scenario = load(
            builtin.name,
            &["network.solver=exact", "faults.corrupting=5 %"],
        );
        let text = scenario.to_toml();
        let again = Scenario::from_toml(&text, "again.toml", None, &[]).expect("our own text");
        assert_eq!(again, scenario, "{}", builtin.name);
        assert_eq!(again.to_toml(), text, "{}", builtin.name);
    }
    let sets = [
        "population.0.policy=credit",
        "population.0.count=1",
        "population.0.parameters.credit=7 KiB",
        "population.1.policy=tit_for_tat",
        "population.1.upload_cap=20 kB/s",
        "population.1.parameters={tick=\"15 s\", slots=7}",
        "peers.arrivals={model=\"trace\", times=[\"0 s\", \"1500 ms\", \"1 h\"]}",
        "peers=3",
        "network.transport={headers=\"66 B\", packets_per_ack=2, initial_window=10}",
        "network.transport.window=64 KiB",
        "network.transport.loss=0.1 %",
        "network.transport.connect_time=100 ms",
        "name=\"a \\\"b\\\" \\\\ \\n c\"",
    ];
    let scenario = load("flash-hetero", &sets);
    let again = Scenario::from_toml(&scenario.to_toml(), "again.toml", None, &[]);
    assert_eq!(again.expect("our own text"), scenario);
}

#[test]
fn overrides_reach_every_kind_of_key() {
    let sets = [
        "peers=12",
        "network.solver=exact",
        "piece=\"64 KiB\"",
        "numwant=9",
        "peers.stay={model=\"exponential\", mean=\"2 min\"}",
        "peers.class.1.up=2 Mbit/s",
        "peers.class.0.name=slowest",
        "client.policy=bep3",
        "about=",
    ];
    let scenario = load("flash-hetero", &sets);
    assert_eq!(scenario.peers.count, 12);
    assert_eq!(scenario.network.solver, Solver::Exact);
    assert_eq!(scenario.geometry.piece_bytes(), 65_536);
    assert_eq!(scenario.tracker.numwant, 9);
    let mean = Duration::from_mins(2);
    let stay = StayModel::For(Law::Exponential { mean });
    assert_eq!(scenario.peers.stay, stay);
    let Capacity::Classes(classes) = &scenario.peers.capacity else {
        panic!("flash-hetero has classes");
    };
    assert_eq!(
        (classes[1].access.up, classes[0].name.as_str()),
        (250_000, "slowest")
    );
    assert_eq!(scenario.populations[0].client.policy, "bep3");
    assert_eq!(scenario.about, "");
}

#[test]
fn every_swarm_has_the_shares_of_the_table() {
    let scenario = load("flash-hetero", &["peers=20"]);
    for seed in 0..20 {
        let spec = expand(&scenario, seed);
        let counts = ["784/128", "1500/384", "3000/1000", "10000/5000"];
        assert_eq!(counts.map(|it| in_class(&spec, it)), [4, 8, 5, 3]);
    }
    let seeds: BTreeSet<Vec<u16>> = (0..20)
        .map(|seed| {
            expand(&scenario, seed)
                .nodes
                .iter()
                .map(|it| it.class)
                .collect()
        })
        .collect();
    assert_eq!(
        seeds.len(),
        20,
        "the seed decides which peer has which link"
    );
}

#[test]
fn every_quarter_of_a_measured_distribution_is_there() {
    let scenario = load("flash-tyrant", &["peers=8", "peers.capacity.scale=1"]);
    let spec = expand(&scenario, 5);
    let mut ups: Vec<(u16, u64)> = spec.nodes[3..].iter().map(|it| (it.class, it.up)).collect();
    ups.sort_unstable();
    let classes: Vec<u16> = ups.iter().map(|it| it.0).collect();
    assert_eq!(classes, [1, 1, 2, 2, 3, 3, 4, 4]);
    // Each of eight ranks draws from its own eighth, so the quantiles of the figure are the bounds.
    let bounds = [
        43_000, 49_100, 56_400, 65_000, 77_400, 90_000, 129_100, 262_300, 12_398_900,
    ];
    for (i, (_, up)) in ups.iter().enumerate() {
        assert!(
            (bounds[i] - 1200..=bounds[i + 1] + 60_000).contains(up),
            "{i}: {up}"
        );
    }
    for node in &spec.nodes[3..] {
        assert_eq!(node.down, node.up * 4);
    }
}

#[test]
fn a_distribution_in_a_file_lies_beside_the_scenario() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let sets = [
        "peers.capacity.distribution=".to_owned(),
        "peers.capacity.file=bittyrant_fig1_cdf.csv".to_owned(),
        "peers.capacity.unit=1 kB/s".to_owned(),
    ];
    let text = load("flash-tyrant", &[]);
    let original = include_str!("../scenarios/flash-tyrant.toml");
    let path = std::path::Path::new(folder);
    let read = Scenario::from_toml(original, "flash-tyrant.toml", Some(path), &sets);
    assert_eq!(read.expect("a good scenario"), text);
}

#[test]
fn a_share_of_the_peers_is_unreachable_or_corrupts() {
    let sets = ["peers=40", "peers.reachable=75 %", "faults.corrupting=10 %"];
    let spec = expand(&load("flash-homog", &sets), 9);
    assert_eq!(spec.nodes.iter().filter(|it| !it.reachable).count(), 10);
    assert_eq!(spec.nodes.iter().filter(|it| it.corrupts).count(), 4);
    assert!(
        spec.nodes[0].reachable && !spec.nodes[0].corrupts,
        "the origin is sound"
    );
}

#[test]
fn arrivals_follow_their_model() {
    let flash = expand(&load("flash-homog", &[]), 1);
    let arrivals = |spec: &SwarmSpec| {
        let peers = spec.nodes.iter().filter(|it| !it.origin);
        let mut times: Vec<u64> = peers.map(|it| it.arrives_at.as_nanos()).collect();
        times.sort_unstable();
        times
    };
    let times = arrivals(&flash);
    assert!(times[0] < 100_000_000 && times[999] < 10_000_000_000);
    assert!(times[999] > 9_900_000_000, "spread over the whole window");
    assert!((4_500_000_000..5_500_000_000).contains(&times[500]));

    // 20 000 gaps of 10 s: the last arrival is at 200 000 s with a standard error of 1 414 s.
    let poisson = expand(&load("poisson-steady", &["peers=20000"]), 1);
    let peers = &poisson.nodes[1..];
    assert!(
        peers
            .windows(2)
            .all(|it| it[0].arrives_at <= it[1].arrives_at)
    );
    let last = peers[19_999].arrives_at.as_secs();
    assert!((194_000..206_000).contains(&last), "{last}");

    // Half of the arrivals come before tau ln 2 = 2 495 s; standard error 36 s at 10 000.
    let decay = arrivals(&expand(&load("decay", &["peers=10000"]), 1));
    assert!((2350..2650).contains(&(decay[5000] / 1_000_000_000)));

    let times = "peers.arrivals={model=\"trace\", times=[\"3 s\", \"1 s\", \"2 s\"]}";
    let trace = expand(&load("small", &["peers=2", times]), 1);
    let seconds: Vec<u64> = trace
        .nodes
        .iter()
        .map(|it| it.arrives_at.as_secs())
        .collect();
    assert_eq!(seconds, [0, 3, 1]);
}

/// The draws are part of the result format. A change here changes every result.
#[test]
fn the_same_swarm_on_every_machine() {
    let spec = expand(&load("decay", &["peers=3"]), 1);
    let peers: Vec<(u64, u64, u16, Stay)> = spec.nodes[1..]
        .iter()
        .map(|it| (it.arrives_at.as_nanos(), it.up, it.class, it.stay))
        .collect();
    let stay = |ns| Stay::For(Duration::from_nanos(ns));
    assert_eq!(
        peers,
        [
            (576_978_678_246, 46_237, 1, stay(6_474_166_227)),
            (474_981_759_683, 93_869, 2, stay(194_826_373_272)),
            (2_034_862_781_049, 120_550, 3, stay(6_400_138_959)),
        ]
    );
}

#[test]
fn populations_have_their_exact_parts() {
    let scenario = load("flash-homog", &["peers=10"]);
    for (part, count) in [
        (Part::Count(1), 1),
        (Part::Share(percent(50)), 5),
        (Part::Share(percent(25)), 3),
        (Part::Share(percent(0)), 0),
        (Part::Share(percent(100)), 10),
        (Part::Count(10), 10),
    ] {
        let spec = expand(&mixed(&scenario, "credit", part), 4);
        assert_eq!(adopters(&spec).len(), count, "{part:?}");
    }
    let third = |name: &str, part| Population {
        part,
        class: None,
        client: scenario
            .client
            .with_policy(name, "bep3", &Parameters::new()),
    };
    let thirds = vec![
        third("a", Part::Share(percent(33))),
        third("b", Part::Share(percent(33))),
        third("c", Part::Share(percent(34))),
    ];
    let spec = expand(&scenario.clone().with_populations(thirds).expect("good"), 4);
    let of = |client| spec.nodes.iter().filter(|it| it.client == client).count();
    assert_eq!(
        [of(0), of(1), of(2), of(3)],
        [3, 4, 3, 1],
        "the last is the origin"
    );
}

#[test]
fn a_mix_that_a_program_made_is_checked() {
    let scenario = load("flash-homog", &["peers=10"]);
    let population = |policy, part| Population {
        part,
        class: None,
        client: scenario.client.with_policy("a", policy, &Parameters::new()),
    };
    for (populations, sentence) in [
        (
            vec![population("bep3", Part::Share(percent(99)))],
            "flash-homog, key population: expected shares that sum to 100 %, found 99 %",
        ),
        (
            vec![
                population("bep3", Part::Count(11)),
                population("bep3", Part::Rest),
            ],
            "flash-homog, key population: expected populations of at most 10 peers together, \
             found 11",
        ),
        (
            vec![population("bep4", Part::Rest)],
            "flash-homog, key population.0.policy: expected a registered policy with its own \
             parameters, found there is no choking policy 'bep4'",
        ),
        (
            vec![],
            "flash-homog, key population: expected shares that sum to 100 %, found 0 %",
        ),
    ] {
        let error = scenario.clone().with_populations(populations);
        let error = error.expect_err(sentence).to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Common random numbers: the clients of peers change nothing else about the peers.
    #[test]
    fn a_change_of_the_mix_leaves_arrivals_links_and_stays(
        seed: u64,
        scenario in prop::sample::select(vec!["flash-hetero", "decay", "poisson-steady"]),
        share in 0..=100_u32,
    ) {
        let scenario = load(scenario, &["peers=60", "peers.reachable=80 %"]);
        let plain: Vec<NodeSpec> = expand(&scenario, seed).nodes.iter().map(life).collect();
        let mixed = mixed(&scenario, "credit", Part::Share(percent(share)));
        let other: Vec<NodeSpec> = expand(&mixed, seed).nodes.iter().map(life).collect();
        prop_assert_eq!(plain, other);
    }

    /// The adopters of a smaller share are also adopters of a larger one, whichever policy they
    /// adopt.
    #[test]
    fn adopters_are_nested(seed: u64, a in 0..=100_u32, b in 0..=100_u32) {
        let scenario = load("flash-hetero", &["peers=60"]);
        let of = |policy, part| adopters(&expand(&mixed(&scenario, policy, part), seed));
        let (few, many) = (a.min(b), a.max(b));
        let few = of("credit", Part::Share(percent(few)));
        let many = of("unchoke_all", Part::Share(percent(many)));
        prop_assert!(few.is_subset(&many));
        let one = of("credit", Part::Count(1));
        prop_assert!(many.is_empty() || one.is_subset(&many));
        prop_assert_eq!(one.len(), 1);
    }

    #[test]
    fn a_seed_picks_the_same_swarm_twice_and_another_seed_another(seed: u64) {
        let scenario = load("decay", &["peers=30"]);
        let spec = expand(&scenario, seed);
        prop_assert_eq!(&spec, &expand(&scenario, seed));
        let other = expand(&scenario, seed.wrapping_add(1));
        prop_assert_ne!(spec.nodes, other.nodes);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}", set in "\\PC{0,40}") {
        let _ = Scenario::from_toml(&text, "any.toml", None, &[]);
        let _ = Scenario::builtin("small", &[set]);
    }
}

const PIECES: &[&str] = &[
    "",
    "\n",
    "\"",
    "0",
    "-1",
    "9",
    "99999999999999999999",
    "0.5",
    "%",
    "[",
    "]",
    "{",
    "}",
    " = ",
    "share",
    "count",
    "\"0 %\"",
    "\"1 B/s\"",
    "\"500 d\"",
    "\"1 ns\"",
    "[[population]]\n",
    "policy = \"credit\"\n",
    "[[peers.class]]\n",
    "true",
    "nan",
    "1979-05-27",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Cutting a piece out of a scenario's text and inserting another gives an error or a scenario
    /// that expands.
    #[test]
    fn a_damaged_scenario_is_refused_or_expands(
        name in prop::sample::select(vec!["flash-hetero", "decay", "poisson-steady", "w1"]),
        wounds in prop::collection::vec(
            (0..1000_usize, 0..12_usize, prop::sample::select(PIECES)),
            1..4,
        ),
    ) {
        let mut text = load(name, &["peers=9"]).to_toml();
        for (at, length, piece) in wounds {
            let start = at * text.len() / 1000;
            let end = (start + length).min(text.len());
            text.replace_range(start..end, piece);
        }
        if let Ok(scenario) = Scenario::from_toml(&text, "any.toml", None, &[])
            && scenario.peers.count < 1000
            && scenario.origins[0].count < 1000
        {
            let spec = expand(&scenario, 1);
            let lives = 1 + scenario.peers.rejoins as usize;
            let peers = scenario.peers.count as usize * lives;
            prop_assert_eq!(spec.nodes.iter().filter(|it| !it.origin).count(), peers);
            let again = Scenario::from_toml(&scenario.to_toml(), "again.toml", None, &[]);
            prop_assert_eq!(again, Ok(scenario));
        }
    }
}
