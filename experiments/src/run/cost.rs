//! What a plan costs before it is run: one seed of every pure mix is timed, mixtures are taken to
//! cost what their parts cost.

use std::time::Instant;

use rayon::prelude::*;

use crate::plan::{Adoption, Plan};
use crate::run::engine::Engine;
use crate::run::runner::{RunError, run_one};
use crate::run::unit::{Mix, Unit};

/// Cost of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioCost {
    /// Position in the plan's scenarios.
    pub scenario: usize,
    /// Units.
    pub units: usize,
    /// Units that are not there yet.
    pub missing: usize,
    /// Time of one thread for the missing ones, seconds.
    pub seconds: f64,
}

/// Seconds that one run of a pure mix took.
type Sample = ((usize, Mix), f64);

/// Times one seed of each pure mix of each scenario, on `jobs` threads (0 for one a core), and
/// adds up what the `missing` units cost. `missing` says of each unit whether it is.
pub fn estimate(
    plan: &Plan,
    units: &[Unit],
    missing: &[bool],
    engine: &dyn Engine,
    jobs: usize,
) -> Result<Vec<ScenarioCost>, RunError> {
    let probes: Vec<&Unit> = units.iter().filter(|it| is_probe(it)).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let time = |unit: &&Unit| -> Result<Sample, RunError> {
        let clock = Clock::start();
        run_one(plan, unit, engine)?;
        Ok(((unit.scenario, unit.mix), clock.seconds()))
    };
    let samples: Vec<Sample> = pool.install(|| {
        let probes = probes.par_iter().with_max_len(1);
        probes.map(time).collect::<Result<_, _>>()
    })?;
    Ok(add_up(plan, units, missing, &samples))
}

/// Time of this thread on a processor, where the system tells (Linux does), so that a busy machine
/// does not look like a long plan; elsewhere the time that passes.
struct Clock {
    passed: Instant,
    on_cpu_ns: Option<u64>,
}

impl Clock {
    fn start() -> Self {
        Self {
            passed: Instant::now(),
            on_cpu_ns: Self::on_cpu_ns(),
        }
    }

    fn seconds(&self) -> f64 {
        let on_cpu = self.on_cpu_ns.zip(Self::on_cpu_ns());
        on_cpu.map_or_else(
            || self.passed.elapsed().as_secs_f64(),
            |(before, now)| (now - before) as f64 / 1e9,
        )
    }

    /// First field of the scheduler's account of the thread: nanoseconds on a processor.
    fn on_cpu_ns() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace().next()?.parse().ok()
    }
}

fn is_probe(unit: &Unit) -> bool {
    let pure = !matches!(unit.mix, Mix::Mixed(..));
    pure && unit.seed_index == 0 && unit.replica == 0
}

fn add_up(plan: &Plan, units: &[Unit], missing: &[bool], samples: &[Sample]) -> Vec<ScenarioCost> {
    let of = |scenario: usize, mix: Mix| {
        let found = samples.iter().find(|it| it.0 == (scenario, mix));
        found.map_or(0.0, |it| it.1)
    };
    let cost = |unit: &Unit| match unit.mix {
        Mix::Mixed(baseline, adoption) => {
            let share = match adoption {
                Adoption::One => 0.0,
                Adoption::Share(share) => share.fraction(),
            };
            let rest = of(unit.scenario, Mix::Baseline(baseline));
            share * of(unit.scenario, Mix::Candidate) + (1.0 - share) * rest
        }
        pure => of(unit.scenario, pure),
    };
    let each = (0..plan.scenarios.len()).map(|scenario| {
        let here = units.iter().zip(missing);
        let here: Vec<(&Unit, bool)> = here
            .filter(|it| it.0.scenario == scenario)
            .map(|it| (it.0, *it.1))
            .collect();
        let lacking = || here.iter().filter(|it| it.1);
        ScenarioCost {
            scenario,
            units: here.len(),
            missing: lacking().count(),
            seconds: lacking().map(|it| cost(it.0)).sum(),
        }
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::expand::expand;
    use crate::run::toy::{Toy, plan};

    #[test]
    fn mixtures_cost_what_their_parts_cost() {
        let toy = Toy {
            upload: 50,
            time: 100,
            noise: 2,
        };
        let plan = plan();
        let units = expand(&plan, &toy).expect("units");
        assert_eq!(units.iter().filter(|it| is_probe(it)).count(), 2 * 3);
        // A run of the candidate takes 4 s, one of a baseline 2 s.
        let samples: Vec<Sample> = units
            .iter()
            .filter(|it| is_probe(it))
            .map(|it| {
                let seconds = if it.mix == Mix::Candidate { 4.0 } else { 2.0 };
                ((it.scenario, it.mix), seconds)
            })
            .collect();
        let missing = vec![true; units.len()];
        let costs = add_up(&plan, &units, &missing, &samples);
        // Two baselines pure (2), with one adopter (2) and with half of them (3); the candidate
        // twice (4): 22 s a seed.
        for it in &costs {
            assert_eq!((it.units, it.missing), (24 * 8, 24 * 8));
            assert!((it.seconds - 24.0 * 22.0).abs() < 1e-9, "{it:?}");
        }
        let none = add_up(&plan, &units, &vec![false; units.len()], &samples);
        assert!(none.iter().all(|it| it.missing == 0 && it.seconds == 0.0));
        let timed = estimate(&plan, &units, &missing, &toy, 2).expect("the toy runs");
        // How long a toy takes is the machine's affair; that each mixture was timed is ours.
        assert!(timed.iter().all(|it| it.seconds.is_finite()));
        assert!(timed.iter().all(|it| it.missing == 24 * 8));
    }
}
