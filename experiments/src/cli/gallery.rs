//! `lab gallery`: draws every built-in scenario.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;
use unchoke_core::time::Instant;
use unchoke_sim::result::{NodeResult, RunResult};
use unchoke_sim::scenario::{Builtin, Scenario, expand};
use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::units::show_size;
use unchoke_sim::world;

use super::figures::Forms;
use super::folder::make;
use super::{Exit, Failure, print};
use crate::run::store::write_whole;
use crate::show::figure::{Glance, Scene, glance};

/// `lab gallery`.
#[derive(Args, Clone, Debug)]
pub(super) struct GalleryArgs {
    /// Only scenarios whose name contains this. README.md is not written then.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Most peers of each scenario.
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    peers: u32,
    /// Largest torrent size, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1024))]
    size: u64,
    /// Seed of the runs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the page and its figures.
    #[arg(long, value_name = "FOLDER", default_value = "results/gallery")]
    out: PathBuf,
    #[command(flatten)]
    forms: Forms,
}

/// A scenario that has run.
struct Exhibit {
    builtin: Builtin,
    /// The command for the same run.
    command: String,
    /// Results in one line.
    outcome: String,
    scene: Scene,
}

pub(super) fn gallery(args: &GalleryArgs) -> Result<Exit, Failure> {
    let wanted = |it: &Builtin| {
        args.only
            .as_deref()
            .is_none_or(|part| it.name.contains(part))
    };
    let builtin: Vec<Builtin> = Scenario::list().into_iter().filter(wanted).collect();
    if builtin.is_empty() {
        let part = args.only.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!(
            "no built-in scenario has '{part}' in its name; `lab sim --list` shows them all"
        )));
    }
    let exhibits = builtin.into_par_iter().map(|it| exhibit(args, it));
    let exhibits = exhibits.collect::<Result<Vec<Exhibit>, Failure>>()?;
    make(&args.out)?;
    for it in &exhibits {
        args.forms.write(&args.out, it.builtin.name, &it.scene)?;
    }
    if args.only.is_none() {
        write_whole(
            &args.out.join("README.md"),
            page(args, &exhibits).as_bytes(),
        )?;
    }
    print(&said(&args.out, &exhibits))?;
    Ok(Exit::Done)
}

fn said(folder: &Path, exhibits: &[Exhibit]) -> String {
    let mut text = String::new();
    for it in exhibits {
        writeln!(text, "{:<21} {}", it.builtin.name, it.outcome).expect("text grows");
    }
    writeln!(text, "{} pictures in {}", exhibits.len(), folder.display()).expect("text grows");
    text
}

/// Overrides that make a scenario small. Values that are already smaller stay.
fn changes(args: &GalleryArgs, scenario: &Scenario) -> Result<Vec<String>, Failure> {
    let mut sets = Vec::new();
    if scenario.peers.count > args.peers {
        // Whether `peers` includes the origins depends on the scenario.
        let bare = format!("peers={}", args.peers);
        let count = read(&scenario.name, &[bare])?.peers.count;
        let peers = args.peers + (args.peers - count);
        sets.push(format!("peers={peers}"));
    }
    if scenario.geometry.total_bytes() > args.size << 20 {
        sets.push(format!("size={}", show_size(args.size << 20)));
    }
    Ok(sets)
}

fn read(name: &str, sets: &[String]) -> Result<Scenario, Failure> {
    Scenario::builtin(name, sets).map_err(|it| Failure::usage(it.to_string()))
}

fn exhibit(args: &GalleryArgs, builtin: Builtin) -> Result<Exhibit, Failure> {
    let usage = |error: &dyn ToString| Failure::usage(error.to_string());
    let sets = changes(args, &read(builtin.name, &[])?)?;
    // Only the figure needs this many points of the time series.
    let fine = [sets.clone(), vec!["sample_every=1 s".to_owned()]].concat();
    let scenario = read(builtin.name, &fine)?;
    let spec = expand(&scenario, args.seed);
    let result = world::run(&spec, None).map_err(|it| usage(&it))?;
    let mut command = format!("lab sim {}", builtin.name);
    for set in &sets {
        write!(command, " --set '{set}'").expect("text grows");
    }
    write!(command, " --seed {}", args.seed).expect("text grows");
    let picture = picture(&builtin, &scenario, &spec, &result);
    Ok(Exhibit {
        command,
        outcome: outcome(&result),
        scene: glance(&picture),
        builtin,
    })
}

