//! The same spec gives the same run: when run twice, with and without a log, and as recorded
//! earlier.
//!
//! `UPDATE_GOLDEN=1 cargo test -p unchoke-sim --test golden` rewrites the golden digests. The
//! commit must say why they changed.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::common::{ORIGIN, PEER, header, run, star, swarm};
use unchoke_core::time::Instant;
use unchoke_core::torrent::Claims;
use unchoke_sim::spec::{NodeSpec, Outage, Regions, Solver, Stay, SwarmSpec};
use unchoke_sim::trace::{Form, Writer};
use unchoke_sim::world;

/// Arrivals, departures, classes, delays, and peers with false claims.
pub(crate) fn mixed(policy: &str, seed: u64) -> SwarmSpec {
    let mut nodes = vec![ORIGIN];
    nodes.extend((1..40_u64).map(|it| NodeSpec {
        arrives_at: Instant::from_nanos(it * 700_000_000),
        up: 40_000 << (it % 4),
        down: 200_000 << (it % 3),
        delay_ns: 5_000_000 * (1 + it % 7),
        class: u16::from(it % 4 > 1),
        stay: if it % 3 == 0 {
            Stay::AtOnce
        } else {
            Stay::Forever
        },
        reachable: it % 5 != 0,
        corrupts: it == 11,
        ..PEER
    }));
    let mut spec = swarm(policy, nodes);
    spec.seed = seed;
    spec.clients[0].max_connections = 12;
    spec
}

/// What `mixed` does not have: faults, sessions, regions and outages.
pub(crate) fn eventful(policy: &str, seed: u64) -> SwarmSpec {
    let mut spec = mixed(policy, seed);
    for (i, node) in (0..40_u64).zip(&mut spec.nodes).skip(1) {
        node.region = u16::from(i % 3 == 0);
        node.patience = (i % 6 == 1).then(|| Duration::from_secs(20 + i));
        node.session = (i % 7 == 2).then(|| Duration::from_secs(60 + i));
        node.claims = match i % 9 {
            3 => Claims::AllButOne,
            4 => Claims::Nothing,
            _ => Claims::Truth,
        };
    }
    let before = spec.nodes[39];
    spec.nodes.push(NodeSpec {
        arrives_at: Instant::NEVER,
        follows: Some(1),
        ..before
    });
    spec.regions = Regions {
        names: vec!["a".to_owned(), "b".to_owned()],
        delays_ns: vec![0, 30_000_000, 30_000_000, 5_000_000],
    };
    spec.break_mean = Some(Duration::from_mins(1));
    spec.tracker.outages = vec![Outage {
        from: Duration::from_secs(10),
        until: Duration::from_secs(20),
    }];
    spec
}

#[test]
fn a_run_repeats_itself() {
    let spec = mixed("tit_for_tat", 7);
    assert_eq!(run(&spec), run(&spec));
    assert_ne!(run(&spec).digest, run(&mixed("tit_for_tat", 8)).digest);
}

#[test]
fn a_log_changes_nothing_and_tells_what_happened() {
    let spec = mixed("bep3", 7);
    let mut log = Writer::new(Vec::new(), Form::JsonLines, &header(&spec));
    let logged = world::run(&spec, Some(&mut log)).expect("a spec that can be run");
    assert_eq!(logged, run(&spec));
    let text =
        String::from_utf8(log.finish(logged.ended_at).expect("memory takes all")).expect("text");
    let count = |word: &str| text.matches(&format!(r#""event":"{word}""#)).count();
    assert_eq!(count("block") as u64, logged.blocks_transferred);
    assert_eq!(count("join"), 40);
    assert_eq!(count("complete"), logged.completed().count());
    assert_eq!(count("piece"), 39 * 64);
    let first = text.lines().find(|it| it.starts_with(r#"{"t_ns""#));
    assert_eq!(first, Some(r#"{"t_ns":0,"event":"join","node":0}"#));
}

pub(crate) fn golden_line(name: &str, spec: &SwarmSpec) -> String {
    let result = run(spec);
    let (digest, blocks) = (result.digest, result.blocks_transferred);
    let ended_ns = result.ended_at.as_nanos();
    format!("{name} {digest:016x} blocks={blocks} ended_ns={ended_ns}")
}

/// Small swarms under every policy, whose digests must be the same on every machine.
#[test]
fn golden_digests() {
    let mut text = String::new();
    for policy in ["unchoke_all", "random_k", "credit", "bep3", "tit_for_tat"] {
        let lines = [
            golden_line(&format!("star-{policy}"), &star(policy, 20)),
            golden_line(&format!("mixed-{policy}"), &mixed(policy, 1)),
        ];
        for line in lines {
            writeln!(text, "{line}").expect("a string takes all");
        }
    }
    for policy in ["bep3", "tit_for_tat"] {
        let line = golden_line(&format!("eventful-{policy}"), &eventful(policy, 1));
        writeln!(text, "{line}").expect("a string takes all");
    }
    let mut exchange = mixed("bep3", 1);
    exchange.clients[0].peer_exchange = true;
    exchange.tracker.numwant = 3;
    let line = golden_line("exchange-bep3", &exchange);
    writeln!(text, "{line}").expect("a string takes all");
    let mut fast = star("bep3", 20);
    fast.network.solver = Solver::Fast;
    writeln!(text, "{}", golden_line("star-fast", &fast)).expect("a string takes all");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digests.txt");
    check_golden(&path, &text);
}

/// Compares with a golden file, or writes it if asked to.
pub(crate) fn check_golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file is there");
    assert_eq!(text, golden, "runs differ from {}", path.display());
}
