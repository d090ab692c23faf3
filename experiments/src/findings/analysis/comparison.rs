//! The result of a comparison: the same seeds and the same peers under two mixes.

use super::quantity::Quantity;
use crate::findings::measure::Group;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::pairing::Pairing;
use crate::findings::verdict::{Direction, Joint, NOTHING_TO_SAVE, Size, Time, Unfinished};
use crate::plan::{Adoption, Method};

/// Identifies a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Index in the plan's scenarios.
    pub scenario: usize,
    /// Index in the plan's contrasts; `None` for the candidate compared with itself.
    pub contrast: Option<usize>,
    /// Share of peers that run the candidate.
    pub adoption: Adoption,
    /// Peers whose figures are compared.
    pub group: Group,
    /// Quantity that is compared.
    pub quantity: Quantity,
}

/// A figure for both sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides {
    /// Under the candidate.
    pub candidate: f64,
    /// Under the baseline.
    pub baseline: f64,
}

/// The logarithm of candidate over baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogRatio {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

/// The verdicts on a saving, of bytes or of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Whether it is as large as claimed.
    pub size: Size,
    /// Whether it saves, and at what price.
    pub direction: Direction,
    /// Whether the group's completion times are kept.
    pub time: Time,
    /// Whether it is as large as claimed and completion times are kept.
    pub joint: Joint,
}

/// The conclusion from the figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// No conclusion: too many peers were unfinished when the runs ended.
    Cut(Unfinished),
    /// For a saving.
    Saving {
        /// Verdicts on this scenario alone.
        alone: Verdicts,
        /// Verdicts on this scenario as one of all scenarios of the plan, when any single one may
        /// decide.
        in_general: Verdicts,
    },
    /// For times.
    Times {
        /// Number of paired runs for 90 % power at the margin, calculated from the spread seen
        /// here; `None` if it is more than anyone would run.
        runs_needed: Option<u64>,
    },
}

/// One row of `summary.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Identifies the comparison.
    pub of: Key,
    /// Number of paired runs.
    pub runs: usize,
    /// Means over seeds, in the unit of the quantity.
    pub means: Sides,
    /// The saving or the ratio; see [`Quantity::scale`].
    pub estimate: Estimate,
    /// One value per seed, for comparison with another summary of the same seeds. For a ratio, its
    /// logarithms; their mean is that of the estimate. For a saving, its jackknife pseudo-values;
    /// their mean differs from the estimate by the bias that the jackknife estimates.
    pub by_seed: Vec<f64>,
    /// Logarithm of the ratio.
    pub log_ratio: LogRatio,
    /// How the interval was made.
    pub method: Method,
    /// Variance reduction by common random numbers.
    pub pairing: Pairing,
    /// Shares of the group that completed.
    pub completed: Sides,
    /// The conclusion.
    pub finding: Finding,
}

impl Comparison {
    /// Whether candidate and baseline are equal in every pair.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        // A single pair has no spread, so its one difference decides.
        let spread = self.pairing.spread;
        let same = self.log_ratio.value == 0.0 && (spread == 0.0 || spread.is_nan());
        // If both means are zero, for example the upload of free-riders, there is no logarithm.
        same || self.means.candidate == 0.0 && self.means.baseline == 0.0
    }

    /// Whether it answers a question about a reading at its adoption; see [`Quantity::group`].
    #[must_use]
    pub fn is_headline(&self) -> bool {
        let of_reading = matches!(self.of.quantity, Quantity::Saving(_));
        let asked = self.of.quantity.group(self.of.adoption);
        of_reading && self.of.contrast.is_some() && self.of.group == asked
    }

    /// Whether the baseline has no such bytes, for example the upload of a downloader that uploads
    /// nothing. Then none can be saved.
    #[must_use]
    pub fn has_nothing_to_save(&self) -> bool {
        matches!(self.of.quantity, Quantity::Saving(_)) && self.means.baseline == 0.0
    }

    /// The verdict words on size, direction, time, and on size and time together; empty if there is
    /// none.
    #[must_use]
    pub fn words(&self) -> [String; 4] {
        match (&self.finding, self.of.quantity) {
            (Finding::Cut(it), Quantity::Saving(_)) => std::array::from_fn(|_| it.to_string()),
            (Finding::Cut(it), Quantity::Time | Quantity::Tail) => {
                [String::new(), String::new(), it.to_string(), String::new()]
            }
            (Finding::Saving { alone, .. }, _) if self.has_nothing_to_save() => [
                NOTHING_TO_SAVE,
                NOTHING_TO_SAVE,
                alone.time.word(),
                NOTHING_TO_SAVE,
            ]
            .map(str::to_owned),
            (Finding::Saving { alone, .. }, _) => [
                alone.size.word(),
                alone.direction.word(),
                alone.time.word(),
                alone.joint.word(),
            ]
            .map(str::to_owned),
            (Finding::Times { .. }, _) => Default::default(),
        }
    }

    /// For a time: number of paired runs for 90 % power at its margin.
    #[must_use]
    pub const fn runs_needed(&self) -> Option<u64> {
        match self.finding {
            Finding::Times { runs_needed } => runs_needed,
            Finding::Cut(_) | Finding::Saving { .. } => None,
        }
    }
}

/// The comparisons that answer a question about a contrast at an adoption, one per scenario.
pub fn answers(
    comparisons: &[Comparison],
    quantity: Quantity,
    contrast: usize,
    adoption: Adoption,
) -> impl Iterator<Item = &Comparison> {
    let is_asked = move |it: &Key| {
        it.quantity == quantity
            && it.contrast == Some(contrast)
            && it.adoption == adoption
            && it.group == quantity.group(adoption)
    };
    comparisons.iter().filter(move |it| is_asked(&it.of))
}
