//! Every mistake gets one sentence with file, line and key.

use super::{Adoption, Changes, Estimand, Status, load};
use crate::run::toy::{PLAN, plan};

fn changed(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from), "the toy plan has {from}");
    PLAN.replacen(from, to, 1)
}

/// Part of the toy plan, its replacement, and part of the expected sentence.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "question =",
        "qestion =",
        "p.toml, line 2: unknown field `qestion`",
    ),
    (
        "name = \"toy\"",
        "name = \"a/b\"",
        "p.toml, line 1, key name: \"a/b\" is no name",
    ),
    (
        "\"50 %\"",
        "\"half\"",
        "p.toml, line 4, key adoption.1: \"half\" is not a percentage",
    ),
    (
        "\"50 %\"",
        "\"101 %\"",
        "p.toml, line 4, key adoption.1: 101 % of the peers",
    ),
    (
        "\"50 %\"",
        "\"one\"",
        "p.toml, line 4, key adoption.1: one is there twice",
    ),
    (
        "count = 24",
        "count = 0",
        "p.toml, line 5, key seeds.count: 0 runs",
    ),
    ("count = 24", "count = -1", "p.toml, line 5"),
    (
        "bootstrap = 500",
        "bootstrap = 5",
        "key statistics.bootstrap: 5 resamples",
    ),
    ("tit_for_tat", "tit_for_tit", "key candidate.policy: "),
    (
        "max_connections = 5",
        "max_connections = 0",
        "key candidate.max_connections: 0 conn",
    ),
    (
        "max_connections = 5",
        "parameters = { slotz = 4 }",
        "line 10, key candidate.parameters: ",
    ),
    (
        "max_connections = 5",
        "profile = \"mainlin\"",
        "key candidate.profile: no profile is called",
    ),
    (
        "max_connections = 5",
        "parameters = { tick = 10 }",
        "key candidate.parameters.tick: expected a time of at least \"1 ms\"",
    ),
    (
        "max_connections = 5",
        "parameters = { slots = \"x\" }",
        "key candidate.parameters.slots: ",
    ),
    (
        "max_connections = 5",
        "picker = \"first\"",
        "key candidate.picker: no picker",
    ),
    (
        "policy = \"bep3\"",
        "policy = \"unchoke_all\"",
        "key baseline.1: unchoke_all is there twice",
    ),
    (
        "policy = \"bep3\"",
        "policy = \"tit_for_tat\"",
        "key baseline.1: has the candidate's name",
    ),
    (
        "expectation = \"As much as it was told to.\"",
        "expectation = \"\"",
        "key expectation: is",
    ),
    (
        "[candidate]",
        "margins.time = \"0 %\"\n[candidate]",
        "key margins.time: 0 %",
    ),
    (
        "[candidate]",
        "amendments = \" \"\n[candidate]",
        "key amendments: is empty; say what was changed",
    ),
    (
        "[candidate]",
        "figures = [\"forest\", \"forest\"]\n[candidate]",
        "key figures.1: is there twice",
    ),
    (
        "max_connections = 5",
        "parameters = { tick = \"1 s\", tick_ns = 10000000000 }",
        "key candidate.parameters: tick_ns is given twice",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nkey = \"scenario.*.set.peers\"\nvalues = [2, 2]\n[[scenario]]",
        "key sweep.0.values: 2 is there twice",
    ),
    (
        "set = { peers = 8 }",
        "set = { policy = \"bep3\" }",
        "key scenario.0.set.policy: has no effect",
    ),
    (
        "set = { peers = 8 }",
        "set = { client = { policy = \"bep3\" } }",
        "key scenario.0.set.client: has no effect",
    ),
    (
        "set = { peers = 8 }",
        "name = \"all\"",
        "key scenario.0: the name `all` is that of the rows",
    ),
    ("[candidate]", "[candidate", "p.toml, line 8"),
    (
        "[candidate]",
        "[gate]\ntime = -1\n[candidate]",
        "key gate.time: -1 times",
    ),
    (
        "[candidate]",
        "[gate]\nE3 = \"little\"\n[candidate]",
        "key gate.E3: \"little\" is not a percentage",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nkey = \"scenario.*.set.peers\"\nvalues = [2]\n[[scenario]]",
        "key sweep.0.values: 1 value; give 2 to 24",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nkey = \"scenario.*.set.peers\"\nvalues = [2, 3]\ncontrasts = [\"nice\"]\n[[scenario]]",
        "key sweep.0.contrasts: the plan has no nice; it has ",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nkey = \"scenario.*.set.peers\"\nvalues = [2, 3]\nscenarios = [\"nowhere\"]\n[[scenario]]",
        "key sweep.0.scenarios: the plan has no nowhere; it has ",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nkey = \"scenario.*.set.peers\"\nvalues = [2, 3]\nseeds = 0\n[[scenario]]",
        "key sweep.0.seeds: 0 runs",
    ),
    (
        "[[scenario]]",
        "[[sweep]]\nvalues = [2, 3]\n[[scenario]]",
        "the key `key` is missing; add it",
    ),
    (
        "[[scenario]]",
        "[[contrast]]\nname = \"first\"\nbaseline = \"nobody\"\n[[scenario]]",
        "key contrast.0.baseline: no contender is called nobody; there are ",
    ),
    (
        "[[scenario]]",
        "[[contrast]]\nname = \"first\"\nbaseline = \"tit_for_tat\"\n[[scenario]]",
        "key contrast.0.baseline: is the candidate itself",
    ),
    (
        "[[scenario]]",
        "[[contrast]]\nname = \"first\"\nbaseline = \"bep3\"\nadoption = [\"10 %\"]\n[[scenario]]",
        "key contrast.0.adoption: 10 % is not among the plan's `adoption`",
    ),
    (
        "[[scenario]]",
        "[[contrast]]\nname = \"a\"\nbaseline = \"bep3\"\n[[contrast]]\nname = \"a\"\nbaseline = \"bep3\"\n[[scenario]]",
        "key contrast.1.name: a is there twice",
    ),
];

