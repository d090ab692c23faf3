//! Number of paired runs that a question needs.

use super::distribution::normal_quantile;
use super::math::ln;

/// Number of runs for 90 % power to show non-inferiority within `margin`, one-sided at 5 %, if
/// nothing changed and the paired log ratio has standard deviation `spread`: `((1.645 + 1.282)
/// spread / ln(1 + margin))^2`, rounded up, plus two for Student's t.
#[must_use]
pub fn runs_needed(spread: f64, margin: f64) -> Option<u64> {
    let z = normal_quantile(0.95) + normal_quantile(0.9);
    let runs = (z * spread / ln(1.0 + margin)).powi(2).ceil() + 2.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and below 10^15"
    )]
    (runs.is_finite() && runs < 1e15).then_some(runs as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_table() {
        // By the formula alone, without the two runs for Student's t.
        let table = [
            (0.02, [9, 2, 1]),
            (0.05, [55, 9, 3]),
            (0.10, [219, 36, 10]),
            (0.15, [492, 81, 22]),
            (0.20, [874, 144, 38]),
        ];
        for (spread, row) in table {
            for (margin, expected) in [0.02, 0.05, 0.10].into_iter().zip(row) {
                assert_eq!(
                    runs_needed(spread, margin),
                    Some(expected + 2),
                    "{spread} {margin}"
                );
            }
        }
        assert_eq!(runs_needed(f64::NAN, 0.05), None);
        assert_eq!(runs_needed(0.0, 0.05), Some(2));
    }
}
