//! Turns intervals into verdicts. Size and direction of a saving are separate questions with
//! separate verdicts.
//!
//! A false verdict may occur in at most 5 % of all studies. If all of several tests must pass, each
//! may use the full 5 % (intersection-union test). If any single one decides, they share the 5 %
//! (Bonferroni; the first step of Holm's procedure is the same, and there is no second step). So
//! `supported` and `kept` need no correction, but `refuted` and `degraded` do: a single scenario
//! has one test of size and two of times; a statement that any one of several scenarios can decide
//! has that number of tests for each of them. A direction has two tests, as it may be a saving or a
//! cost. So in a single scenario it is shown if the two-sided 95 % interval lies on one side of zero.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::findings::stats::bounds::Bounds;
use crate::findings::stats::math::ln;

/// Largest probability of a false verdict.
const LEVEL: f64 = 0.05;

/// The part of it that each of the two directions has.
const ONE_SIDE: f64 = LEVEL / 2.0;

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
    /// The lower one-sided 95 % bound reaches the claim. If any saving is claimed, the two-sided 95 %
    /// interval lies above zero.
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
        // A claim of any saving is one of a direction.
        let level = if claim > 0.0 { LEVEL } else { ONE_SIDE };
        let low = bound(level);
        // Saving nothing is no saving: a claim of zero asks for more than zero.
        if low >= claim && low > 0.0 {
            Self::Supported
        } else if bound(1.0 - level / scenarios as f64) < claim {
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
    /// percentile, each with its margin; a claim about time may add the upload. `scenarios` is 1
    /// for a single scenario; otherwise any one of that many scenarios may show that times degrade.
    /// For `Kept`, all upper one-sided 95 % bounds must be below `1 + margin`; a large p-value
    /// would not show that.
    #[must_use]
    pub fn of(times: &[(&Bounds, f64)], scenarios: usize) -> Self {
        let tests = times.len() * scenarios;
        let beyond = |p: f64| {
            times
                .iter()
                .map(move |(it, margin)| it.at(p) - ln(1.0 + margin))
        };
        if beyond(1.0 - LEVEL).all(|it| it < 0.0) {
            Self::Kept
        } else if beyond(LEVEL / tests as f64).any(|it| it > 0.0) {
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
        if bound(ONE_SIDE) > 0.0 {
            match time {
                Time::Kept => Self::Saves,
                Time::NotShown => Self::SavesTimeOpen,
                Time::Degraded => Self::SavesButDegrades,
            }
        } else if bound(1.0 - ONE_SIDE / scenarios as f64) < 0.0 {
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
