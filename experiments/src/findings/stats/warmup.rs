//! Where a steady state begins: MSER-5 (White 1997, *An effective truncation heuristic for bias
//! reduction in simulation output*).

use super::moments::mean;

/// Observations in a batch.
const BATCH: usize = 5;
/// Fewest batches that may be left: the statistic of a few is small by chance.
const LEAST: usize = 5;

/// How many of the first observations to delete: the cut that leaves the mean of the rest, in
/// batches of five, with the least standard error. `None` if the best cut lies in the second half,
/// or the series is too short to say: the run has not come to rest.
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

    /// A ripple of mean zero over every batch.
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
        // Batch means 10, 0, 1, 0, 1, 0, 1: without the first, squares 1.5 over 36.
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
