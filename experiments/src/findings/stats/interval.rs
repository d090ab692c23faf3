//! Estimates with Student intervals, and the distributions behind them.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::bounds::Bounds;
use super::moments::{mean, standard_deviation};

/// Estimate with what is known of its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Two-sided 95 % interval.
    pub ci95: (f64, f64),
    /// Lower and upper one-sided 95 % bounds (together a 90 % interval).
    pub bound95: (f64, f64),
}

impl Estimate {
    /// The estimate under a monotone change of scale. A falling one swaps the ends.
    #[must_use]
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let order = |(low, high): (f64, f64)| {
            let (a, b) = (change(low), change(high));
            if a <= b { (a, b) } else { (b, a) }
        };
        Self {
            value: change(self.value),
            ci95: order(self.ci95),
            bound95: order(self.bound95),
        }
    }
}

/// Quantile `p` of Student's t with `freedom` degrees of freedom.
#[must_use]
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom)
        .expect("positive degrees of freedom")
        .inverse_cdf(p)
}

/// Quantile `p` of the standard normal distribution.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// Distribution function of the standard normal distribution.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// Mean with Student intervals. With fewer than two values, or with no spread at all, the
/// intervals are the mean itself or unbounded: one run proves nothing.
#[must_use]
pub fn t_estimate(sample: &[f64]) -> Estimate {
    Bounds::t_of(sample).estimate()
}

/// Two-sided p-value of a mean of zero, by Student's t. One value proves nothing.
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
    let student = StudentsT::new(0.0, 1.0, freedom).expect("positive degrees of freedom");
    2.0 * student.cdf(-(value / error).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() < within, "{a} is not {b}");
    }

    #[test]
    fn quantiles_of_printed_tables() {
        // Student's table: 2.045 (29 degrees, .975), 1.699 (.95), 12.706 (1 degree), 2.262 (9).
        close(t_quantile(0.975, 29.0), 2.045_23, 1e-5);
        close(t_quantile(0.95, 29.0), 1.699_13, 1e-5);
        close(t_quantile(0.975, 1.0), 12.706_20, 1e-4);
        close(t_quantile(0.975, 9.0), 2.262_16, 1e-5);
        close(normal_quantile(0.975), 1.959_964, 1e-6);
        close(normal_cdf(-1.644_854), 0.05, 1e-7);
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
