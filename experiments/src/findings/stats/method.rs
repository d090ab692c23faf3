//! Intervals of paired runs by the method that the plan sets.

use super::bootstrap::{LEAST_RUNS, Resamples, bca};
use super::bounds::Bounds;
use super::math::ln;
use super::moments::{mean, standard_deviation};
use super::studentised::{self, RatioBounds};
use crate::plan::Method;

/// The method to use for this number of runs. Below 20 runs resampling gives too narrow intervals.
#[must_use]
pub const fn of_runs(method: Method, runs: usize) -> Method {
    if runs < LEAST_RUNS {
        Method::Student
    } else {
        method
    }
}

/// Bounds of the mean of a sample with one value per run.
#[must_use]
pub fn of_mean(method: Method, resamples: &Resamples, sample: &[f64]) -> Bounds {
    match of_runs(method, sample.len()) {
        Method::Student => Bounds::t_of(sample),
        Method::Studentised => studentised::of_mean(resamples, sample),
        Method::Bca => bca(resamples, |of| {
            of.iter().map(|it| sample[*it as usize]).sum::<f64>() / of.len() as f64
        }),
    }
}

/// Bounds of the mean of `top` divided by the mean of `bottom`. The values are paired, one pair per
/// run. Of a ratio to zero there is neither a value nor a bound.
#[must_use]
pub fn of_ratio(method: Method, resamples: &Resamples, top: &[f64], bottom: &[f64]) -> RatioBounds {
    if mean(bottom) == 0.0 {
        return RatioBounds::of(Bounds::t_about(f64::NAN, f64::NAN, top.len()));
    }
    match of_runs(method, top.len()) {
        Method::Student => student(top, bottom),
        Method::Studentised => studentised::of_ratio(resamples, top, bottom),
        Method::Bca => RatioBounds::of(bca(resamples, |of| {
            let sum = |values: &[f64]| of.iter().map(|it| values[*it as usize]).sum::<f64>();
            sum(top) / sum(bottom)
        })),
    }
}

/// Computed on the logarithm if it is defined, so that no saving exceeds 100 %. The error is that
/// of the linearised ratio (delta method).
fn student(top: &[f64], bottom: &[f64]) -> RatioBounds {
    let below = mean(bottom);
    let ratio = mean(top) / below;
    let pairs = top.iter().zip(bottom);
    let residuals: Vec<f64> = pairs.map(|(a, b)| (a - ratio * b) / below).collect();
    let error = standard_deviation(&residuals) / (top.len() as f64).sqrt();
    if ratio > 0.0 {
        let bounds = Bounds::t_about(ln(ratio), error / ratio, top.len());
        RatioBounds::of_logarithm(bounds)
    } else {
        RatioBounds::of(Bounds::t_about(ratio, error, top.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_agree_on_the_ratio_and_nearly_on_the_interval_of_tame_runs() {
        let bottom: Vec<f64> = (0..40).map(|it| 100.0 + f64::from(it * 17 % 40)).collect();
        let top: Vec<f64> = (0..40).map(|it| 50.0 + f64::from(it * 23 % 40)).collect();
        let resamples = Resamples::new(5, 40, 4000);
        let of = |method| of_ratio(method, &resamples, &top, &bottom).estimate();
        let student = of(Method::Student);
        assert!((student.value - mean(&top) / mean(&bottom)).abs() < 1e-12);
        let width = student.ci95.1 - student.ci95.0;
        for method in [Method::Studentised, Method::Bca] {
            let it = of(method);
            assert!((it.value - student.value).abs() < 1e-9, "{method:?}");
            assert!(
                (it.ci95.0 - student.ci95.0).abs() < 0.1 * width,
                "{it:?} {student:?}"
            );
            assert!(
                (it.ci95.1 - student.ci95.1).abs() < 0.1 * width,
                "{it:?} {student:?}"
            );
        }
        // What is compared with nothing has neither.
        for method in [Method::Student, Method::Studentised, Method::Bca] {
            let it = of_ratio(method, &resamples, &top, &[0.0; 40]).estimate();
            let ends = [it.ci95.0, it.ci95.1, it.bound95.0, it.bound95.1];
            assert!(it.value.is_nan(), "{it:?}");
            assert!(ends.iter().all(|it| it.is_infinite()), "{it:?}");
        }
        // With few runs, resampling would give too narrow intervals.
        let few = Resamples::new(5, 6, 4000);
        let of = |method| of_ratio(method, &few, &top[..6], &bottom[..6]).estimate();
        assert_eq!(of(Method::Bca), of(Method::Student));
    }
}
