//! `lab emit`: prints a script that runs a plan with a scheduler that the cluster already has. Each
//! task calls `lab run --shard I/N`, as a user could.

mod hyperqueue;
mod pack;
mod parallel;
mod slurm;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::args::{quoted, threads};
use super::shares::{Shared, SharedPlan};
use super::tournament::PLAN;
use super::{Exit, Failure, print};
use crate::plan::count;
use crate::run::inspect::{Depth, tally};
use crate::run::store::Store;
use pack::Packing;

/// `lab emit`: prints a script to read, change and submit. This command submits nothing.
#[derive(Args, Clone, Debug)]
pub(super) struct EmitArgs {
    /// The scheduler that runs the tasks.
    target: Target,
    #[command(flatten)]
    shared: SharedPlan,
    /// Processor cores per node; a task uses all of them. Default: as many as this machine has.
    #[arg(long, value_name = "N", default_value_t = 0)]
    cores: usize,
    /// Target duration of a task, minutes.
    #[arg(long, value_name = "M", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=2880))]
    minutes: u32,
    /// Number of tasks. With this option no run is timed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "minutes")]
    tasks: Option<u32>,
    /// Most tasks at the same time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// More options for the batch system, after `--`, e.g. `-- --account=abc --partition=long`.
    #[arg(last = true, value_name = "OPTION")]
    further: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// A Slurm job array, and a job that merges.
    Slurm,
    /// A Python program for a `HyperQueue` server.
    Hyperqueue,
    /// GNU parallel, on this machine or over ssh.
    Parallel,
}

/// The data for all scripts.
struct Job<'a> {
    args: &'a EmitArgs,
    shared: &'a Shared,
    packing: Packing,
    /// Processor cores per node.
    cores: usize,
    /// Working directory of all tasks.
    here: PathBuf,
    /// Path of this program.
    lab: String,
    /// Folder of the results.
    folder: PathBuf,
}

pub(super) fn emit(args: &EmitArgs) -> Result<Exit, Failure> {
    let sets_array = |it: &&String| it.starts_with("--array") || it.starts_with("-a");
    if let Some(it) = args.further.iter().find(sets_array) {
        return Err(Failure::usage(format!(
            "-- {it}: the script numbers its tasks itself; use --tasks and --limit"
        )));
    }
    if let Some(it) = args.further.first().filter(|it| !it.starts_with('-')) {
        return Err(Failure::usage(format!(
            "-- {it}: is no option of the batch system, which begin with `-`"
        )));
    }
    let shared = args.shared.read()?;
    let folder = args.shared.plan_args.folder(&shared.plan);
    let store = Store::at(&folder.join("units"), &shared.parts.version());
    let units = shared.parts.units();
    let cores = threads(args.cores);
    let packing = if let Some(tasks) = args.tasks {
        let there = tally(&store, &units, Depth::Ends)?;
        Packing::into_tasks(tasks as usize, units.len(), there.done)?
    } else {
        let seconds = shared.parts.seconds(0)?;
        Packing::by_time(&seconds, cores, args.minutes)
    };
    let here = std::env::current_dir().map_err(|it| cannot("the current folder", &it))?;
    let lab = std::env::current_exe().map_err(|it| cannot("the path of this program", &it))?;
    let job = Job {
        args,
        shared: &shared,
        packing,
        cores,
        here,
        lab: quoted(&lab.to_string_lossy()),
        folder,
    };
    print(&match args.target {
        Target::Slurm => slurm::script(&job),
        Target::Hyperqueue => hyperqueue::script(&job),
        Target::Parallel => parallel::script(&job),
    })?;
    Ok(Exit::Done)
}

/// A path quoted for a shell.
fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure {
        exit: Exit::Io,
        message: format!("{what}: {error}"),
    }
}

impl Job<'_> {
    /// Name of the plan.
    fn name(&self) -> &str {
        &self.shared.plan.name
    }

    /// The plan and its changes, as arguments of `lab`.
    fn what(&self) -> String {
        let shared = &self.args.shared;
        let (plan, typed) = (quoted(&shared.plan), shared.plan_args.typed());
        format!("{plan}{typed} --out {}", quoted_path(&self.folder))
    }

    /// The command of a task, without its share.
    fn task(&self) -> String {
        let command = if self.shared.tournament {
            "tournament"
        } else {
            "run"
        };
        format!("{} {command} {}", self.lab, self.what())
    }

    /// The command that makes the tables.
    fn merge(&self) -> String {
        if self.shared.tournament {
            format!("{} --merge", self.task())
        } else {
            format!("{} merge {}", self.lab, self.what())
        }
    }

    /// The command that shows the progress.
    fn status(&self) -> String {
        let implied = self.name() == PLAN || !self.shared.tournament;
        let more = if implied { "" } else { " --tournament" };
        format!("{} status {}{more}", self.lab, self.what())
    }

    /// Folder for the output of tasks.
    fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The comment at the top of a script.
    fn about(&self, submit: &str) -> String {
        let packing = &self.packing;
        let mut text = format!(
            "# {}: {} in {}, each a whole node of {}.\n",
            self.name(),
            count(packing.units, "unit"),
            count(packing.tasks, "task"),
            count(self.cores, "core")
        );
        if let Some(time) = &packing.time {
            writeln!(text,
                "# By one timed run of each policy in each scenario: {:.1} core hours, tasks of {:.0} to {:.0} minutes.",
                time.core_hours, time.shortest_min, time.longest_min
            ).expect("writing to a string does not fail");
        }
        write!(text,
            "# {submit}\n\
             # All nodes must see this folder and the program. A task may be stopped, run twice or start again:\n\
             # finished units are kept, each is written whole or not at all, and a different result is refused.\n"
        ).expect("writing to a string does not fail");
        text
    }
}
