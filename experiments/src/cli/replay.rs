//! `lab replay`.

use std::io::BufWriter;
use std::path::PathBuf;

use clap::Args;
use unchoke_sim::trace::JsonLines;

use super::args::PlanArgs;
use super::{Exit, Failure, print};
use crate::engine::Engine as _;
use crate::measure::measure_swarm;
use crate::store::{Found, Store, StoreError};
use crate::unit::expand;

/// `lab replay`.
#[derive(Args, Clone, Debug)]
pub(super) struct ReplayArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// The unit, by its id or the beginning of it; see `lab list PLAN`.
    #[arg(long, value_name = "ID")]
    unit: String,
    /// Write the event log here, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    plan_args: PlanArgs,
}

pub(super) fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let (plan, engine) = super::load(&args.plan, &args.plan_args)?;
    let units = expand(&plan, &engine)?;
    let named: Vec<_> = units
        .iter()
        .filter(|it| it.id.starts_with(&args.unit))
        .collect();
    let [unit] = named[..] else {
        let message = format!(
            "{} units of the plan begin with {:?}",
            named.len(),
            args.unit
        );
        return Err(Failure::usage(format!(
            "{message}; `lab list {}` names them",
            args.plan
        )));
    };
    let outcome = if let Some(path) = &args.trace {
        let failed = |it| StoreError::io(path, it);
        let file = std::fs::File::create(path).map_err(failed)?;
        let mut sink = JsonLines::new(BufWriter::new(file));
        let outcome = engine.replay(&plan, unit, Some(&mut sink))?;
        let flushed = sink
            .finish()
            .and_then(|mut it| std::io::Write::flush(&mut it));
        flushed.map_err(failed)?;
        outcome
    } else {
        engine.run(&plan, unit)?
    };
    let swarm = measure_swarm(&outcome);
    print(&format!(
        "unit      {}\nscenario  {}\nmix       {} ({})\nseed      {}\ndigest    {:016x}\n\
         blocks    {}\nevents    {}\nended     {:.3} s\nmean time {:.3} s\nwaste     {:.4}\n",
        unit.id,
        plan.scenarios[unit.scenario].name,
        unit.mix_name(&plan),
        unit.adoption_label(),
        unit.run_seed,
        outcome.digest,
        outcome.blocks,
        outcome.events,
        outcome.ended_ns as f64 / 1e9,
        swarm.mean_time,
        swarm.waste(),
    ))?;
    let folder = args.plan_args.folder(&plan).join("units");
    match Store::at(&folder, &engine.version()).read(unit)? {
        Found::Valid(before) if *before != outcome => Err(Failure {
            exit: Exit::Broken,
            message: format!("the stored result of unit {} is another one", unit.id),
        }),
        Found::Valid(_) => compared("the stored result is the same"),
        Found::Missing => compared("there is no stored result to compare with"),
        Found::Corrupt => compared("the stored file is damaged: not compared, `lab run` mends it"),
        Found::OtherEngine(_) => compared("the stored result is of another version: not compared"),
    }
}

/// Ends a replay that found no difference.
fn compared(outcome: &str) -> Result<Exit, Failure> {
    print(&format!("{outcome}\n"))?;
    Ok(Exit::Done)
}
