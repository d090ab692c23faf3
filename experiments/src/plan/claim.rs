//! What a plan claims, and the margins in which it must hold.

use super::{Estimand, Percent, Plan};

/// What the claim of a plan is about.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Primary {
    /// Bytes are saved, and times are kept.
    #[default]
    Bytes,
    /// Time is saved, and the tail is kept; so is the upload, if the plan has a margin for it.
    Time,
}

impl Primary {
    /// For files in which the usual one is left out.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Margins, fixed before the first run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    /// Largest increase allowed for geometric-mean completion time.
    pub time: Percent,
    /// Largest increase allowed for the 95th percentile of completion time.
    pub tail: Percent,
    /// If time is claimed: largest increase allowed for the upload of the same peers; `None` for any.
    pub upload: Option<Percent>,
    /// The size of the saving that is claimed; zero if any saving is.
    pub claim: Percent,
}

impl Margins {
    /// What must be kept for a claim about time, in words.
    #[must_use]
    pub fn kept_beside_time(&self) -> String {
        let tail = format!("the tail within {}", self.tail);
        match self.upload {
            None => tail,
            Some(upload) => format!("{tail} and the upload within {upload}"),
        }
    }
}

impl Plan {
    /// The size of the saving that is claimed of a reading. Where the claim is about time, any saving of
    /// bytes counts as one.
    #[must_use]
    pub fn claim_of(&self, estimand: Estimand) -> Percent {
        if self.primary == Primary::Time && estimand != Estimand::T {
            Percent::ZERO
        } else {
            self.margins.claim
        }
    }

    /// Whether the plan claims a size of bytes.
    #[must_use]
    pub fn has_size_of_bytes(&self) -> bool {
        self.claim_of(Estimand::E3) > Percent::ZERO
    }

    /// What is claimed of a reading: `a saving of 40 %`, or `any saving`.
    #[must_use]
    pub fn claimed(&self, estimand: Estimand) -> String {
        let claim = self.claim_of(estimand);
        if claim == Percent::ZERO {
            "any saving".to_owned()
        } else {
            format!("a saving of {claim}")
        }
    }
}
