//! `lab list`.

use std::fmt::Write as _;

use clap::Args;
use unchoke_core::profile::PROFILES;
use unchoke_sim::parameter;
use unchoke_sim::scenario::Scenario;

use super::args::{BUILTIN, PlanArgs};
use super::{Exit, Failure, print};
use crate::plan::{Plan, policies};
use crate::run::engine::Engine as _;
use crate::run::expand::expand;
use crate::run::store::{Found, Store};
use crate::run::unit::Unit;

/// `lab list`.
#[derive(Args, Clone, Debug)]
pub(super) struct ListArgs {
    /// Plan file, or the name of a built-in plan.
    plan: Option<String>,
    /// Only units without results.
    #[arg(long, requires = "plan")]
    missing: bool,
    #[command(flatten)]
    plan_args: PlanArgs,
}

pub(super) fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let Some(name) = &args.plan else {
        print(&everything())?;
        return Ok(Exit::Done);
    };
    let (plan, engine) = super::load(name, &args.plan_args)?;
    let mut all = expand(&plan, &engine)?;
    if args.missing {
        let folder = args.plan_args.folder(&plan).join("units");
        let store = Store::at(&folder, &engine.version());
        let mut missing = Vec::new();
        for unit in all {
            if !matches!(store.read(&unit)?, Found::Valid(_)) {
                missing.push(unit);
            }
        }
        all = missing;
    }
    print(&units(&plan, &all))?;
    Ok(Exit::Done)
}

fn everything() -> String {
    let mut text = String::from("scenarios\n");
    let mut put = |it: String| writeln!(text, "{it}").expect("writing to a string does not fail");
    for it in Scenario::list() {
        put(format!("  {:<21} v{}  {}", it.name, it.version, it.about));
    }
    put("policies".to_owned());
    for it in policies::all() {
        put(format!("  {:16} {}", it.id, it.summary));
        for parameter in it.parameters {
            let (key, meaning) = (parameter.key(), parameter.meaning);
            let default = match parameter::text(parameter, parameter.default) {
                Some(text) => format!("\"{text}\""),
                None => parameter.default.to_string(),
            };
            put(format!("      {key} = {default}: {meaning}"));
        }
    }
    put("client profiles".to_owned());
    for it in PROFILES {
        put(format!("  {:16} {}", it.id, it.summary));
    }
    put("plans".to_owned());
    for (name, _) in BUILTIN {
        put(format!("  {name}"));
    }
    text
}

/// One line per unit.
pub(super) fn units(plan: &Plan, units: &[Unit]) -> String {
    let mut text = String::new();
    for it in units {
        let scenario = &plan.scenarios[it.scenario].name;
        let (mix, adoption) = (it.mix_name(plan), it.adoption_label());
        let twin = if it.replica > 0 { "  A/A twin" } else { "" };
        writeln!(
            text,
            "{}  {scenario}  {mix}  {adoption}  seed {} ({}){twin}",
            it.id, it.seed_index, it.run_seed
        )
        .expect("writing to a string does not fail");
    }
    text
}
