//! What is compared, and of whom.

use crate::findings::measure::Group;
use crate::plan::{Adoption, Estimand};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Bytes, as a saving: `1 - candidate / baseline`.
    Bytes(Estimand),
    /// Geometric-mean completion time, as a ratio.
    Time,
    /// 95th percentile of completion time, as a ratio.
    Tail,
}

impl Quantity {
    /// The name in files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Bytes(estimand) => estimand.id(),
            Self::Time => "time",
            Self::Tail => "tail",
        }
    }

    /// Whose effect answers the question at an adoption: that of the adopters, or of all where everybody
    /// adopts or the quantity is one of the whole swarm.
    #[must_use]
    pub fn group(self, adoption: Adoption) -> Group {
        let focal = match self {
            Self::Bytes(estimand) => estimand.is_focal(),
            Self::Time | Self::Tail => true,
        };
        if focal && adoption != Adoption::ALL {
            Group::Adopters
        } else {
            Group::All
        }
    }

    /// What the estimate is a number of.
    #[must_use]
    pub const fn scale(self) -> &'static str {
        match self {
            Self::Bytes(_) => "saving",
            Self::Time | Self::Tail => "ratio",
        }
    }
}
