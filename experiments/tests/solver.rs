//! Compares the fast link solver with the exact one in whole swarms that are small enough for a
//! test.

use std::process::Command;

use unchoke_experiments::against::validation::judge::Verdict;
use unchoke_experiments::against::validation::solver::{Compared, effects};
use unchoke_sim::scenario::Scenario;

use crate::common::ended;

#[test]
fn the_fast_solver_changes_completion_times_by_a_thousandth_at_most() {
    let names: Vec<&str> = Scenario::list().iter().map(|it| it.name).collect();
    let rows = effects(Compared::Solver, &names, 6, 0).expect("the built-in scenarios can be run");
    let all = rows.last().expect("the row over all scenarios");
    assert_eq!(all.scenario, "all");
    assert_ne!(all.verdict, Verdict::Fail, "{rows:?}");
    // With few flows per link, changes die out by themselves, so the solvers hardly differ.
    for name in ["w1", "clustering", "small"] {
        let row = rows.iter().find(|it| it.scenario == name).expect("a row");
        assert_eq!(row.verdict, Verdict::Pass, "{row:?}");
    }
    // Some results must differ, otherwise nothing was compared.
    assert!(rows.iter().any(|it| it.effect != 0.0), "{rows:?}");
}

#[test]
fn the_windows_engine_is_near_the_exact_one() {
    let names = ["w1", "small", "modern", "churn"];
    let rows = effects(Compared::Engine, &names, 8, 0).expect("the scenarios can be run");
    let all = rows.last().expect("the row over all scenarios");
    assert_ne!(all.verdict, Verdict::Fail, "{rows:?}");
    assert!(rows.iter().all(|it| it.effect.abs() < 0.1), "{rows:?}");
    assert!(rows.iter().any(|it| it.effect != 0.0), "{rows:?}");
}

#[test]
fn the_command_writes_what_it_prints_and_names_what_it_does_not_know() {
    let lab = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.arg("solver").args(arguments);
        command
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("deep");
    let chosen = [
        "--scenario",
        "small",
        "--scenario",
        "w1",
        "--seeds",
        "2",
        "--out",
    ];
    let said = ended(lab(&chosen).arg(&out), 0).stdout;
    assert!(
        said.contains("lab solver --seeds 2 --scenario small --scenario w1"),
        "{said}"
    );
    let csv = std::fs::read_to_string(out.join("solver.csv")).expect("written");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("scenario,seeds,effect,low,high,verdict"));
    let scenarios: Vec<_> = lines.filter_map(|it| it.split(',').next()).collect();
    assert_eq!(scenarios, ["small", "w1", "all"]);

    let said = ended(&mut lab(&["--scenario", "w2"]), 2).stderr;
    assert!(
        said.contains("no built-in scenario is called `w2`"),
        "{said}"
    );
}
