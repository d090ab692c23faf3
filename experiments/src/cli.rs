//! The commands: `lab` and `choke_vs_naive`.
//!
//! Exit codes: 0 done; 1 a check failed; 2 wrong usage or bad input; 3 units are missing; 4 the
//! engine failed (two results for one unit, or a violated invariant); 5 reading or writing failed;
//! 130 and 143 stopped by a signal.

mod args;
mod bar;
mod beside;
mod check;
mod compare;
mod coverage;
mod dry_run;
mod emit;
mod factorial;
mod figures;
mod film;
mod folder;
mod gallery;
mod gate;
mod job;
mod list;
mod live;
mod look;
mod manual;
mod merge;
mod overwrite;
mod parts;
mod planted;
mod process;
mod replay;
mod repro;
mod revision;
mod run;
mod scaling;
mod schema;
mod shares;
mod show;
mod sim;
mod sim_vs_net;
mod solver;
mod state;
mod status;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
mod tournament;
mod trace;
mod validate;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sha2::{Digest as _, Sha256};

use crate::findings::conduct::Unfinished;
use crate::plan::{PlanError, policies};
use crate::run::engine::EngineError;
use crate::run::registration::RegistrationError;
use crate::run::runner::RunError;
use crate::run::store::StoreError;
use crate::show::figure::RenderError;
use args::{PlanArgs, RunArgs};
pub use sim_vs_net::sim_vs_net;

const AFTER: &str = "Exit codes: 0 done; 1 a check failed; 2 usage or bad input; 3 units are missing; \
                     4 the engine broke determinism or an invariant; 5 input or output failed; \
                     130/143 stopped by a signal.";

/// Experiments on choking: run plans, list them, merge shares, replay runs.
#[derive(Debug, Parser)]
#[command(name = "lab", version, after_help = AFTER)]
struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a plan: run the missing units, then write tables, figures and report.
    Run(RunArgs),
    /// List scenarios, policies and plans; with a plan, list its units.
    List(list::ListArgs),
    /// Merge the results of several machines.
    Merge(merge::MergeArgs),
    /// Print a script that runs a plan on a cluster.
    Emit(emit::EmitArgs),
    /// Show how many units of a plan are finished.
    Status(status::StatusArgs),
    /// Check the hash of every unit file, and run a sample of units again.
    Verify(verify::VerifyArgs),
    /// Compare a policy with every other one: as a tenth of the peers, and as a whole swarm.
    Compare(compare::CompareArgs),
    /// Compare results with those of another revision, or show which changes a check could detect.
    Gate(gate::GateArgs),
    /// Run one swarm and print its results.
    Sim(sim::Options),
    /// Run a tournament: every policy of a plan against every other.
    Tournament(tournament::TournamentArgs),
    /// Draw a small version of every built-in scenario into results/gallery.
    Gallery(gallery::GalleryArgs),
    /// Print the JSON Schema of scenarios or plans, for editors.
    Schema(schema::SchemaArgs),
    /// Measure the CPU time and memory of a swarm by number of peers.
    Scaling(scaling::ScalingArgs),
    /// Run a scenario at several values of one or two keys, and draw the effect.
    Sweep(sweep::SweepArgs),
    /// Measure how often the intervals of a plan cover the true value.
    Coverage(coverage::CoverageArgs),
    /// Plant changes in a plan's candidate, and say what the gate sees of them.
    Planted(planted::PlantedArgs),
    /// Measure what the fast link solver does to completion times.
    Solver(solver::SolverArgs),
    /// Check the simulator against theory and published results.
    Validate(validate::ValidateArgs),
    /// Run one unit of a plan again, compare the result, and look inside the run.
    Replay(replay::ReplayArgs),
    /// Check the numbers in the README against the tables, and repeat runs.
    Repro(repro::ReproArgs),
    /// Print a completion script for a shell.
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write the pages of all subcommands.
    Man(manual::ManArgs),
    /// Give the paired interval of a live experiment with `unchoke bench`.
    Live(live::LiveArgs),
    /// Read a trace in either form, or a recording of a real download: summarise it, show a moment, or
    /// convert it.
    Trace(trace::TraceArgs),
}

/// Tests the claim: what does `tit_for_tat` cost and save compared with naive choking?
#[derive(Debug, Parser)]
#[command(name = "choke_vs_naive", version, after_help = AFTER)]
struct ChokeVsNaive {
    /// Plan file, or the name of a built-in plan.
    #[arg(long, value_name = "FILE", default_value = "choke_vs_naive")]
    plan: String,
    #[command(flatten)]
    options: args::RunOptions,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Done,
    /// 1.
    CheckFailed,
    /// 2.
    Usage,
    /// 3.
    Incomplete,
    /// 4.
    Broken,
    /// 5.
    Io,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CheckFailed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Broken => 4,
            Self::Io => 5,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Io { .. } => Exit::Io,
            StoreError::Conflict { .. } => Exit::Broken,
        };
        Self {
            exit,
            message: error.to_string(),
        }
    }
}

