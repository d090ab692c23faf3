//! Reads a scenario from a parsed document: everything but peers and clients.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use unchoke_core::geometry::{BLOCK_BYTES, Geometry, MAX_BLOCKS};

use super::document::{Item, Node};
use super::error::{Fault, Place, Problem, quoted};
use super::parts;
use super::read_access::{access, delay_ns};
use super::read_capacity;
use super::read_client::{self, client_keys};
use super::read_network;
use super::read_peers;
use super::read_transport;
use super::section::{Section, Size};
use super::{Capacity, Faults, MAX_PEERS, Origins, Region, Scenario};
use crate::spec::{ClientSpec, Engine, NetworkSpec, Solver};
use crate::units::{Decimal, Share, show_size, show_time};

const KEYS: &[&str] = &[
    "about",
    "client",
    "faults",
    "horizon",
    "name",
    "network",
    "origin",
    "peers",
    "population",
    "sample_every",
    "torrent",
    "tracker",
    "version",
];

/// Name of a scenario that states none. The file name is not used, so renaming a file changes no
/// result.
const UNNAMED: &str = "unnamed";

/// Reads a scenario. Files that it names are looked up in `folder`.
pub(super) fn scenario(root: &Node, folder: Option<&Path>) -> Result<Scenario, Problem> {
    let top = Section::open(root, "")?;
    top.only(KEYS)?;
    let client = read_client::shared(&top.table("client")?)?;
    let regions = read_network::regions(&top.table("network")?)?;
    let origins = origins(&top, &client, &regions)?;
    let origin_count = origins.iter().map(|it| it.count).sum();
    let scenario = Scenario {
        name: top.optional("name")?.unwrap_or_else(|| UNNAMED.to_owned()),
        version: top.number("version", 1, u32::MAX)?.unwrap_or(1),
        about: top.optional("about")?.unwrap_or_default(),
        horizon: top
            .time("horizon", Duration::from_secs(1))?
            .unwrap_or(Duration::from_hours(24)),
        sample_every: top
            .time("sample_every", Duration::from_millis(100))?
            .unwrap_or(Duration::from_secs(10)),
        geometry: geometry(&top.table("torrent")?)?,
        network: network(&top.table("network")?)?,
        regions,
        tracker: read_network::tracker(&top.table("tracker")?)?,
        peers: read_peers::peers(&top.table("peers")?, origin_count, folder)?,
        populations: read_client::populations(&top, &client)?,
        faults: faults(&top.table("faults")?)?,
        client,
        origins,
    };
    match check(&scenario) {
        Ok(()) => Ok(scenario),
        Err((key, expected, found)) => Err(Problem::new(&locate(root, &key), key, expected, found)),
    }
}

/// Checks rules that involve more than one key: shares, counts and names.
pub(super) fn check(scenario: &Scenario) -> Result<(), Fault> {
    read_capacity::check_capacity(&scenario.peers.capacity)?;
    parts::check_parts(scenario)?;
    read_network::check_regions(scenario)?;
    check_faults(&scenario.faults)?;
    check_samples(scenario)?;
    check_delays(scenario)?;
    check_clients(scenario)
}

/// Most points of a time series. They stay in memory until the run ends.
const MAX_SAMPLES: u128 = 1_000_000;

fn check_samples(scenario: &Scenario) -> Result<(), Fault> {
    let (horizon, every) = (
        scenario.horizon.as_nanos(),
        scenario.sample_every.as_nanos(),
    );
    if horizon / every.max(1) > MAX_SAMPLES {
        let expected = format!("a horizon of at most {MAX_SAMPLES} times sample_every");
        let found = show_time(scenario.horizon);
        return Err(("horizon".to_owned(), expected, format!("\"{found}\"")));
    }
    Ok(())
}

/// Settings that count round trips have no effect without delays, so refuse them.
fn check_delays(scenario: &Scenario) -> Result<(), Fault> {
    let network = &scenario.network;
    let of_access = match &scenario.peers.capacity {
        Capacity::Classes(classes) => classes.iter().any(|it| !it.access.delay.is_zero()),
        Capacity::Measured(measured) => !measured.delay.is_zero(),
    };
    let of_origins = scenario.origins.iter().any(|it| !it.access.delay.is_zero());
    let of_regions = scenario.regions.iter().flat_map(|it| &it.delays);
    let delayed = network.base_delay_ns > 0
        || of_access
        || of_origins
        || of_regions.into_iter().any(|it| !it.is_zero());
    if network.transport.needs_round_trips() && !delayed {
        let expected = "a network.base_delay, or delays of links or regions, beside \
                        initial_window, window, loss or rtt_bias";
        return Err((
            "network.transport".to_owned(),
            expected.to_owned(),
            "no delay at all".to_owned(),
        ));
    }
    Ok(())
}

/// Results are grouped by client name, so no two may be the same.
fn check_clients(scenario: &Scenario) -> Result<(), Fault> {
    let populations = scenario.populations.iter().map(|it| &it.client);
    let origins = scenario.origins.iter().map(|it| &it.client);
    let mut names = BTreeSet::new();
    let populations = populations.enumerate().map(|it| ("population", it));
    let origins = origins.enumerate().map(|it| ("origin", it));
    for (list, (i, client)) in populations.chain(origins) {
        let key = |key| format!("{list}.{i}.{key}");
        read_client::check_client(client)
            .map_err(|(at, expected, found)| (key(at), expected, found))?;
        if !names.insert(&client.name) {
            let expected = "a name that no other population or origin has";
            return Err((key("name"), expected.to_owned(), quoted(&client.name)));
        }
    }
    Ok(())
}

