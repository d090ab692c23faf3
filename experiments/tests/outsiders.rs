//! Peers whose policy the scenario sets, and origins with a policy of their own.

use std::path::Path;

use unchoke_experiments::findings::conduct::analyse;
use unchoke_experiments::plan::{Changes, Plan, load};
use unchoke_experiments::run::engine::Engine as _;
use unchoke_experiments::run::expand::expand;
use unchoke_experiments::run::runner::{Options, Silent, run};
use unchoke_experiments::run::store::Store;
use unchoke_experiments::run::swarm::Swarms;
use unchoke_experiments::run::unit::{Mix, Unit};

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
