//! The gate: is what was registered still as good?
//!
//! Map: [`read`] reads tables, [`compare`] judges them row by row, `words` says it in sentences and
//! [`junit`] for CI services.
//!
//! It is directional and statistical: it fails when an interval lies wholly on the bad side, beyond
//! the tolerance, or when a verdict turned against the candidate. What the intervals leave open is
//! inconclusive, which is neither a failure nor a pass.

mod junit;
mod table;
mod words;

use std::collections::BTreeMap;

use crate::output::summary::ALL_SCENARIOS;
use crate::stats::interval::t_about;
use crate::stats::math::{exp, ln};
use crate::stats::moments::standard_deviation;
use crate::verdict::{Direction, Size, Time};
pub use junit::junit;
pub use table::{Key, Row, TableError, read};
pub use words::{HEAD, Words, counted};

/// What became of a row, in the order in which a reader wants to see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The interval of the difference lies wholly on the bad side, beyond the tolerance; or a
    /// verdict now says the contrary.
    Regressed,
    /// The interval allows more than one of the others; or a good verdict is no longer shown.
    Inconclusive,
    /// The interval lies wholly on the good side, beyond the tolerance.
    Improved,
    /// The interval lies wholly within the tolerance, or the figures are the very same.
    NoChange,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [
        Self::Regressed,
        Self::Inconclusive,
        Self::Improved,
        Self::NoChange,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Inconclusive => "inconclusive",
            Self::Improved => "improved",
            Self::NoChange => "no change",
        }
    }
}

/// How far a figure moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// More (positive) or less than registered: of a saving the difference, of a ratio the share.
    pub value: f64,
    /// Its two-sided 95 % interval.
    pub ci95: (f64, f64),
    /// It is of the differences seed by seed.
    pub paired: bool,
}

impl Difference {
    fn between(before: &Row, now: &Row) -> Option<Self> {
        let scale = |it: f64| if before.is_ratio { ln(it) } else { it };
        let back = |it: f64| if before.is_ratio { exp(it) - 1.0 } else { it };
        let value = scale(now.estimate?) - scale(before.estimate?);
        let paired = paired(before, now, value);
        let (low, high) = paired.or_else(|| independent(before, now, scale))?;
        (low.is_finite() && high.is_finite()).then(|| Self {
            value: back(value),
            ci95: (back(low), back(high)),
            paired: paired.is_some(),
        })
    }
}

/// The interval of a difference from the differences seed by seed, if both have the same seeds.
fn paired(before: &Row, now: &Row, value: f64) -> Option<(f64, f64)> {
    let ((old_seed, old), (new_seed, new)) = (&before.by_seed, &now.by_seed);
    if old_seed != new_seed || old.len() != new.len() || old.len() < 2 {
        return None;
    }
    let moved: Vec<f64> = new.iter().zip(old).map(|(new, old)| new - old).collect();
    let error = standard_deviation(&moved) / (moved.len() as f64).sqrt();
    Some(t_about(value, error, moved.len()).ci95)
}

/// The interval of a difference from the intervals of both, as if they were independent, by the method
/// of variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702).
fn independent(before: &Row, now: &Row, scale: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let (old, new) = (scale(before.estimate?), scale(now.estimate?));
    let (old_low, old_high) = before.interval?;
    let (new_low, new_high) = now.interval?;
    let wide = |a: f64, b: f64| (a * a + b * b).sqrt();
    let below = wide(new - scale(new_low), scale(old_high) - old);
    let above = wide(scale(new_high) - new, old - scale(old_low));
    Some((new - old - below, new - old + above))
}

/// Where the registered verdicts of a row went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// One said that something good is shown and now says that the contrary is.
    Against,
    /// One said that something good is shown, and says no more than that it is not shown.
    Lost,
    /// One moved between nothing shown and something bad shown: the figure tells whether that is a
    /// change or only another number of seeds.
    Moved,
    /// One now says that something good is shown.
    Better,
}

