//! Expected bands, and whether a measurement lies in its band.

use std::fmt;

use serde::Deserialize;

use super::formula::Formula;

/// The expected value, in exactly one of these forms.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Band {
    /// Near the value that theory gives for the scenario.
    Theory {
        /// The formula.
        formula: Formula,
        /// Largest distance allowed, as a share of the value.
        #[serde(default)]
        relative: f64,
        /// Additional distance allowed, as an absolute number.
        #[serde(default)]
        absolute: f64,
    },
    /// Near a given value.
    Near {
        /// The value.
        value: f64,
        /// Largest distance allowed.
        absolute: f64,
    },
    /// Between two values.
    Between {
        /// The lower one.
        at_least: f64,
        /// The upper one.
        at_most: f64,
    },
    /// At least a value.
    AtLeast {
        /// The value.
        at_least: f64,
    },
    /// At most a value.
    AtMost {
        /// The value.
        at_most: f64,
    },
}

/// A band with both ends as numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The value in the middle, if the band has one.
    pub point: Option<f64>,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Band {
    /// The ends of the band. `theory` evaluates a formula.
    #[must_use]
    pub fn limits(&self, theory: impl Fn(Formula) -> f64) -> Limits {
        let near = |point: f64, distance: f64| Limits {
            point: Some(point),
            low: point - distance,
            high: point + distance,
        };
        let between = |low, high| Limits {
            point: None,
            low,
            high,
        };
        match *self {
            Self::Theory {
                formula,
                relative,
                absolute,
            } => {
                let point = theory(formula);
                near(point, relative * point.abs() + absolute)
            }
            Self::Near { value, absolute } => near(value, absolute),
            Self::Between { at_least, at_most } => between(at_least, at_most),
            Self::AtLeast { at_least } => between(at_least, f64::INFINITY),
            Self::AtMost { at_most } => between(f64::NEG_INFINITY, at_most),
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval lies inside the band.
    Pass,
    /// The whole interval lies outside the band.
    Fail,
    /// The interval contains an end of the band; more runs could decide.
    CannotTell,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::CannotTell => "cannot tell",
        })
    }
}

/// Fewest runs for a verdict on their mean. With fewer, the interval depends more on the assumed distribution
/// than on the numbers.
pub const FEWEST_RUNS: usize = 5;

/// Compares the interval of a mean over this number of runs with a band.
#[must_use]
pub fn judge_mean(runs: usize, interval: (f64, f64), limits: &Limits) -> Verdict {
    match judge(interval, limits) {
        Verdict::Pass | Verdict::Fail if runs < FEWEST_RUNS && !interval.0.is_nan() => {
            Verdict::CannotTell
        }
        verdict => verdict,
    }
}

/// Compares an interval with a band. A measurement that does not exist fails.
#[must_use]
pub fn judge(interval: (f64, f64), limits: &Limits) -> Verdict {
    let (low, high) = interval;
    if low.is_nan() || high.is_nan() {
        return Verdict::Fail;
    }
    if limits.low <= low && high <= limits.high {
        Verdict::Pass
    } else if high < limits.low || limits.high < low {
        Verdict::Fail
    } else {
        Verdict::CannotTell
    }
}

/// The verdict for a check of every run: a single run outside the band fails it.
#[must_use]
pub fn judge_every(range: (f64, f64), limits: &Limits) -> Verdict {
    match judge(range, limits) {
        Verdict::Pass => Verdict::Pass,
        Verdict::Fail | Verdict::CannotTell => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_against_bands() {
        let band = |text: &str| toml::from_str::<Band>(text).expect("a band");
        let ten = band("formula = 'qiu_srikant'\nrelative = 0.1").limits(|_| 100.0);
        assert_eq!((ten.low, ten.high, ten.point), (90.0, 110.0, Some(100.0)));
        assert_eq!(judge((91.0, 110.0), &ten), Verdict::Pass);
        assert_eq!(judge((89.0, 91.0), &ten), Verdict::CannotTell);
        assert_eq!(judge((80.0, 120.0), &ten), Verdict::CannotTell);
        assert_eq!(judge((110.1, 120.0), &ten), Verdict::Fail);
        assert_eq!(judge((f64::NAN, f64::NAN), &ten), Verdict::Fail);
        assert_eq!(judge_every((89.0, 91.0), &ten), Verdict::Fail);
        let of_runs = [4, 5].map(|runs| judge_mean(runs, (95.0, 105.0), &ten));
        assert_eq!(of_runs, [Verdict::CannotTell, Verdict::Pass]);
        let of_runs = [4, 5].map(|runs| judge_mean(runs, (195.0, 205.0), &ten));
        assert_eq!(of_runs, [Verdict::CannotTell, Verdict::Fail]);
        let none = judge_mean(1, (f64::NAN, f64::NAN), &ten);
        assert_eq!(none, Verdict::Fail, "who is never done needs no statistics");
        let least = band("at_least = 0.9").limits(|_| 0.0);
        assert_eq!(judge((0.9, 7.0), &least), Verdict::Pass);
        assert_eq!(judge((f64::NEG_INFINITY, 1.0), &least), Verdict::CannotTell);
        let both = band("at_least = 0.9\nat_most = 1.0").limits(|_| 0.0);
        assert_eq!(judge((1.01, 1.02), &both), Verdict::Fail);
        assert!(toml::from_str::<Band>("at_least = 1.0\nvalue = 2.0").is_err());
    }
}
