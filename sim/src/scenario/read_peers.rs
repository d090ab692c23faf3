//! Reads the peers: how many, when they come and go, and how they divide into populations.

use std::path::Path;
use std::time::Duration;

use super::document::Node;
use super::error::Problem;
use super::read_capacity::capacity;
use super::read_law::{LAWS, LawModel, given, law, optional_law, times_of_file};
use super::section::{Section, Value};
use super::{Arrivals, MAX_PEERS, Peers, StayModel};
use crate::units::Share;

/// Reads the table `[peers]`.
pub(super) fn peers(
    section: &Section<'_>,
    origin_count: u32,
    folder: Option<&Path>,
) -> Result<Peers, Problem> {
    section.only(&[
        "arrivals",
        "capacity",
        "class",
        "count",
        "patience",
        "reachable",
        "rejoins",
        "session",
        "stay",
        "total",
    ])?;
    let arrivals = arrivals(&section.table("arrivals")?, folder)?;
    let count = count(section, origin_count)?;
    if let Arrivals::Trace { times } = &arrivals
        && times.len() < count as usize
    {
        let table = section.table("arrivals")?;
        let expected = format!("at least {count} times, one for each peer");
        return Err(match table.node("times") {
            Some(_) => table.wrong("times", expected),
            None => Problem {
                found: format!("{} in the file", times.len()),
                ..table.wrong("file", expected)
            },
        });
    }
    let rejoins = section.number("rejoins", 0, MAX_PEERS)?.unwrap_or(0);
    if u64::from(count) * (u64::from(rejoins) + 1) > u64::from(MAX_PEERS) {
        let expected =
            format!("at most {MAX_PEERS} peers, those that join in their place included");
        return Err(section.wrong("rejoins", expected));
    }
    let stay = stay(&section.table("stay")?, folder)?;
    let patience = optional_law(section, "patience", folder)?;
    let session = optional_law(section, "session", folder)?;
    if rejoins > 0 && stay == StayModel::Forever && patience.is_none() && session.is_none() {
        let expected = "a stay that ends, a session or a patience: others join as peers leave";
        return Err(section.wrong("rejoins", expected));
    }
    Ok(Peers {
        count,
        arrivals,
        stay,
        patience,
        session,
        rejoins,
        capacity: capacity(section, folder)?,
        reachable: section.optional("reachable")?.unwrap_or(Share::ALL),
    })
}

/// The number of peers: `count`, or `total` minus the origins.
fn count(section: &Section<'_>, origin_count: u32) -> Result<u32, Problem> {
    if let Some(count) = section.number("count", 1, MAX_PEERS)? {
        return if section.node("total").is_some() {
            Err(section.wrong("total", "no total beside a count"))
        } else {
            Ok(count)
        };
    }
    let least = origin_count + 1;
    match section.number("total", least.min(MAX_PEERS), MAX_PEERS)? {
        Some(total) if total > origin_count => Ok(total - origin_count),
        Some(_) => Err(section.wrong("total", format!("more than the {origin_count} origins"))),
        None => {
            let expected = "the number of peers, or peers.total with the origins included";
            Err(section.wrong("count", expected))
        }
    }
}

fn arrivals(section: &Section<'_>, folder: Option<&Path>) -> Result<Arrivals, Problem> {
    #[derive(Clone, Copy)]
    enum Model {
        Flash,
        Poisson,
        Decay,
        Gaps(LawModel),
        Trace,
    }
    let models = [
        ("flash", Model::Flash),
        ("poisson", Model::Poisson),
        ("decay", Model::Decay),
        ("weibull", Model::Gaps(LawModel::Weibull)),
        ("measured", Model::Gaps(LawModel::Measured)),
        ("trace", Model::Trace),
    ];
    let model = section.word("model", &models)?.unwrap_or(Model::Flash);
    match model {
        Model::Flash => {
            section.only(&["model", "window"])?;
            let window = section.optional("window")?.unwrap_or(Duration::ZERO);
            Ok(Arrivals::Flash { window })
        }
        Model::Poisson => {
            section.only(&["mean_gap", "model"])?;
            let mean_gap = section.required("mean_gap")?;
            Ok(Arrivals::Poisson { mean_gap })
        }
        Model::Decay => {
            section.only(&["model", "tau"])?;
            let tau = section.required("tau")?;
            Ok(Arrivals::Decay { tau })
        }
        Model::Gaps(model) => law(section, model, folder).map(Arrivals::Gaps),
        Model::Trace => {
            section.only(&["file", "model", "times"])?;
            let times = match given(section, &["times", "file"], "a list of times, or a file")? {
                "file" => times_of_file(section, folder)?,
                _ => times(section)?,
            };
            Ok(Arrivals::Trace { times })
        }
    }
}

fn times(section: &Section<'_>) -> Result<Vec<Duration>, Problem> {
    let items = section.list("times", "a list of times")?;
    let path = section.path_of("times");
    let time = |(i, node): (usize, &Node)| {
        Duration::read(&node.item).ok_or_else(|| {
            let key = format!("{path}.{i}");
            Problem::new(&node.place, key, Duration::EXPECTED, node.item.found())
        })
    };
    items.iter().enumerate().map(time).collect()
}

fn stay(section: &Section<'_>, folder: Option<&Path>) -> Result<StayModel, Problem> {
    #[derive(Clone, Copy)]
    enum Model {
        AtOnce,
        Forever,
        For(LawModel),
    }
    let own = [("at_once", Model::AtOnce), ("forever", Model::Forever)];
    let laws = LAWS.map(|(name, law)| (name, Model::For(law)));
    let models: Vec<(&str, Model)> = own.into_iter().chain(laws).collect();
    match section.word("model", &models)?.unwrap_or(Model::AtOnce) {
        Model::AtOnce => section.only(&["model"]).map(|()| StayModel::AtOnce),
        Model::Forever => section.only(&["model"]).map(|()| StayModel::Forever),
        Model::For(model) => law(section, model, folder).map(StayModel::For),
    }
}
