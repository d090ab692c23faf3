//! `lab sim`: one scenario, one seed, one result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZero;

use clap::{Args, ValueEnum};
use serde::Serialize;
use unchoke_core::choke::Parameters;
use unchoke_core::ledger::{Kind, Ledger, Waste};
use unchoke_core::time::Instant;
use unchoke_sim::result::{NodeResult, RunResult};
use unchoke_sim::scenario::{Part, Scenario, expand};
use unchoke_sim::spec::{ClientSpec, Engine};
use unchoke_sim::trace::Header;
use unchoke_sim::world::{self, Cores};

use super::look::{Look, LookArgs};
use super::{Failure, process};
use crate::findings::stats::moments::{mean, quantile_sorted};
use crate::plan::policies;
use crate::show::words;

/// Runs one swarm and prints its results.
#[derive(Args, Clone, Debug)]
pub(super) struct Options {
    /// Name of a built-in scenario, or a TOML file.
    #[arg(required_unless_present = "list")]
    scenario: Option<String>,
    /// Set a key of the scenario, as in `peers=100` or `network.solver=exact`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Run this policy on origins, and on peers that are not in a population with a share or count
    /// of its own.
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// List the built-in scenarios instead.
    #[arg(long)]
    list: bool,
    /// Print the scenario with every default filled in instead.
    #[arg(long)]
    resolved: bool,
    /// Number of threads for `network.engine=windows`; 0 for one per core. It has no influence on
    /// results.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    #[command(flatten)]
    look: LookArgs,
}

/// Format of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A few lines for people.
    Human,
    /// One JSON object.
    Json,
}

/// Results of one run.
#[derive(Clone, Debug, Serialize)]
struct Report {
    scenario: String,
    version: u32,
    seed: u64,
    /// How it was run, if not by the exact engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<&'static str>,
    /// Number of nodes, including origins.
    peers: usize,
    leechers: usize,
    completed: usize,
    /// Leechers that left before they had every piece.
    aborted: usize,
    /// Simulated time at the end of the run.
    simulated_s: f64,
    blocks_transferred: u64,
    events: u64,
    /// Time from arrival to the last piece, over the leechers that completed.
    completion_s: Option<Times>,
    /// Lower bound for any policy. Kumar and Ross 2006.
    bound_s: Option<f64>,
    bytes: Bytes,
    /// Digest of all significant events in order.
    digest: String,
    cost: Cost,
}

#[derive(Clone, Debug, Serialize)]
struct Times {
    mean: f64,
    median: f64,
    p95: f64,
    max: f64,
}

/// Sums over all nodes.
#[derive(Clone, Debug, Serialize)]
struct Bytes {
    payload_sent: u64,
    payload_received: u64,
    payload_useful: u64,
    payload_wasted: BTreeMap<&'static str, u64>,
    protocol_sent: BTreeMap<&'static str, u64>,
    /// Headers of packets, and acknowledgements; 0 unless the scenario counts them.
    transport_sent: u64,
    /// Lost when connections closed, payload and protocol.
    lost: u64,
    /// In flight when the run ended, payload and protocol.
    in_flight: u64,
}

/// Cost of the run on this machine: the only part that differs between machines.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    /// CPU time of the whole process, including reading the scenario.
    cpu_s: Option<f64>,
    blocks_per_cpu_s: Option<f64>,
    peak_memory_bytes: Option<u64>,
}

/// Runs the command and returns the text to print.
pub(super) fn run(options: &Options) -> Result<String, Failure> {
    let Some(name) = options.scenario.as_deref().filter(|_| !options.list) else {
        return Ok(list());
    };
    options.look.spare(&[name.into()])?;
    let usage = |it: &dyn std::fmt::Display| Failure::usage(it.to_string());
    let mut scenario = Scenario::load(name, &options.sets).map_err(|it| usage(&it))?;
    if let Some(id) = &options.policy {
        policies::find(id).map_err(|it| Failure::usage(format!("--policy: {it}")))?;
        give(&mut scenario, id);
    }
    if options.resolved {
        return Ok(scenario.to_toml());
    }
    let mut spec = expand(&scenario, options.seed);
    let header = || Ok::<_, Failure>(Header::new(&scenario, &spec));
    if options.look.prints() && options.format == Format::Json {
        return Err(Failure::usage(
            "--peers and --peer print tables, which are no JSON: leave one of them out, or \
             write a --trace",
        ));
    }
    let mut look = Look::new(&options.look, header)?;
    spec.horizon = spec
        .horizon
        .min(options.look.until.unwrap_or(Instant::NEVER));
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    };
    let cores = Cores {
        threads,
        ..Cores::ONE
    };
    let result = world::run_on(&spec, look.sink(), cores).map_err(|it| usage(&it))?;
    let report = report(&scenario, options.seed, &result);
    let seen = look.finish(result.ended_at)?;
    match options.format {
        Format::Human => Ok(human(&report) + &seen),
        Format::Json => {
            let text = serde_json::to_string_pretty(&report).map_err(|it| usage(&it))?;
            Ok(text + "\n")
        }
    }
}

/// Sets the policy of origins, and of peers without a share or count of their own, as plans do.
fn give(scenario: &mut Scenario, id: &str) {
    let runs = |it: &ClientSpec| it.with_policy(&it.name, id, &Parameters::new());
    scenario.client = runs(&scenario.client);
    let open = scenario.populations.iter_mut();
    for it in open.filter(|it| it.part == Part::Rest && it.class.is_none()) {
        it.client = runs(&it.client);
        id.clone_into(&mut it.client.name);
    }
    for it in &mut scenario.origins {
        it.client = runs(&it.client);
    }
}

