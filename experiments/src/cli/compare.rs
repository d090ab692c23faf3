//! `lab compare`: one policy against every other. Intended as the first test of a new policy.

use std::path::Path;

use clap::Args;
use rayon::prelude::*;
use unchoke_core::choke::Entry;

use super::show::empty;
use super::{Exit, Failure, args, print};
use crate::findings::analysis::{Analysis, Comparison, Finding, Quantity, Runs};
use crate::findings::measure::Group;
use crate::plan::{Adoption, Changes, Contender, Estimand, Plan, policies};
use crate::run::expand::expand;
use crate::run::runner::{RunError, run_one};
use crate::run::swarm::Swarms;
use crate::run::unit::Unit;
use crate::show::words;

const PLAN: &str = include_str!("../../plans/compare.toml");

/// `lab compare`.
#[derive(Args, Clone, Debug)]
pub(super) struct CompareArgs {
    /// Id of the policy, as in `lab list`.
    policy: String,
    /// Compare only with this policy; may be repeated. Default: every policy that uploads.
    #[arg(long, value_name = "ID", num_args = 1..)]
    against: Vec<String>,
    /// Change the plan, e.g. `scenario.*.set.peers=100` or `scenario.0.source="decay"`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Use this number of paired seeds.
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
}

pub(super) fn compare(options: &CompareArgs) -> Result<Exit, Failure> {
    let plan = plan(options)?;
    let engine = Swarms::of(&plan, Path::new(""))?;
    let units = expand(&plan, &engine)?;
    let analysis = Analysis::of(&plan, |scenario| -> Result<Runs, RunError> {
        let here: Vec<&Unit> = units.iter().filter(|it| it.scenario == scenario).collect();
        let run = |it: &&Unit| Ok(((*it).clone(), run_one(&plan, it, &engine)?));
        let done: Vec<_> = here.par_iter().map(run).collect::<Result<_, RunError>>()?;
        let mut runs = Runs::default();
        for it in done {
            runs.insert(it.0, it.1);
        }
        Ok(runs)
    })?;
    if !analysis.broken_twins().is_empty() {
        return Err(Failure {
            exit: Exit::Broken,
            message: format!(
                "{} gave two results for one seed: it must depend on its own memory, the snapshot \
                 and its random stream alone",
                options.policy
            ),
        });
    }
    print(&table(&plan, &analysis))?;
    Ok(Exit::Done)
}

/// The built-in plan with the policy as candidate and the other policies as baselines.
fn plan(options: &CompareArgs) -> Result<Plan, Failure> {
    let own = policies::find(&options.policy).map_err(|it| Failure::usage(it.to_string()))?;
    if !own.uploads {
        let message = "a swarm of those that never upload gets nothing: no comparison is made";
        return Err(Failure::usage(message));
    }
    let changes = Changes {
        set: options.set.clone(),
        seeds: options.seeds,
        ..Changes::default()
    };
    let mut plan = args::built_in("lab compare", PLAN, &changes)?;
    plan.candidate = runs(own, &plan.candidate);
    let wanted = |it: &&Entry| {
        let named = options.against.iter().any(|id| id == it.id);
        it.uploads && it.id != own.id && (options.against.is_empty() || named)
    };
    let frame = plan.baselines.swap_remove(0);
    let baselines = policies::all().filter(wanted);
    plan.baselines = baselines.map(|it| runs(it, &frame)).collect();
    let unknown = |id: &&String| !plan.baselines.iter().any(|it| it.name == **id);
    if let Some(id) = options.against.iter().find(unknown) {
        let known = policies::all().filter(|it| it.uploads && it.id != own.id);
        let known: Vec<&str> = known.map(|it| it.id).collect();
        return Err(Failure::usage(format!(
            "--against {id}: no other policy that uploads; those are {}",
            known.join(", ")
        )));
    }
    plan.set_against_each();
    Ok(plan)
}

fn runs(it: &Entry, frame: &Contender) -> Contender {
    Contender {
        name: it.id.to_owned(),
        policy: it.id.to_owned(),
        ..frame.clone()
    }
}

fn table(plan: &Plan, analysis: &Analysis) -> String {
    let own = &plan.candidate.name;
    let (few, all) = (Adoption::minority(&plan.adoption), Adoption::ALL);
    let head = [
        "scenario".to_owned(),
        "against".to_owned(),
        format!("{own} as {}: upload saved [95 % CI]", words::adopts(few)),
        "their time, ratio".to_owned(),
        format!("all of {own}: bytes saved, E3"),
        "their time, ratio".to_owned(),
    ];
    let mut table = empty(&head);
    for scenario in 0..plan.scenarios.len() {
        for (contrast, it) in plan.contrasts.iter().enumerate() {
            let cell = |adoption, group, quantity| {
                let is = |it: &&Comparison| {
                    it.of.scenario == scenario
                        && it.of.contrast == Some(contrast)
                        && (it.of.adoption, it.of.group, it.of.quantity)
                            == (adoption, group, quantity)
                };
                let found = analysis.comparisons.iter().find(is);
                found.map_or(String::new(), |it| match &it.finding {
                    Finding::Cut(unfinished) => unfinished.to_string(),
                    _ => words::estimate(it),
                })
            };
            table.add_row([
                plan.scenarios[scenario].name.clone(),
                it.name.clone(),
                cell(few, Group::Adopters, Quantity::Saving(Estimand::E1)),
                cell(few, Group::Adopters, Quantity::Time),
                cell(all, Group::All, Quantity::Saving(Estimand::E3)),
                cell(all, Group::All, Quantity::Time),
            ]);
        }
    }
    let n = plan.seeds_counted("paired seed");
    format!(
        "{table}\nSavings: share of the baseline's bytes. Ratios: geometric-mean completion time to \
         the baseline's. {n}; exploratory.\n"
    )
}