/// A row then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// As registered.
    pub before: Row,
    /// As it came out now.
    pub now: Row,
    /// Between the two, where both have intervals.
    pub difference: Option<Difference>,
    /// What became of its registered verdicts, if they are others now.
    pub turn: Option<Turn>,
    /// What became of the row.
    pub state: State,
}

/// The rows that both summaries have, in the order of the registered one.
#[must_use]
pub fn compare(
    before: &BTreeMap<Key, Row>,
    now: &BTreeMap<Key, Row>,
    tolerance: f64,
) -> Vec<Change> {
    let mut changes: Vec<Change> = before
        .iter()
        .filter_map(|(key, old)| Some(change(key, old, now.get(key)?, tolerance)))
        .collect();
    changes.sort_by_key(|it| it.before.position);
    changes
}

/// The least favourable of the rows.
#[must_use]
pub fn overall(changes: &[Change]) -> State {
    let states = changes.iter().map(|it| it.state);
    states.min().unwrap_or(State::Inconclusive)
}

fn change(key: &Key, before: &Row, now: &Row, tolerance: f64) -> Change {
    let difference = Difference::between(before, now);
    let turn = if before.headline {
        turn(before, now)
    } else {
        None
    };
    let figure = if before.figures == now.figures {
        State::NoChange
    } else if key.scenario == ALL_SCENARIOS {
        // Over all scenarios only the verdict is registered: the figures are those of its scenarios.
        match turn {
            Some(Turn::Better) => State::Improved,
            _ => State::NoChange,
        }
    } else {
        difference.map_or(State::Inconclusive, |it| {
            judge(it, before.is_ratio, tolerance)
        })
    };
    let state = match (turn, figure) {
        (Some(Turn::Against), _) | (_, State::Regressed) => State::Regressed,
        (Some(Turn::Lost), _) | (_, State::Inconclusive) => State::Inconclusive,
        (_, figure) => figure,
    };
    Change {
        key: key.clone(),
        before: before.clone(),
        now: now.clone(),
        difference,
        turn,
        state,
    }
}

/// The tolerance is absolute for a saving, relative for a ratio.
fn judge(difference: Difference, less_is_better: bool, tolerance: f64) -> State {
    let (low, high) = difference.ci95;
    let (above, below) = (low > tolerance, high < -tolerance);
    let (better, worse) = if less_is_better {
        (below, above)
    } else {
        (above, below)
    };
    if worse {
        State::Regressed
    } else if better {
        State::Improved
    } else if low >= -tolerance && high <= tolerance {
        State::NoChange
    } else {
        State::Inconclusive
    }
}