fn list() -> String {
    let mut text = String::new();
    for it in Scenario::list() {
        writeln!(text, "{:<21} v{}  {}", it.name, it.version, it.about).expect("text grows");
    }
    text
}

fn report(scenario: &Scenario, seed: u64, result: &RunResult) -> Report {
    let cpu_s = process::cpu_seconds();
    let blocks = result.blocks_transferred;
    let (peers, completed) = (result.nodes.len(), result.completed().count());
    Report {
        scenario: scenario.name.clone(),
        version: scenario.version,
        seed,
        engine: (scenario.network.engine == Engine::Windows).then_some("windows"),
        peers,
        leechers: result.nodes.iter().filter(|it| !it.origin).count(),
        completed,
        aborted: result.aborted().count(),
        simulated_s: (result.ended_at - Instant::START).as_secs_f64(),
        blocks_transferred: blocks,
        events: result.events,
        completion_s: times(result),
        bound_s: result.bound.map(|it| it.time().as_secs_f64()),
        bytes: bytes(result),
        digest: format!("{:016x}", result.digest),
        cost: Cost {
            cpu_s,
            blocks_per_cpu_s: cpu_s.map(|it| blocks as f64 / it),
            peak_memory_bytes: process::peak_memory_bytes(),
        },
    }
}

fn times(result: &RunResult) -> Option<Times> {
    let times = result.completed().filter_map(NodeResult::download_time);
    let mut times: Vec<f64> = times.map(|it| it.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    let max = *times.last()?;
    Some(Times {
        mean: mean(&times),
        median: quantile_sorted(&times, 0.5),
        p95: quantile_sorted(&times, 0.95),
        max,
    })
}

fn bytes(result: &RunResult) -> Bytes {
    let mut sum = Ledger::default();
    for node in &result.nodes {
        sum += node.ledger;
    }
    let wasted = Waste::ALL.map(|it| (it.name(), sum.payload_wasted[it as usize]));
    let protocol = Kind::ALL.map(|it| (it.name(), sum.protocol[it as usize].sent));
    Bytes {
        payload_sent: sum.payload_sent,
        payload_received: sum.payload_received(),
        payload_useful: sum.payload_useful,
        payload_wasted: wasted.into(),
        protocol_sent: protocol.into(),
        transport_sent: result.nodes.iter().map(|it| it.transport_sent).sum(),
        lost: result.bytes_dropped,
        in_flight: result.bytes_in_flight,
    }
}

fn human(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:<20} {value}").expect("text grows");
    };
    let (name, version) = (&report.scenario, report.version);
    let seed = report.seed;
    line("scenario", format!("{name} v{version}, seed {seed}"));
    if let Some(engine) = report.engine {
        line("engine", format!("{engine}. {}", words::IN_WINDOWS));
    }
    let (peers, leechers) = (report.peers, report.leechers);
    line("peers", format!("{peers}, of which {leechers} leechers"));
    let (completed, end) = (report.completed, report.simulated_s);
    line(
        "completed",
        format!("{completed} of {leechers} within {end:.3} s"),
    );
    if report.aborted > 0 {
        line("aborted", format!("{} of {leechers}", report.aborted));
    }
    if let Some(times) = &report.completion_s {
        let Times {
            mean,
            median,
            p95,
            max,
        } = times;
        let times =
            format!("mean {mean:.3} s, median {median:.3} s, p95 {p95:.3} s, max {max:.3} s");
        line("completion time", times);
    }
    if let Some(bound) = report.bound_s {
        line(
            "lower bound",
            format!("{bound:.3} s for any policy (Kumar and Ross 2006)"),
        );
    }
    for (name, value) in byte_lines(&report.bytes) {
        line(&name, value);
    }
    line("blocks transferred", report.blocks_transferred.to_string());
    if let (Some(cpu), Some(speed)) = (report.cost.cpu_s, report.cost.blocks_per_cpu_s) {
        line(
            "CPU time",
            format!("{cpu:.2} s, {speed:.0} blocks per CPU second"),
        );
    }
    if let Some(memory) = report.cost.peak_memory_bytes {
        line(
            "peak memory",
            format!("{:.1} MiB", memory as f64 / f64::from(1 << 20)),
        );
    }
    line("digest", report.digest.clone());
    text
}

/// Label and value of each line about bytes.
fn byte_lines(bytes: &Bytes) -> Vec<(String, String)> {
    let share = |count: u64| share(count, bytes.payload_sent);
    let named = |name: &str, value: String| (name.to_owned(), value);
    let mut lines = vec![
        named("payload sent", bytes.payload_sent.to_string()),
        named("payload useful", share(bytes.payload_useful)),
    ];
    for (cause, count) in &bytes.payload_wasted {
        lines.push((format!("payload {cause}"), share(*count)));
    }
    let missing = bytes.payload_sent - bytes.payload_received;
    lines.push(named("payload not received", share(missing)));
    let protocol: u64 = bytes.protocol_sent.values().sum();
    lines.push(named("protocol sent", share(protocol)));
    for (kind, count) in bytes.protocol_sent.iter().filter(|it| *it.1 > 0) {
        lines.push((format!("  {kind}"), share(*count)));
    }
    let with_protocol = |count: u64| share(count) + ", protocol included";
    lines.push(named("lost on closing", with_protocol(bytes.lost)));
    lines.push(named(
        "in flight at the end",
        with_protocol(bytes.in_flight),
    ));
    lines.push(named("transport sent", share(bytes.transport_sent)));
    lines
}

/// Bytes, and their share of the payload sent; the same denominator for all lines.
fn share(bytes: u64, payload_sent: u64) -> String {
    if payload_sent == 0 {
        return bytes.to_string();
    }
    let percent = 100.0 * bytes as f64 / payload_sent as f64;
    format!("{bytes} ({percent:.2} % of payload sent)")
}
