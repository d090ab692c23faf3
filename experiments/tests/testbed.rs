//! Command lines of processes, scenarios that can run as processes, and the comparison of real and
//! simulated swarms. `experiments/sim_vs_net --quick` tests swarms of processes.

use std::path::Path;
use std::process::Command;

use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_experiments::against::testbed::compare::Comparison;
use unchoke_experiments::against::testbed::contrast::{Contrast, Quantity};
use unchoke_experiments::against::testbed::libtorrent;
use unchoke_experiments::against::testbed::setup::{Addresses, arguments, check, introductions};
use unchoke_experiments::against::testbed::{PeerRun, SwarmRun, World, simulated, table};
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;

fn spec(sets: &[&str]) -> SwarmSpec {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    let scenario = Scenario::builtin("testbed", &sets).expect("a scenario");
    expand(&scenario, 3)
}

#[test]
fn the_testbed_scenario_can_be_run_and_has_three_classes() {
    let spec = spec(&[]);
    check(&spec).expect("it is made for this");
    assert_eq!(spec.nodes.len(), 17);
    let of_class = |class| spec.nodes.iter().filter(|it| it.class == class).count();
    assert_eq!([0, 1, 2, 3].map(of_class), [1, 6, 6, 4]);
}

#[test]
fn what_processes_cannot_do_is_refused_with_a_word_on_what_to_change() {
    let cases = [
        ("network.base_delay=25 ms", "network.base_delay"),
        ("peers=201", "set peers.count"),
        ("torrent.size=1 GiB", "set torrent.size"),
        ("faults.corrupting=10 %", "leave regions, faults"),
        ("peers.reachable=50 %", "peers.reachable"),
        (
            "client.aligned_ticks=true",
            "leave aligned_ticks and super_seed alone",
        ),
        (
            "peers.stay={model=\"exponential\", mean=\"1 min\"}",
            "peers.stay.model",
        ),
    ];
    for (set, expected) in cases {
        let refused = check(&spec(&[set])).expect_err(set).to_string();
        assert!(refused.contains(expected), "{set}: {refused}");
    }
}

#[test]
fn a_process_is_told_what_the_scenario_says() {
    let spec = spec(&["client.policy=bep3", "client.upload_cap=100 kB/s"]);
    let said = arguments(&spec, 5, false).join(" ");
    assert_eq!(
        said,
        "--json --no-tracker --no-dht --no-lsd --portmap never --policy bep3 --max-connections 80 \
         --run-seed 3 --run-peer 5 --set queue_time=3 s --set min_requests=5 --set max_requests=500 \
         --set snub_after=1 min --set endgame=true --set allowed_fast=0 \
         --set allowed_fast_by=network --set takes_allowed_fast=false --set dial_timeout=15 s \
         --set handshake_timeout=10 s --set idle_timeout=5 min --set keep_alive=2 min \
         --set peer_exchange=false --timeout 1260 s --upload-cap 100000 B/s --picker rarest_first --seed"
    );
    let slow = (1..17).find(|it| spec.nodes[*it].up == 250_000);
    let said = arguments(&spec, slow.expect("there are slow ones"), true).join(" ");
    assert!(
        said.contains("--upload-cap 100000 B/s"),
        "the lower of the two caps: {said}"
    );
    assert!(said.contains("--download-cap 500000 B/s"), "{said}");
    let origin = arguments(&spec, 0, false).join(" ");
    assert!(
        !origin.contains("picker") && !origin.ends_with("--seed"),
        "{origin}"
    );
}

