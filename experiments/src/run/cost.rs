//! Estimates the cost of a plan before it is run. One seed of every pure mix is timed; the cost of
//! a mixed swarm is computed from the costs of its parts.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::host::Clock;
use crate::plan::{Adoption, Plan};
use crate::run::engine::{Engine, EngineError};
use crate::run::expand::unit;
use crate::run::runner::{RunError, run_one};
use crate::run::unit::{Mix, Unit, distinct};

/// A pure mix in a scenario, and the seconds that one run of it took.
type Sample = ((usize, Mix), f64);

/// Seconds that timed runs took, by unit id.
pub type Known = BTreeMap<String, f64>;

/// Seconds of one thread for each of `units`, from one timed seed of each pure mix that they consist
/// of, in each scenario, on `jobs` threads (0 for one per core). Runs that are in `known` are not
/// timed again; those that are timed are added.
pub fn seconds_each(
    plan: &Plan,
    units: &[Unit],
    engine: &dyn Engine,
    jobs: usize,
    known: &mut Known,
) -> Result<Vec<f64>, RunError> {
    let probes = probes(plan, units, engine)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let time = |unit: &&Unit| -> Result<(String, f64), RunError> {
        let clock = Clock::start();
        run_one(plan, unit, engine)?;
        Ok((unit.id.clone(), clock.seconds()))
    };
    let new: Vec<&Unit> = distinct(&probes)
        .into_iter()
        .filter(|it| !known.contains_key(&it.id))
        .collect();
    let timed: Vec<(String, f64)> = pool.install(|| {
        let new = new.par_iter().with_max_len(1);
        new.map(time).collect::<Result<_, _>>()
    })?;
    known.extend(timed);
    let samples: Vec<Sample> = probes
        .iter()
        .map(|it| ((it.scenario, it.mix), known[&it.id]))
        .collect();
    Ok(units.iter().map(|it| cost(plan, it, &samples)).collect())
}

/// The runs to time: the first seed of each pure mix that occurs in `units`, alone or in a mixture.
fn probes(plan: &Plan, units: &[Unit], engine: &dyn Engine) -> Result<Vec<Unit>, EngineError> {
    let mut wanted = BTreeSet::new();
    for it in units {
        match it.mix {
            Mix::Mixed(contrast, _) => {
                let it_is = &plan.contrasts[contrast];
                wanted.insert((it.scenario, Mix::from(it_is.baseline)));
                if plan.pure_arms().contains(&it_is.candidate) {
                    wanted.insert((it.scenario, it_is.candidate.into()));
                }
            }
            pure => {
                wanted.insert((it.scenario, pure));
            }
        }
    }
    let probe = |(scenario, mix)| unit(plan, engine, scenario, 0, (mix, 0));
    wanted.into_iter().map(probe).collect()
}

fn cost(plan: &Plan, unit: &Unit, samples: &[Sample]) -> f64 {
    let of = |mix: Mix| {
        let found = samples.iter().find(|it| it.0 == (unit.scenario, mix));
        found.map_or(0.0, |it| it.1)
    };
    match unit.mix {
        Mix::Mixed(contrast, adoption) => {
            let share = match adoption {
                Adoption::One => 0.0,
                Adoption::Share(share) => share.fraction(),
            };
            let it = &plan.contrasts[contrast];
            let rest = of(it.baseline.into());
            // If no contrast needs a pure swarm of the candidate, assume that it costs as much as
            // the others.
            let has_own = plan.pure_arms().contains(&it.candidate);
            let treated = if has_own {
                of(it.candidate.into())
            } else {
                rest
            };
            share * treated + (1.0 - share) * rest
        }
        pure => of(pure),
    }
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
        let probes = probes(&plan, &units, &toy).expect("units");
        assert_eq!(probes.len(), 2 * 3);
        // A run of the candidate takes 4 s, one of a baseline 2 s.
        let samples: Vec<Sample> = probes
            .iter()
            .map(|it| {
                let seconds = if it.mix == Mix::Candidate { 4.0 } else { 2.0 };
                ((it.scenario, it.mix), seconds)
            })
            .collect();
        let seconds: Vec<f64> = units.iter().map(|it| cost(&plan, it, &samples)).collect();
        // Per seed: two pure baselines (2 s each), with one adopter (2 s each), with half of them
        // (3 s each), and the candidate twice (4 s each): 22 s.
        for scenario in 0..2 {
            let here = units.iter().zip(&seconds);
            let here = here.filter(|it| it.0.scenario == scenario);
            let here: Vec<f64> = here.map(|it| *it.1).collect();
            assert_eq!(here.len(), 24 * 8);
            assert!((here.iter().sum::<f64>() - 24.0 * 22.0).abs() < 1e-9);
        }
        // The times of toy runs depend on the machine. The test only checks that each mix was
        // timed.
        let mut known = Known::new();
        let timed = seconds_each(&plan, &units, &toy, 2, &mut known).expect("the toy runs");
        assert!(timed.len() == units.len() && timed.iter().all(|it| it.is_finite()));
        assert_eq!(known.len(), probes.len());
    }

    #[test]
    fn a_pure_swarm_is_timed_once_even_if_only_mixtures_contain_it() {
        let toy = Toy {
            upload: 50,
            time: 100,
            noise: 2,
        };
        let plan = plan();
        let mut units = expand(&plan, &toy).expect("units");
        units.retain(|it| it.scenario == 0 && it.mix == Mix::Mixed(0, plan.adoption[0]));
        assert_eq!(units.len(), 24);
        let own = probes(&plan, &units, &toy).expect("units");
        let mixes: Vec<Mix> = own.iter().map(|it| it.mix).collect();
        assert_eq!(mixes, [Mix::Baseline(0), Mix::Candidate]);
        // Everything is known: nothing is timed, and the known seconds are used.
        let mut known: Known = own.iter().map(|it| (it.id.clone(), 5.0)).collect();
        let seconds = seconds_each(&plan, &units, &toy, 1, &mut known).expect("nothing runs");
        assert!(
            seconds.iter().all(|it| (it - 5.0).abs() < 1e-9),
            "{seconds:?}"
        );
        assert_eq!(known.len(), 2);
        // One is known: the other is timed.
        known.remove(&own[1].id);
        seconds_each(&plan, &units, &toy, 1, &mut known).expect("the toy runs");
        assert_eq!(known.len(), 2);
    }
}
