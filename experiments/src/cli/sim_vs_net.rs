//! `sim_vs_net`: runs one scenario in the simulator and as real processes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, Parser, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::transport::TransportSpec;

use super::figures::Forms;
use super::folder::make;
use super::{AFTER, Exit, Failure, end, print};
use crate::against::recorded;
use crate::against::testbed::compare::Comparison;
use crate::against::testbed::libtorrent::{self, Libtorrent};
use crate::against::testbed::place::{Entered, Place, enter};
use crate::against::testbed::real::Testbed;
use crate::against::testbed::{SwarmRun, TestbedError, setup, simulated, table};
use crate::run::store::write_whole;
use crate::show::figure;

/// Name of the command, printed in front of its errors.
const NAME: &str = "sim_vs_net";

/// Runs one scenario in the simulator and as real `unchoke` processes on links of the same rates,
/// and compares completion times and bytes.
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = AFTER)]
struct SimVsNet {
    #[command(flatten)]
    options: Options,
}

/// Folder of the registered comparisons.
const RESULTS: &str = "results/sim_vs_net";

#[derive(Args, Clone, Debug)]
struct Options {
    /// Built-in scenario, or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "testbed")]
    scenario: String,
    /// Set a key of the scenario, as in `torrent.size=8 MiB`; may be repeated. With --recorded it
    /// is set in the simulation of every recorded swarm; name a folder with --out then.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Choking policy of a pure swarm; may be repeated. The first one is compared with the others
    /// [default: `tit_for_tat` and `unchoke_all`, or `libtorrent_fixed` and `unchoke_all`]
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// Runs of each policy [default: 3, and 20 with --recorded].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: Option<u32>,
    /// Compare with recorded swarms of real libtorrent peers instead: `experiments/real_swarms/`.
    #[arg(long, conflicts_with_all = ["scenario", "policy", "loopback", "quick", "client", "peers"])]
    recorded: bool,
    /// Client of the real peers. `libtorrent` needs Debian's python3-libtorrent and shaped links; the
    /// simulator then uses its profile.
    #[arg(long, value_enum, default_value_t = PeerKind::Unchoke)]
    peers: PeerKind,
    /// First seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Folder for tables and figures.
    #[arg(long, value_name = "DIR", default_value = RESULTS)]
    out: PathBuf,
    #[command(flatten)]
    forms: Forms,
    /// Longest queueing delay of a packet before a link, ms.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=5000))]
    queue: u32,
    /// Use loopback with the client's own rate caps, even if links could be shaped.
    #[arg(long)]
    loopback: bool,
    /// One short run of one policy (default `mainline_342`); writes nothing. Skipped if links cannot be
    /// shaped; with `UNCHOKE_REQUIRE_LINKS=1` in the environment that is a failure.
    #[arg(long)]
    quick: bool,
    /// Exit with 1 if the median relative error is above this percentage.
    #[arg(long, value_name = "PERCENT")]
    max_error: Option<f64>,
    /// The client program to run [default: `unchoke` beside this program].
    #[arg(long, value_name = "FILE")]
    client: Option<PathBuf>,
}

/// The client of the real peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PeerKind {
    /// Our own client, `unchoke`.
    Unchoke,
    /// libtorrent-rasterbar.
    Libtorrent,
}

/// Policy of `--quick` with our peers. Its mean time varies by 4 % between seeds. With
/// `tit_for_tat` it varies by 12 %, because no peer is served before the first rechoke, which has a
/// random phase (simulated, 30 seeds).
const QUICK: &str = "mainline_342";

impl PeerKind {
    fn policies(self, quick: bool) -> Vec<String> {
        let two = match self {
            Self::Unchoke if quick => return vec![QUICK.to_owned()],
            Self::Unchoke => ["tit_for_tat", "unchoke_all"],
            Self::Libtorrent => libtorrent::POLICIES,
        };
        two.map(str::to_owned).to_vec()
    }
}

impl From<TestbedError> for Failure {
    fn from(error: TestbedError) -> Self {
        let exit = match error {
            TestbedError::Unfit(_) => Exit::Usage,
            TestbedError::System { .. } => Exit::Io,
            TestbedError::Failed(_) => Exit::CheckFailed,
        };
        Self {
            exit,
            message: error.to_string(),
        }
    }
}

