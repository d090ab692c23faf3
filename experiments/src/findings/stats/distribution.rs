//! Distribution functions for intervals.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

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

/// Distribution function of Student's t with `freedom` degrees of freedom.
#[must_use]
pub fn t_cdf(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom)
        .expect("positive degrees of freedom")
        .cdf(t)
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
}
