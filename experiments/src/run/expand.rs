//! Expands a plan into units.

use sha2::{Digest as _, Sha256};

use crate::plan::{Adoption, Plan};
use crate::run::engine::{Engine, EngineError};
use crate::run::unit::{Mix, SCHEMA, Unit, pure_mixes};

/// The unit of `mix` and `replica` in a scenario of `plan` with a seed.
pub fn unit(
    plan: &Plan,
    engine: &dyn Engine,
    scenario: usize,
    seed_index: u32,
    (mix, replica): (Mix, u8),
) -> Result<Unit, EngineError> {
    let mut unit = Unit {
        id: String::new(),
        scenario,
        seed_index,
        run_seed: plan.run_seed(seed_index),
        mix,
        replica,
    };
    unit.id = id(&engine.identity(plan, &unit)?, replica);
    Ok(unit)
}

/// The units of `plan` by scenario, then seed, then mix. A pure swarm appears once, even if several
/// contrasts need it. If two adoptions mean the same number of peers, their two units are the same
/// run, with one id and one file.
pub fn expand(plan: &Plan, engine: &dyn Engine) -> Result<Vec<Unit>, EngineError> {
    let mut units = Vec::new();
    for scenario in 0..plan.scenarios.len() {
        for seed_index in 0..plan.seeds_of(scenario) {
            for mix in mixes(plan) {
                units.push(unit(plan, engine, scenario, seed_index, mix)?);
            }
        }
    }
    Ok(units)
}

fn mixes(plan: &Plan) -> Vec<(Mix, u8)> {
    let mut mixes = Vec::new();
    mixes.extend(pure_mixes(plan).into_iter().map(|it| (it, 0)));
    for (contrast, it) in plan.contrasts.iter().enumerate() {
        let shares = it.adoption.iter().filter(|it| **it != Adoption::ALL);
        mixes.extend(shares.map(|it| (Mix::Mixed(contrast, *it), 0)));
    }
    mixes.push((Mix::Candidate, 1));
    mixes
}

fn id(identity: &str, replica: u8) -> String {
    let text = format!("unchoke unit {SCHEMA} replica {replica}\n{identity}");
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}
