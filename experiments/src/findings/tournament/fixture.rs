//! The meetings of a tournament and the units that they need.

use super::Tournament;
use crate::plan::{Adoption, Percent};
use crate::run::engine::{Engine, EngineError};
use crate::run::expand::unit;
use crate::run::unit::{Mix, Unit};

/// Which policies run in a swarm. Numbers are indices of [`Tournament::contenders`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fixture {
    /// All peers run this contender's policy.
    Pure(usize),
    /// A few peers run the first, see [`Tournament::few`], all others the second.
    Few(usize, usize),
    /// Half of the peers run the first, the others the second. The halves are the same peers whoever
    /// meets: with first and second exchanged, so are the halves.
    Half(usize, usize),
}

impl Fixture {
    /// The contender whose plan contains it; see [`Tournament::plan_of`].
    #[must_use]
    pub const fn host(self) -> usize {
        match self {
            Self::Pure(at) | Self::Few(at, _) | Self::Half(at, _) => at,
        }
    }
}

/// One run of a tournament.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The policies in the swarm.
    pub fixture: Fixture,
    /// The unit in the plan of [`Fixture::host`].
    pub unit: Unit,
}

/// The fixtures of contender `at`: pure, a few among each other, and half and half with each.
fn fixtures(at: usize, count: usize) -> Vec<Fixture> {
    let others = || (0..count).filter(|it| *it != at);
    let few = others().map(|it| Fixture::Few(at, it));
    let half = others().map(|it| Fixture::Half(at, it));
    std::iter::once(Fixture::Pure(at))
        .chain(few)
        .chain(half)
        .collect()
}

fn mix(fixture: Fixture, few: Adoption) -> Mix {
    // Position among the others, once the host is taken out.
    let among = |host: usize, other: usize| if other < host { other } else { other - 1 };
    match fixture {
        Fixture::Pure(_) => Mix::Candidate,
        Fixture::Few(host, other) => Mix::Mixed(among(host, other), few),
        Fixture::Half(host, other) => {
            Mix::Mixed(among(host, other), Adoption::Share(Percent::FIFTY))
        }
    }
}

/// The runs that contender `at` hosts, by scenario, then seed, then fixture.
pub fn matches(
    tournament: &Tournament,
    at: usize,
    engine: &dyn Engine,
) -> Result<Vec<Match>, EngineError> {
    let plan = tournament.plan_of(at);
    let mut all = Vec::new();
    for scenario in 0..plan.scenarios.len() {
        for seed in 0..tournament.seeds() {
            for fixture in fixtures(at, tournament.contenders().len()) {
                let unit = unit(
                    &plan,
                    engine,
                    scenario,
                    seed,
                    (mix(fixture, tournament.few()), 0),
                )?;
                all.push(Match { fixture, unit });
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::toy::{Toy, plan};
    use std::collections::BTreeSet;

    #[test]
    fn everybody_meets_everybody_from_both_sides() {
        let tournament = Tournament::new(plan()).expect("a tournament");
        let toy = Toy {
            upload: 50,
            time: 100,
            noise: 2,
        };
        let mut seen = BTreeSet::new();
        for at in 0..3 {
            for it in matches(&tournament, at, &toy).expect("units") {
                assert!(
                    seen.insert((it.fixture, it.unit.scenario, it.unit.seed_index)),
                    "{it:?} twice"
                );
            }
        }
        // Three pure, six with a few, six half and half; two scenarios of 24 seeds.
        assert_eq!(seen.len(), 15 * 2 * 24);
        // What the plan runs must be what the fixture says.
        let hosted = matches(&tournament, 1, &toy).expect("units");
        for it in hosted {
            let plan = tournament.plan_of(1);
            let name = it.unit.mix_name(&plan);
            match it.fixture {
                Fixture::Pure(at) => assert_eq!(name, tournament.contenders()[at].name),
                Fixture::Few(one, other) | Fixture::Half(one, other) => {
                    let [one, other] = [one, other].map(|at| &tournament.contenders()[at].name);
                    assert_eq!(name, format!("{one} in {other}"));
                }
            }
        }
    }
}
