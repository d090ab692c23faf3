//! Finds the begin of a steady state: MSER-5 (White 1997, *An effective truncation heuristic for
//! bias reduction in simulation output*).

use super::moments::mean;

/// Observations per batch.
const BATCH: usize = 5;
/// Fewest batches that must remain: with few, the statistic may be small by chance.
const LEAST: usize = 5;

/// Number of initial observations to delete. Chooses the cut after which the mean of the remaining
/// batches of five has the smallest standard error. `None` if the best cut is in the second half,
/// or if the series is too short: then no steady state was reached.
#[must_use]
pub fn mser5(series: &[f64]) -> Option<usize> {
    let batches: Vec<f64> = series.chunks_exact(BATCH).map(mean).collect();
    let last = batches.len().checked_sub(LEAST)?;
    let statistic = |cut: usize| {
        let rest = &batches[cut..];
        let centre = mean(rest);
        let squares: f64 = rest.iter().map(|it| (it - centre) * (it - centre)).sum();
        squares / (rest.len() * rest.len()) as f64
    };
    let best = (0..=last).min_by(|a, b| statistic(*a).total_cmp(&statistic(*b)))?;
    (best <= batches.len() / 2).then_some(best * BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A variation with mean zero over every batch.
    fn ripple(at: usize) -> f64 {
        [0.2, -0.1, 0.0, 0.1, -0.2][at % 5] + [0.3, -0.3][at / 5 % 2]
    }

    #[test]
    fn a_ramp_is_cut_and_a_level_is_kept() {
        let ramp = |at: usize| f64::min(at as f64, 40.0) + ripple(at);
        let series: Vec<f64> = (0..200).map(ramp).collect();
        assert_eq!(mser5(&series), Some(40));
        let level: Vec<f64> = (0..200).map(ripple).collect();
        assert_eq!(mser5(&level), Some(0));
    }

    #[test]
    fn worked_by_hand() {
        // Batch means 10, 0, 1, 0, 1, 0, 1. Without the first batch: sum of squares 1.5, divided by
        // 36.
        let means = [10.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let series: Vec<f64> = means.into_iter().flat_map(|it| [it; 5]).collect();
        assert_eq!(mser5(&series), Some(5));
    }

    #[test]
    fn what_never_rests_is_refused() {
        let growing: Vec<f64> = (0..200).map(f64::from).collect();
        assert_eq!(mser5(&growing), None);
        assert_eq!(mser5(&[1.0; 20]), None, "too short");
    }
}
