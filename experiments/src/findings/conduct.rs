//! From the unit files of a plan to its results, for every command that makes results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::findings::analysis::{Analysis, Runs};
use crate::plan::{Plan, count};
use crate::run::engine::Engine;
use crate::run::store::{Found, Store, StoreError};
use crate::run::unit::{Unit, distinct};

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// Some unit files are missing.
    #[error(
        "{missing} of {} {} missing, the first is {first}; run the plan again to add what is missing",
        count(*total, "unit"),
        are(*missing)
    )]
    Missing {
        /// Number of units without a valid file.
        missing: usize,
        /// Number of units of the plan.
        total: usize,
        /// Id of the first missing unit.
        first: String,
    },
    /// Some unit files were truncated or changed.
    #[error(
        "{damaged} of {} {} damaged, the first is {}{}; copy it again from the machine that \
         made it, or run the plan again to make it anew",
        count(*total, "unit"),
        are(*damaged),
        file.display(),
        besides(*missing)
    )]
    Damaged {
        /// Number of units with a damaged file and no valid one.
        damaged: usize,
        /// Number of units without a file.
        missing: usize,
        /// Number of units of the plan.
        total: usize,
        /// The first damaged file.
        file: PathBuf,
    },
    /// Another version of the engine wrote a unit file.
    #[error(
        "unit {unit} was made by engine {found}, this is engine {own}: results of two versions are \
         not mixed; run the plan again"
    )]
    Mixed {
        /// Id of the unit.
        unit: String,
        /// Engine version in the file.
        found: String,
        /// Engine version of this program.
        own: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The candidate compared with itself differed from zero.
    #[error(
        "the A/A comparison is not exactly zero in {scenario} ({quantity}): the engine is not \
         deterministic"
    )]
    Twins {
        /// The scenario.
        scenario: String,
        /// Name of the quantity that differed.
        quantity: &'static str,
    },
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn besides(missing: usize) -> String {
    match missing {
        0 => String::new(),
        missing => format!("; {missing} more {} missing", are(missing)),
    }
}

impl Unfinished {
    /// What hinders if units are `missing` or have `damaged` files, of `total` units; one of both is not empty.
    #[must_use]
    pub fn of(missing: &[String], damaged: &[PathBuf], total: usize) -> Self {
        match damaged.first() {
            Some(file) => Self::Damaged {
                damaged: damaged.len(),
                missing: missing.len(),
                total,
                file: file.clone(),
            },
            None => Self::Missing {
                missing: missing.len(),
                total,
                first: missing[0].clone(),
            },
        }
    }
}

/// Reads all units of `plan` and analyses them. Fails if a unit is missing or from another engine
/// version.
pub fn analyse(
    plan: &Plan,
    units: &[Unit],
    engine: &dyn Engine,
    store: &Store,
) -> Result<Analysis, Unfinished> {
    let analysis = Analysis::of(plan, |scenario| load_runs(units, engine, store, scenario))?;
    if let Some(it) = analysis.broken_twins().first() {
        return Err(Unfinished::Twins {
            scenario: plan.scenarios[it.of.scenario].name.clone(),
            quantity: it.of.quantity.id(),
        });
    }
    Ok(analysis)
}

/// Reads the runs of one scenario. Fails if a unit is missing or from another engine version.
pub fn load_runs(
    units: &[Unit],
    engine: &dyn Engine,
    store: &Store,
    scenario: usize,
) -> Result<Runs, Unfinished> {
    let mut runs = Runs::default();
    for unit in units.iter().filter(|it| it.scenario == scenario) {
        match store.read(unit)? {
            Found::Valid(outcome) => runs.insert(unit.clone(), *outcome),
            Found::OtherEngine(found) => {
                let (unit, own) = (unit.id.clone(), engine.version());
                return Err(Unfinished::Mixed { unit, found, own });
            }
            Found::Missing | Found::Corrupt => return Err(gaps(units, store)?),
        }
    }
    Ok(runs)
}

fn gaps(units: &[Unit], store: &Store) -> Result<Unfinished, StoreError> {
    let (mut missing, mut damaged) = (Vec::new(), Vec::new());
    let runs = distinct(units);
    for unit in &runs {
        match store.read(unit)? {
            Found::Missing => missing.push(unit.id.clone()),
            Found::Corrupt => damaged.push(store.path(unit)),
            Found::Valid(_) | Found::OtherEngine(_) => {}
        }
    }
    Ok(Unfinished::of(&missing, &damaged, runs.len()))
}

