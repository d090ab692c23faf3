//! From the document to what peers run: policies, pickers and limits.

use std::time::Duration;

use unchoke_core::choke::{self, Entry, Parameter, Parameters};
use unchoke_core::pick::PICKERS;
use unchoke_core::torrent::{Endgame, Pipeline};

use super::document::{Item, Node};
use super::error::{Problem, quoted};
use super::section::{Rate, Section, one_of};
use super::{MAX_PEERS, Part, Population};
use crate::spec::ClientSpec;
use crate::units;

/// Keys that `[client]`, populations and origins have.
const LIMIT_KEYS: &[&str] = &[
    "aligned_ticks",
    "download_cap",
    "endgame",
    "max_connections",
    "max_requests",
    "min_requests",
    "peer_exchange",
    "picker",
    "policy",
    "queue_time",
    "rerequest_interval",
    "snub_after",
    "super_seed",
    "upload_cap",
];

/// The keys of a population or origin, with those that only one of them has.
pub(super) fn client_keys(own: &[&'static str]) -> Vec<&'static str> {
    let mut keys = [own, &["name", "parameters"], LIMIT_KEYS].concat();
    keys.sort_unstable();
    keys
}

/// What deployed clients do; see [`unchoke_core::torrent::Config`] for the sources.
fn defaults() -> ClientSpec {
    ClientSpec {
        name: String::new(),
        policy: "tit_for_tat".to_owned(),
        own: None,
        parameters: Parameters::new(),
        picker: "rarest_first".to_owned(),
        // Legout et al. 2006: "peer set" of mainline, at most 80.
        max_connections: 80,
        upload_cap: None,
        download_cap: None,
        pipeline: Pipeline {
            queue_time: Duration::from_secs(3),
            min: 5,
            max: 500,
        },
        snub_after: Duration::from_mins(1),
        endgame: Endgame::Capped,
        aligned_ticks: false,
        peer_exchange: false,
        super_seed: false,
        // Mainline 3.4.2 `rerequest_interval`.
        rerequest_interval: Duration::from_mins(5),
    }
}

/// The table `[client]`: what all clients have in common.
pub(super) fn shared(section: &Section<'_>) -> Result<ClientSpec, Problem> {
    section.only(LIMIT_KEYS)?;
    client(section, &defaults(), Some(""))
}

/// What one population or origin runs. Without `name` it is called `name`, else after its policy.
pub(super) fn client(
    section: &Section<'_>,
    shared: &ClientSpec,
    name: Option<&str>,
) -> Result<ClientSpec, Problem> {
    let policies: Vec<(&str, &str)> = choke::REGISTRY.iter().map(|it| (it.id, it.id)).collect();
    let pickers: Vec<(&str, &str)> = PICKERS.iter().map(|it| (*it, *it)).collect();
    let policy = section.word("policy", &policies)?;
    let policy = policy.map_or_else(|| shared.policy.clone(), str::to_owned);
    let picker = section.word("picker", &pickers)?;
    let given = section.optional::<String>("name")?;
    let otherwise = || name.unwrap_or(&policy).to_owned();
    let connections = section.number("max_connections", 1, u32::from(u16::MAX))?;
    let snub_after = section.time("snub_after", Duration::from_secs(1))?;
    let rerequest = section.time("rerequest_interval", Duration::from_secs(1))?;
    let cap = |key, otherwise: Option<u64>| {
        let cap = section.optional::<Rate>(key)?;
        Ok(cap.map(|it| it.0).or(otherwise))
    };
    Ok(ClientSpec {
        name: given.unwrap_or_else(otherwise),
        parameters: parameters(&section.table("parameters")?, &policy)?,
        policy,
        own: None,
        picker: picker.map_or_else(|| shared.picker.clone(), str::to_owned),
        max_connections: connections.map_or(shared.max_connections, narrow),
        upload_cap: cap("upload_cap", shared.upload_cap)?,
        download_cap: cap("download_cap", shared.download_cap)?,
        pipeline: pipeline(section, shared.pipeline)?,
        snub_after: snub_after.unwrap_or(shared.snub_after),
        endgame: section.optional("endgame")?.unwrap_or(shared.endgame),
        aligned_ticks: section
            .optional("aligned_ticks")?
            .unwrap_or(shared.aligned_ticks),
        peer_exchange: section
            .optional("peer_exchange")?
            .unwrap_or(shared.peer_exchange),
        super_seed: section.optional("super_seed")?.unwrap_or(shared.super_seed),
        rerequest_interval: rerequest.unwrap_or(shared.rerequest_interval),
    })
}

fn narrow(number: u32) -> u16 {
    u16::try_from(number).expect("read as 16 bits")
}

fn pipeline(section: &Section<'_>, shared: Pipeline) -> Result<Pipeline, Problem> {
    let most = u32::from(u16::MAX);
    let min = section.number("min_requests", 1, most)?;
    let max = section.number("max_requests", 1, most)?;
    let pipeline = Pipeline {
        queue_time: section.optional("queue_time")?.unwrap_or(shared.queue_time),
        min: min.map_or(shared.min, narrow),
        max: max.map_or(shared.max, narrow),
    };
    if pipeline.min > pipeline.max {
        let (key, expected) = if min.is_some() {
            let expected = format!("at most max_requests, which is {}", pipeline.max);
            ("min_requests", expected)
        } else {
            let expected = format!("at least min_requests, which is {}", pipeline.min);
            ("max_requests", expected)
        };
        return Err(section.wrong(key, expected));
    }
    Ok(pipeline)
}

/// The key under which a scenario has a parameter: its name without the unit, which the value
/// has as text.
fn short(parameter: &Parameter) -> &'static str {
    let name = parameter.name;
    let stem = name.strip_suffix("_ns");
    stem.or_else(|| name.strip_suffix("_bytes")).unwrap_or(name)
}

/// The table `parameters` of a policy.
fn parameters(section: &Section<'_>, policy: &str) -> Result<Parameters, Problem> {
    let entry = choke::find(policy).expect("read as a registered policy");
    let keys: Vec<&str> = entry.parameters.iter().map(short).collect();
    section.only(&keys)?;
    let mut parameters = Parameters::new();
    for (key, node) in section.entries() {
        let known = parameter(entry, key);
        let value = parameter_value(known, node);
        match value.filter(|it| (known.min..=known.max).contains(it)) {
            Some(value) => parameters.set(known.name, value),
            None => return Err(section.wrong(key, expected(known))),
        }
    }
    Ok(parameters)
}

fn parameter(entry: &Entry, key: &str) -> &'static Parameter {
    let known = entry.parameters.iter().find(|it| short(it) == key);
    known.expect("the table has no keys but these")
}