#[test]
fn mistakes_name_file_line_and_key() {
    for (from, to, expected) in MISTAKES.iter().copied() {
        let error = load("p.toml", &changed(from, to), &Changes::default());
        let sentence = error.expect_err(to).to_string();
        assert!(sentence.contains(expected), "{to}: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn a_plan_reads_back_as_itself() {
    let plan = plan();
    let again = load("again.toml", &plan.to_toml(), &Changes::default()).expect("own text");
    assert_eq!(plan, again);
    assert_eq!(plan.to_toml(), again.to_toml());
    assert_eq!(
        plan.adoption,
        [
            Adoption::One,
            "50 %".parse().map(Adoption::Share).expect("share"),
            Adoption::ALL
        ]
    );
}

#[test]
fn a_profile_gives_what_is_not_said() {
    let text = changed("policy = \"tit_for_tat\"", "profile = \"transmission\"");
    let plan = load("p.toml", &text, &Changes::default()).expect("a plan");
    let it = &plan.candidate;
    assert_eq!(
        (it.name.as_str(), it.policy.as_str()),
        ("transmission", "transmission")
    );
    assert_eq!(it.profile.map(|it| it.id), Some("transmission"));
    let again = load("again.toml", &plan.to_toml(), &Changes::default()).expect("own text");
    assert_eq!(plan, again);
}

/// A parameter is written as in a scenario, or with the unit in its name.
#[test]
fn times_of_parameters_have_two_spellings_and_one_meaning() {
    let read = |parameters: &str| {
        let text = changed(
            "max_connections = 5",
            &format!("parameters = {{ {parameters} }}"),
        );
        let plan = load("p.toml", &text, &Changes::default()).expect(parameters);
        plan.candidate.parameters["tick_ns"]
    };
    for same in [
        "tick = \"5 s\"",
        "tick_ns = \"5 s\"",
        "tick_ns = 5_000_000_000",
    ] {
        assert_eq!(read(same), 5_000_000_000, "{same}");
    }
}

#[test]
fn options_change_the_plan_and_make_it_exploratory() {
    let with = |set: &[&str]| Changes {
        set: set.iter().map(|it| (*it).to_owned()).collect(),
        ..Changes::default()
    };
    let plan = load("p.toml", PLAN, &with(&[])).expect("plan");
    assert_eq!(plan.status, Status::Registered);
    let changes = with(&[
        "candidate.parameters.slots=1",
        "seeds.count=3",
        "scenario.*.set.network.solver=exact",
        "scenario.slow.set.peers=99",
        "baseline.bep3.max_connections=7",
        "candidate.parameters.tick_ns=5 s",
    ]);
    let plan = load("p.toml", PLAN, &changes).expect("changed plan");
    assert_eq!(plan.status, Status::Exploratory);
    assert_eq!(plan.candidate.parameters["slots"], 1);
    assert_eq!(plan.candidate.parameters["tick_ns"], 5_000_000_000);
    assert_eq!(plan.seed_count, 3);
    assert_eq!(plan.left_out, super::LeftOut::default());
    assert_eq!(plan.baselines[1].max_connections, Some(7));
    assert_eq!(
        plan.scenarios[0].set,
        ["network.solver=\"exact\"", "peers=8"]
    );
    assert_eq!(
        plan.scenarios[1].set,
        ["network.solver=\"exact\"", "peers=99"]
    );
    for (option, expected) in [
        (
            "candidate.slotz=1",
            "p.toml, --set candidate.slotz=1: unknown field `slotz`",
        ),
        ("baseline.none.policy=bep3", "the plan has no \"none\""),
        ("seeds", "expected KEY=VALUE"),
    ] {
        let error = load("p.toml", PLAN, &with(&[option]))
            .expect_err(option)
            .to_string();
        assert!(error.contains(expected), "{option}: {error}");
    }
}

#[test]
fn filters_keep_what_they_name() {
    let changes = Changes {
        scenarios: vec!["slow".to_owned()],
        policies: vec!["bep3".to_owned()],
        seeds: Some(2),
        ..Changes::default()
    };
    let plan = load("p.toml", PLAN, &changes).expect("plan");
    assert_eq!(
        (plan.scenarios.len(), plan.baselines.len(), plan.seed_count),
        (1, 1, 2)
    );
    assert!(plan.left_out.holds("flash-homog", "bep3", "one", "E1"));
    assert!(plan.left_out.holds("slow", "unchoke_all", "one", "E1"));
    assert!(!plan.left_out.holds("slow", "bep3", "one", "E1"));
    assert!(!plan.left_out.holds("deleted", "bep3", "one", "E1"));
    let changes = Changes {
        scenarios: vec!["fast".to_owned()],
        ..Changes::default()
    };
    let error = load("p.toml", PLAN, &changes)
        .expect_err("no such scenario")
        .to_string();
    assert!(
        error.contains("--scenario: the plan has no fast; it has flash-homog, slow"),
        "{error}"
    );
}

#[test]
fn more_runs_change_no_earlier_seed() {
    let plan = plan();
    let seeds: Vec<u64> = (0..4).map(|it| plan.run_seed(it)).collect();
    assert!(seeds.windows(2).all(|it| it[0] != it[1]));
    let other = super::Plan {
        master_seed: 8,
        ..plan.clone()
    };
    assert_ne!(other.run_seed(0), plan.run_seed(0));
    assert!(seeds.iter().all(|it| *it < 1 << 63));
}

#[test]
fn a_scenario_is_left_out_of_claims_for_a_reason() {
    let with = |reason: &str| {
        let text = PLAN.replacen(
            "name = \"slow\"\n",
            &format!("name = \"slow\"\nout_of_scope = {reason}\n"),
            1,
        );
        load("plan.toml", &text, &Changes::default())
    };
    let plan = with("\"five peers\"").expect("right");
    let in_scope: Vec<&str> = plan.in_scope().map(|it| it.name.as_str()).collect();
    assert_eq!(in_scope, ["flash-homog"]);
    let again = load("plan.toml", &plan.to_toml(), &Changes::default()).expect("our own text");
    assert_eq!(again.scenarios, plan.scenarios);
    let error = with("\" \"").expect_err("no reason");
    assert_eq!(error.key, "scenario.1.out_of_scope");
}

#[test]
fn a_claim_about_time_is_written_and_read_again() {
    let text = changed("adoption =", "primary = \"time\"\nadoption =");
    let text = text.replace("margins.claim = \"40 %\"", "margins = { upload = \"3 %\" }");
    let plan = load("p.toml", &text, &Changes::default()).expect("right");
    assert_eq!(plan.estimands[0], Estimand::T);
    let again = load("p.toml", &plan.to_toml(), &Changes::default()).expect("right");
    assert_eq!(again, plan);
    let usual = load("p.toml", PLAN, &Changes::default()).expect("right");
    let written = usual.to_toml();
    assert!(!usual.estimands.contains(&Estimand::T));
    assert!(
        !written.contains("primary") && !written.contains("upload"),
        "{written}"
    );
    let wrong = text.replace("primary = \"time\"\n", "");
    let error = load("p.toml", &wrong, &Changes::default()).expect_err("for time alone");
    assert!(error.to_string().contains("key margins.upload"), "{error}");
    let named = changed("adoption =", "estimands = [\"T\"]\nadoption =");
    let error = load("p.toml", &named, &Changes::default()).expect_err("not by name");
    assert!(error.to_string().contains("unknown variant `T`"), "{error}");
}