/// Words of a verdict from bad to good, and whether the first says the contrary of the last rather
/// than nothing.
type Scale = ([&'static str; 3], bool);

const SCALES: [Scale; 3] = [
    (
        [
            Size::Refuted.word(),
            Size::Inconclusive.word(),
            Size::Supported.word(),
        ],
        true,
    ),
    (
        [
            Direction::NoSavingShown.word(),
            Direction::SavesButDegrades.word(),
            Direction::Saves.word(),
        ],
        false,
    ),
    (
        [
            Time::Degraded.word(),
            Time::NotShown.word(),
            Time::Kept.word(),
        ],
        true,
    ),
];

/// Where the verdicts went; `None` if they are the same.
fn turn(before: &Row, now: &Row) -> Option<Turn> {
    let pairs = before.verdicts.iter().zip(&now.verdicts).zip(SCALES);
    let turns = pairs.filter(|((old, new), _)| old != new);
    let turns = turns.map(|((old, new), (words, contrary))| {
        let place = |word: &String| words.iter().position(|it| it == word);
        match (place(old), place(new)) {
            (Some(2), Some(0)) if contrary => Turn::Against,
            (Some(0 | 1), Some(0 | 1)) if contrary => Turn::Moved,
            (Some(old), Some(new)) if new > old => Turn::Better,
            _ => Turn::Lost,
        }
    });
    turns.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "scenario,baseline,adoption,group,quantity,scale,headline,estimate,\
                        ci95_low,ci95_high,size_verdict,direction_verdict,time_verdict\n";

    pub(super) fn rows(text: &str) -> BTreeMap<Key, Row> {
        read(&format!("{HEAD}{text}")).expect("a table")
    }

    fn of(scenario: &str, before: &str, now: &str) -> Change {
        let row = |it: &str| rows(&format!("{scenario},bep3,one,adopters,{it}"));
        let changes = compare(&row(before), &row(now), 0.05);
        assert_eq!(changes.len(), 1);
        changes[0].clone()
    }

    fn one(before: &str, now: &str) -> Change {
        of("s", before, now)
    }

    #[test]
    fn a_saving_is_judged_by_its_whole_interval() {
        let before = "E1,saving,true,0.30,0.28,0.32,refuted,saves,kept";
        for (now, word) in [
            ("0.30,0.28,0.32", "no change"),
            ("0.31,0.27,0.34", "no change"),
            ("0.20,0.18,0.22", "regressed"),
            ("0.20,0.18,0.26", "inconclusive"),
            ("0.40,0.36,0.44", "improved"),
            ("0.33,0.20,0.46", "inconclusive"),
            ("0.33,,", "inconclusive"),
        ] {
            let change = one(before, &format!("E1,saving,true,{now},refuted,saves,kept"));
            assert_eq!(change.state.word(), word, "{now}");
        }
    }

    #[test]
    fn for_a_ratio_of_times_less_is_better() {
        let before = "time,ratio,false,1.00,0.99,1.01,,,";
        for (now, word) in [
            ("1.20,1.10,1.30", "regressed"),
            ("0.80,0.70,0.90", "improved"),
            ("1.05,0.98,1.12", "inconclusive"),
            ("1.01,0.97,1.04", "no change"),
        ] {
            let change = one(before, &format!("time,ratio,false,{now},,,"));
            assert_eq!(change.state.word(), word, "{now}");
        }
    }

    /// Half-widths 0.03 and 0.04 make 0.05, on either side.
    #[test]
    fn the_interval_of_a_difference_has_both_in_it() {
        let before = "E1,saving,false,0.30,0.27,0.34,,,";
        let change = one(before, "E1,saving,false,0.50,0.46,0.53,,,");
        let it = change.difference.expect("both have intervals");
        let ends = (0.2 - 0.04 * 2_f64.sqrt(), 0.2 + 0.03 * 2_f64.sqrt());
        assert!((it.value - 0.2).abs() < 1e-12, "{it:?}");
        assert!((it.ci95.0 - ends.0).abs() < 1e-12, "{it:?}");
        assert!((it.ci95.1 - ends.1).abs() < 1e-12, "{it:?}");
        // A registered figure that is itself uncertain shows no regression.
        let vague = "E1,saving,false,0.30,0.10,0.50,,,";
        let sharp = "E1,saving,false,0.20,0.19,0.21,,,";
        assert_eq!(one(vague, sharp).state, State::Inconclusive);
        let change = one("time,ratio,false,2,1.9,2.1,,,", "time,ratio,false,3,3,3,,,");
        let it = change.difference.expect("both have intervals");
        assert!((it.value - 0.5).abs() < 1e-12, "a share: {it:?}");
    }

    /// Both intervals are wide, but every seed fell by about 0.1.
    #[test]
    fn the_same_seeds_are_compared_one_by_one() {
        let head = HEAD.replace('\n', ",master_seed,by_seed\n");
        let row = |figures: &str, master: &str, by_seed: &str| {
            let keys = "s,bep3,one,all";
            let text = format!("{head}{keys},E3,saving,false,{figures},,,,{master},{by_seed}\n");
            read(&text).expect("a table")
        };
        let before = row("0.3,0.1,0.5", "7", "0.1 0.3 0.5");
        let change = |master: &str, by_seed: &str| {
            let now = row("0.2,0,0.4", master, by_seed);
            let changes = compare(&before, &now, 0.05);
            (changes[0].state, changes[0].difference.expect("intervals"))
        };
        let (state, it) = change("7", "0.01 0.2 0.39");
        // Deviations 0.01, 0 and -0.01: standard error 0.01 / sqrt 3, t with 2 degrees 4.3027.
        let half = 4.302_653 * 0.01 / 3_f64.sqrt();
        assert!(it.paired && state == State::Regressed, "{it:?}");
        assert!((it.ci95.0 + 0.1 + half).abs() < 1e-6, "{it:?}");
        assert!((it.ci95.1 + 0.1 - half).abs() < 1e-6, "{it:?}");
        for (master, by_seed) in [("8", "0.01 0.2 0.39"), ("7", "0.01 0.39"), ("7", "")] {
            let (state, it) = change(master, by_seed);
            assert!(!it.paired && state == State::Inconclusive, "{it:?}");
        }
    }

    #[test]
    fn verdicts_that_turn_fail_and_lost_ones_are_inconclusive() {
        let row = |verdicts: &str| format!("E1,saving,true,0.41,0.40,0.42,{verdicts}");
        for (before, now, state) in [
            (
                "supported,saves,kept",
                "refuted,saves,kept",
                State::Regressed,
            ),
            (
                "refuted,saves,kept",
                "refuted,saves but degrades,degraded",
                State::Regressed,
            ),
            (
                "inconclusive,saves,kept",
                "refuted,saves,kept",
                State::NoChange,
            ),
            (
                "refuted,saves but degrades,degraded",
                "refuted,saves but degrades,not shown",
                State::NoChange,
            ),
            (
                "supported,saves,kept",
                "inconclusive,saves,kept",
                State::Inconclusive,
            ),
            (
                "refuted,saves,kept",
                "refuted,no saving shown,kept",
                State::Inconclusive,
            ),
            (
                "refuted,saves,kept",
                "supported,saves,kept",
                State::NoChange,
            ),
            (
                "refuted,saves,kept",
                "supported,saves but degrades,not shown",
                State::Inconclusive,
            ),
        ] {
            let now = row(now).replace("0.42", "0.421");
            assert_eq!(one(&row(before), &now).state, state, "{before} to {now}");
        }
        let quiet = row("supported,saves,kept").replace("true", "false");
        let now = row("refuted,saves,kept").replace("true", "false");
        assert_eq!(
            one(&quiet, &now).turn,
            None,
            "only headline verdicts are registered"
        );
    }

    #[test]
    fn over_all_scenarios_only_verdicts_count() {
        let before = "E1,saving,true,0.30,,,refuted,saves,";
        let kept = of("all", before, "E1,saving,true,0.10,,,refuted,saves,");
        assert_eq!(kept.state, State::NoChange);
        let lost = of(
            "all",
            before,
            "E1,saving,true,0.10,,,refuted,no saving shown,",
        );
        assert_eq!(lost.state, State::Inconclusive);
        let better = of("all", before, "E1,saving,true,0.41,,,supported,saves,");
        assert_eq!(better.state, State::Improved);
    }

    #[test]
    fn one_bad_row_decides_and_an_open_one_is_no_pass() {
        let before = "time,ratio,false,1.00,0.99,1.01,,,";
        let with = |now: &str| one(before, &format!("time,ratio,false,{now},,,"));
        let (bad, open) = (with("1.20,1.10,1.30"), with("1.05,0.98,1.12"));
        let (good, same) = (with("0.80,0.70,0.90"), with("1.00,0.99,1.01"));
        let of = |all: &[&Change]| overall(&all.iter().copied().cloned().collect::<Vec<_>>());
        assert_eq!(of(&[&same, &bad, &open]), State::Regressed);
        assert_eq!(of(&[&same, &good, &open]), State::Inconclusive);
        assert_eq!(of(&[&same, &good]), State::Improved);
        assert_eq!(of(&[&same]), State::NoChange);
        assert_eq!(of(&[]), State::Inconclusive, "nothing was compared");
    }

    #[test]
    fn a_table_without_a_column_is_refused() {
        let error = read("scenario,baseline\na,b\n").expect_err("columns are missing");
        assert!(error.to_string().contains("adoption"), "{error}");
        assert!(read("").is_err());
    }
}
