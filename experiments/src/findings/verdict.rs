//! Turns intervals into verdicts. Size and direction of a saving are separate questions with
//! separate verdicts.
//!
//! A false verdict may occur in at most 5 % of all studies. If all of several tests must pass, each
//! may use the full 5 % (intersection-union test). If any single one decides, they share the 5 %
//! (Bonferroni; the first step of Holm's procedure is the same, and there is no second step). So
//! `supported` and `kept` need no correction, but `refuted` and `degraded` do: a single scenario
//! has one test of size and two of times; a statement that any one of several scenarios can decide
//! has that number of tests for each of them.

use std::fmt;

use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::math::ln;

/// Largest probability of a false verdict.
const LEVEL: f64 = 0.05;

/// Share of unfinished peers above which there is no verdict on a comparison.
const MOST_UNFINISHED: f64 = 0.01;

/// On one side, too many peers were unfinished when the runs ended. Then the times of both sides
/// approach the horizon, and bytes per completed copy do not show a saving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfinished(f64);

impl Unfinished {
    /// From the completed shares under candidate and baseline; `None` if nearly all peers
    /// completed.
    #[must_use]
    pub fn of(completed: [f64; 2]) -> Option<Self> {
        let most = completed.map(|it| 1.0 - it).into_iter().fold(0.0, f64::max);
        (most > MOST_UNFINISHED).then_some(Self(most))
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CANNOT_TELL}: {:.1} % unfinished", self.0 * 100.0)
    }
}

/// Begin of every verdict on runs that were too short.
pub const CANNOT_TELL: &str = "cannot tell";

/// Verdict on a saving where the baseline has no such bytes.
pub const NOTHING_TO_SAVE: &str = "nothing to save";

/// Whether the saving is as large as claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// The lower one-sided 95 % bound reaches the claim. If any saving is claimed, it is above zero.
    Supported,
    /// The upper one-sided bound is below the claim. The bound has 95 % confidence for a single
    /// scenario, and more if any of several scenarios can decide.
    Refuted,
    /// Neither.
    Inconclusive,
}

impl Size {
    /// The verdict on a saving. `bound` gives the upper one-sided bound at a confidence level.
    /// `scenarios` is 1 for a single scenario; otherwise any one of that many scenarios may refute
    /// the claim.
    #[must_use]
    pub fn of(bound: impl Fn(f64) -> f64, claim: f64, scenarios: usize) -> Self {
        let low = bound(LEVEL);
        // Saving nothing is no saving: a claim of zero asks for more than zero.
        if low >= claim && low > 0.0 {
            Self::Supported
        } else if bound(1.0 - LEVEL / scenarios as f64) < claim {
            Self::Refuted
        } else {
            Self::Inconclusive
        }
    }

    /// The verdict over all scenarios. A claim is supported only if all scenarios support it; one
    /// that refutes it decides. Each element must be a verdict with `scenarios` set to their
    /// number.
    #[must_use]
    pub fn in_general(each: &[Self]) -> Self {
        if each.contains(&Self::Refuted) {
            Self::Refuted
        } else if each.is_empty() || each.contains(&Self::Inconclusive) {
            Self::Inconclusive
        } else {
            Self::Supported
        }
    }

    /// The verdict word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Whether completion times stay within the margins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Geometric mean and tail are both shown to stay below their margins.
    Kept,
    /// One of them is shown to exceed its margin.
    Degraded,
    /// Neither is shown.
    NotShown,
}

impl Time {
    /// The verdict on times, from log ratios, usually of geometric-mean time and of the 95th
    /// percentile, each with its margin. `scenarios` is 1 for a single scenario; otherwise any one of that many
    /// scenarios may show that times degrade. For `Kept`, all upper one-sided 95 % bounds must be
    /// below `1 + margin`; a large p-value would not show that.
    #[must_use]
    pub fn of<const N: usize>(times: [(&Bounds, f64); N], scenarios: usize) -> Self {
        let tests = times.len() * scenarios;
        let beyond = |p: f64| times.map(|(it, margin)| it.at(p) - ln(1.0 + margin));
        if beyond(1.0 - LEVEL).iter().all(|it| *it < 0.0) {
            Self::Kept
        } else if beyond(LEVEL / tests as f64).iter().any(|it| *it > 0.0) {
            Self::Degraded
        } else {
            Self::NotShown
        }
    }

    /// The verdict word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Degraded => "degraded",
            Self::NotShown => "not shown",
        }
    }
}

