//! Measures how often intervals contain the true value. Many runs of the plan's own pairs define
//! the true value. Studies with as many seeds as the plan are drawn from these runs, and each study
//! computes its interval.

use rayon::prelude::*;

use super::analysis::{Key, Paired, Quantity};
use super::stats::bootstrap::{LEAST_RUNS, Resamples};
use super::stats::estimate::Estimate;
use super::stats::math::exp;
use super::stats::method;
use super::stats::moments::mean;
use crate::plan::Method;

/// Key of the random stream that draws studies.
const STUDIES_SEED: u64 = 0x636f_7665_7261_6765;
/// Key of the random stream for bootstrap resamples.
const RESAMPLES_SEED: u64 = 0x7265_7361_6d70_6c65;

/// Sizes of the simulation.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Seeds per study.
    pub seeds: usize,
    /// Number of studies.
    pub studies: usize,
    /// Number of them, the first ones, with bootstrap intervals too, which take most of the time.
    pub bootstrapped: usize,
    /// Bootstrap resamples per study.
    pub resamples: usize,
}

/// Number of studies whose interval contains the true value, and of those that miss it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Interval contains the true value.
    pub covered: usize,
    /// Interval lies wholly above it.
    pub above: usize,
    /// Interval lies wholly below it.
    pub below: usize,
}

/// One row of `coverage.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Identifies the comparison.
    pub of: Key,
    /// True value, from all runs: a saving, or a ratio of times.
    pub truth: f64,
    /// Counts for each method: Student's t, the studentised bootstrap, and `BCa`.
    pub hits: [Hits; 3],
}

impl Hits {
    fn count(&mut self, interval: (f64, f64), truth: f64) {
        if truth < interval.0 {
            self.above += 1;
        } else if truth > interval.1 {
            self.below += 1;
        } else {
            self.covered += 1;
        }
    }

    /// Share of studies whose interval contains the true value; `None` if there are no studies.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let studies = self.covered + self.above + self.below;
        (studies > 0).then(|| self.covered as f64 / studies as f64)
    }
}

impl Draw {
    /// Without bootstrap intervals if studies have so few seeds that the methods would give Student's t instead.
    #[must_use]
    pub fn possible(self) -> Self {
        let bootstrapped = if self.seeds < LEAST_RUNS {
            0
        } else {
            self.bootstrapped
        };
        Self {
            bootstrapped,
            ..self
        }
    }
}

/// Measures how often each interval method covers the true value. Quantities that are equal in all
/// pairs are left out, because no interval can miss them.
#[must_use]
pub fn coverage(pairs: &[Paired], draw: Draw) -> Vec<Coverage> {
    let resamples = Resamples::new(RESAMPLES_SEED, draw.seeds, draw.resamples);
    let varies =
        |it: &&Paired| it.candidate != it.baseline && it.candidate.iter().any(|it| *it != 0.0);
    let pairs: Vec<&Paired> = pairs.iter().filter(varies).collect();
    let each = pairs.into_par_iter().with_max_len(1);
    each.map(|it| of(it, draw, &resamples)).collect()
}

fn of(it: &Paired, draw: Draw, resamples: &Resamples) -> Coverage {
    let is_time = matches!(it.of.quantity, Quantity::Time | Quantity::Tail);
    let ratio = |top: &[f64], bottom: &[f64]| {
        if is_time {
            exp(mean(top) - mean(bottom))
        } else {
            mean(top) / mean(bottom)
        }
    };
    let truth = ratio(&it.candidate, &it.baseline);
    let mut found = Coverage {
        of: it.of,
        truth: if is_time { truth } else { 1.0 - truth },
        hits: [Hits::default(); 3],
    };
    // A study is a resample of the runs with a different size.
    let studies = Resamples::of_size(STUDIES_SEED, it.candidate.len(), draw.seeds, draw.studies);
    for (at, study) in studies.each().enumerate() {
        let taken = |of: &[f64]| -> Vec<f64> { study.iter().map(|it| of[*it as usize]).collect() };
        let (top, bottom) = (taken(&it.candidate), taken(&it.baseline));
        let methods = if at < draw.bootstrapped {
            &METHODS[..]
        } else {
            &METHODS[..1]
        };
        for (hits, method) in found.hits.iter_mut().zip(methods) {
            let interval = if is_time {
                of_times(*method, resamples, &top, &bottom)
            } else {
                method::of_ratio(*method, resamples, &top, &bottom).estimate()
            };
            hits.count(interval.ci95, truth);
        }
    }
    found
}

/// The methods, in the order of the columns.
const METHODS: [Method; 3] = [Method::Student, Method::Studentised, Method::Bca];

fn of_times(method: Method, resamples: &Resamples, top: &[f64], bottom: &[f64]) -> Estimate {
    let logs: Vec<f64> = top.iter().zip(bottom).map(|(a, b)| a - b).collect();
    method::of_mean(method, resamples, &logs)
        .estimate()
        .map(exp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::measure::Group;
    use crate::plan::{Adoption, Estimand};

    /// Runs of which a few are much larger than the rest, as with a single fast adopter.
    #[test]
    fn the_interval_covers_skewed_pairs_as_often_as_it_says() {
        let skewed = |it: u32| libm::exp(f64::from(it * 197 % 400) / 400.0 * 1.6 - 0.8);
        let baseline: Vec<f64> = (0..400).map(skewed).collect();
        let candidate: Vec<f64> = (0..400)
            .map(|it| 0.6 * skewed(it) * (0.7 + f64::from(it % 7) / 10.0))
            .collect();
        let pair = Paired {
            of: Key {
                scenario: 0,
                contrast: Some(0),
                adoption: Adoption::One,
                group: Group::Adopters,
                quantity: Quantity::Saving(Estimand::E1),
            },
            candidate,
            baseline,
        };
        let draw = Draw {
            seeds: 30,
            studies: 1000,
            bootstrapped: 100,
            resamples: 400,
        };
        let found = coverage(std::slice::from_ref(&pair), draw);
        assert_eq!(found.len(), 1);
        let share = found[0].hits[0].share().expect("studies");
        // 95 % of 1000; the standard deviation is 7.
        assert!((0.93..0.97).contains(&share), "{found:?}");
        let counted = found[0].hits.map(|it| it.covered + it.above + it.below);
        assert_eq!(counted, [1000, 100, 100]);
        let same = Paired {
            candidate: pair.baseline.clone(),
            ..pair
        };
        assert_eq!(coverage(&[same], draw), []);
    }
}
