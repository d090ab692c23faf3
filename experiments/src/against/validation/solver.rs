//! Effect of the fast link solver, or of the windows engine, on completion times: runs each built-in
//! scenario, made small, with both solvers or engines and the same seeds.
//!
//! A swarm is chaotic: a rate that differs in the tenth digit changes a choice, and from then on
//! two runs differ. So the effect is a mean over many seeds, with an interval. In the mean over all
//! scenarios, each scenario has the same weight.

use rayon::prelude::*;
use unchoke_sim::result::{NodeResult, RunResult};
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::world;

use super::judge::{Limits, Verdict, judge};
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::math::{exp, figure, ln};
use crate::findings::stats::moments::mean;
use crate::findings::table::Table;
use crate::run::engine::EngineError;
use crate::run::runner::RunError;

/// What is compared with what is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The fast link solver, `network.solver`.
    Solver,
    /// The windows engine, `network.engine`.
    Engine,
}

impl Compared {
    /// Largest change of the mean completion time allowed, as a share.
    #[must_use]
    pub const fn most(self) -> f64 {
        match self {
            Self::Solver => 0.001,
            Self::Engine => 0.02,
        }
    }

    /// The key of a scenario, and the word for what is compared.
    #[must_use]
    pub const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Solver => ("solver", "fast"),
            Self::Engine => ("engine", "windows"),
        }
    }
}

/// Overrides that make the scenarios small, so that thousands of runs are affordable.
pub const SMALL: [&str; 3] = ["peers=20", "size=5 MiB", "piece=64 KiB"];

/// First seed; the others follow.
const FIRST_SEED: u64 = 1;

/// The effect in one scenario, or in all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Name of the scenario; `all` for the mean over all of them.
    pub scenario: String,
    /// Mean completion time divided by that with the exact solver or engine, minus 1.
    pub effect: f64,
    /// 95 % interval of the effect.
    pub interval: (f64, f64),
    /// Verdict against [`Compared::most`].
    pub verdict: Verdict,
}

/// Compares solvers or engines in these built-in scenarios with this many seeds, on `jobs` threads (0 for
/// one per core). With several scenarios, the last row is the mean over all of them.
pub fn effects(
    compared: Compared,
    scenarios: &[&str],
    seeds: u32,
    jobs: usize,
) -> Result<Vec<Effect>, RunError> {
    let (key, word) = compared.key();
    let mut tasks = Vec::new();
    for name in scenarios {
        let scenario = |word: &str| {
            let mut sets = SMALL.map(str::to_owned).to_vec();
            sets.push(format!("network.{key}={word}"));
            let scenario = Scenario::builtin(name, &sets);
            scenario.map_err(|it| EngineError(it.to_string()))
        };
        let both = [scenario(word)?, scenario("exact")?];
        let seeds = FIRST_SEED..FIRST_SEED + u64::from(seeds);
        tasks.extend(seeds.map(|seed| (seed, both.clone())));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let logs = pool.install(|| {
        let ratios = tasks.par_iter().map(|(seed, both)| {
            let time = |at: usize| log_time(&both[at], *seed);
            Ok::<f64, RunError>(time(0)? - time(1)?)
        });
        ratios.collect::<Result<Vec<f64>, _>>()
    })?;
    let seeds = usize::try_from(seeds).expect("a count");
    let each: Vec<&[f64]> = logs.chunks(seeds).collect();
    let rows = scenarios.iter().zip(&each);
    let effect = |name: &str, logs: &[f64]| effect(compared.most(), name, logs);
    let mut rows: Vec<Effect> = rows.map(|(name, logs)| effect(name, logs)).collect();
    if scenarios.len() > 1 {
        // Runs of the same seed in two scenarios may be correlated. So average over scenarios
        // first: one number per seed.
        let of_seed = |at: usize| mean(&each.iter().map(|it| it[at]).collect::<Vec<f64>>());
        let over_all: Vec<f64> = (0..seeds).map(of_seed).collect();
        rows.push(effect("all", &over_all));
    }
    Ok(rows)
}

/// One row per scenario; the README of the results describes the columns.
#[must_use]
pub fn csv(rows: &[Effect], seeds: u32) -> String {
    let mut out = Table::new(&["scenario", "seeds", "effect", "low", "high", "verdict"]);
    for it in rows {
        let figures = [it.effect, it.interval.0, it.interval.1].map(figure);
        let [effect, low, high] = figures;
        let (scenario, verdict) = (it.scenario.clone(), it.verdict.to_string());
        out.row([scenario, seeds.to_string(), effect, low, high, verdict]);
    }
    out.finish()
}

/// Logarithm of the mean completion time of one run.
fn log_time(scenario: &Scenario, seed: u64) -> Result<f64, EngineError> {
    let result = world::run(&expand(scenario, seed), None);
    let result = result.map_err(|it| EngineError(it.to_string()))?;
    Ok(ln(completion_time(&result)))
}

/// Mean completion time of the peers that completed, s.
fn completion_time(result: &RunResult) -> f64 {
    let times = result.completed().filter_map(NodeResult::download_time);
    mean(&times.map(|it| it.as_secs_f64()).collect::<Vec<f64>>())
}

fn effect(most: f64, scenario: &str, logs: &[f64]) -> Effect {
    let estimate = t_estimate(logs);
    let share = |it: f64| exp(it) - 1.0;
    let interval = (share(estimate.ci95.0), share(estimate.ci95.1));
    let limits = Limits {
        point: Some(0.0),
        low: -most,
        high: most,
    };
    Effect {
        scenario: scenario.to_owned(),
        effect: share(estimate.value),
        interval,
        verdict: judge(interval, &limits),
    }
}
