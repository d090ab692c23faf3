//! Confidence bounds of an estimate at any level.

use super::distribution::{normal_cdf, normal_quantile, t_quantile};
use super::estimate::Estimate;
use super::moments::{mean, quantile_sorted, standard_deviation};

/// An estimate and its one-sided confidence bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    value: f64,
    error: ErrorShape,
}

/// The distribution of the error.
#[derive(Clone, Debug, PartialEq)]
enum ErrorShape {
    /// Unknown: all bounds are infinite.
    Unknown,
    /// No error.
    Zero,
    /// Student's t with this standard error and these degrees of freedom.
    Student { error: f64, freedom: f64 },
    /// Deviations of resamples in units of their own standard errors, ascending, and the standard
    /// error of the estimate.
    Studentised { error: f64, deviations: Vec<f64> },
    /// Bootstrap replicates, ascending, with the two corrections of `BCa`.
    Bca {
        sorted: Vec<f64>,
        bias: f64,
        acceleration: f64,
    },
}

impl Bounds {
    /// Student's t bounds of the mean of a sample.
    #[must_use]
    pub fn t_of(sample: &[f64]) -> Self {
        let error = standard_deviation(sample) / (sample.len() as f64).sqrt();
        Self::t_about(mean(sample), error, sample.len())
    }

    /// Student's t bounds of `value` with standard error `error` from `n` independent runs. With
    /// fewer than two runs there are no bounds, because one run proves nothing. Without any spread,
    /// the bounds are the value itself.
    #[must_use]
    pub fn t_about(value: f64, error: f64, n: usize) -> Self {
        let error = if n < 2 || !error.is_finite() {
            ErrorShape::Unknown
        } else if error == 0.0 {
            ErrorShape::Zero
        } else {
            let freedom = (n - 1) as f64;
            ErrorShape::Student { error, freedom }
        };
        Self { value, error }
    }

    /// `BCa` bounds of `value` from bootstrap replicates (finite, ascending), bias correction and
    /// acceleration.
    pub(super) fn bca(value: f64, sorted: Vec<f64>, bias: f64, acceleration: f64) -> Self {
        let error = if sorted[0].to_bits() == sorted[sorted.len() - 1].to_bits() {
            // Without spread there is no error, and the correction would divide zero by zero.
            ErrorShape::Zero
        } else {
            ErrorShape::Bca {
                sorted,
                bias,
                acceleration,
            }
        };
        Self { value, error }
    }

    /// Studentised bootstrap bounds of `value` with standard error `error`. `deviations` are the
    /// deviations of resamples divided by their own standard errors, ascending.
    pub(super) const fn studentised(value: f64, error: f64, deviations: Vec<f64>) -> Self {
        let error = ErrorShape::Studentised { error, deviations };
        Self { value, error }
    }

    /// The bound below which the true value lies with confidence `p`. For small `p` this is a lower
    /// bound with confidence `1 - p`.
    #[must_use]
    pub fn at(&self, p: f64) -> f64 {
        let lower = p < 0.5;
        match &self.error {
            ErrorShape::Unknown if lower => f64::NEG_INFINITY,
            ErrorShape::Unknown => f64::INFINITY,
            ErrorShape::Zero => self.value,
            ErrorShape::Student { error, freedom } if lower => {
                self.value - t_quantile(1.0 - p, *freedom) * error
            }
            ErrorShape::Student { error, freedom } => self.value + t_quantile(p, *freedom) * error,
            // Resamples above the estimate tell how far the true value may lie below it.
            ErrorShape::Studentised { error, deviations } => {
                self.value - quantile_sorted(deviations, 1.0 - p) * error
            }
            ErrorShape::Bca {
                sorted,
                bias,
                acceleration,
            } => {
                let z = bias + normal_quantile(p);
                quantile_sorted(sorted, normal_cdf(bias + z / (1.0 - acceleration * z)))
            }
        }
    }

    /// The estimate with the reported intervals.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate {
            value: self.value,
            ci95: (self.at(0.025), self.at(0.975)),
            bound95: (self.at(0.05), self.at(0.95)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_at_any_level() {
        let student = Bounds::t_about(1.0, 0.5, 10);
        // Student's table: 9 degrees, .99: 2.821; .5: 0.
        assert!((student.at(0.99) - (1.0 + 0.5 * 2.821_44)).abs() < 1e-5);
        assert!((student.at(0.01) - (1.0 - 0.5 * 2.821_44)).abs() < 1e-5);
        assert!((student.at(0.5) - 1.0).abs() < 1e-9);
        let one_run = [0.001, 0.999].map(|p| Bounds::t_of(&[0.3]).at(p));
        assert!(
            one_run[0] < f64::MIN && one_run[1] > f64::MAX,
            "{one_run:?}"
        );
        assert!((Bounds::t_of(&[0.3; 4]).at(0.999) - 0.3).abs() < 1e-15);
        // Without corrections the bounds are the quantiles of the replicates.
        let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
        let plain = Bounds::bca(50.0, replicates, 0.0, 0.0);
        assert!((plain.at(0.9) - 90.0).abs() < 1e-6);
    }
}
