//! `lab scaling`: cost of a swarm by number of peers.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::figures::Forms;
use super::folder::make;
use super::{Exit, Failure, print, stop};
use crate::against::scaling::fit::FEWEST_SIZES;
use crate::against::scaling::fit::exponents;
use crate::against::scaling::table::{HERE, csv, elsewhere, read};
use crate::against::scaling::{Fit, Plan, Point, Row, fits};
use crate::plan::count;
use crate::run::store::write_whole;
use crate::show::figure;
use crate::show::output::manifest::cpu;
use crate::show::words::IN_WINDOWS;

/// Measures block transfers per CPU second and memory per peer by number of peers, each swarm in a
/// process of its own. Rows that this engine measured on this CPU are kept. Figures depend on the
/// machine and the day, and are not compared byte by byte.
#[derive(Args, Clone, Debug)]
pub(super) struct ScalingArgs {
    /// Largest number of peers to run, of those in the plan.
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// Run this policy instead of the plan's; may be repeated.
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// Run in windows of the smallest delay (`network.engine=windows`), on this number of threads. The
    /// rows are a series of their own.
    #[arg(long, value_name = "THREADS")]
    windows: Option<u16>,
    /// Also run a swarm of a million peers with 20 connections each and 64 pieces. This needs much
    /// memory.
    #[arg(long)]
    million: bool,
    /// Measure existing rows again.
    #[arg(long)]
    force: bool,
    /// Folder for the results.
    #[arg(long, value_name = "DIR", default_value = "results/scaling")]
    out: PathBuf,
    #[command(flatten)]
    forms: Forms,
}

/// A swarm to run.
struct Task {
    /// The policy, and the engine if it is not the exact one.
    series: String,
    policy: String,
    workload: String,
    peers: u32,
    set: Vec<String>,
}

pub(super) fn scaling(args: &ScalingArgs) -> Result<Exit, Failure> {
    let plan = Plan::builtin();
    let (engine, cpu) = (env!("UNCHOKE_ENGINE"), cpu().unwrap_or_default());
    let tasks = tasks(&plan, args);
    if tasks.is_empty() {
        let smallest = plan.peers.iter().min().expect("a plan has sizes");
        return Err(Failure::usage(format!(
            "--max leaves nothing to measure: the smallest swarm of the plan has {}",
            count(*smallest, "peer")
        )));
    }
    let table = args.out.join("scaling.csv");
    let mut rows = kept(&table, engine, &cpu, args.force)?;
    stop::listen()?;
    make(&args.out)?;
    let mut idle_bytes = None;
    for task in tasks {
        let known = |it: &Row| {
            (it.series.as_str(), it.workload.as_str(), it.peers)
                == (task.series.as_str(), task.workload.as_str(), task.peers)
        };
        if rows.iter().any(known) {
            continue;
        }
        let idle_bytes = match idle_bytes {
            Some(it) => it,
            None => *idle_bytes.insert(idle(&plan)?),
        };
        let point = measure(&plan, &task, args.windows.unwrap_or(1))?;
        let labels = [&task.series, &task.workload, engine, &cpu];
        let row = Row::of(point, idle_bytes, task.peers, labels);
        eprintln!("{}", sentence(&row));
        rows.push(row);
        // Write after each run, so that an interruption loses at most one.
        write_whole(&table, csv(&rows).as_bytes())?;
    }
    let all = sorted(&plan, rows);
    let fits = fits(&all);
    write(args, &plan, &all, &fits)?;
    print(&report(&args.out, &all, &fits))?;
    Ok(Exit::Done)
}

/// The existing rows that are still valid.
fn kept(table: &Path, engine: &str, cpu: &str, force: bool) -> Result<Vec<Row>, Failure> {
    if force || !table.exists() {
        return Ok(Vec::new());
    }
    let named = |it: String| Failure::usage(format!("{}: {it}; use --force", table.display()));
    let mut rows = read(&super::args::read(table)?).map_err(named)?;
    rows.retain(|it| it.is_ours() && it.engine == engine && it.cpu == cpu);
    Ok(rows)
}

/// Small swarms first, to get results soon.
fn tasks(plan: &Plan, args: &ScalingArgs) -> Vec<Task> {
    let max = args.max.unwrap_or(plan.usual_max);
    let policies = if args.policy.is_empty() {
        &plan.policies
    } else {
        &args.policy
    };
    let series = |policy: &String| match args.windows {
        Some(_) => format!("{policy}, windows"),
        None => policy.clone(),
    };
    let engine = args.windows.map(|_| "network.engine=windows".to_owned());
    let mut tasks = Vec::new();
    for peers in plan.peers.iter().filter(|it| **it <= max) {
        tasks.extend(policies.iter().map(|policy| Task {
            series: series(policy),
            policy: policy.clone(),
            workload: plan.scenario.clone(),
            peers: *peers,
            set: engine.iter().cloned().collect(),
        }));
    }
    tasks.extend(policies.first().filter(|_| args.million).map(|it| Task {
        series: series(it),
        policy: it.clone(),
        workload: plan.million.workload.clone(),
        peers: plan.million.peers,
        set: plan.million.set.iter().chain(&engine).cloned().collect(),
    }));
    tasks
}

/// Memory of a process with a nearly empty swarm.
fn idle(plan: &Plan) -> Result<u64, Failure> {
    let smallest = Task {
        series: String::new(),
        policy: plan.policies[0].clone(),
        workload: plan.scenario.clone(),
        peers: 2,
        set: Vec::new(),
    };
    Ok(measure(plan, &smallest, 1)?.peak_memory_bytes)
}

/// What the allocator of the GNU C library is told. It asks for huge pages then, where the system has
/// them: 8 % less CPU time at 1 000 peers and 3 % more memory. Others ignore it.
const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE_PAGES: &str = "glibc.malloc.hugetlb=1";