impl From<RegistrationError> for Failure {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Store(it) => it.into(),
            other => Self::usage(other.to_string()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Engine(it) => it.into(),
            RunError::Store(it) => it.into(),
            RunError::Broken { .. } => Self {
                exit: Exit::Broken,
                message: error.to_string(),
            },
            RunError::Threads(_) => Self {
                exit: Exit::Io,
                message: error.to_string(),
            },
        }
    }
}

impl From<Unfinished> for Failure {
    fn from(error: Unfinished) -> Self {
        let exit = match error {
            Unfinished::Store(it) => return it.into(),
            Unfinished::Missing { .. } | Unfinished::Damaged { .. } | Unfinished::Mixed { .. } => {
                Exit::Incomplete
            }
            Unfinished::Twins { .. } => Exit::Broken,
        };
        Self {
            exit,
            message: error.to_string(),
        }
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self {
            exit: Exit::Io,
            message: error.to_string(),
        }
    }
}

/// Entry point of `lab`, with every command. `own` are further policies beside the registered ones;
/// plans and options can name them. The decisions of a policy must depend only on its memory, the
/// snapshot and its random stream.
#[must_use]
pub fn lab(own: &[&'static unchoke_core::choke::Entry]) -> ExitCode {
    let lab = Lab::parse();
    end("lab", add(own).and_then(|()| carry_out(&lab.command)))
}

/// Registers the program's own policies, with a fingerprint of the program.
fn add(own: &[&'static unchoke_core::choke::Entry]) -> Result<(), Failure> {
    if own.is_empty() {
        return Ok(());
    }
    let program = std::env::current_exe().and_then(std::fs::read);
    let program = program.map_err(|it| Failure {
        exit: Exit::Io,
        message: format!("this program cannot read itself, to tell its builds apart: {it}"),
    })?;
    let mark = &hex::encode(Sha256::digest(&program))[..16];
    policies::add(own, mark.to_owned()).map_err(Failure::usage)
}

fn carry_out(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(it) => {
            let command = format!("lab run {}", args::quoted(&it.plan));
            run::run(&it.plan, &it.options, &command)
        }
        Command::List(it) => list::list(it),
        Command::Merge(it) => merge::merge(it),
        Command::Emit(it) => emit::emit(it),
        Command::Status(it) => status::status(it),
        Command::Verify(it) => verify::verify(it),
        Command::Replay(it) => replay::replay(it),
        Command::Tournament(it) => tournament::tournament(it),
        Command::Gallery(it) => gallery::gallery(it),
        Command::Schema(it) => schema::schema(it),
        Command::Scaling(it) => scaling::scaling(it),
        Command::Sweep(it) => sweep::run(it),
        Command::Coverage(it) => coverage::run(it),
        Command::Planted(it) => planted::run(it),
        Command::Solver(it) => solver::solver(it),
        Command::Validate(it) => validate::validate(it),
        Command::Repro(it) => repro::repro(it),
        Command::Completions(it) => manual::completions(it),
        Command::Man(it) => manual::man(it),
        Command::Live(it) => live::live(it),
        Command::Trace(it) => trace::trace(it),
        Command::Gate(it) => gate::gate(it),
        Command::Compare(it) => compare::compare(it),
        Command::Sim(it) => sim::run(it).and_then(|text| print(&text).map(|()| Exit::Done)),
    }
}

/// Entry point of `choke_vs_naive`.
#[must_use]
pub fn choke_vs_naive() -> ExitCode {
    let it = ChokeVsNaive::parse();
    let mut command = "experiments/choke_vs_naive".to_owned();
    if it.plan != "choke_vs_naive" {
        command = format!("{command} --plan {}", args::quoted(&it.plan));
    }
    end("choke_vs_naive", run::run(&it.plan, &it.options, &command))
}

/// Ends the command with this name. Errors are printed with the name in front.
fn end(name: &str, result: Result<Exit, Failure>) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            eprintln!("{name}: {}", failure.message);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// Prints to standard output. If the reader has closed it, as `head` does, that is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(it) if it.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure {
            exit: Exit::Io,
            message: format!("standard output: {it}"),
        }),
        _ => Ok(()),
    }
}

/// The plan of a command that compares a candidate with baselines. Refuses the plan of the
/// tournament: its runs are different, and the tables would overwrite those of the tournament.
fn load(
    plan: &str,
    args: &PlanArgs,
) -> Result<(crate::plan::Plan, crate::run::swarm::Swarms), Failure> {
    let (read, engine) = load_any(plan, args)?;
    if read.name == tournament::PLAN {
        return Err(Failure::usage(format!(
            "{plan}: in this plan every policy meets every other, which only `lab tournament` runs \
             (`lab tournament --dry-run` says what that is)"
        )));
    }
    Ok((read, engine))
}

/// A plan and the engine that runs it.
fn load_any(
    plan: &str,
    args: &PlanArgs,
) -> Result<(crate::plan::Plan, crate::run::swarm::Swarms), Failure> {
    let (file, text, folder) = args::plan_text(plan)?;
    let plan = crate::plan::load(&file, &text, &args.changes())?;
    let engine = crate::run::swarm::Swarms::of(&plan, &folder)?;
    Ok((plan, engine))
}
