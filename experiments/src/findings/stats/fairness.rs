//! Measures of fairness over the peers of one run.

use super::math::ln;
use super::moments::{covariance, standard_deviation};

/// Jain's index, `(sum x)^2 / (n sum x^2)`: 1 if all values are equal, 1/n if one peer has
/// everything. Applied to rates, it favours equality; applied to rate divided by capacity, it
/// favours proportionality.
#[must_use]
pub fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|it| it * it).sum();
    sum * sum / (values.len() as f64 * squares)
}

/// Gini coefficient of values that are not negative: 0 if all are equal.
#[must_use]
pub fn gini(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let weighted: f64 = sorted
        .iter()
        .enumerate()
        .map(|(at, it)| (2.0 * (at + 1) as f64 - n - 1.0) * it)
        .sum();
    weighted / (n * sorted.iter().sum::<f64>())
}

/// Spearman's rank correlation; ties have their mean rank. NaN if one side is constant.
#[must_use]
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (ranks(x), ranks(y));
    covariance(&x, &y) / (standard_deviation(&x) * standard_deviation(&y))
}

/// Slope of `ln y` over `ln x` by least squares: 0 is egalitarian, 1 is proportional.
#[must_use]
pub fn log_slope(x: &[f64], y: &[f64]) -> f64 {
    let logs = |values: &[f64]| values.iter().map(|it| ln(*it)).collect::<Vec<f64>>();
    let (x, y) = (logs(x), logs(y));
    covariance(&x, &y) / covariance(&x, &x)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        for at in tied {
            ranks[*at] = before as f64 + f64::midpoint(1.0, tied.len() as f64);
        }
        before += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn extremes() {
        close(jain(&[3.0; 5]), 1.0);
        close(jain(&[1.0, 0.0, 0.0, 0.0]), 0.25);
        close(gini(&[2.0; 4]), 0.0);
        close(gini(&[0.0, 0.0, 0.0, 1.0]), 0.75);
        // Half the mean absolute difference over the mean: 1, 2, 3 gives 2/9.
        close(gini(&[3.0, 1.0, 2.0]), 2.0 / 9.0);
    }

    #[test]
    fn ranks_and_slopes() {
        close(spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 100.0]), 1.0);
        // Ties: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
        close(
            spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]),
            4.5 / 22.5_f64.sqrt(),
        );
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
        close(log_slope(&[1.0, 2.0, 4.0], &[3.0, 12.0, 48.0]), 2.0);
    }
}