/// Entry point of `sim_vs_net`.
#[must_use]
pub fn sim_vs_net() -> ExitCode {
    let options = SimVsNet::parse().options;
    if options.recorded {
        return end(NAME, with_recorded(&options));
    }
    if options.loopback {
        return end(NAME, on_loopback(&options));
    }
    match enter() {
        Ok(Entered::Inside(scratch)) => {
            let queue_ms = options.queue;
            end(
                NAME,
                run(&options, Place::Namespaces { queue_ms }, &scratch),
            )
        }
        Ok(Entered::Done(code)) => ExitCode::from(code),
        Ok(Entered::Refused(reason)) if links_required() => end(
            NAME,
            Err(Failure {
                exit: Exit::Io,
                message: format!("UNCHOKE_REQUIRE_LINKS=1, but links cannot be shaped: {reason}"),
            }),
        ),
        Ok(Entered::Refused(reason)) if options.quick => {
            eprintln!("SKIPPED: sim_vs_net needs network namespaces and tc: {reason}");
            ExitCode::SUCCESS
        }
        Ok(Entered::Refused(reason)) => {
            eprintln!("no shaped links here ({reason})");
            end(NAME, on_loopback(&options))
        }
        Err(error) => end(NAME, Err(error.into())),
    }
}

/// CI requires shaped links: there, a test that cannot run must not pass.
fn links_required() -> bool {
    std::env::var_os("UNCHOKE_REQUIRE_LINKS").is_some_and(|it| it == "1")
}

/// Simulates the recorded swarms and compares figure by figure.
fn with_recorded(options: &Options) -> Result<Exit, Failure> {
    if !options.sets.is_empty() && options.out == Path::new(RESULTS) {
        return Err(Failure::usage(format!(
            "--set: {RESULTS} holds the comparison with the profile as it is; name another folder with --out"
        )));
    }
    let seeds = options.seeds.unwrap_or(20);
    let rows = recorded::compare(seeds, options.seed, &options.sets)?;
    make(&options.out)?;
    let csv = recorded::csv(&rows);
    write_whole(&options.out.join("recorded.csv"), csv.as_bytes())?;
    print(&recorded::terminal(&rows, seeds))?;
    Ok(Exit::Done)
}

fn on_loopback(options: &Options) -> Result<Exit, Failure> {
    eprintln!(
        "ON LOOPBACK: the client's own rate caps stand in for links; no queue, no loss and no \
         header is part of the comparison"
    );
    let scratch = tempfile::Builder::new()
        .prefix("unchoke-testbed-")
        .tempdir();
    let scratch = scratch.map_err(|it| Failure {
        exit: Exit::Io,
        message: format!("cannot make a temporary folder: {it}"),
    })?;
    run(options, Place::Loopback, scratch.path())
}

/// The scenario with all peers running `policy`, one swarm per seed.
fn specs(options: &Options, policy: &str) -> Result<Vec<SwarmSpec>, Failure> {
    let mut sets = match options.peers {
        PeerKind::Unchoke => Vec::new(),
        PeerKind::Libtorrent => vec![format!("client.profile={}", libtorrent::PROFILE)],
    };
    let own = Scenario::load(&options.scenario, &sets);
    if own.is_ok_and(|it| it.client.policy != policy) {
        // The scenario's parameters belong to another policy.
        sets.push("client.parameters={}".to_owned());
    }
    sets.push(format!("client.policy={policy}"));
    if options.quick {
        sets.push("torrent.size=8 MiB".to_owned());
    }
    sets.extend(options.sets.iter().cloned());
    let scenario = Scenario::load(&options.scenario, &sets);
    let scenario = scenario.map_err(|it| Failure::usage(it.to_string()))?;
    let seeds = (0..u64::from(options.seeds.unwrap_or(3))).map(|it| options.seed.wrapping_add(it));
    let specs: Vec<SwarmSpec> = seeds.map(|seed| expand(&scenario, seed)).collect();
    specs.iter().try_for_each(setup::check)?;
    Ok(specs)
}

