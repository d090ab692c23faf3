//! `lab sweep`, and the sweeps of a plan.

mod quick;

use std::path::Path;

use super::Failure;
use super::args::{self, PlanArgs};
use super::parts::Part;
use crate::findings::analysis::sweep::{Point, Response};
use crate::plan::{Plan, Sweep, load};
use crate::run::engine::EngineError;
use crate::run::store::Store;
use crate::run::unit::Unit;
pub(super) use quick::{SweepArgs, run};

/// The units of one point. The candidate is compared with itself in the plan, which is enough.
fn point(plan: Plan, folder: &Path) -> Result<Part, EngineError> {
    let mut part = Part::of(plan, folder)?;
    part.units.retain(|it| it.replica == 0);
    Ok(part)
}

/// The units of sweeps.
pub(super) fn parts(planned: &[Planned]) -> Vec<Part> {
    let points = planned.iter().flat_map(|it| &it.points);
    points.map(|it| it.1.clone()).collect()
}

/// A sweep with its units, by value.
pub(super) struct Planned {
    sweep: Sweep,
    points: Vec<(String, Part)>,
}

/// The sweeps of a plan, read before anything is run: a wrong key or value is to be known then.
pub(super) fn planned(
    name: &str,
    plan: &Plan,
    plan_args: &PlanArgs,
) -> Result<Vec<Planned>, Failure> {
    let mut all = Vec::new();
    if plan.sweeps.is_empty() {
        return Ok(all);
    }
    let (file, text, folder) = args::plan_text(name)?;
    for sweep in &plan.sweeps {
        let mut points = Vec::new();
        for value in &sweep.values {
            let mut changes = plan_args.changes();
            changes.set.push(format!("{}={value}", sweep.key));
            changes.policies.extend(sweep.contrasts.clone());
            // Scenarios that an option left out of the plan are left out of its sweeps too.
            let left = |it: &&String| plan.scenarios.iter().any(|own| own.name == **it);
            changes
                .scenarios
                .extend(sweep.scenarios.iter().filter(left).cloned());
            changes.seeds = changes.seeds.or(sweep.seeds);
            let wrong = |it: String| {
                Failure::usage(format!("{file}, sweep {:?} at {value}: {it}", sweep.name))
            };
            let mut plan = load(&file, &text, &changes).map_err(|it| wrong(it.to_string()))?;
            plan.keep_ends_of_adoption();
            let part = point(plan, &folder).map_err(|it| wrong(it.to_string()))?;
            points.push((value.clone(), part));
        }
        let units = |value: &str| -> Vec<&Unit> {
            let of_it = points.iter().filter(|it| it.0 == value);
            of_it.flat_map(|it| &it.1.units).collect()
        };
        if let Some([one, other]) = same_runs(&sweep.values, units) {
            return Err(Failure::usage(format!(
                "{file}, sweep {:?}: {one} and {other} give the same runs; leave one out, or sweep another key",
                sweep.name
            )));
        }
        all.push(Planned {
            sweep: sweep.clone(),
            points,
        });
    }
    Ok(all)
}

/// The first two values that give the same runs, for example `1 MiB` and `1024 KiB`, or any two of a
/// key that runs do not depend on. `units` are those at a value.
fn same_runs<'a, 'b>(
    values: &'a [String],
    units: impl Fn(&str) -> Vec<&'b Unit>,
) -> Option<[&'a str; 2]> {
    let runs: Vec<Vec<&str>> = values
        .iter()
        .map(|it| units(it).iter().map(|it| it.id.as_str()).collect())
        .collect();
    let pairs = (0..runs.len()).flat_map(|at| (0..at).map(move |before| (before, at)));
    let mut same = pairs.filter(|(before, at)| runs[*before] == runs[*at]);
    same.next()
        .map(|(before, at)| [&*values[before], &*values[at]])
}

/// The figures of the sweeps of a plan, once all their units are in the store.
pub(super) fn responses(planned: Vec<Planned>, store: &Store) -> Result<Vec<Response>, Failure> {
    let mut all = Vec::new();
    for it in planned {
        let mut points = Vec::new();
        for (value, part) in it.points {
            points.push(Point::of(&part.plan, &part.analyse(store)?, &value));
        }
        all.push(Response {
            sweep: it.sweep,
            points,
        });
    }
    Ok(all)
}
