//! `lab replay`.

use std::fmt::Write as _;

use clap::Args;
use unchoke_core::time::Instant;

use super::args::{PlanArgs, quoted};
use super::look::{Look, LookArgs};
use super::overwrite::plan_files;
use super::state::seconds;
use super::{Exit, Failure, list, print};
use crate::findings::measure::measure_swarm;
use crate::plan::Plan;
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::outcome::Outcome;
use crate::run::store::{Found, Store};
use crate::run::unit::Unit;

/// Most units listed when a selection is ambiguous. A list is whole, or there is none.
const NAMED: usize = 30;

/// `lab replay`.
#[derive(Args, Clone, Debug)]
pub(super) struct ReplayArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// Id of the unit, or the beginning of it; see `lab list PLAN`.
    #[arg(long, value_name = "ID")]
    unit: Option<String>,
    /// Instead of an id: the mix, as shown by `lab list PLAN`, e.g. a policy.
    #[arg(long, value_name = "NAME")]
    mix: Option<String>,
    /// Instead of an id: the share of adopters, e.g. `50 %`.
    #[arg(long, value_name = "SHARE")]
    adoption: Option<String>,
    /// Instead of an id: the seed of the run, as in runs.csv.
    #[arg(long, value_name = "S")]
    run_seed: Option<u64>,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    plan_args: PlanArgs,
}

impl ReplayArgs {
    /// Whether the options select this unit. The second run of an A/A comparison can only be
    /// selected by id.
    fn means(&self, plan: &Plan, unit: &Unit) -> bool {
        if let Some(id) = &self.unit {
            return unit.id.starts_with(id);
        }
        let fits = |it: &Option<String>, own: &str| it.as_deref().is_none_or(|it| it == own);
        fits(&self.mix, &unit.mix_name(plan))
            && fits(&self.adoption, &unit.adoption_label())
            && self.run_seed.is_none_or(|it| it == unit.run_seed)
            && unit.replica == 0
    }

    /// The selected unit. Fails unless there is exactly one.
    fn choose(&self, plan: &Plan, mut units: Vec<Unit>) -> Result<Unit, Failure> {
        units.retain(|it| self.means(plan, it));
        if units.len() == 1 {
            return Ok(units.remove(0));
        }
        let count = units.len();
        let which = if count == 0 || count > NAMED {
            format!("; `lab list {}` names all units", quoted(&self.plan))
        } else {
            format!(":\n{}", list::units(plan, &units).trim_end())
        };
        Err(Failure::usage(format!(
            "{count} units of the plan fit; name one with --unit, or with --scenario, --mix, \
             --adoption and --run-seed{which}"
        )))
    }
}

pub(super) fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let (plan, engine) = super::load(&args.plan, &args.plan_args)?;
    args.look.spare(&plan_files(&args.plan, &plan))?;
    let unit = args.choose(&plan, expand(&plan, &engine)?)?;
    let mut look = Look::new(&args.look, || engine.header(&plan, &unit))?;
    let until = args.look.until;
    let outcome = engine.replay(&plan, &unit, until, look.sink())?;
    let ended_at = Instant::from_nanos(outcome.ended_ns);
    let stopped = until.is_some_and(|it| it <= ended_at);
    let mut text = summary(&plan, &unit, &outcome);
    if !stopped {
        let swarm = measure_swarm(&outcome);
        let (mean, waste) = (swarm.mean_time, swarm.waste());
        writeln!(text, "mean time {mean:.3} s\nwaste     {waste:.4}").expect("text grows");
    }
    text += &look.finish(ended_at)?;
    print(&text)?;
    if stopped {
        return compared("stopped on the way: not compared with a stored result");
    }
    let folder = args.plan_args.folder(&plan).join("units");
    let store = Store::at(&folder, &engine.version());
    let file = store.path(&unit).display().to_string();
    match store.read(&unit)? {
        Found::Valid(before) if *before != outcome => Err(Failure {
            exit: Exit::Broken,
            message: format!("{file} holds another result for unit {}", unit.id),
        }),
        Found::Valid(_) => compared(&format!("the stored result is the same: {file}")),
        Found::Missing => compared(&format!("not compared: there is no stored result {file}")),
        Found::Corrupt => compared(&format!(
            "not compared: {file} is damaged, `lab run` mends it"
        )),
        Found::OtherEngine(_) => compared(&format!("not compared: {file} is of another version")),
    }
}

fn summary(plan: &Plan, unit: &Unit, outcome: &Outcome) -> String {
    format!(
        "unit      {}\nscenario  {}\nmix       {} ({})\nseed      {}\ndigest    {:016x}\n\
         blocks    {}\nevents    {}\nended     {} s\n",
        unit.id,
        plan.scenarios[unit.scenario].name,
        unit.mix_name(plan),
        unit.adoption_label(),
        unit.run_seed,
        outcome.digest,
        outcome.blocks,
        outcome.events,
        seconds(Instant::from_nanos(outcome.ended_ns)),
    )
}

/// Ends a replay that found no difference.
fn compared(outcome: &str) -> Result<Exit, Failure> {
    print(&format!("{outcome}\n"))?;
    Ok(Exit::Done)
}
