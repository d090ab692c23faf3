//! Reads what peers run: policies, pickers and limits.

use std::time::Duration;

use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::choke::{Parameter, Parameters};
use unchoke_core::pick::PICKERS;
use unchoke_core::profile::{PROFILES, Profile, Timers};
use unchoke_core::torrent::{Endgame, Pipeline};

use super::document::{Item, Node};
use super::error::{Problem, quoted};
use super::section::{Rate, Section, one_of};
use super::{MAX_PEERS, Part, Population};
use crate::parameter;
use crate::policies;
use crate::spec::ClientSpec;
use crate::units::show_time;

/// Keys that `[client]`, populations and origins have in common.
const LIMIT_KEYS: &[&str] = &[
    "aligned_ticks",
    "allowed_fast",
    "allowed_fast_by",
    "dial_timeout",
    "download_cap",
    "endgame",
    "enough",
    "handshake_timeout",
    "idle_timeout",
    "initiate",
    "keep_alive",
    "max_connections",
    "max_requests",
    "min_requests",
    "parameters",
    "peer_exchange",
    "picker",
    "policy",
    "profile",
    "queue_time",
    "rerequest_interval",
    "snub_after",
    "start_requests",
    "super_seed",
    "takes_allowed_fast",
    "upload_cap",
];