fn client(options: &Options) -> Result<PathBuf, Failure> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("unchoke"));
    let client = options.client.clone().or_else(beside);
    let client = client.and_then(|it| it.canonicalize().ok());
    client.ok_or_else(|| {
        Failure::usage("there is no client to run: build it (`cargo build --release`) or name it with --client")
    })
}

fn run(options: &Options, place: Place, scratch: &Path) -> Result<Exit, Failure> {
    let mut options = options.clone();
    if options.policy.is_empty() {
        options.policy = options.peers.policies(options.quick);
    }
    if options.quick {
        options.policy.truncate(1);
        options.seeds = Some(1);
    }
    let client = client(&options)?;
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stopped)).map_err(|it| Failure {
            exit: Exit::Io,
            message: format!("cannot listen for signals: {it}"),
        })?;
    }
    let libtorrent = match options.peers {
        PeerKind::Unchoke => None,
        PeerKind::Libtorrent if place.needs_caps() => {
            return Err(Failure::usage(
                "libtorrent peers need links that can be shaped, and this is loopback: run as root, or \
                 where everybody may make network namespaces",
            ));
        }
        PeerKind::Libtorrent => Some(Libtorrent::prepare(scratch)?),
    };
    let bed = Testbed {
        place,
        scratch,
        client: &client,
        libtorrent,
        stopped: &stopped,
    };
    let mut swarms = Vec::new();
    for policy in &options.policy {
        let specs = specs(&options, policy)?;
        swarms.extend(specs.into_iter().map(|it| (policy.as_str(), it)));
    }
    if place.needs_caps() {
        // The client's caps count payload only, so headers must not take capacity here.
        for (_, spec) in &mut swarms {
            spec.network.transport = TransportSpec::PLAIN;
        }
    }
    let (_, first) = swarms.first().expect("a policy and a seed at least");
    let classes = first.classes.clone();
    let of_first = swarms.iter().filter(|it| it.0 == options.policy[0]);
    let seeds: Vec<u64> = of_first.map(|it| it.1.seed).collect();
    let mut runs = Vec::new();
    for (policy, spec) in &swarms {
        runs.extend(pair(&bed, spec, policy)?);
    }
    let comparison = Comparison::of(&classes, &options.policy, &seeds, runs);
    if !options.quick {
        write(&options.out, options.forms, &comparison)?;
    }
    print(&table::terminal(&comparison))?;
    let limit = options.max_error.unwrap_or(f64::INFINITY);
    Ok(if comparison.median_error() * 100.0 > limit {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// Runs one swarm in the simulator and as processes.
fn pair(bed: &Testbed<'_>, spec: &SwarmSpec, policy: &str) -> Result<[SwarmRun; 2], TestbedError> {
    let simulated = simulated::run(spec, policy)?;
    let last = |it: &SwarmRun| {
        let times = it.peers.iter().filter_map(|it| it.completed_s);
        times.fold(0.0, f64::max)
    };
    eprintln!(
        "{policy}, seed {}: {} peers, simulated {:.0} s; real ...",
        spec.seed,
        spec.nodes.len(),
        last(&simulated)
    );
    let real = bed.run(spec, policy)?;
    eprintln!("{policy}, seed {}: real {:.0} s", spec.seed, last(&real));
    Ok([real, simulated])
}

fn write(folder: &Path, forms: Forms, comparison: &Comparison) -> Result<(), Failure> {
    make(folder)?;
    let files = [
        ("classes.csv", table::classes(comparison)),
        ("bytes.csv", table::bytes(comparison)),
        ("contrasts.csv", table::contrasts(comparison)),
        ("peers.csv", table::peers(comparison)),
    ];
    for (name, text) in files {
        write_whole(&folder.join(name), text.as_bytes())?;
    }
    let figures = [
        ("completion_cdf", figure::testbed::completion(comparison)),
        ("bytes_by_cause", figure::testbed::bytes(comparison)),
    ];
    for (name, scene) in figures {
        forms.write(folder, name, &scene)?;
    }
    Ok(())
}
