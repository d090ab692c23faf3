//! Multiple comparisons.

use super::interval::t_p_value;
use super::moments::mean;

/// Holm's step-down adjustment (1979). Returns adjusted p-values in the given order. They bound the
/// probability of any false rejection, whatever the dependence between the tests.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]).then(a.cmp(b)));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut running = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        running = running.max((p_values[at] * factor).min(1.0));
        adjusted[at] = running;
    }
    adjusted
}

/// Which of several samples, paired value by value, may have the smallest mean. The sample with the
/// smallest true mean is among them with confidence `1 - level`. A sample is excluded if another
/// one is shown to be smaller, one-sided at `level / (k - 1)`. The probability of excluding the
/// smallest is then at most `(k - 1) * level / (k - 1)`. This is multiple comparisons with the
/// best, by Bonferroni, which allows common random numbers (Nelson and Matejcik 1995).
#[must_use]
pub fn may_be_least(samples: &[Vec<f64>], level: f64) -> Vec<bool> {
    let others = samples.len().saturating_sub(1).max(1) as f64;
    let beaten = |at: &Vec<f64>, by: &Vec<f64>| {
        let more: Vec<f64> = at.iter().zip(by).map(|(a, b)| a - b).collect();
        mean(&more) > 0.0 && t_p_value(&more) / 2.0 < level / others
    };
    let keep = |at: &Vec<f64>| !samples.iter().any(|by| beaten(at, by));
    samples.iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_kept_and_the_clearly_greater_is_not() {
        // Differences from the first: 0.1 +- 0.1 (t = 2.2, one-sided p = 0.045, not below 0.025)
        // and 1.0 +- 0.1.
        let least = vec![1.0, 1.1, 0.9, 1.0, 1.0];
        let near: Vec<f64> = [1.0, 1.2, 1.2, 1.1, 1.0].to_vec();
        let far: Vec<f64> = [2.0, 2.1, 2.0, 1.9, 2.0].to_vec();
        let samples = [least, near, far];
        assert_eq!(may_be_least(&samples, 0.05), [true, true, false]);
        assert_eq!(may_be_least(&samples[..1], 0.05), [true]);
    }

    #[test]
    fn the_least_is_left_out_at_most_as_often_as_stated() {
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
        const RUNS: u32 = 2000;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        // Twelve uniform numbers less six: nearly normal.
        let mut normal = || {
            let sum: f64 = (0..12)
                .map(|_| f64::from(rng.next_u32()) / 2_f64.powi(32))
                .sum();
            sum - 6.0
        };
        let mut lost = 0;
        for _ in 0..RUNS {
            // All true means are equal, so whichever counts as the smallest must not be excluded.
            let samples: Vec<Vec<f64>> = (0..6)
                .map(|_| (0..10).map(|_| normal()).collect())
                .collect();
            lost += u32::from(!may_be_least(&samples, 0.05)[0]);
        }
        // 5 % of 2000 are 100, standard deviation 10.
        assert!(lost < 130, "{lost} of {RUNS}");
    }

    #[test]
    fn worked_example() {
        // R: p.adjust(c(.01, .04, .03, .005), "holm") = 0.03 0.06 0.06 0.02
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (got, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((got - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.6, 0.7]), vec![1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
