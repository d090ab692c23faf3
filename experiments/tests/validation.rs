//! Compares the simulator with theory and published results, at sizes that fit a test.

use unchoke_experiments::against::validation::judge::Verdict;
use unchoke_experiments::against::validation::plan::Plan;
use unchoke_experiments::against::validation::{
    Options, Outcome, PLANS, Size, left_out, run, table,
};
use unchoke_experiments::run::runner::Silent;

fn outcomes(only: &str) -> Vec<Outcome> {
    let options = Options {
        size: Size::Reduced,
        jobs: 0,
        only: Some(only),
        seeds: None,
    };
    run(options, &Silent).expect("the plans can be run")
}

/// No check fails unless its plan has an explanation.
fn nothing_fails(only: &str) {
    let outcomes = outcomes(only);
    assert!(!outcomes.is_empty());
    let unexplained = outcomes.iter().any(Outcome::is_unexplained);
    assert!(!unexplained, "\n{}", table::terminal(&outcomes, &[]));
}

/// The checks whose names contain these words pass.
fn passes(only: &str, names: &[&str]) {
    let outcomes = outcomes(only);
    for name in names {
        let found = outcomes.iter().find(|it| it.check.name.contains(name));
        let verdict = found.expect("a check of the plan").verdict;
        assert_eq!(
            verdict,
            Verdict::Pass,
            "\n{}",
            table::terminal(&outcomes, &[])
        );
    }
}

#[test]
fn kumar_ross_is_never_beaten() {
    let bound = ["bound (download)", "bound (origin)", "bound (upload)"];
    passes("kumar_ross", &bound);
}

/// A reduced run names the checks that it skips.
#[test]
fn checks_of_the_full_size_are_named_in_a_reduced_run() {
    let options = |size| Options {
        size,
        jobs: 0,
        only: Some("kumar_ross"),
        seeds: None,
    };
    let reduced = options(Size::Reduced);
    let out = left_out(reduced).expect("the plan can be read");
    assert_eq!(out.len(), 2, "{out:?}");
    assert!(left_out(options(Size::Full)).expect("likewise").is_empty());
    let outcomes = run(reduced, &Silent).expect("the plan can be run");
    let said = table::terminal(&outcomes, &out);
    let named = "; 2 not at this size: kumar_ross, efficiency when downloads bind; kumar_ross, ";
    assert!(said.contains(named), "{said}");
}

#[test]
fn mundinger_is_nearly_reached() {
    passes("mundinger", &["one user"]);
    nothing_fails("mundinger");
}

#[test]
#[ignore = "computes for a minute or so; .ci/run runs it"]
fn steady_states_follow_the_fluid() {
    nothing_fails("qiu_srikant");
}

#[test]
#[ignore = "computes for a minute or so; .ci/run runs it"]
fn the_missing_piece_has_its_threshold() {
    nothing_fails("missing_piece");
}

#[test]
#[ignore = "computes for a minute or so; .ci/run runs it"]
fn peers_cluster_under_a_good_seed() {
    let passing = [
        "clustering of the fast, good seed",
        "fast before medium",
        "medium before slow",
        "no order with a poor seed",
        "uplinks used",
    ];
    passes("legout", &passing);
}

#[test]
fn fast_peers_give_more_than_they_get() {
    passes("bharambe", &["rank correlation"]);
}

#[test]
#[ignore = "computes for a minute or so; .ci/run runs it"]
fn the_picker_matters_little_once_everybody_has_something() {
    passes("coupons", &["random over rarest first"]);
}

#[test]
fn threads_do_not_show() {
    let with = |jobs| {
        let options = Options {
            size: Size::Reduced,
            jobs,
            only: Some("kumar_ross"),
            seeds: None,
        };
        table::csv(&run(options, &Silent).expect("the plan can be run"))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn a_plan_with_a_mistake_says_where() {
    let (name, text) = PLANS[0];
    assert!(Plan::read(name, text).is_ok());
    let unknown = format!("{text}\ncolour = 'red'\n");
    let error = Plan::read(name, &unknown).expect_err("an unknown key");
    let line = unknown.lines().count();
    assert!(
        error.to_string().contains(&format!("line {line}")),
        "{error}"
    );
    assert!(error.to_string().contains("colour"), "{error}");
    let case = text.replace("case = \"origin binds\"", "case = \"orign binds\"");
    let error = Plan::read(name, &case).expect_err("an unknown case");
    assert!(error.to_string().contains("`orign binds`"), "{error}");
    let nobody = Options {
        size: Size::Reduced,
        jobs: 1,
        only: Some("nobody"),
        seeds: None,
    };
    let error = run(nobody, &Silent).expect_err("no such plan").to_string();
    assert!(
        error.contains("nobody") && error.contains("qiu_srikant"),
        "{error}"
    );
}
