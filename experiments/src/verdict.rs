//! Words for intervals. Size and direction are two questions and get two answers.

use crate::stats::interval::{Estimate, non_inferior};
use crate::stats::math::ln;

/// Is the saving as large as claimed?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// The lower one-sided 95 % bound reaches the claim.
    Supported,
    /// The upper one-sided 95 % bound stays below the claim.
    Refuted,
    /// Neither.
    Inconclusive,
}

impl Size {
    /// The verdict on a saving.
    #[must_use]
    pub fn of(saving: &Estimate, claim: f64) -> Self {
        if saving.bound95.0 >= claim {
            Self::Supported
        } else if saving.bound95.1 < claim {
            Self::Refuted
        } else {
            Self::Inconclusive
        }
    }

    /// A claim about scenarios in general needs all of them; one that fails it settles it.
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

/// What is known of completion times against the margins.
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
    /// The verdict on log ratios of geometric-mean time and of the 95th percentile. Both must
    /// pass, each at 5 % (intersection-union: no correction).
    #[must_use]
    pub fn of(mean: &Estimate, tail: &Estimate, mean_margin: f64, tail_margin: f64) -> Self {
        let exceeds = |it: &Estimate, margin: f64| it.bound95.0 > ln(1.0 + margin);
        if non_inferior(mean, mean_margin) && non_inferior(tail, tail_margin) {
            Self::Kept
        } else if exceeds(mean, mean_margin) || exceeds(tail, tail_margin) {
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

/// Does it save, and at what price?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It saves, and completion times are shown to be kept.
    Saves,
    /// It saves, and completion times are shown neither to be kept nor to degrade.
    SavesTimeOpen,
    /// It saves, and completion times are shown to degrade.
    SavesButDegrades,
    /// No saving is shown.
    NoSavingShown,
}

impl Direction {
    /// The verdict on a saving and on time.
    #[must_use]
    pub fn of(saving: &Estimate, time: Time) -> Self {
        if saving.bound95.0 > 0.0 {
            match time {
                Time::Kept => Self::Saves,
                Time::NotShown => Self::SavesTimeOpen,
                Time::Degraded => Self::SavesButDegrades,
            }
        } else {
            Self::NoSavingShown
        }
    }

    /// The least favourable of the scenarios.
    #[must_use]
    pub fn in_general(each: &[Self]) -> Self {
        each.iter().copied().max().unwrap_or(Self::NoSavingShown)
    }

    /// The verdict word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Saves => "saves",
            Self::SavesTimeOpen => "saves (time not shown)",
            Self::SavesButDegrades => "saves but degrades",
            Self::NoSavingShown => "no saving shown",
        }
    }
}

/// Waste that the baseline must have for a saving of `claim` in swarm cost, when the candidate's
/// waste is `candidate`: `(1 + candidate) / (1 - claim) - 1`.
#[must_use]
pub fn waste_needed(candidate: f64, claim: f64) -> f64 {
    (1.0 + candidate) / (1.0 - claim) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(low: f64, high: f64) -> Estimate {
        Estimate {
            value: f64::midpoint(low, high),
            ci95: (low - 0.01, high + 0.01),
            bound95: (low, high),
        }
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
            assert_eq!(
                Size::of(&bounds(low, high), 0.40).word(),
                word,
                "[{low}, {high}]"
            );
        }
    }

    #[test]
    fn time_table() {
        // ln 1.05 = 0.0488 for the mean, ln 1.10 = 0.0953 for the tail.
        for (mean, tail, word) in [
            ((-0.1, 0.04), (-0.1, 0.09), "kept"),
            ((-0.1, 0.05), (-0.1, 0.09), "not shown"),
            ((-0.1, 0.04), (-0.1, 0.10), "not shown"),
            ((0.05, 0.20), (-0.1, 0.09), "degraded"),
            ((-0.1, 0.04), (0.10, 0.20), "degraded"),
            ((0.01, 0.04), (0.01, 0.02), "kept"),
        ] {
            let (mean, tail) = (bounds(mean.0, mean.1), bounds(tail.0, tail.1));
            assert_eq!(
                Time::of(&mean, &tail, 0.05, 0.10).word(),
                word,
                "{mean:?} {tail:?}"
            );
        }
    }

    #[test]
    fn direction_table() {
        for (low, time, word) in [
            (0.01, Time::Kept, "saves"),
            (0.01, Time::NotShown, "saves (time not shown)"),
            (0.01, Time::Degraded, "saves but degrades"),
            (0.0, Time::Kept, "no saving shown"),
            (-0.3, Time::Kept, "no saving shown"),
            (f64::NAN, Time::Kept, "no saving shown"),
        ] {
            assert_eq!(
                Direction::of(&bounds(low, 0.5), time).word(),
                word,
                "{low} {time:?}"
            );
        }
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
