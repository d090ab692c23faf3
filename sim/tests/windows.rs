//! The windows engine gives the same run whatever the number of shards and threads, in every build; and
//! a run that is hardly another than that of the exact engine.

use std::fmt::Write as _;
use std::path::Path;

use crate::common::{ORIGIN, PEER, run, star, swarm};
use crate::determinism::{check_golden, eventful, golden_line, mixed};
use unchoke_core::time::Instant;
use unchoke_sim::result::RunResult;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::{Engine, SwarmSpec};
use unchoke_sim::world::{self, Cores, WorldError};

fn in_windows(mut spec: SwarmSpec) -> SwarmSpec {
    spec.network.engine = Engine::Windows;
    spec
}

fn run_on(spec: &SwarmSpec, threads: usize, shards: u32) -> RunResult {
    let shards = Some(shards);
    world::run_on(spec, None, Cores { threads, shards }).expect("a spec that can be run")
}

#[test]
fn golden_digests_of_windows() {
    let mut text = String::new();
    for policy in ["unchoke_all", "random_k", "credit", "bep3", "tit_for_tat"] {
        for (name, spec) in [
            ("star", star(policy, 20)),
            ("mixed", mixed(policy, 1)),
            ("eventful", eventful(policy, 1)),
        ] {
            let line = golden_line(&format!("{name}-{policy}"), &in_windows(spec));
            writeln!(text, "{line}").expect("a string takes all");
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    check_golden(&folder.join("windows.txt"), &text);
}

#[test]
fn shards_and_threads_change_nothing() {
    for spec in [mixed("tit_for_tat", 3), eventful("bep3", 5)] {
        let spec = in_windows(spec);
        let expected = run(&spec);
        for (threads, shards) in [(1, 2), (1, 3), (1, 8), (2, 8)] {
            assert_eq!(run_on(&spec, threads, shards), expected, "{shards} shards");
        }
    }
}

#[test]
fn a_log_changes_nothing_and_is_the_same_for_any_number_of_shards() {
    let spec = in_windows(eventful("tit_for_tat", 2));
    let log = |shards: u32| {
        let (mut events, shards) = (Log::default(), Some(shards));
        let threads = 2;
        let result = world::run_on(&spec, Some(&mut events), Cores { threads, shards });
        assert_eq!(result.expect("a spec that can be run"), run(&spec));
        events.0
    };
    let expected = log(1);
    assert!(expected.is_sorted_by_key(|it| it.0), "by time");
    assert_eq!(log(7), expected);
}

#[derive(Default)]
struct Log(Vec<(Instant, unchoke_sim::trace::Happening)>);

impl unchoke_sim::trace::Sink for Log {
    fn record(&mut self, at: Instant, happening: &unchoke_sim::trace::Happening) {
        self.0.push((at, *happening));
    }
}

#[test]
fn the_engine_is_part_of_a_scenario() {
    let text = |engine: &str| {
        let scenario = Scenario::builtin("w1", &[format!("engine={engine}")]);
        scenario.expect("a built-in scenario").to_toml()
    };
    let windows = text("windows");
    assert!(windows.contains("\nengine = \"windows\"\n"), "{windows}");
    // The exact engine was there first, and its scenarios keep their texts.
    assert_eq!(windows.replace("engine = \"windows\"\n", ""), text("exact"));
}

#[test]
fn two_nodes_without_a_delay_are_refused() {
    let mut nodes = vec![PEER; 3];
    nodes[0] = ORIGIN;
    nodes[1].delay_ns = 0;
    let mut spec = in_windows(swarm("bep3", nodes));
    assert_eq!(run(&spec).completed().count(), 2, "one of them alone may");
    spec.nodes[2].delay_ns = 0;
    let error = world::run(&spec, None).expect_err("two without a delay");
    assert_eq!(error, WorldError::NoDelay);
    let said = "engine `windows` needs a delay between any two nodes, and two of them have none";
    assert_eq!(error.to_string(), said);
    spec.network.base_delay_ns = 1_000_000;
    assert_eq!(run(&spec).completed().count(), 2);
}

/// The median of the download times and the longest, ms.
fn medians(spec: &SwarmSpec) -> (u128, u128) {
    let result = run(spec);
    let mut times: Vec<u128> = result
        .completed()
        .filter_map(|it| Some(it.download_time()?.as_millis()))
        .collect();
    times.sort_unstable();
    (
        times[times.len() / 2],
        *times.last().expect("some complete"),
    )
}

/// A run is another one after the smallest change, and with so few peers its times move by some percent.
/// So this is not the size of the difference, but a bound on it.
#[test]
fn completion_times_are_near_those_of_the_exact_engine() {
    for name in ["w1", "small"] {
        let sum = |engine: &str| {
            let sets = ["peers=40".to_owned(), format!("engine={engine}")];
            let scenario = Scenario::builtin(name, &sets).expect("a built-in scenario");
            let medians = (1..=5).map(|seed| medians(&expand(&scenario, seed)));
            medians.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
        };
        let (exact, windows) = (sum("exact"), sum("windows"));
        for (exact, windows) in [(exact.0, windows.0), (exact.1, windows.1)] {
            let difference = exact.abs_diff(windows);
            assert!(
                difference * 10 < exact,
                "{name}: {windows}, exactly {exact}"
            );
        }
    }
}