/// libtorrent gets all settings that it supports. A client with other settings is refused.
#[test]
fn a_libtorrent_peer_is_told_the_same() {
    let own = ["client.profile=libtorrent", "client.parameters={slots=4}"];
    let spec = spec(&own);
    libtorrent::check(&spec).expect("its own profile");
    let at = Addresses::Own.of(5);
    let said = libtorrent::arguments(&spec, 5, at, Path::new("it.torrent"), Path::new("5"));
    assert_eq!(
        said.join(" "),
        "download it.torrent --folder 5 --listen 10.77.0.6:6881 --setting connections_limit=200 \
         --setting request_queue_time=3 --setting max_out_request_queue=500 --setting piece_timeout=20 \
         --setting allowed_fast_set_size=5 --setting upload_rate_limit=0 --setting download_rate_limit=0 \
         --setting unchoke_slots_limit=4 --pex"
    );
    let everybody = ["client.profile=libtorrent", "client.policy=unchoke_all"];
    let spec = self::spec(&everybody);
    let said = libtorrent::arguments(&spec, 0, at, Path::new("it.torrent"), Path::new("full"));
    assert!(said.starts_with(&["seed".to_owned()]), "{said:?}");
    assert!(
        said.contains(&"unchoke_slots_limit=-1".to_owned()),
        "{said:?}"
    );
    for other in [
        "client.policy=bep3",
        "client.picker=rarest_first",
        "client.endgame=false",
        "client.snub_after=1500 ms",
        "client.parameters.tick=10 s",
    ] {
        let spec = self::spec(&["client.profile=libtorrent", other]);
        let refused = libtorrent::check(&spec).expect_err(other).to_string();
        assert!(
            refused.contains("start from client.profile=libtorrent"),
            "{refused}"
        );
    }
}

#[test]
fn everybody_is_told_of_as_many_others_as_the_tracker_names() {
    let all = introductions(&spec(&[]));
    for (node, others) in all.iter().enumerate() {
        let mut sorted = others.clone();
        sorted.sort_unstable();
        let expected: Vec<usize> = (0..17).filter(|it| *it != node).collect();
        assert_eq!(sorted, expected);
    }
    let few = introductions(&spec(&["tracker.numwant=4"]));
    assert!(few.iter().all(|it| it.len() == 4));
    assert_ne!(few[0], few[1]);
    assert_eq!(
        few,
        introductions(&spec(&["tracker.numwant=4"])),
        "repeatable"
    );
    assert_eq!(Addresses::Own.of(16).to_string(), "10.77.0.17:6881");
    assert_eq!(
        Addresses::Ports(17_700).of(16).to_string(),
        "127.0.0.1:17716"
    );
}

fn run(world: World, times: [f64; 3], wasted: u64) -> SwarmRun {
    let peer = |(at, time): (usize, f64)| {
        let mut ledger = Ledger {
            payload_useful: if at == 0 { 0 } else { 1000 },
            payload_sent: if at == 0 { 1500 } else { 250 + wasted },
            ..Ledger::default()
        };
        ledger.payload_wasted[Waste::Endgame as usize] = if at == 0 { 0 } else { wasted };
        ledger.protocol[Kind::Have as usize].sent = 10;
        PeerRun {
            class: usize::from(at > 0),
            origin: at == 0,
            completed_s: (at > 0).then_some(time),
            ledger,
            wire_sent: (world == World::Real).then_some(2000),
        }
    };
    SwarmRun {
        policy: "bep3".to_owned(),
        seed: 1,
        world,
        peers: times.into_iter().enumerate().map(peer).collect(),
        busy: None,
    }
}

#[test]
fn errors_by_hand() {
    let runs = vec![
        run(World::Real, [0.0, 10.0, 30.0], 100),
        run(World::Simulated, [0.0, 10.0, 26.0], 50),
    ];
    let names = ["origin", "slow"].map(str::to_owned);
    let it = Comparison::of(&names, &["bep3".to_owned()], &[1], runs);
    let [row] = &it.rows[..] else {
        panic!("one class has leechers: {:?}", it.rows);
    };
    // Means of 20 s and 18 s.
    assert_eq!((row.class, row.peers), (1, 2));
    assert!((row.error() + 0.1).abs() < 1e-12);
    assert!((it.median_error() - 0.1).abs() < 1e-12);
    let of = |what: &str| {
        let row = it.bytes.iter().find(|it| it.what == what);
        let row = row.expect("a kind of bytes");
        (row.real, row.simulated)
    };
    // 2000 useful bytes in each run.
    assert_eq!(of("wasted, all causes"), (Some(0.1), Some(0.05)));
    assert_eq!(of("have"), (Some(0.015), Some(0.015)));
    assert_eq!(of("sent by the origin"), (Some(0.755), Some(0.755)));
    // 6000 bytes on the wire; 1500 + 2 * 350 are payload, and 30 are three `have`s.
    assert_eq!(
        of("transport and link headers"),
        (Some(3770.0 / 2000.0), None)
    );
    assert_eq!(
        table::classes(&it).lines().nth(1),
        Some("bep3,slow,2,20,18,-0.1")
    );
    assert_eq!(table::peers(&it).lines().count(), 7);
    assert!(table::terminal(&it).contains("mean completion time of a class: 10.0 %"));
}