/// Those keys and `own`, the keys that only a population or only an origin has.
pub(super) fn client_keys(own: &[&'static str]) -> Vec<&'static str> {
    let mut keys = [own, &["name"], LIMIT_KEYS].concat();
    keys.sort_unstable();
    keys
}

/// Client of peers whose scenario states nothing: the client of the claim, with mainline's number
/// of connections (Legout et al. 2006, "peer set": at most 80).
fn defaults() -> ClientSpec {
    let original = Profile::find("original").expect("a profile");
    let nothing = ClientSpec {
        name: String::new(),
        policy: String::new(),
        parameters: Parameters::new(),
        picker: String::new(),
        max_connections: 0,
        initiate: None,
        enough: None,
        upload_cap: None,
        download_cap: None,
        pipeline: original.pipeline,
        snub_after: Duration::ZERO,
        endgame: Endgame::Off,
        allowed_fast: AllowedFast::default(),
        aligned_ticks: false,
        peer_exchange: false,
        super_seed: false,
        rerequest_interval: Duration::ZERO,
        timers: Timers::default(),
    };
    ClientSpec {
        max_connections: 80,
        ..nothing.as_profile(original)
    }
}

/// The table `[client]`: settings shared by all clients.
pub(super) fn shared(section: &Section<'_>) -> Result<ClientSpec, Problem> {
    section.only(LIMIT_KEYS)?;
    client(section, &defaults(), Some(""))
}

/// What one population or origin runs. Its name is its key `name`, or else the argument `name`, its
/// policy, or its profile, in this order.
pub(super) fn client(
    section: &Section<'_>,
    shared: &ClientSpec,
    name: Option<&str>,
) -> Result<ClientSpec, Problem> {
    let policies: Vec<(&str, &str)> = policies::all().each().map(|it| (it.id, it.id)).collect();
    let pickers: Vec<(&str, &str)> = PICKERS.iter().map(|it| (*it, *it)).collect();
    let profiles: Vec<(&str, &Profile)> = PROFILES.iter().map(|it| (it.id, it)).collect();
    let profile = section.word("profile", &profiles)?;
    let of_profile = profile.map(|it| shared.as_profile(it));
    let (client, shared) = (shared, of_profile.as_ref().unwrap_or(shared));
    let policy = section.word("policy", &policies)?;
    let called = policy.or(profile.map(|it| it.id)).unwrap_or(&shared.policy);
    let called = name.unwrap_or(called).to_owned();
    let policy = policy.map_or_else(|| shared.policy.clone(), str::to_owned);
    let picker = section.word("picker", &pickers)?;
    let given = section.optional::<String>("name")?;
    let connections = |key| Ok(section.number(key, 1, u32::from(u16::MAX))?.map(narrow));
    let snub_after = section.time("snub_after", Duration::from_secs(1))?;
    let rerequest = section.time("rerequest_interval", Duration::from_secs(1))?;
    let cap = |key, otherwise: Option<u64>| {
        let cap = section.optional::<Rate>(key)?;
        Ok(cap.map(|it| it.0).or(otherwise))
    };
    let own = ClientSpec {
        name: given.unwrap_or(called),
        parameters: parameters(section, shared, &policy)?,
        policy,
        picker: picker.map_or_else(|| shared.picker.clone(), str::to_owned),
        max_connections: connections("max_connections")?.unwrap_or(shared.max_connections),
        initiate: connections("initiate")?.or(shared.initiate),
        enough: connections("enough")?.or(shared.enough),
        upload_cap: cap("upload_cap", shared.upload_cap)?,
        download_cap: cap("download_cap", shared.download_cap)?,
        pipeline: pipeline(section, shared.pipeline)?,
        snub_after: snub_after.unwrap_or(shared.snub_after),
        endgame: section.optional("endgame")?.unwrap_or(shared.endgame),
        allowed_fast: allowed_fast(section, shared.allowed_fast)?,
        aligned_ticks: section
            .optional("aligned_ticks")?
            .unwrap_or(shared.aligned_ticks),
        peer_exchange: section
            .optional("peer_exchange")?
            .unwrap_or(shared.peer_exchange),
        super_seed: section.optional("super_seed")?.unwrap_or(shared.super_seed),
        rerequest_interval: rerequest.unwrap_or(shared.rerequest_interval),
        timers: timers(section, shared.timers)?,
    };
    Ok(aloud(own, client))
}

/// The same client with every setting stated that `shared` states. A setting left unstated would be
/// read back with the value of `shared`.
fn aloud(mut own: ClientSpec, shared: &ClientSpec) -> ClientSpec {
    let around = own.around();
    own.initiate = own.initiate.or(shared.initiate.map(|_| around.initiate));
    own.enough = own.enough.or(shared.enough.map(|_| around.enough));
    let entry = policies::all().find(&own.policy);
    let entry = entry.ok().filter(|_| own.policy == shared.policy);
    for parameter in entry.into_iter().flat_map(|it| it.parameters) {
        let said = |of: &Parameters| of.iter().any(|(name, _)| name == parameter.name);
        if said(&shared.parameters) && !said(&own.parameters) {
            own.parameters.set(parameter.name, parameter.default);
        }
    }
    own
}

fn allowed_fast(section: &Section<'_>, shared: AllowedFast) -> Result<AllowedFast, Problem> {
    let grants = section.number("allowed_fast", 0, u32::from(u8::MAX))?;
    let by = [("network", false), ("address", true)];
    Ok(AllowedFast {
        grants: grants.map_or(shared.grants, |it| {
            u8::try_from(it).expect("read as 8 bits")
        }),
        takes: section
            .optional("takes_allowed_fast")?
            .unwrap_or(shared.takes),
        whole_address: section
            .word("allowed_fast_by", &by)?
            .unwrap_or(shared.whole_address),
        ..shared
    })
}

fn timers(section: &Section<'_>, shared: Timers) -> Result<Timers, Problem> {
    let time = |key, otherwise: Duration| {
        let time = section.time(key, Duration::from_secs(1))?;
        Ok(time.unwrap_or(otherwise))
    };
    let timers = Timers {
        dial: time("dial_timeout", shared.dial)?,
        handshake: time("handshake_timeout", shared.handshake)?,
        idle: time("idle_timeout", shared.idle)?,
        keep_alive: time("keep_alive", shared.keep_alive)?,
    };
    // Otherwise peers with these settings would close each other.
    if timers.keep_alive >= timers.idle {
        let longer = show_time(timers.idle);
        return Err(match section.optional::<Duration>("idle_timeout")? {
            None => section.wrong(
                "keep_alive",
                format!("less than idle_timeout, which is {longer}"),
            ),
            Some(_) => section.wrong(
                "idle_timeout",
                format!(
                    "more than keep_alive, which is {}",
                    show_time(timers.keep_alive)
                ),
            ),
        });
    }
    Ok(timers)
}

fn narrow(number: u32) -> u16 {
    u16::try_from(number).expect("read as 16 bits")
}

fn pipeline(section: &Section<'_>, shared: Pipeline) -> Result<Pipeline, Problem> {
    let most = u32::from(u16::MAX);
    let min = section.number("min_requests", 1, most)?;
    let max = section.number("max_requests", 1, most)?;
    let start = section.number("start_requests", 0, most)?;
    let pipeline = Pipeline {
        queue_time: section.optional("queue_time")?.unwrap_or(shared.queue_time),
        min: min.map_or(shared.min, narrow),
        max: max.map_or(shared.max, narrow),
        start: start.map_or(shared.start, narrow),
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

/// The table `parameters` of a policy. The shared parameters are its defaults if they belong to the
/// same policy.
fn parameters(
    section: &Section<'_>,
    shared: &ClientSpec,
    policy: &str,
) -> Result<Parameters, Problem> {
    let section = section.table("parameters")?;
    let entry = policies::all().find(policy).expect("read as one of them");
    let keys: Vec<&str> = entry.parameters.iter().map(Parameter::key).collect();
    section.only(&keys)?;
    let mut parameters = if shared.policy == policy {
        shared.parameters.clone()
    } else {
        Parameters::new()
    };
    for (key, node) in section.entries() {
        let known = parameter::find(entry, key).expect("the table has no keys but these");
        let value = parameter_value(known, node);
        match value.filter(|it| (known.min..=known.max).contains(it)) {
            Some(value) => parameters.set(known.name, value),
            None => return Err(section.wrong(key, parameter::expected(known))),
        }
    }
    Ok(parameters)
}

fn parameter_value(parameter: &Parameter, node: &Node) -> Option<u64> {
    match &node.item {
        Item::Text(text) => parameter::parse(parameter, text),
        Item::Integer(number) if parameter.key() == parameter.name => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// The tables `[[population]]`. Without any, all peers run `[client]`.
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
        return Ok(vec![Population {
            part: Part::Rest,
            class: None,
            client,
        }]);
    }
    let population = |section: &Section<'_>| {
        section.only(&client_keys(&["class", "count", "share"]))?;
        let count = section.number("count", 0, MAX_PEERS)?;
        let part = match (section.optional("share")?, count) {
            (Some(_), Some(_)) => return Err(section.wrong("count", "no count beside a share")),
            (Some(share), None) => Part::Share(share),
            (None, Some(count)) => Part::Count(count),
            (None, None) => Part::Rest,
        };
        let class = section.optional("class")?;
        let client = client(section, shared, None)?;
        Ok(Population {
            part,
            class,
            client,
        })
    };
    sections.iter().map(population).collect()
}

/// Why a client that a program put into a scenario has no valid policy or picker.
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
