//! Verdict words at given bounds, and how often they are false.

use super::*;

/// Bounds that are the same at every level.
fn flat(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    move |p| if p < 0.5 { low } else { high }
}

#[test]
fn size_table() {
    for (low, high, word) in [
        (0.40, 0.50, "supported"),
        (0.39, 0.50, "inconclusive"),
        (0.30, 0.40, "inconclusive"),
        (0.30, 0.39, "refuted"),
        (-0.10, 0.10, "refuted"),
        (f64::NEG_INFINITY, f64::INFINITY, "inconclusive"),
        (f64::NAN, f64::NAN, "inconclusive"),
    ] {
        let it = Size::of(flat(low, high), 0.40, 1);
        assert_eq!(it.word(), word, "[{low}, {high}]");
    }
}

/// The same policy on both sides saves exactly nothing.
#[test]
fn nothing_is_no_saving_even_if_any_is_claimed() {
    for (low, high, word) in [
        (0.0, 0.0, "inconclusive"),
        (0.0, 0.1, "inconclusive"),
        (0.001, 0.1, "supported"),
        (-0.1, -0.001, "refuted"),
    ] {
        let it = Size::of(flat(low, high), 0.0, 1);
        assert_eq!(it.word(), word, "[{low}, {high}]");
    }
}

/// Standard error 0.01 from 30 runs: t is 1.699 at .95, 2.045 at .975 and 2.76 at .995.
#[test]
fn bounds_move_away_with_the_number_of_scenarios() {
    let saving = |value: f64| Bounds::t_about(value, 0.01, 30);
    for (value, scenarios, word) in [
        (0.380, 1, "refuted"),
        (0.380, 2, "inconclusive"),
        (0.379, 2, "refuted"),
        (0.379, 10, "inconclusive"),
        (0.372, 10, "refuted"),
        (0.418, 1, "supported"),
        (0.418, 10, "supported"),
    ] {
        let it = Size::of(|p| saving(value).at(p), 0.40, scenarios);
        assert_eq!(it.word(), word, "{value} in {scenarios}");
    }
    // ln 1.05 = 0.04879; the tail is far below its margin.
    let tail = Bounds::t_about(-0.5, 0.01, 30);
    for (mean, scenarios, word) in [
        (0.031, 1, "kept"),
        (0.031, 10, "kept"),
        (0.068, 1, "not shown"),
        (0.070, 1, "degraded"),
        (0.070, 5, "not shown"),
        (0.077, 5, "degraded"),
    ] {
        let mean_log = Bounds::t_about(mean, 0.01, 30);
        let it = Time::of(&[(&mean_log, 0.05), (&tail, 0.10)], scenarios);
        assert_eq!(it.word(), word, "{mean} in {scenarios}");
    }
}

#[test]
fn time_table() {
    // Without an error, estimates equal their bounds. ln 1.05 = 0.0488, ln 1.10 = 0.0953.
    let one = |value: f64| Bounds::t_about(value, 0.0, 30);
    let unknown = Bounds::t_of(&[-0.3]);
    for (mean, tail, word) in [
        (one(0.04), one(0.09), "kept"),
        (one(0.05), one(0.09), "degraded"),
        (one(0.04), one(0.10), "degraded"),
        (one(0.04), unknown.clone(), "not shown"),
        (one(0.05), unknown.clone(), "degraded"),
        (unknown.clone(), unknown, "not shown"),
    ] {
        let it = Time::of(&[(&mean, 0.05), (&tail, 0.10)], 1);
        assert_eq!(it.word(), word, "{mean:?} {tail:?}");
    }
}

/// Studies of 15 scenarios with 30 seeds each. All true values are exactly at the margin, so
/// every verdict except "nothing shown" is false.
#[test]
fn verdicts_are_false_at_most_as_often_as_stated() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    const STUDIES: usize = 1000;
    const SCENARIOS: usize = 15;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    // Twelve uniform numbers less six: nearly normal, variance 1.
    let mut normal = || {
        let uniform = |_| f64::from(rng.next_u32()) / 2_f64.powi(32);
        (0..12).map(uniform).sum::<f64>() - 6.0
    };
    let claim = 0.40;
    let limits = [(ln(1.05), 0.05), (ln(1.10), 0.10)];
    let (mut alone, mut naive, mut refuted) = (0, 0, 0);
    let (mut kept, mut degraded_alone, mut degraded) = (0, 0, 0);
    let mut directed = 0;
    for _ in 0..STUDIES {
        let mut at = |truth: f64| {
            let sample: Vec<f64> = (0..30).map(|_| truth + 0.02 * normal()).collect();
            Bounds::t_of(&sample)
        };
        let savings: Vec<Bounds> = (0..SCENARIOS).map(|_| at(claim)).collect();
        let sizes = |among: usize| -> Vec<Size> {
            let size = |it: &Bounds| Size::of(|p| it.at(p), claim, among);
            savings.iter().map(size).collect()
        };
        alone += usize::from(sizes(1)[0] == Size::Refuted);
        naive += usize::from(sizes(1).contains(&Size::Refuted));
        refuted += usize::from(Size::in_general(&sizes(SCENARIOS)) == Size::Refuted);
        let none = |p: f64| savings[0].at(p) - claim;
        let direction = Direction::of(none, Time::Kept, 1);
        directed += usize::from(direction != Direction::NoSavingShown);
        let logs: Vec<[Bounds; 2]> = (0..SCENARIOS).map(|_| limits.map(|it| at(it.0))).collect();
        let times = |among: usize| -> Vec<Time> {
            let time = |[mean, tail]: &[Bounds; 2]| {
                Time::of(&[(mean, limits[0].1), (tail, limits[1].1)], among)
            };
            logs.iter().map(time).collect()
        };
        kept += usize::from(times(1)[0] == Time::Kept);
        degraded_alone += usize::from(times(1)[0] == Time::Degraded);
        degraded += usize::from(times(SCENARIOS).contains(&Time::Degraded));
    }
    // 5 % of 1000 are 50; the standard deviation is 7.
    let stated = 29..=71;
    for (what, count) in [
        ("one size", alone),
        ("any size", refuted),
        ("one direction", directed),
        ("one time", degraded_alone),
        ("any time", degraded),
    ] {
        assert!(stated.contains(&count), "{what}: {count} of {STUDIES}");
    }
    // Both must pass by chance: 0.05 squared.
    assert!(kept < 10, "kept: {kept} of {STUDIES}");
    // Without sharing the 5 %, the rate would be 1 - 0.95^15 = 54 %.
    assert!((490..590).contains(&naive), "{naive} of {STUDIES}");
}