#[test]
fn contrasts_by_hand() {
    let policies = ["bep3", "credit"].map(str::to_owned);
    let under = |policy: &str, run: SwarmRun| SwarmRun {
        policy: policy.to_owned(),
        ..run
    };
    let runs = vec![
        under("bep3", run(World::Real, [0.0, 10.0, 30.0], 100)),
        under("bep3", run(World::Simulated, [0.0, 10.0, 26.0], 50)),
        under("credit", run(World::Real, [0.0, 20.0, 20.0], 50)),
        under("credit", run(World::Simulated, [0.0, 20.0, 20.0], 0)),
    ];
    let names = ["origin", "slow"].map(str::to_owned);
    let it = Comparison::of(&names, &policies, &[1], runs);
    let of = |quantity, seed| {
        let is = |it: &&Contrast| (it.quantity, it.seed) == (quantity, seed);
        let row = it.contrasts.iter().find(is).expect("a row");
        (row.real, row.simulated)
    };
    assert_eq!(of(Quantity::Time, Some(1)), (Some(1.0), Some(0.9)));
    // 10 % compared with 5 %; in the simulator the denominator is zero.
    assert_eq!(of(Quantity::Wasted, Some(1)), (Some(2.0), None));
    let (real, simulated) = of(Quantity::Time, None);
    assert!((real.expect("one seed") - 1.0).abs() < 1e-12);
    assert!((simulated.expect("one seed") - 0.9).abs() < 1e-12);
    assert_eq!(
        table::contrasts(&it).lines().nth(1),
        Some("bep3,credit,mean completion time,1,1,0.9")
    );
    assert_eq!(it.contrasts.len(), 6, "three quantities, a seed and all");
    assert!(table::terminal(&it).contains("bep3 / credit"));
}

#[test]
fn the_simulated_side_counts_what_it_puts_on_the_wire() {
    let spec = spec(&["torrent.size=1 MiB"]);
    let run = simulated::run(&spec, "tit_for_tat").expect("it runs");
    for peer in &run.peers {
        assert!(peer.wire_sent.expect("counted") > peer.ledger.sent());
        assert_eq!(peer.completed_s.is_none(), peer.origin);
    }
}

/// Without the program `unshare`, links cannot be shaped.
#[test]
fn who_relies_on_shaped_links_is_told_that_there_are_none() {
    let quick = |required: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sim_vs_net"));
        let command = command.arg("--quick").env("PATH", "");
        command.env("UNCHOKE_REQUIRE_LINKS", required);
        command.output().expect("it runs")
    };
    let skipped = quick("0");
    assert_eq!(skipped.status.code(), Some(0));
    let said = String::from_utf8(skipped.stderr).expect("text");
    assert!(said.starts_with("SKIPPED: "), "{said}");
    let refused = quick("1");
    assert_eq!(refused.status.code(), Some(5));
    let said = String::from_utf8(refused.stderr).expect("text");
    assert!(
        said.starts_with("sim_vs_net: UNCHOKE_REQUIRE_LINKS=1"),
        "{said}"
    );
}

#[test]
fn wrong_usage_is_told_before_anything_runs() {
    let said = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sim_vs_net"))
            .args(words)
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = said(&["--loopback", "--scenario", "small", "--client", "/bin/true"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("network.base_delay"), "{text}");
    let (code, text) = said(&["--loopback", "--client", "/no/such/client"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("cargo build --release"), "{text}");
    assert!(text.contains("\nsim_vs_net: there is no client"), "{text}");
    let (code, text) = said(&[
        "--loopback",
        "--policy",
        "bep3",
        "--policy",
        "nice",
        "--client",
        "/bin/true",
    ]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("client.policy"), "{text}");
}