/// Copies unit files from other folders into `to`. Two files of the same unit must be equal. Gives
/// the damaged files among them by unit.
pub fn gather(
    units: &[Unit],
    engine: &str,
    from: &[&Path],
    to: &Store,
) -> Result<BTreeMap<String, PathBuf>, Unfinished> {
    let mut damaged = BTreeMap::new();
    for folder in from {
        let source = Store::at(folder, engine);
        for unit in units {
            match source.read(unit)? {
                Found::Valid(outcome) => to.write(unit, &outcome)?,
                Found::OtherEngine(found) => {
                    let (unit, own) = (unit.id.clone(), engine.to_owned());
                    return Err(Unfinished::Mixed { unit, found, own });
                }
                Found::Corrupt => {
                    damaged.insert(unit.id.clone(), source.path(unit));
                }
                Found::Missing => {}
            }
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::analysis::{Comparison, Quantity};
    use crate::findings::measure::Group;
    use crate::findings::toy::analysis;
    use crate::plan::{Adoption, Estimand};
    use crate::run::expand::expand;
    use crate::run::runner::{Done, Options, Silent, run};
    use crate::run::toy::{Toy, plan};
    use crate::show::output::Files;

    const TOY: Toy = Toy {
        upload: 50,
        time: 100,
        noise: 2,
    };

    fn options(jobs: usize, force: bool) -> Options {
        Options { jobs, force }
    }

    fn results(toy: Toy, jobs: usize) -> Files {
        let folder = tempfile::tempdir().expect("folder");
        let plan = plan();
        let units = expand(&plan, &toy).expect("units");
        let store = Store::open(folder.path(), &toy.version()).expect("store");
        run(&plan, &units, &toy, &store, options(jobs, false), &Silent).expect("runs");
        let analysis = analyse(&plan, &units, &toy, &store).expect("analysis");
        Files::of(&plan, &analysis)
    }

    fn find(
        analysis: &Analysis,
        quantity: Quantity,
        group: Group,
        adoption: Adoption,
    ) -> &Comparison {
        let wanted = |it: &&Comparison| {
            it.of.quantity == quantity
                && it.of.group == group
                && it.of.adoption == adoption
                && it.of.scenario == 0
                && it.of.contrast == Some(0)
        };
        analysis
            .comparisons
            .iter()
            .find(wanted)
            .expect("the comparison")
    }

    #[test]
    fn shared_units_run_once() {
        let units = expand(&plan(), &TOY).expect("units");
        // Units per seed and scenario: 2 baselines, 2 x 2 mixed, and the candidate twice.
        assert_eq!(units.len(), 2 * 24 * 8);
        let one = &units[0].id;
        assert_eq!(
            (one.len(), units.iter().filter(|it| it.id == *one).count()),
            (32, 1)
        );
    }

    #[test]
    fn one_and_two_threads_give_the_same_bytes() {
        let first = results(TOY, 1);
        let second = results(TOY, 2);
        assert_eq!(first, second);
        assert_eq!(first.hash().len(), 64);
        let other = Toy { upload: 51, ..TOY };
        let other = Files::of(&plan(), &analysis(other));
        assert_ne!(first.hash(), other.hash());
    }

    #[test]
    fn a_planted_saving_is_found_and_time_kept() {
        let analysis = analysis(TOY);
        let e1 = Quantity::Saving(Estimand::E1);
        let saving = find(&analysis, e1, Group::Adopters, Adoption::One);
        assert!((saving.estimate.value - 0.5).abs() < 0.01, "{saving:?}");
        assert_eq!(saving.words()[0], "supported");
        assert_eq!(saving.words()[1], "saves");
        let others = find(&analysis, e1, Group::Others, Adoption::One);
        assert!(others.estimate.value.abs() < 0.01, "{others:?}");
        let all = find(&analysis, e1, Group::All, Adoption::ALL);
        assert_eq!(all.method.name(), "Student t");
        // Both mixes share their arrivals, so pairing must reduce the variance.
        let time = find(&analysis, Quantity::Time, Group::All, Adoption::ALL);
        assert!(time.pairing.variance_reduction > 0.5, "{time:?}");
    }

    #[test]
    fn a_planted_slowdown_is_called_degraded() {
        let analysis = analysis(Toy { time: 150, ..TOY });
        let e1 = Quantity::Saving(Estimand::E1);
        let saving = find(&analysis, e1, Group::All, Adoption::ALL);
        assert_eq!(saving.words()[1], "saves but degrades");
        assert_eq!(saving.words()[2], "degraded");
        let time = find(&analysis, Quantity::Time, Group::All, Adoption::ALL);
        assert!((time.estimate.value - 1.5).abs() < 0.02, "{time:?}");
    }

    #[test]
    fn the_candidate_against_itself_is_exactly_zero() {
        let analysis = analysis(TOY);
        let twins: Vec<_> = analysis
            .comparisons
            .iter()
            .filter(|it| it.of.contrast.is_none())
            .collect();
        assert_eq!(twins.len(), 2 * 7);
        assert!(twins.iter().all(|it| it.is_zero()));
        assert!(analysis.broken_twins().is_empty());
    }

    #[test]
    fn resume_runs_what_is_missing_and_force_compares() {
        let folder = tempfile::tempdir().expect("folder");
        let plan = plan();
        let units = expand(&plan, &TOY).expect("units");
        let store = Store::open(folder.path(), "toy").expect("store");
        let half = &units[..100];
        run(&plan, half, &TOY, &store, options(1, false), &Silent).expect("half");
        let refused = analyse(&plan, &units, &TOY, &store);
        assert!(
            matches!(refused, Err(Unfinished::Missing { missing: 284, .. })),
            "{refused:?}"
        );
        let done = run(&plan, &units, &TOY, &store, options(2, false), &Silent).expect("rest");
        assert_eq!(
            done,
            Done {
                ran: 284,
                kept: 100
            }
        );
        let done = run(&plan, &units, &TOY, &store, options(2, true), &Silent).expect("again");
        assert_eq!(done, Done { ran: 384, kept: 0 });
    }

    #[test]
    fn shards_together_are_the_whole() {
        let plan = plan();
        let units = expand(&plan, &TOY).expect("units");
        let folders = [(); 3].map(|()| tempfile::tempdir().expect("folder"));
        for (at, folder) in folders.iter().enumerate() {
            let shard = crate::run::unit::Shard {
                index: at + 1,
                count: 3,
            };
            let store = Store::open(folder.path(), "toy").expect("store");
            let part: Vec<Unit> = units
                .iter()
                .enumerate()
                .filter(|it| shard.holds(it.0))
                .map(|it| it.1.clone())
                .collect();
            run(&plan, &part, &TOY, &store, options(1, false), &Silent).expect("share");
        }
        let target = tempfile::tempdir().expect("folder");
        let store = Store::open(target.path(), "toy").expect("store");
        gather(
            &units,
            "toy",
            &[folders[0].path(), folders[1].path()],
            &store,
        )
        .expect("two");
        assert!(matches!(
            analyse(&plan, &units, &TOY, &store),
            Err(Unfinished::Missing { .. })
        ));
        gather(
            &units,
            "toy",
            &[folders[1].path(), folders[2].path()],
            &store,
        )
        .expect("third");
        let merged = analyse(&plan, &units, &TOY, &store).expect("whole");
        assert_eq!(
            Files::of(&plan, &merged).hash(),
            Files::of(&plan, &analysis(TOY)).hash()
        );
    }

    #[test]
    fn a_general_claim_is_settled_over_the_scenarios() {
        let analysis = analysis(TOY);
        let files = Files::of(&plan(), &analysis);
        // Five estimands, two baselines, three adoptions.
        assert_eq!(analysis.overall.len(), 30);
        let cost = analysis
            .overall
            .iter()
            .find(|it| it.estimand == Estimand::E3);
        assert_eq!(cost.expect("E3").size.word(), "refuted");
        let summary = files.get("summary.csv").expect("written");
        assert!(summary.lines().count() > 100);
        assert!(
            !summary.contains("NaN") && !summary.contains("inf"),
            "figures or nothing"
        );
    }
}