/// Whether the saving is as large as claimed and completion times are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Joint {
    /// Both are shown. Each of the two tests uses 5 %, and the probability that both pass by
    /// mistake is not larger (intersection-union test).
    Shown,
    /// Neither shown nor refuted.
    NotShown,
    /// A smaller saving is shown, or degraded times are shown. Each test uses half of the 5 %.
    Refuted,
}

impl Joint {
    /// The verdict from `size` and `time`, which are called with the number of tests that share the
    /// 5 %.
    #[must_use]
    pub fn of(
        size: impl Fn(usize) -> Size,
        time: impl Fn(usize) -> Time,
        scenarios: usize,
    ) -> Self {
        let tests = 2 * scenarios;
        match (size(tests), time(tests)) {
            (Size::Supported, Time::Kept) => Self::Shown,
            (Size::Refuted, _) | (_, Time::Degraded) => Self::Refuted,
            _ => Self::NotShown,
        }
    }

    /// The least favourable verdict. Each element must be a verdict with `scenarios` set to their
    /// number.
    #[must_use]
    pub fn in_general(each: &[Self]) -> Self {
        each.iter().copied().max().unwrap_or(Self::NotShown)
    }

    /// The verdict word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::NotShown => "not shown",
            Self::Refuted => "refuted",
        }
    }
}

/// Whether it saves bytes, and what happens to completion times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It saves, and completion times are shown to be kept.
    Saves,
    /// It saves, and completion times are shown neither to be kept nor to degrade.
    SavesTimeOpen,
    /// It saves, and completion times are shown to degrade.
    SavesButDegrades,
    /// Only for several scenarios: in some, too many peers were unfinished.
    CannotTell,
    /// Neither a saving nor a cost is shown.
    NoSavingShown,
    /// It is shown to use more bytes.
    Costs,
}

impl Direction {
    /// The verdict on a saving and on time. `bound` gives the upper one-sided bound at a confidence
    /// level. `scenarios` is 1 for a single scenario; otherwise any one of that many may show a
    /// cost.
    #[must_use]
    pub fn of(bound: impl Fn(f64) -> f64, time: Time, scenarios: usize) -> Self {
        if bound(LEVEL) > 0.0 {
            match time {
                Time::Kept => Self::Saves,
                Time::NotShown => Self::SavesTimeOpen,
                Time::Degraded => Self::SavesButDegrades,
            }
        } else if bound(1.0 - LEVEL / scenarios as f64) < 0.0 {
            Self::Costs
        } else {
            Self::NoSavingShown
        }
    }

    /// The least favourable verdict. Each element must be a verdict with `scenarios` set to their
    /// number.
    #[must_use]
    pub fn in_general(each: &[Self]) -> Self {
        each.iter().copied().max().unwrap_or(Self::NoSavingShown)
    }

    /// All verdicts, from the most favourable to the least.
    pub const ALL: [Self; 6] = [
        Self::Saves,
        Self::SavesTimeOpen,
        Self::SavesButDegrades,
        Self::CannotTell,
        Self::NoSavingShown,
        Self::Costs,
    ];

    /// The verdict word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Saves => "saves",
            Self::SavesTimeOpen => "saves (time not shown)",
            Self::SavesButDegrades => "saves but degrades",
            Self::CannotTell => CANNOT_TELL,
            Self::NoSavingShown => "no saving shown",
            Self::Costs => "costs",
        }
    }
}

/// Waste of the baseline that would allow a saving of `claim` in swarm cost, if the candidate's
/// waste is `candidate`: `(1 + candidate) / (1 - claim) - 1`.
#[must_use]
pub fn waste_needed(candidate: f64, claim: f64) -> f64 {
    (1.0 + candidate) / (1.0 - claim) - 1.0
}

#[cfg(test)]
mod tests {
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
            let it = Time::of([(&mean_log, 0.05), (&tail, 0.10)], scenarios);
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
            let it = Time::of([(&mean, 0.05), (&tail, 0.10)], 1);
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
            let logs: Vec<[Bounds; 2]> =
                (0..SCENARIOS).map(|_| limits.map(|it| at(it.0))).collect();
            let times = |among: usize| -> Vec<Time> {
                let time = |[mean, tail]: &[Bounds; 2]| {
                    Time::of([(mean, limits[0].1), (tail, limits[1].1)], among)
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
        let bounds = Bounds::t_about(-0.02, 0.01, 30);
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
}
