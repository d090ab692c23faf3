//! From runs to comparisons. Runs are paired by seed; there is one estimate for each scenario,
//! baseline, adoption and group.

mod average;
mod classes;
mod compare;
mod comparison;
mod doses;
mod ladder;
mod levels;
mod overall;
mod pictures;
mod quantity;
mod runs;
mod statement;
mod steady;
pub mod sweep;
mod window;

use rayon::prelude::*;

pub use average::{Average, average};
pub use classes::{Class, Fairness, MEASURES, Measure};
pub use compare::{Paired, paired_logs, pairs};
pub use comparison::{Comparison, Finding, Key, LogRatio, Sides, Verdicts, answers};
pub use doses::{Dose, DoseTimes};
pub use ladder::{Ladder, MeanStep, Step};
pub use levels::{Level, LevelKind};
pub use overall::{Overall, overall};
pub use pictures::{Bytes, Completion, Matrix, Moment, Pictures, causes, lost};
pub use quantity::Quantity;
pub use runs::{RunRow, Runs};
pub use statement::{Statement, by_adoption, statement, statements};
pub use steady::Warmup;
pub use window::Window;

use crate::findings::stats::bootstrap::Resamples;
use crate::plan::{Method, Plan};
use sweep::Response;

/// All results of a plan.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// One row per run.
    pub runs: Vec<RunRow>,
    /// Figures of each policy by itself, by scenario.
    pub levels: Vec<Level>,
    /// Paired comparisons, including those of the candidate with itself (A/A).
    pub comparisons: Vec<Comparison>,
    /// The claim over all scenarios.
    pub overall: Vec<Overall>,
    /// Access classes under each policy.
    pub classes: Vec<Class>,
    /// Fairness of swarms of the candidate and of the baseline.
    pub fairness: Vec<Fairness>,
    /// Times in the pure swarms of scenarios with outsiders.
    pub doses: Vec<Dose>,
    /// The warm-up of each steady scenario.
    pub warmups: Vec<Warmup>,
    /// The steps of the plan's ladder, if it has one.
    pub ladder: Ladder,
    /// Results of the plan's sweeps, whose runs are separate.
    pub sweeps: Vec<Response>,
    /// Data for the figures.
    pub pictures: Pictures,
}

/// Key of the bootstrap's random stream. It is fixed, so that resamples do not depend on the master
/// seed.
const BOOTSTRAP_SEED: u64 = 0x756e_6368_6f6b_6521;

fn resamples(plan: &Plan, seeds: u32) -> Resamples {
    let count = match plan.method {
        Method::Student => 0,
        Method::Studentised | Method::Bca => plan.resamples,
    };
    Resamples::new(BOOTSTRAP_SEED, seeds as usize, count)
}

impl Analysis {
    /// Analyses the runs of `plan`, scenario by scenario. `load` reads the runs of one scenario, so
    /// that only one scenario is in memory at a time.
    pub fn of<E>(plan: &Plan, mut load: impl FnMut(usize) -> Result<Runs, E>) -> Result<Self, E> {
        let mut analysis = Self::default();
        for scenario in 0..plan.scenarios.len() {
            let mut runs = load(scenario)?;
            if plan.scenarios[scenario].steady {
                let warmup = steady::warmup(plan, scenario, &runs);
                runs.count_within(warmup.window);
                analysis.warmups.push(warmup);
            }
            let resamples = resamples(plan, plan.seeds_of(scenario));
            analysis.runs.extend(runs.rows(plan));
            analysis
                .levels
                .extend(levels::levels(plan, scenario, &runs));
            analysis
                .classes
                .extend(classes::classes(plan, scenario, &runs));
            analysis
                .fairness
                .extend(classes::fairness(plan, scenario, &runs));
            analysis.doses.extend(doses::doses(plan, scenario, &runs));
            let questions = compare::questions(plan, scenario);
            let answers: Vec<Vec<Comparison>> = questions
                .into_par_iter()
                .map(|it| it.answer(plan, &runs, &resamples))
                .collect();
            analysis.comparisons.extend(answers.into_iter().flatten());
            analysis.ladder.add(plan, scenario, &runs, &resamples);
            analysis.pictures.add(plan, scenario, &runs);
        }
        if !plan.ladder.is_empty() {
            analysis.ladder.finish(plan);
        }
        analysis.overall = overall(plan, &analysis.comparisons);
        Ok(analysis)
    }

    /// The A/A comparisons that are not exactly zero. There must be none.
    #[must_use]
    pub fn broken_twins(&self) -> Vec<&Comparison> {
        let broken = |it: &&Comparison| it.of.contrast.is_none() && !it.is_zero();
        self.comparisons.iter().filter(broken).collect()
    }
}
