//! The swarm by formula, analysed, for tests of everything behind the analysis.

use crate::findings::analysis::{Analysis, Runs};
use crate::plan::Plan;
use crate::run::engine::{Engine as _, EngineError};
use crate::run::expand::expand;
use crate::run::toy::{Toy, plan};

/// The toy plan, run and analysed.
pub(crate) fn analysed() -> (Plan, Analysis) {
    let toy = Toy {
        upload: 40,
        time: 108,
        noise: 5,
    };
    (plan(), analysis(toy))
}

/// The toy plan, run in memory: hundreds of files, each synced, would take the tests' time.
pub(crate) fn analysis(toy: Toy) -> Analysis {
    analysis_of(&plan(), toy)
}

/// Likewise, of another plan.
pub(crate) fn analysis_of(plan: &Plan, toy: Toy) -> Analysis {
    let units = expand(plan, &toy).expect("units");
    let loaded = Analysis::of(plan, |scenario| {
        let mut runs = Runs::default();
        for unit in units.iter().filter(|it| it.scenario == scenario) {
            runs.insert(unit.clone(), toy.run(plan, unit)?);
        }
        Ok::<Runs, EngineError>(runs)
    });
    loaded.expect("the toy runs")
}
