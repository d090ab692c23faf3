//! Means, spreads and quantiles of a sample.

use super::math::{exp, ln};

/// Arithmetic mean, summed in the given order. NaN for an empty sample.
#[must_use]
pub fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / sample.len() as f64
}

/// Sample standard deviation (divisor n - 1). NaN for fewer than two values.
#[must_use]
pub fn standard_deviation(sample: &[f64]) -> f64 {
    covariance(sample, sample).sqrt()
}

/// Sample covariance (divisor n - 1) of two samples of equal length.
#[must_use]
pub fn covariance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    if x.len() < 2 {
        return f64::NAN;
    }
    let (mean_x, mean_y) = (mean(x), mean(y));
    let sum: f64 = x
        .iter()
        .zip(y)
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    sum / (x.len() - 1) as f64
}

/// Geometric mean of positive values.
#[must_use]
pub fn geometric_mean(sample: &[f64]) -> f64 {
    exp(mean_log(sample))
}

/// Mean of the logarithms of positive values.
#[must_use]
pub fn mean_log(sample: &[f64]) -> f64 {
    sample.iter().map(|it| ln(*it)).sum::<f64>() / sample.len() as f64
}

/// Quantile `p` by linear interpolation between order statistics: position `p (n - 1)`, counted
/// from 0 (type 7 of Hyndman and Fan 1996, the default of R and `NumPy`).
#[must_use]
pub fn quantile(sample: &[f64], p: f64) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_sorted(&sorted, p)
}

/// [`quantile`] of a sample in ascending order.
#[must_use]
pub fn quantile_sorted(sorted: &[f64], p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a quantile lies between 0 and 1");
    if sorted.is_empty() {
        return f64::NAN;
    }
    let position = p * (sorted.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the position lies between 0 and the length"
    )]
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let share = position - position.floor();
    sorted[below] + share * (sorted[above] - sorted[below])
}

/// Median: quantile one half.
#[must_use]
pub fn median(sample: &[f64]) -> f64 {
    quantile(sample, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_moments() {
        let sample = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert!((mean(&sample) - 5.0).abs() < 1e-15);
        // Sum of squares about the mean is 32, divided by 7.
        assert!((standard_deviation(&sample) - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        assert!((geometric_mean(&[1.0, 10.0, 100.0]) - 10.0).abs() < 1e-12);
        assert!(standard_deviation(&[1.0]).is_nan());
    }

    #[test]
    fn quantiles_of_type_seven() {
        // R: quantile(c(10, 20, 30, 40), c(.25, .5, .95)) = 17.5 25 38.5
        let sample = [40.0, 10.0, 30.0, 20.0];
        for (p, expected) in [
            (0.25, 17.5),
            (0.5, 25.0),
            (0.95, 38.5),
            (0.0, 10.0),
            (1.0, 40.0),
        ] {
            assert!((quantile(&sample, p) - expected).abs() < 1e-12, "{p}");
        }
        assert!(quantile(&[], 0.5).is_nan());
        assert!((quantile(&[3.0], 0.95) - 3.0).abs() < 1e-15);
    }
}
