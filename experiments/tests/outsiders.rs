//! Peers whose policy the scenario sets, and origins with a policy of their own.

use std::path::Path;
use std::time::Duration;

use unchoke_experiments::findings::analysis::Analysis;
use unchoke_experiments::findings::conduct::analyse;
use unchoke_experiments::findings::stats::moments::mean;
use unchoke_experiments::plan::{Changes, Plan, load};
use unchoke_experiments::run::engine::Engine as _;
use unchoke_experiments::run::expand::expand;
use unchoke_experiments::run::runner::{Options, Silent, run};
use unchoke_experiments::run::store::Store;
use unchoke_experiments::run::swarm::Swarms;
use unchoke_experiments::run::unit::{Mix, Unit};
use unchoke_experiments::show::figure::{bare, pictures};

const PLAN: &str = r#"name = "outsiders"
question = "Who counts?"
expectation = "Free-riders do not."
adoption = ["one", "50 %", "100 %"]
seeds = { master = 3, count = 1 }
candidate = { policy = "tit_for_tat", max_connections = 5 }
origin = { policy = "bep3", max_connections = 40 }
baseline = [{ policy = "unchoke_all" }]

[[scenario]]
source = "flash-homog"
set = { peers = 12, size = "1 MiB", "population.0.share" = "25 %", "population.0.policy" = "freerider" }
"#;

fn expanded(text: &str) -> (Plan, Swarms, Vec<Unit>) {
    let plan = load("outsiders.toml", text, &Changes::default()).expect("a plan");
    let engine = Swarms::of(&plan, Path::new("")).expect("a scenario");
    let units = expand(&plan, &engine).expect("units");
    (plan, engine, units)
}

#[test]
fn policies_run_on_the_peers_that_the_scenario_leaves() {
    let text = PLAN.replace(
        "\"freerider\"",
        "\"freerider\", \"population.1.policy\" = \"bep3\"",
    );
    let (plan, engine, units) = expanded(&text);
    assert_eq!(units.len(), 5);
    let mut outside = Vec::new();
    for unit in &units {
        let run = engine.run(&plan, unit).expect("a run");
        let adopters = run.nodes.iter().filter(|it| it.adopter).count();
        let expected = match unit.mix {
            Mix::Baseline(_) => 0,
            Mix::Candidate => 9,
            Mix::Mixed(_, adoption) if adoption.label() == "one" => 1,
            Mix::Mixed(..) => 4,
        };
        assert_eq!(adopters, expected, "{:?}", unit.mix);
        let own: Vec<bool> = run.nodes.iter().map(|it| it.outsider).collect();
        assert_eq!(own.iter().filter(|it| **it).count(), 3);
        assert!(run.nodes.iter().all(|it| !(it.outsider && it.adopter)));
        let gave = run.nodes.iter().filter(|it| it.outsider);
        assert_eq!(gave.map(|it| it.payload_sent_bytes).sum::<u64>(), 0);
        outside.push(own);
        // The origin runs the same policy whatever the peers run.
        let spec = engine.spec(&plan, unit).expect("a swarm");
        let origin = &spec.clients[usize::from(spec.nodes[0].client)];
        assert_eq!(
            (origin.policy.as_str(), origin.max_connections),
            ("bep3", 40)
        );
    }
    assert!(
        outside.windows(2).all(|it| it[0] == it[1]),
        "the same peers"
    );
}

#[test]
fn a_scenario_that_leaves_no_peer_is_refused() {
    let text = PLAN.replace("25 %", "100 %");
    let plan = load("outsiders.toml", &text, &Changes::default()).expect("a plan");
    let engine = Swarms::of(&plan, Path::new("")).expect("a scenario");
    let refused = expand(&plan, &engine).expect_err("nobody is left");
    assert!(refused.to_string().contains("take every peer"), "{refused}");
}