#[test]
fn direction_table() {
    for (low, high, time, word) in [
        (0.01, 0.5, Time::Kept, "saves"),
        (0.01, 0.5, Time::NotShown, "saves (time not shown)"),
        (0.01, 0.5, Time::Degraded, "saves but degrades"),
        (0.0, 0.5, Time::Kept, "no saving shown"),
        (-0.3, 0.0, Time::Kept, "no saving shown"),
        (-0.9, -0.7, Time::Kept, "costs"),
        (f64::NAN, f64::NAN, Time::Kept, "no saving shown"),
    ] {
        let it = Direction::of(flat(low, high), time, 1);
        assert_eq!(it.word(), word, "[{low}, {high}] {time:?}");
    }
    // As one of many tests, a cost needs more evidence.
    let bounds = Bounds::t_about(-0.025, 0.01, 30);
    let cost = |scenarios| Direction::of(|p| bounds.at(p), Time::Kept, scenarios);
    assert_eq!(
        (cost(1), cost(10)),
        (Direction::Costs, Direction::NoSavingShown)
    );
}

#[test]
fn joint_table() {
    for (size, time, word) in [
        (Size::Supported, Time::Kept, "shown"),
        (Size::Supported, Time::NotShown, "not shown"),
        (Size::Supported, Time::Degraded, "refuted"),
        (Size::Inconclusive, Time::Kept, "not shown"),
        (Size::Refuted, Time::Kept, "refuted"),
    ] {
        assert_eq!(
            Joint::of(|_| size, |_| time, 3).word(),
            word,
            "{size:?} {time:?}"
        );
    }
    // Each half is one of twice as many tests.
    let asked = std::cell::Cell::new(0);
    let size = |tests| {
        asked.set(tests);
        Size::Supported
    };
    assert_eq!(Joint::of(size, |_| Time::Kept, 3), Joint::Shown);
    assert_eq!(asked.get(), 6);
    let each = [Joint::Shown, Joint::NotShown];
    assert_eq!(Joint::in_general(&each), Joint::NotShown);
    assert_eq!(
        Joint::in_general(&[each[1], Joint::Refuted]),
        Joint::Refuted
    );
}

#[test]
fn runs_that_were_cut_say_so() {
    assert_eq!(Unfinished::of([1.0, 0.991]), None);
    let it = Unfinished::of([0.98, 0.7]).expect("cut");
    assert_eq!(it.to_string(), "cannot tell: 30.0 % unfinished");
    assert!(Unfinished::of([0.98, 1.0]).is_some(), "either side");
}

#[test]
fn general_claims_need_every_scenario() {
    use Direction::{NoSavingShown, Saves, SavesButDegrades, SavesTimeOpen};
    use Size::{Inconclusive, Refuted, Supported};
    assert_eq!(Size::in_general(&[Supported, Supported]), Supported);
    assert_eq!(Size::in_general(&[Supported, Inconclusive]), Inconclusive);
    assert_eq!(
        Size::in_general(&[Inconclusive, Refuted, Supported]),
        Refuted
    );
    assert_eq!(Size::in_general(&[]), Inconclusive);
    assert_eq!(
        Direction::in_general(&[SavesTimeOpen, SavesButDegrades, Saves]),
        SavesButDegrades
    );
    assert_eq!(
        Direction::in_general(&[Saves, SavesTimeOpen]),
        SavesTimeOpen
    );
    assert_eq!(
        Direction::in_general(&[NoSavingShown, Saves]),
        NoSavingShown
    );
}

#[test]
fn the_arithmetic_bound() {
    for (claim, overhead, needed) in [
        (0.05, 0.02, 0.074),
        (0.10, 0.05, 0.167),
        (0.20, 0.02, 0.275),
        (0.40, 0.02, 0.70),
        (0.40, 0.05, 0.75),
    ] {
        let got = waste_needed(overhead, claim);
        assert!((got - needed).abs() < 0.0006, "{claim} {overhead}: {got}");
    }
}