/// Where the deepest existing part of `path` was written.
fn locate(root: &Node, path: &str) -> Place {
    let mut node = root;
    for part in path.split('.') {
        let child = match &node.item {
            Item::Table(entries) => entries.get(part),
            Item::List(items) => part.parse().ok().and_then(|i: usize| items.get(i)),
            _ => None,
        };
        match child {
            Some(child) => node = child,
            None => break,
        }
    }
    node.place.clone()
}

/// Most pieces of a torrent. Programs that make torrents double the piece size as the payload grows
/// and stay at some thousands of pieces; 2^17 pieces of 16 MiB are 2 TiB. Every peer keeps a few
/// numbers per piece, and every connection one bit per piece: 16 KiB at this bound. Without a
/// bound, pieces of 1 byte would exhaust the memory.
const MAX_PIECES: u64 = 1 << 17;

fn geometry(section: &Section<'_>) -> Result<Geometry, Problem> {
    section.only(&["piece", "size"])?;
    let Size(total) = section.required("size")?;
    let Size(piece) = section.required("piece")?;
    let piece =
        u32::try_from(piece).map_err(|_| section.wrong("piece", "a piece size below \"4 GiB\""))?;
    let too_large = || section.wrong("size", "at most 2^29 blocks of 16 KiB, which are \"8 TiB\"");
    if total > MAX_BLOCKS * u64::from(BLOCK_BYTES) {
        return Err(too_large());
    }
    if total.div_ceil(u64::from(piece)) > MAX_PIECES {
        let least = show_size(total.div_ceil(MAX_PIECES).next_power_of_two());
        let total = show_size(total);
        let expected = format!(
            "a piece size such as \"{least}\", so that \"{total}\" is at most {MAX_PIECES} pieces"
        );
        return Err(section.wrong("piece", expected));
    }
    // The shorter last block of a piece counts as a block.
    Geometry::new(total, piece).map_err(|_| too_large())
}

fn network(section: &Section<'_>) -> Result<NetworkSpec, Problem> {
    section.only(&[
        "base_delay",
        "engine",
        "region",
        "send_buffer",
        "shared_subnets",
        "solver",
        "transport",
    ])?;
    let engines = [("exact", Engine::Exact), ("windows", Engine::Windows)];
    let solvers = [("exact", Solver::Exact), ("fast", Solver::Fast)];
    let delay = section.optional("base_delay")?.unwrap_or(Duration::ZERO);
    let blocks = section.number("send_buffer", 1, 255)?.unwrap_or(2);
    Ok(NetworkSpec {
        engine: section.word("engine", &engines)?.unwrap_or_default(),
        solver: section.word("solver", &solvers)?.unwrap_or(Solver::Fast),
        base_delay_ns: delay_ns(section, "base_delay", delay)?,
        send_buffer_blocks: u8::try_from(blocks).expect("at most 255"),
        shared_subnets: section.optional("shared_subnets")?.unwrap_or(false),
        transport: read_transport::transport(&section.table("transport")?)?,
    })
}

fn origins(
    top: &Section<'_>,
    client: &ClientSpec,
    regions: &[Region],
) -> Result<Vec<Origins>, Problem> {
    let sections = top.tables("origin")?;
    if sections.is_empty() {
        return Err(top.wrong("origin", "at least one [[origin]] that has the payload"));
    }
    let origin = |section: &Section<'_>| {
        section.only(&client_keys(&["count", "delay", "down", "region", "up"]))?;
        let count = section.number("count", 1, MAX_PEERS)?.unwrap_or(1);
        let client = read_client::client(section, client, Some("origin"))?;
        Ok(Origins {
            count,
            access: access(section)?,
            region: read_network::region_of(section, regions)?,
            client,
        })
    };
    let origins = sections.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    let sum: u64 = origins.iter().map(|it| u64::from(it.count)).sum();
    if sum > u64::from(MAX_PEERS) {
        return Err(top.wrong("origin", format!("at most {MAX_PEERS} origins together")));
    }
    Ok(origins)
}

fn faults(section: &Section<'_>) -> Result<Faults, Problem> {
    section.only(&["break_mean", "corrupting", "overstating", "understating"])?;
    let share = |key| Ok(section.optional(key)?.unwrap_or(Share::NONE));
    Ok(Faults {
        corrupting: share("corrupting")?,
        overstating: share("overstating")?,
        understating: share("understating")?,
        break_mean: section.time("break_mean", Duration::from_secs(1))?,
    })
}

/// No peer may both overstate and understate.
fn check_faults(faults: &Faults) -> Result<(), Fault> {
    let sum =
        u64::from(faults.overstating.millionths()) + u64::from(faults.understating.millionths());
    if sum > u64::from(Share::ALL.millionths()) {
        let expected = "shares overstating and understating of at most 100 % together".to_owned();
        let found = format!("{} %", Decimal::from_millionths(sum * 100));
        return Err(("faults".to_owned(), expected, found));
    }
    Ok(())
}