/// With five peers, `one`, 10 % and 25 % are the same peer: one run, found under each adoption.
#[test]
fn adoptions_of_the_same_number_of_peers_share_a_run() {
    let text = PLAN
        .replace(
            "\"freerider\"",
            "\"freerider\", \"population.1.policy\" = \"bep3\"",
        )
        .replace("\"one\", \"50 %\"", "\"one\", \"10 %\", \"25 %\"")
        .replace("peers = 12", "peers = 6");
    let (plan, engine, units) = expanded(&text);
    assert_eq!(units.len(), 1 + 3 + 2);
    let mixed: Vec<&Unit> = units
        .iter()
        .filter(|it| matches!(it.mix, Mix::Mixed(..)))
        .collect();
    assert!(mixed.iter().all(|it| it.id == mixed[0].id));
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &engine.version()).expect("a store");
    let options = Options {
        jobs: 2,
        force: false,
    };
    run(&plan, &units, &engine, &store, options, &Silent).expect("runs");
    let analysis = analyse(&plan, &units, &engine, &store).expect("every adoption is found");
    assert_eq!(analysis.runs.len(), units.len());
}

/// A plan with two scenarios that differ in the share of free-riders.
fn two_shares() -> String {
    let scenario = |share: u32| {
        format!(
            "\n[[scenario]]\nname = \"free-riders-{share}\"\nsource = \"flash-homog\"\nset = {{ peers = 12, \
             size = \"1 MiB\", \"population.0.share\" = \"{share} %\", \"population.0.policy\" = \
             \"freerider\", \"population.1.policy\" = \"bep3\" }}\n"
        )
    };
    let (head, _) = PLAN.split_once("\n[[scenario]]").expect("a scenario");
    let head = head
        .replace("\"one\", \"50 %\", ", "")
        .replace("count = 1", "count = 2");
    format!("{head}\n{}{}", scenario(50), scenario(25))
}

/// Runs the units of a plan and computes its figures.
fn analysed((plan, engine, units): &(Plan, Swarms, Vec<Unit>)) -> Analysis {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &engine.version()).expect("a store");
    let options = Options {
        jobs: 2,
        force: false,
    };
    run(plan, units, engine, &store, options, &Silent).expect("runs");
    analyse(plan, units, engine, &store).expect("an analysis")
}

#[test]
fn times_of_outsiders_and_of_others_are_apart() {
    let expanded = expanded(&two_shares());
    let (plan, engine, units) = &expanded;
    let doses = analysed(&expanded).doses;
    let shares: Vec<f64> = doses.iter().map(|it| it.share).collect();
    assert_eq!(shares, [0.5, 0.5, 0.25, 0.25]);
    let last = doses.last().expect("four of them");
    let own = |it: &&Unit| (it.scenario, it.mix) == (last.scenario, last.mix);
    // Mean logarithms of the times of outsiders and of others, run by run.
    let logs = units.iter().filter(own).map(|it| {
        let run = engine.run(plan, it).expect("a run");
        [true, false].map(|outside| {
            let of = run
                .nodes
                .iter()
                .filter(|it| !it.origin && it.outsider == outside);
            let times = of.map(|it| it.completed_ns.expect("done") - it.arrived_ns);
            let logs = times.map(|it| Duration::from_nanos(it).as_secs_f64().ln());
            mean(&logs.collect::<Vec<f64>>())
        })
    });
    let logs: Vec<[f64; 2]> = logs.collect();
    assert_eq!(logs.len(), 2, "two seeds");
    let over = |of: &dyn Fn(&[f64; 2]) -> f64| mean(&logs.iter().map(of).collect::<Vec<f64>>());
    let times = last.times.expect("all completed");
    for (found, expected) in [
        (times.outsiders_s, over(&|it| it[0].exp())),
        (times.others_s, over(&|it| it[1].exp())),
        (times.ratio, over(&|it| it[0] - it[1]).exp()),
    ] {
        let difference = (found.value - expected).abs();
        assert!(difference < 1e-9, "{found:?}, not {expected}");
    }
}

/// Scenarios that differ in the share of outsiders give one figure over that share.
#[test]
fn times_are_drawn_over_the_share_of_outsiders() {
    let text = two_shares();
    let names = |text: &str| {
        let expanded = expanded(text);
        let drawn = pictures(&expanded.0, &analysed(&expanded));
        drawn
            .into_iter()
            .filter(|it| it.name.starts_with("doses"))
            .collect::<Vec<_>>()
    };
    let drawn = names(&text);
    assert_eq!(drawn.len(), 1);
    assert_eq!(drawn[0].name, "doses_free-riders");
    let drawing = bare(&drawn[0].scene);
    let places = ["25 %", "50 %"].map(|it| drawing.find(it).expect("a value of the axis"));
    assert!(places[0] < places[1], "in the order of the shares");
    let one = names(&text.replace("free-riders-25", "small"));
    assert!(one.is_empty(), "one share is no response");
}
