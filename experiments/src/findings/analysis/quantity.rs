//! Quantities that are compared.

use crate::findings::measure::Group;
use crate::plan::{Adoption, Estimand};

/// A quantity that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// A reading of the plan, as a saving: `1 - candidate / baseline`.
    Saving(Estimand),
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
            Self::Saving(estimand) => estimand.id(),
            Self::Time => "time",
            Self::Tail => "tail",
        }
    }

    /// The group whose effect answers the question at an adoption: the adopters. If everybody
    /// adopts, or if the quantity describes the whole swarm, it is all peers.
    #[must_use]
    pub fn group(self, adoption: Adoption) -> Group {
        let focal = match self {
            Self::Saving(estimand) => estimand.is_focal(),
            Self::Time | Self::Tail => true,
        };
        if focal && adoption != Adoption::ALL {
            Group::Adopters
        } else {
            Group::All
        }
    }

    /// The kind of number that the estimate is.
    #[must_use]
    pub const fn scale(self) -> &'static str {
        match self {
            Self::Saving(_) => "saving",
            Self::Time | Self::Tail => "ratio",
        }
    }
}
