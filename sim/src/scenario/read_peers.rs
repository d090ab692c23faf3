//! From the document to the peers: how many, when they come and go, and their parts.

use std::path::Path;
use std::time::Duration;

use super::document::Node;
use super::error::Problem;
use super::read::Fault;
use super::read_capacity::capacity;
use super::section::{Section, Value};
use super::{Arrivals, MAX_PEERS, Part, Peers, Population, StayModel};
use crate::units::{Decimal, Share};

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
        "reachable",
        "stay",
        "total",
    ])?;
    let arrivals = arrivals(&section.table("arrivals")?)?;
    let count = count(section, origin_count)?;
    if let Arrivals::Trace { times } = &arrivals
        && times.len() < count as usize
    {
        let expected = format!("at least {count} times, one for each peer");
        return Err(section.table("arrivals")?.wrong("times", expected));
    }
    Ok(Peers {
        count,
        arrivals,
        stay: stay(&section.table("stay")?)?,
        capacity: capacity(section, folder)?,
        reachable: section.optional("reachable")?.unwrap_or(Share::ALL),
    })
}

/// `count` without the origins, or `total` with them.
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

fn arrivals(section: &Section<'_>) -> Result<Arrivals, Problem> {
    #[derive(Clone, Copy)]
    enum Model {
        Flash,
        Poisson,
        Decay,
        Trace,
    }
    let models = [
        ("flash", Model::Flash),
        ("poisson", Model::Poisson),
        ("decay", Model::Decay),
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
        Model::Trace => {
            section.only(&["model", "times"])?;
            let times = times(section)?;
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

fn stay(section: &Section<'_>) -> Result<StayModel, Problem> {
    #[derive(Clone, Copy)]
    enum Model {
        AtOnce,
        Forever,
        Exponential,
        Weibull,
    }
    let models = [
        ("at_once", Model::AtOnce),
        ("forever", Model::Forever),
        ("exponential", Model::Exponential),
        ("weibull", Model::Weibull),
    ];
    match section.word("model", &models)?.unwrap_or(Model::AtOnce) {
        Model::AtOnce => section.only(&["model"]).map(|()| StayModel::AtOnce),
        Model::Forever => section.only(&["model"]).map(|()| StayModel::Forever),
        Model::Exponential => {
            section.only(&["mean", "model"])?;
            let mean = section.required("mean")?;
            Ok(StayModel::Exponential { mean })
        }
        Model::Weibull => {
            section.only(&["model", "scale", "shape"])?;
            let scale = section.required("scale")?;
            let shape: Decimal = section.required("shape")?;
            let tenth = Decimal::ONE.millionths() / 10;
            if !(tenth..=100 * tenth).contains(&shape.millionths()) {
                return Err(section.wrong("shape", "a shape from 0.1 to 10"));
            }
            Ok(StayModel::Weibull { scale, shape })
        }
    }
}

/// The parts that populations are make up all peers.
pub(super) fn check_parts(populations: &[Population], count: u32) -> Result<(), Fault> {
    let fault =
        |expected: &str, found: String| Err(("population".to_owned(), expected.to_owned(), found));
    let mut shares = 0_u64;
    let mut counts = 0_u64;
    let mut rests = 0;
    for population in populations {
        match population.part {
            Part::Share(share) => shares += u64::from(share.millionths()),
            Part::Count(count) => counts += u64::from(count),
            Part::Rest => rests += 1,
        }
    }
    let all = u64::from(Share::ALL.millionths());
    let percent = format!("{} %", Decimal::from_millionths(shares * 100));
    let taken = counts + shares * u64::from(count) / all;
    if rests > 1 {
        return fault("one population without share and count", rests.to_string());
    }
    if rests == 0 && counts == 0 && shares != all {
        return fault("shares that sum to 100 %", percent);
    }
    if rests == 0 && counts > 0 && (shares > 0 || counts != u64::from(count)) {
        let expected = format!(
            "counts that sum to the {count} peers, or one population without share and count for \
             the rest"
        );
        let found = format!("a sum of {taken}");
        return fault(&expected, found);
    }
    if shares > all {
        return fault("shares that sum to at most 100 %", percent);
    }
    if taken > u64::from(count) {
        let expected = format!("populations of at most {count} peers together");
        return fault(&expected, taken.to_string());
    }
    Ok(())
}
