//! What a comparison found: the same seeds and the same peers under two mixes.

use super::quantity::Quantity;
use crate::findings::measure::Group;
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::pairing::Pairing;
use crate::findings::verdict::{Direction, Joint, Size, Time, Unfinished};
use crate::plan::{Adoption, Method};

/// What is compared with what, and of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Position in the plan's scenarios.
    pub scenario: usize,
    /// Position in the plan's contrasts; `None` for the candidate against itself.
    pub contrast: Option<usize>,
    /// Share of peers that run the candidate.
    pub adoption: Adoption,
    /// Whose effect it is.
    pub group: Group,
    /// What is compared.
    pub quantity: Quantity,
}

/// A figure on either side of a comparison.
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

/// The verdicts on a saving of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Is it as large as claimed?
    pub size: Size,
    /// Does it save, and at what price?
    pub direction: Direction,
    /// What is known of the group's completion times.
    pub time: Time,
    /// Is it as large as claimed, and are completion times kept?
    pub joint: Joint,
}

/// What is said of the figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// Nothing: too many peers were unfinished when the runs ended.
    Cut(Unfinished),
    /// Of bytes.
    Bytes {
        /// Of this scenario by itself.
        alone: Verdicts,
        /// The same as what this scenario says of all of the plan's, any of which may settle them.
        in_general: Verdicts,
    },
    /// Of times.
    Times {
        /// Paired runs for 90 % power at the margin, from the spread seen here; `None` for more than are
        /// ever run.
        runs_needed: Option<u64>,
    },
}

/// One row of `summary.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub of: Key,
    /// Paired runs.
    pub runs: usize,
    /// Means over seeds, in the unit of the quantity.
    pub means: Sides,
    /// Saving or ratio, see [`Quantity::scale`].
    pub estimate: Estimate,
    /// One value a seed, to be compared with those of another summary of the same seeds: of a ratio its
    /// logarithms, whose mean is that of the estimate; of a saving its jackknife pseudo-values, whose
    /// mean differs from the estimate by the bias that the jackknife sees.
    pub by_seed: Vec<f64>,
    /// Of the ratio.
    pub log_ratio: LogRatio,
    /// How the interval was made.
    pub method: Method,
    /// What common random numbers earned.
    pub pairing: Pairing,
    /// Shares of the group that completed.
    pub completed: Sides,
    /// What is said of it.
    pub finding: Finding,
}

impl Comparison {
    /// Candidate and baseline are the same in every pair.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        // One pair has no spread to speak of; its one difference is all there is to be zero.
        let spread = self.pairing.spread;
        let same = self.log_ratio.value == 0.0 && (spread == 0.0 || spread.is_nan());
        // Of what nobody does, such as the upload of free-riders, there is no logarithm.
        same || self.means.candidate == 0.0 && self.means.baseline == 0.0
    }

    /// It answers a question about bytes at its adoption: see [`Quantity::group`].
    #[must_use]
    pub fn is_headline(&self) -> bool {
        let of_bytes = matches!(self.of.quantity, Quantity::Bytes(_));
        let asked = self.of.quantity.group(self.of.adoption);
        of_bytes && self.of.contrast.is_some() && self.of.group == asked
    }

    /// The verdicts in words: on size, direction, time, and on size and time together; empty where there
    /// is none.
    #[must_use]
    pub fn words(&self) -> [String; 4] {
        match (&self.finding, self.of.quantity) {
            (Finding::Cut(it), Quantity::Bytes(_)) => std::array::from_fn(|_| it.to_string()),
            (Finding::Cut(it), Quantity::Time | Quantity::Tail) => {
                [String::new(), String::new(), it.to_string(), String::new()]
            }
            (Finding::Bytes { alone, .. }, _) => [
                alone.size.word(),
                alone.direction.word(),
                alone.time.word(),
                alone.joint.word(),
            ]
            .map(str::to_owned),
            (Finding::Times { .. }, _) => Default::default(),
        }
    }

    /// Paired runs for 90 % power at the margin of a time, if it is one.
    #[must_use]
    pub const fn runs_needed(&self) -> Option<u64> {
        match self.finding {
            Finding::Times { runs_needed } => runs_needed,
            Finding::Cut(_) | Finding::Bytes { .. } => None,
        }
    }
}

/// The comparisons that answer a question about a contrast at an adoption, one a scenario.
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
