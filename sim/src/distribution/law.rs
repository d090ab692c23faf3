//! A distribution of times, given by a formula or by measured points.

use std::time::Duration;

use unchoke_core::rng::Rng;

use super::{Cdf, exponential, weibull};
use crate::units::Decimal;

/// A distribution of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Law {
    /// Exponential distribution.
    Exponential {
        /// Mean.
        mean: Duration,
    },
    /// The share of draws above t is `exp(-(t/scale)^shape)`.
    Weibull {
        /// Scale.
        scale: Duration,
        /// Shape.
        shape: Decimal,
    },
    /// Measured distribution.
    Measured {
        /// The distribution, in multiples of `unit`.
        cdf: Cdf,
        /// The time that the value 1 stands for.
        unit: Duration,
    },
}

impl Law {
    /// One draw; at most 584 years.
    pub fn draw(&self, rng: &mut Rng) -> Duration {
        match self {
            Self::Exponential { mean } => exponential(*mean, rng),
            Self::Weibull { scale, shape } => weibull(*scale, *shape, rng),
            Self::Measured { cdf, unit } => {
                let value = cdf.quantile(rng.next_u64() >> 32, 1 << 32).millionths();
                let one = u128::from(Decimal::ONE.millionths());
                let ns = unit.as_nanos().saturating_mul(u128::from(value)) / one;
                Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
            }
        }
    }
}
