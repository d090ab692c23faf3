//! Who would be left if peers took up what is faster: replicator dynamics (Taylor and Jonker 1978) on the
//! matrix of meetings.
//!
//! The payoff of a policy among others is how much faster a few peers of it are there than those that they
//! replace, as a logarithm; among its own it is nothing. What a few gain is taken to hold for any share:
//! mixtures of three policies and more are not run.

use std::collections::BTreeMap;

use crate::findings::stats::bootstrap::Resamples;
use crate::findings::stats::math::exp;
use crate::findings::stats::moments::mean;

/// Generations: a policy that is 1 % slower than the mean shrinks to a hundredth within 500 of them.
const GENERATIONS: usize = 2000;
/// Sets of seeds that are drawn.
const RESAMPLES: usize = 100;
/// Key of the random stream that draws them.
const SEED: u64 = 0x7265_706c_6963_6174;
/// A policy survives with this share of the peers.
const ALIVE: f64 = 0.01;

/// What is left of a policy after all generations, from equal shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survival {
    /// Its share of the peers.
    pub share: f64,
    /// The part of the resamples of the seeds in which it has one percent of them or more.
    pub resamples: f64,
}

/// By contender. `logs` has the logarithms of the ratios of times by pair, one a seed.
pub(super) fn survival(count: usize, logs: &BTreeMap<(usize, usize), &Vec<f64>>) -> Vec<Survival> {
    let payoffs = |seeds: Option<&[u32]>| -> Vec<Vec<f64>> {
        let payoff = |a: usize, b: usize| match logs.get(&(a, b)) {
            None => 0.0,
            Some(all) => match seeds {
                None => -mean(all),
                Some(of) => -mean(&of.iter().map(|it| all[*it as usize]).collect::<Vec<f64>>()),
            },
        };
        let row = |a| (0..count).map(|b| payoff(a, b)).collect();
        (0..count).map(row).collect()
    };
    let seeds = logs.values().map(|it| it.len()).min().unwrap_or(0);
    let shares = evolve(&payoffs(None));
    let mut alive = vec![0_usize; count];
    if seeds > 0 {
        for drawn in Resamples::new(SEED, seeds, RESAMPLES).each() {
            for (alive, share) in alive.iter_mut().zip(evolve(&payoffs(Some(drawn)))) {
                *alive += usize::from(share >= ALIVE);
            }
        }
    }
    let each = shares.into_iter().zip(alive);
    each.map(|(share, alive)| Survival {
        share,
        resamples: alive as f64 / RESAMPLES as f64,
    })
    .collect()
}

/// Shares after all generations: each grows by the exponential of its payoff.
fn evolve(payoffs: &[Vec<f64>]) -> Vec<f64> {
    let mut shares = vec![1.0 / payoffs.len() as f64; payoffs.len()];
    for _ in 0..GENERATIONS {
        let payoff = |row: &Vec<f64>| -> f64 { row.iter().zip(&shares).map(|(a, x)| a * x).sum() };
        let gains: Vec<f64> = payoffs.iter().map(payoff).collect();
        let grown = shares.iter().zip(&gains).map(|(x, gain)| x * exp(*gain));
        let grown: Vec<f64> = grown.collect();
        let all: f64 = grown.iter().sum();
        shares = grown.into_iter().map(|it| it / all).collect();
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payoff matrix as logarithms of ratios of times, the same in every seed but for `noise`.
    fn of(payoffs: &[[f64; 3]; 3], noise: f64) -> Vec<Survival> {
        let seeds = |payoff: f64| -> Vec<f64> {
            (0..8)
                .map(|it| noise * f64::from(it % 2 * 2 - 1) - payoff)
                .collect()
        };
        let mut all = BTreeMap::new();
        for (a, row) in payoffs.iter().enumerate() {
            for (b, payoff) in row.iter().enumerate().filter(|it| it.0 != a) {
                all.insert((a, b), seeds(*payoff));
            }
        }
        survival(3, &all.iter().map(|it| (*it.0, it.1)).collect())
    }

    #[test]
    fn what_is_faster_everywhere_takes_all() {
        let found = of(&[[0.0, 0.1, 0.1], [-0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]], 0.01);
        assert!(found[0].share > 0.999, "{found:?}");
        assert!((found[0].resamples - 1.0).abs() < 1e-12, "{found:?}");
        assert!(found[1].resamples < 1e-12 && found[2].resamples < 1e-12);
    }

    /// Hawks and doves: payoffs 1 among the other kind, 0 among its own; half of each is stable. The third
    /// loses to both.
    #[test]
    fn two_that_gain_from_each_other_share() {
        let found = of(&[[0.0, 0.2, 0.1], [0.2, 0.0, 0.1], [-0.2, -0.2, 0.0]], 0.0);
        assert!((found[0].share - 0.5).abs() < 1e-6, "{found:?}");
        assert!((found[1].share - 0.5).abs() < 1e-6, "{found:?}");
        assert!(found[2].share < 1e-6, "{found:?}");
    }

    #[test]
    fn what_no_seed_tells_apart_survives_in_some_resamples() {
        let found = of(&[[0.0, 0.001, 0.1], [0.0, 0.0, 0.1], [0.0, -0.1, 0.0]], 0.2);
        assert!(
            found[0].resamples > 0.2 && found[1].resamples > 0.2,
            "{found:?}"
        );
        let whole: f64 = found.iter().map(|it| it.share).sum();
        assert!((whole - 1.0).abs() < 1e-9);
    }
}
