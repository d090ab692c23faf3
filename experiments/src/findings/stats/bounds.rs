//! Confidence bounds of an estimate, at any level.

use super::distribution::{normal_cdf, normal_quantile, t_quantile};
use super::estimate::Estimate;
use super::moments::{mean, quantile_sorted, standard_deviation};

/// An estimate with the one-sided confidence bounds that its error allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    value: f64,
    error: ErrorShape,
}

/// What is known of the error.
#[derive(Clone, Debug, PartialEq)]
enum ErrorShape {
    /// Nothing: no bound but infinity.
    Unknown,
    /// There is none.
    Zero,
    /// Student's t with this standard error and these degrees of freedom.
    Student { error: f64, freedom: f64 },
    /// Deviations of resamples in units of their own standard errors, in ascending order, and the standard
    /// error.
    Studentised { error: f64, deviations: Vec<f64> },
    /// Replicates in ascending order, with the two corrections of `BCa`.
    Bca {
        sorted: Vec<f64>,
        bias: f64,
        acceleration: f64,
    },
}

impl Bounds {
    /// Student's t about the mean of a sample.
    #[must_use]
    pub fn t_of(sample: &[f64]) -> Self {
        let error = standard_deviation(sample) / (sample.len() as f64).sqrt();
        Self::t_about(mean(sample), error, sample.len())
    }

    /// Student's t about `value` with standard error `error` from `n` independent runs: none with fewer
    /// than two runs, for one run proves nothing; the value itself where there is no spread at all.
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

    /// `BCa` about `value` by bootstrap replicates, finite and in ascending order, with bias correction and
    /// acceleration.
    pub(super) fn bca(value: f64, sorted: Vec<f64>, bias: f64, acceleration: f64) -> Self {
        let error = if sorted[0].to_bits() == sorted[sorted.len() - 1].to_bits() {
            // No spread means no error; the correction would divide zero by zero.
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

    /// Studentised bootstrap about `value` with standard error `error`: deviations of resamples, each over
    /// its own standard error, in ascending order.
    pub(super) const fn studentised(value: f64, error: f64, deviations: Vec<f64>) -> Self {
        let error = ErrorShape::Studentised { error, deviations };
        Self { value, error }
    }

    /// The bound below which the truth lies with confidence `p`; for small `p` that is a lower bound of
    /// confidence `1 - p`.
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
            // A resample that came out high says how far the truth may lie below.
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

    /// The estimate with the intervals that are reported.
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
