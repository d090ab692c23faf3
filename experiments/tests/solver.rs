//! The fast link solver against the exact one in whole swarms, at a size that fits a test.

use unchoke_experiments::validation::judge::Verdict;
use unchoke_experiments::validation::solver::effects;

#[test]
fn the_fast_solver_changes_completion_times_by_a_thousandth_at_most() {
    let rows = effects(6, 0).expect("the built-in scenarios can be run");
    let all = rows.last().expect("the row over all scenarios");
    assert_eq!(all.scenario, "all");
    assert_ne!(all.verdict, Verdict::Fail, "{rows:?}");
    // Where links have few flows, ripples end by themselves and next to nothing differs.
    for name in ["w1", "clustering", "small"] {
        let row = rows.iter().find(|it| it.scenario == name).expect("a row");
        assert_eq!(row.verdict, Verdict::Pass, "{row:?}");
    }
    // And somewhere they are not, or nothing was compared.
    assert!(rows.iter().any(|it| it.effect != 0.0), "{rows:?}");
}