/// Runs `lab sim` and reads the cost from its output.
fn measure(plan: &Plan, task: &Task, threads: u16) -> Result<Point, Failure> {
    let name = format!("{}, {}, {} peers", task.workload, task.series, task.peers);
    let failed = |exit: Exit, why: &str| Failure {
        exit,
        message: format!("{name}: {why}"),
    };
    let own = std::env::current_exe().map_err(|it| failed(Exit::Io, &it.to_string()))?;
    let mut command = Command::new(own);
    if std::env::var_os(TUNABLES).is_none() {
        command.env(TUNABLES, HUGE_PAGES);
    }
    let (seed, threads) = (plan.seed.to_string(), threads.to_string());
    command.args(["sim", &plan.scenario, "--format", "json", "--seed", &seed]);
    command.args(["--threads", &threads]);
    let sets = [
        format!("peers={}", task.peers),
        format!("policy={}", task.policy),
    ];
    for set in sets.iter().chain(&task.set) {
        command.args(["--set", set]);
    }
    let output = command.output();
    let output = output.map_err(|it| failed(Exit::Io, &it.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(match output.status.code() {
            Some(2) => failed(Exit::Usage, said.trim_start_matches("lab: ")),
            Some(_) => failed(Exit::Broken, &said),
            None => failed(Exit::Io, "it was killed; perhaps memory ran out"),
        });
    }
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|it| failed(Exit::Broken, &it.to_string()))?;
    if result["completed"] != result["leechers"] {
        return Err(failed(Exit::CheckFailed, "not every peer completed"));
    }
    let cost = &result["cost"];
    let point = || {
        Some(Point {
            blocks: result["blocks_transferred"].as_u64()?,
            cpu_s: cost["cpu_s"].as_f64()?,
            peak_memory_bytes: cost["peak_memory_bytes"].as_u64()?,
        })
    };
    let why = "this system does not say what CPU time and memory a process took; Linux does";
    point().ok_or_else(|| failed(Exit::Io, why))
}

/// Our rows by policy and size, then the swarm of a million, then other simulators.
fn sorted(plan: &Plan, mut rows: Vec<Row>) -> Vec<Row> {
    let place = |it: &Row| {
        let policy = it.series.trim_end_matches(", windows");
        let policy = plan.policies.iter().position(|name| name == policy);
        let (special, policy) = (it.workload != plan.scenario, policy.unwrap_or(usize::MAX));
        (special, policy, it.series.clone(), it.peers)
    };
    rows.sort_by_key(place);
    rows.extend(elsewhere(plan));
    rows
}

fn write(args: &ScalingArgs, plan: &Plan, rows: &[Row], fits: &[Fit]) -> Result<(), Failure> {
    let words = caption(plan, rows);
    let scene = figure::scaling(rows, fits, &plan.million.workload, &words);
    for (name, bytes) in [
        ("scaling.csv", csv(rows).into_bytes()),
        ("exponents.csv", exponents(fits).into_bytes()),
    ] {
        write_whole(&args.out.join(name), &bytes)?;
    }
    args.forms
        .write(&args.out.join("figures"), "scaling", &scene)?;
    Ok(())
}

fn caption(plan: &Plan, rows: &[Row]) -> String {
    let here = rows.iter().find(|it| it.is_ours());
    let cpu = here.map_or("", |it| it.cpu.as_str());
    let million = if rows.iter().any(|it| it.workload == plan.million.workload) {
        format!(" Ring: {}.", plan.million.workload)
    } else {
        String::new()
    };
    let windows = if rows.iter().any(|it| it.series.ends_with(", windows")) {
        format!(" {IN_WINDOWS}; CPU seconds are those of all its threads.")
    } else {
        String::new()
    };
    format!(
        "Workload w1: everyone starts together on equal links of 10 Mbit/s, 100 pieces of 256 KiB, and \
         nobody leaves; whole swarms with the full protocol core, rates of the default solver, blocks of \
         16 KiB. Lines: {HERE}, one run a point (seed {}), one core of {cpu}; memory is the peak of \
         the process less that of a swarm of two.{million}{windows} Dashed: measured elsewhere, on other cores, \
         on w1 or what comes nearest to it (scaling.csv names the sources). N^x: least squares on \
         logarithms over all sizes drawn, where {FEWEST_SIZES} or more were measured; a level dashed line is \
         one figure quoted for every size. Times differ from day to day. Data: scaling.csv, \
         exponents.csv.",
        plan.seed
    )
}

fn sentence(row: &Row) -> String {
    let (series, peers, speed) = (&row.series, row.peers, row.blocks_per_cpu_s);
    let memory = row.bytes_per_peer.unwrap_or(0.0) / 1000.0;
    let cpu_s = row.cpu_s.unwrap_or(0.0);
    format!(
        "{series:<14} {peers:>8} peers {speed:>10.0} blocks per CPU s {memory:>7.1} kB a peer \
         ({cpu_s:.1} s)"
    )
}

fn report(folder: &Path, rows: &[Row], fits: &[Fit]) -> String {
    let ours = rows.iter().filter(|it| it.is_ours());
    let mut lines: Vec<String> = ours.map(sentence).collect();
    for it in fits {
        let (series, quantity, exponent) = (&it.series, it.quantity, it.exponent);
        let points = it.points;
        lines.push(format!(
            "{series:<20} {quantity:<17} ~ N^{exponent:.3} over {points} sizes"
        ));
    }
    if rows.iter().any(|it| it.series.ends_with(", windows")) {
        lines.push(format!("windows   {IN_WINDOWS}."));
    }
    lines.push(format!("wrote     4 files to {}", folder.display()));
    lines.join("\n") + "\n"
}