fn picture(builtin: &Builtin, scenario: &Scenario, spec: &SwarmSpec, result: &RunResult) -> Glance {
    let seconds = |at: Instant| (at - Instant::START).as_secs_f64();
    let samples = result.series.iter();
    let mut present: Vec<(f64, f64, f64)> = samples
        .map(|it| (seconds(it.at), f64::from(it.leechers), f64::from(it.seeds)))
        .collect();
    let origins = spec.nodes.iter().filter(|it| it.origin).count() as f64;
    let there = |it: &&NodeResult| !it.origin && it.arrived_at == Some(Instant::START);
    let first = result.nodes.iter().filter(there).count() as f64;
    present.insert(0, (0.0, first, origins));
    let size = show_size(spec.geometry.total_bytes());
    let leechers = spec.nodes.iter().filter(|it| !it.origin).count();
    let mut caption = format!(
        "{} {leechers} leechers, {size}, one run of seed {}: {}.",
        builtin.about,
        spec.seed,
        outcome(result),
    );
    if result.completed().count() < leechers {
        caption += " Those who did not complete end their curve below 100 %.";
    }
    Glance {
        title: format!("{} v{}", builtin.name, builtin.version),
        present,
        groups: groups(scenario, spec, result),
        caption,
    }
}

/// Peers grouped by client if there are several clients, otherwise by access link.
fn groups(
    scenario: &Scenario,
    spec: &SwarmSpec,
    result: &RunResult,
) -> Vec<(String, usize, Vec<f64>)> {
    let mixed = scenario.populations.len() > 1;
    let names = if mixed {
        spec.clients.iter().map(|it| it.name.clone()).collect()
    } else {
        spec.classes.clone()
    };
    let of = |it: &NodeResult| usize::from(if mixed { it.client } else { it.class });
    let group = |(at, name): (usize, String)| {
        let members = result.nodes.iter().filter(|it| !it.origin && of(it) == at);
        let times = members.clone().filter_map(NodeResult::download_time);
        let mut times: Vec<f64> = times.map(|it| it.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        (name, members.count(), times)
    };
    let groups = names.into_iter().enumerate().map(group);
    groups.filter(|it| it.1 > 0).collect()
}

fn outcome(result: &RunResult) -> String {
    let leechers = result.nodes.iter().filter(|it| !it.origin).count();
    let times = result.completed().filter_map(NodeResult::download_time);
    let sum: f64 = times.map(|it| it.as_secs_f64()).sum();
    let completed = result.completed().count();
    let mean = sum / completed.max(1) as f64;
    let mut text = format!("{completed} of {leechers} completed, mean time {mean:.0} s");
    let aborted = result.aborted().count();
    if aborted > 0 {
        write!(text, ", {aborted} aborted").expect("text grows");
    }
    text
}

fn page(args: &GalleryArgs, exhibits: &[Exhibit]) -> String {
    let mut text = format!(
        "# The built-in scenarios at a glance\n\n\
         Each at {} peers and {} MiB at most, one run of seed {}. On the left who is present, on the \
         right which\nshare of the peers is done, by access class or by what they run. One run \
         shows what a scenario is like; it\nproves nothing. `lab gallery` writes this page.\n",
        args.peers, args.size, args.seed
    );
    for it in exhibits {
        let Builtin {
            name,
            version,
            about,
        } = &it.builtin;
        write!(
            text,
            "\n## {name} (v{version})\n\n{about} {}.\n\n![{name}]({name}.svg)\n\n`{}`\n",
            it.outcome, it.command
        )
        .expect("text grows");
    }
    text
}
