//! Studentised bootstrap over seeds (bootstrap-t; Efron and Tibshirani 1993, section 12.5). Each
//! resample has its own standard error. So the interval keeps its coverage with skewed runs, in
//! which large values also have large errors.

use super::bootstrap::Resamples;
use super::bounds::Bounds;
use super::math::{exp, ln};
use super::moments::mean;

/// Bounds of a ratio of means over runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioBounds {
    bounds: Bounds,
    /// Whether the bounds are those of the logarithm. False only if the logarithm is not defined.
    logarithm: bool,
}

impl RatioBounds {
    /// From bounds of the ratio itself.
    pub(super) const fn of(bounds: Bounds) -> Self {
        Self {
            bounds,
            logarithm: false,
        }
    }

    /// From bounds of its logarithm.
    #[must_use]
    pub const fn of_logarithm(bounds: Bounds) -> Self {
        Self {
            bounds,
            logarithm: true,
        }
    }

    /// Bounds of its logarithm; unknown if that is not defined.
    #[must_use]
    pub fn logarithm(&self) -> Bounds {
        if self.logarithm {
            self.bounds.clone()
        } else {
            Bounds::t_about(f64::NAN, f64::NAN, 0)
        }
    }

    /// The bound below which the ratio lies with confidence `p`; see [`Bounds::at`].
    #[must_use]
    pub fn at(&self, p: f64) -> f64 {
        let bound = self.bounds.at(p);
        if self.logarithm { exp(bound) } else { bound }
    }

    /// The ratio with the reported intervals.
    #[must_use]
    pub fn estimate(&self) -> super::estimate::Estimate {
        let estimate = self.bounds.estimate();
        if self.logarithm {
            estimate.map(exp)
        } else {
            estimate
        }
    }
}

/// A statistic and its standard error in a sample of the runs.
type Studied = (f64, f64);

/// Bounds of the mean of a sample with one value per run.
#[must_use]
pub fn of_mean(resamples: &Resamples, sample: &[f64]) -> Bounds {
    bounds(resamples, |of| {
        let centre = sum(sample, of) / of.len() as f64;
        let squares: f64 = of
            .iter()
            .map(|it| square(sample[*it as usize] - centre))
            .sum();
        (centre, error(squares, of.len()))
    })
}

/// Bounds of the mean of `top` divided by the mean of `bottom`. The values are paired, one pair per
/// run. The error is that of the linearised ratio.
#[must_use]
pub fn of_ratio(resamples: &Resamples, top: &[f64], bottom: &[f64]) -> RatioBounds {
    let logarithm = mean(top) > 0.0 && mean(bottom) > 0.0;
    let bounds = bounds(resamples, |of| {
        let below = sum(bottom, of) / of.len() as f64;
        let ratio = sum(top, of) / of.len() as f64 / below;
        let residual = |it: &u32| top[*it as usize] - ratio * bottom[*it as usize];
        let squares: f64 = of.iter().map(|it| square(residual(it))).sum();
        let error = error(squares, of.len()) / below;
        if logarithm {
            (ln(ratio), error / ratio)
        } else {
            (ratio, error)
        }
    });
    RatioBounds { bounds, logarithm }
}

fn sum(values: &[f64], of: &[u32]) -> f64 {
    of.iter().map(|it| values[*it as usize]).sum()
}

fn square(it: f64) -> f64 {
    it * it
}

/// Standard error of a mean, from the sum of squared deviations.
fn error(squares: f64, runs: usize) -> f64 {
    (squares / ((runs - 1) as f64 * runs as f64)).sqrt()
}

fn bounds(resamples: &Resamples, statistic: impl Fn(&[u32]) -> Studied) -> Bounds {
    let runs = resamples.runs();
    let all: Vec<u32> = (0..u32::try_from(runs).expect("fewer than 2^32 runs")).collect();
    let (value, error) = statistic(&all);
    if !error.is_finite() || error == 0.0 {
        return Bounds::t_about(value, error, runs);
    }
    let mut deviations: Vec<f64> = resamples
        .each()
        .map(|of| {
            let (again, error) = statistic(of);
            (again - value) / error
        })
        .collect();
    // A resample in which all runs are equal has a standard error of zero.
    deviations.retain(|it| it.is_finite());
    if deviations.is_empty() {
        return Bounds::t_about(value, error, runs);
    }
    deviations.sort_by(f64::total_cmp);
    Bounds::studentised(value, error, deviations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symmetric_runs_have_nearly_the_interval_of_student() {
        // Twelve sums of uniform numbers each: nearly normal.
        let sample: Vec<f64> = (0..30)
            .map(|it| {
                (0..12)
                    .map(|k| f64::from((it * 37 + k * 61) % 101) / 101.0)
                    .sum()
            })
            .collect();
        let student = Bounds::t_of(&sample).estimate();
        let it = of_mean(&Resamples::new(1, 30, 20_000), &sample).estimate();
        let width = student.ci95.1 - student.ci95.0;
        assert!((it.value - student.value).abs() < 1e-12);
        assert!(
            (it.ci95.0 - student.ci95.0).abs() < 0.06 * width,
            "{it:?} {student:?}"
        );
        assert!(
            (it.ci95.1 - student.ci95.1).abs() < 0.06 * width,
            "{it:?} {student:?}"
        );
    }

    #[test]
    fn same_seed_same_bits_and_no_spread_no_error() {
        let top: Vec<f64> = (0..26).map(|it| f64::from(it * 7 % 26) + 1.0).collect();
        let draw = || of_ratio(&Resamples::new(7, 26, 500), &top, &vec![2.0; 26]).estimate();
        assert_eq!(draw(), draw());
        let double: Vec<f64> = top.iter().map(|it| it * 2.0).collect();
        let constant = of_ratio(&Resamples::new(7, 26, 500), &top, &double).estimate();
        assert!((constant.ci95.0 - 0.5).abs() < 1e-12 && (constant.ci95.1 - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_nobody_sends_is_saved_whole() {
        let nothing = of_ratio(&Resamples::new(7, 26, 500), &[0.0; 26], &[2.0; 26]);
        assert_eq!(nothing.estimate().ci95, (0.0, 0.0));
        assert!(nothing.at(0.99).abs() < 1e-15);
    }
}