fn parameter_value(parameter: &Parameter, node: &Node) -> Option<u64> {
    match &node.item {
        Item::Text(text) if parameter.name.ends_with("_ns") => units::parse_nanos(text).ok(),
        Item::Text(text) if parameter.name.ends_with("_bytes") => units::parse_size(text).ok(),
        Item::Integer(number) if short(parameter) == parameter.name => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// What a parameter takes, as part of a sentence.
fn expected(parameter: &Parameter) -> String {
    let (min, max) = (parameter.min, parameter.max);
    if parameter.name.ends_with("_ns") {
        let least = units::show_time(Duration::from_nanos(min));
        format!("a time of at least \"{least}\"")
    } else if parameter.name.ends_with("_bytes") {
        format!("a size of at least \"{}\"", units::show_size(min))
    } else if max < u64::MAX {
        format!("a whole number from {min} to {max}")
    } else {
        format!("a whole number of at least {min}")
    }
}

/// A parameter as a scenario has it: key and value in TOML.
pub(super) fn show_parameter(policy: &str, name: &str, value: u64) -> (String, String) {
    let known = choke::find(policy).and_then(|it| it.parameters.iter().find(|it| it.name == name));
    let Some(known) = known else {
        return (name.to_owned(), value.to_string());
    };
    let text = if name.ends_with("_ns") {
        format!("\"{}\"", units::show_time(Duration::from_nanos(value)))
    } else if name.ends_with("_bytes") {
        format!("\"{}\"", units::show_size(value))
    } else {
        value.to_string()
    };
    (short(known).to_owned(), text)
}

/// The tables `[[population]]`; everyone runs `[client]` if there are none.
pub(super) fn populations(
    top: &Section<'_>,
    shared: &ClientSpec,
) -> Result<Vec<Population>, Problem> {
    let sections = top.tables("population")?;
    if sections.is_empty() {
        let client = ClientSpec {
            name: shared.policy.clone(),
            ..shared.clone()
        };
        let part = Part::Rest;
        return Ok(vec![Population { part, client }]);
    }
    let population = |section: &Section<'_>| {
        section.only(&client_keys(&["count", "share"]))?;
        let count = section.number("count", 0, MAX_PEERS)?;
        let part = match (section.optional("share")?, count) {
            (Some(_), Some(_)) => return Err(section.wrong("count", "no count beside a share")),
            (Some(share), None) => Part::Share(share),
            (None, Some(count)) => Part::Count(count),
            (None, None) => Part::Rest,
        };
        let client = client(section, shared, None)?;
        Ok(Population { part, client })
    };
    sections.iter().map(population).collect()
}

/// Why a policy or picker that a program has put into a scenario cannot be made.
pub(super) fn check_client(client: &ClientSpec) -> Result<(), (&'static str, String, String)> {
    if let Err(error) = client.build_policy() {
        let expected = "a registered policy with its own parameters";
        return Err(("policy", expected.to_owned(), error.to_string()));
    }
    if !PICKERS.contains(&client.picker.as_str()) {
        let expected = one_of(PICKERS.iter().copied());
        return Err(("picker", expected, quoted(&client.picker)));
    }
    Ok(())
}
