//! Variance reduction by common random numbers.

use super::moments::{covariance, standard_deviation};

/// How similarly two policies behave over the same seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pairing {
    /// Correlation of the two; NaN if one of them does not vary.
    pub correlation: f64,
    /// `1 - Var(A - B) / (Var A + Var B)`: the share of the variance that pairing removed. Negative
    /// if pairing did harm, which can happen once the two runs have diverged.
    pub variance_reduction: f64,
    /// Standard deviation of the difference.
    pub spread: f64,
}

/// Compares `a` with `b`, which hold one value per seed.
#[must_use]
pub fn pairing(a: &[f64], b: &[f64]) -> Pairing {
    let (spread_a, spread_b) = (standard_deviation(a), standard_deviation(b));
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let spread = standard_deviation(&differences);
    Pairing {
        correlation: covariance(a, b) / (spread_a * spread_b),
        variance_reduction: 1.0 - spread * spread / (spread_a * spread_a + spread_b * spread_b),
        spread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Var a = 1, Var b = 4, differences -1 -2 -3 with variance 1: 1 - 1/5.
        let paired = pairing(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
        assert!((paired.correlation - 1.0).abs() < 1e-12);
        assert!((paired.variance_reduction - 0.8).abs() < 1e-12);
        assert!((paired.spread - 1.0).abs() < 1e-12);
        let opposed = pairing(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]);
        assert!((opposed.variance_reduction + 1.0).abs() < 1e-12);
    }
}
