//! Estimates with Student's t intervals.

use super::bounds::Bounds;
use super::distribution::t_cdf;
use super::estimate::Estimate;
use super::moments::{mean, standard_deviation};

/// Mean with Student's t intervals. Unbounded with fewer than two values, because one run proves
/// nothing. Without any spread, the intervals are the mean itself.
#[must_use]
pub fn t_estimate(sample: &[f64]) -> Estimate {
    Bounds::t_of(sample).estimate()
}

/// Two-sided p-value by Student's t for the hypothesis that the mean is zero. 1 for fewer than two
/// values.
#[must_use]
pub fn t_p_value(sample: &[f64]) -> f64 {
    if sample.len() < 2 {
        return 1.0;
    }
    let (value, freedom) = (mean(sample), (sample.len() - 1) as f64);
    let error = standard_deviation(sample) / (sample.len() as f64).sqrt();
    if error == 0.0 {
        return if value == 0.0 { 1.0 } else { 0.0 };
    }
    2.0 * t_cdf(-(value / error).abs(), freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() < within, "{a} is not {b}");
    }

    #[test]
    fn sleep_data_of_student() {
        // Student 1908, extra sleep, paired: mean 1.58, 95 % interval 0.7001142 to 2.4598858.
        let differences = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let estimate = t_estimate(&differences);
        close(estimate.value, 1.58, 1e-12);
        close(estimate.ci95.0, 0.700_114_2, 1e-6);
        close(estimate.ci95.1, 2.459_885_8, 1e-6);
    }

    #[test]
    fn p_value_of_the_sleep_data() {
        // R: t.test(extra ~ group, data = sleep, paired = TRUE): p-value = 0.002833.
        let differences = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        close(t_p_value(&differences), 0.002_833, 1e-6);
        close(t_p_value(&differences.map(|it| -it)), 0.002_833, 1e-6);
        close(t_p_value(&[0.3]), 1.0, 1e-12);
        close(t_p_value(&[0.0; 5]), 1.0, 1e-12);
        close(t_p_value(&[0.5; 5]), 0.0, 1e-12);
    }

    #[test]
    fn one_run_proves_nothing_and_no_spread_is_exact() {
        assert!(t_estimate(&[0.3]).ci95.1.is_infinite());
        let zero = t_estimate(&[0.0; 30]);
        assert_eq!((zero.value, zero.ci95), (0.0, (0.0, 0.0)));
    }

    #[test]
    fn a_falling_scale_swaps_the_ends() {
        let saving = t_estimate(&[0.8, 0.9, 1.0]).map(|it| 1.0 - it);
        close(saving.value, 0.1, 1e-12);
        assert!(saving.ci95.0 < saving.bound95.0 && saving.bound95.0 < saving.value);
        assert!(saving.value < saving.bound95.1 && saving.bound95.1 < saving.ci95.1);
    }
}
