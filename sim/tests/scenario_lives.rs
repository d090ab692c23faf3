//! Expanding a scenario and a seed into lifetimes, regions and false claims.

use unchoke_core::time::Instant;
use unchoke_core::torrent::Claims;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::NodeSpec;

fn load(name: &str, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    Scenario::builtin(name, &sets).expect("a good scenario")
}

#[test]
fn arrivals_and_lives_may_come_from_files_and_laws() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario");
    let read = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
        let text = include_str!("../scenarios/small.toml");
        Scenario::from_toml(text, "small.toml", Some(&folder), &sets).expect("a good scenario")
    };
    let file = "peers.arrivals={model=\"trace\", file=\"arrivals_few.csv\"}";
    let trace = expand(&read(&["peers=3", file]), 1);
    let millis: Vec<u64> = trace.nodes[1..]
        .iter()
        .map(|it| it.arrives_at.as_nanos() / 1_000_000)
        .collect();
    assert_eq!(millis, [500, 2_000, 60_000]);

    // Mean of Weibull gaps: 10 s x Gamma(1 + 1/0.62) = 14.43 s; 1.7 % standard error of 10 000.
    let weibull = "peers.arrivals={model=\"weibull\", scale=\"10 s\", shape=0.62}";
    let nodes = expand(&read(&["peers=10000", weibull]), 1).nodes;
    let last = nodes[10_000].arrives_at.as_secs();
    assert!((137_000..152_000).contains(&last), "{last}");

    let law = "{model=\"measured\", unit=\"1 min\", points=[[0, 1], [0.5, 2], [1, 10]]}";
    let sets = [
        format!("peers.session={law}"),
        format!("peers.patience={law}"),
        format!("peers.stay={law}"),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let nodes = expand(&read(&[&["peers=10000"], sets.as_slice()].concat()), 1).nodes;
    for limit in [|it: &NodeSpec| it.session, |it: &NodeSpec| it.patience] {
        let times: Vec<u64> = nodes[1..]
            .iter()
            .map(|it| limit(it).expect("limited").as_secs())
            .collect();
        assert!(times.iter().all(|it| (60..=600).contains(it)));
        let short = times.iter().filter(|it| **it < 120).count();
        assert!((4_850..5_150).contains(&short), "{short}: half below 2 min");
    }
    let same = nodes[1..].iter().filter(|it| it.session == it.patience);
    assert!(same.count() < 10, "each has a stream of its own");
    assert_eq!((nodes[0].session, nodes[0].patience), (None, None));
}

/// Files by spreadsheets and programs are read from the first line on. A heading is skipped;
/// anything else that is not a number is an error.
#[test]
fn no_line_of_a_file_of_times_is_lost() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let read = |text: &str| {
        std::fs::write(folder.join("times.csv"), text).expect("a folder of the tests");
        let set = "peers.arrivals={model=\"trace\", file=\"times.csv\"}".to_owned();
        let small = include_str!("../scenarios/small.toml");
        Scenario::from_toml(
            small,
            "small.toml",
            Some(folder),
            &["peers=2".to_owned(), set],
        )
    };
    for text in [
        "\u{feff}1\n2.5\n",
        "\u{feff}time,node\n1,a\n2.5,b\n",
        "\"time\"\n1e0\n2.5000000000000000004\n",
    ] {
        let nodes = expand(&read(text).expect(text), 1).nodes;
        let millis = [1, 2].map(|it: usize| nodes[it].arrives_at.as_nanos() / 1_000_000);
        assert_eq!(millis, [1_000, 2_500], "{text:?}");
    }
    for text in ["-1\n2\n3\n", ".5\n2\n3\n", "\"1\"\n2\n3\n"] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains("line 1 of"), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn a_file_without_an_end_is_refused() {
    let path = std::path::Path::new("/dev/zero");
    let error = Scenario::from_file(path, &[])
        .expect_err("endless")
        .to_string();
    assert!(error.contains("more than"), "{error}");
}

#[test]
fn those_that_rejoin_are_like_those_that_left() {
    let sets = ["peers=20", "peers.rejoins=2", "faults.corrupting=10 %"];
    let law = "peers.stay={model=\"exponential\", mean=\"1 min\"}";
    let nodes = expand(&load("flash-hetero", &[&sets[..], &[law]].concat()), 1).nodes;
    assert_eq!(nodes.len(), 1 + 60);
    for (i, node) in nodes.iter().enumerate().skip(21) {
        let before = &nodes[i - 20];
        assert_eq!(node.follows, u32::try_from(i - 20).ok());
        assert_eq!(node.arrives_at, Instant::NEVER);
        assert_eq!((node.up, node.corrupts), (before.up, before.corrupts));
        assert_ne!(node.stay, before.stay, "a life of its own");
    }
    assert!(nodes[..21].iter().all(|it| it.follows.is_none()));
}

#[test]
fn regions_have_their_shares_and_origins_theirs() {
    let spec = expand(&load("regions", &["peers=20"]), 1);
    let regions = |range: std::ops::Range<usize>| {
        let mut counts = [0; 3];
        for node in &spec.nodes[range] {
            counts[usize::from(node.region)] += 1;
        }
        counts
    };
    assert_eq!(regions(0..2), [1, 0, 1]);
    assert_eq!(regions(2..22), [9, 6, 5]);
    assert_eq!(spec.regions.delay_ns(2, 0), 90_000_000);
    assert_eq!(spec.regions.delay_ns(1, 1), 15_000_000);
}

#[test]
fn liars_are_nested_and_never_both() {
    let claims = |over: &str, under: &str| {
        let sets = [
            "peers=40".to_owned(),
            format!("faults.overstating={over}"),
            format!("faults.understating={under}"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let nodes = expand(&load("flash-homog", &sets), 9).nodes;
        nodes[1..]
            .iter()
            .map(|it| it.claims)
            .collect::<Vec<Claims>>()
    };
    let count = |it: &[Claims], claim| it.iter().filter(|it| **it == claim).count();
    let few = claims("10 %", "20 %");
    assert_eq!(count(&few, Claims::AllButOne), 4);
    assert_eq!(count(&few, Claims::Nothing), 8);
    let all = claims("50 %", "50 %");
    assert_eq!(count(&all, Claims::Truth), 0);
    let grown = few.iter().zip(&all).filter(|(few, all)| few != all);
    assert!(
        grown.clone().all(|(few, _)| *few == Claims::Truth),
        "the larger share contains the smaller one"
    );
}
