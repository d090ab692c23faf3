//! Reads the regions of the network and the tracker.

use std::time::Duration;

use super::document::Node;
use super::error::Fault;
use super::error::{Problem, quoted};
use super::read_access::delay_ns;
use super::section::{Section, Value, one_of};
use super::{Region, Scenario};
use crate::spec::{Outage, TrackerSpec};
use crate::units::{self, Decimal, Share};

/// Most regions of a network.
const MAX_REGIONS: usize = 100;

/// The list `[[network.region]]`.
pub(super) fn regions(network: &Section<'_>) -> Result<Vec<Region>, Problem> {
    let sections = network.tables("region")?;
    if sections.len() > MAX_REGIONS {
        return Err(network.wrong("region", format!("at most {MAX_REGIONS} regions")));
    }
    let regions = sections.iter().map(|section| {
        section.only(&["delays", "name", "share"])?;
        Ok(Region {
            name: section.required("name")?,
            share: section.required("share")?,
            delays: delays(section, sections.len())?,
        })
    });
    let regions = regions.collect::<Result<Vec<Region>, Problem>>()?;
    for (row, region) in regions.iter().enumerate() {
        for (column, delay) in region.delays.iter().enumerate().take(row) {
            if regions[column].delays[row] != *delay {
                let there = units::show_time(regions[column].delays[row]);
                let here = units::show_time(*delay);
                let expected = format!(
                    "the delay \"{there}\" that {} has to {}, for both directions are alike",
                    quoted(&regions[column].name),
                    quoted(&region.name)
                );
                return Err(Problem {
                    found: quoted(&here),
                    ..sections[row].wrong("delays", expected)
                });
            }
        }
    }
    Ok(regions)
}

/// A list of one delay to each of `count` regions.
fn delays(section: &Section<'_>, count: usize) -> Result<Vec<Duration>, Problem> {
    let expected = format!("a list of {count} delays, one to each region");
    let items = section.list("delays", &expected)?;
    if items.len() != count {
        return Err(section.wrong("delays", expected));
    }
    let delay = |(i, node): (usize, &Node)| {
        let delay = Duration::read(&node.item).ok_or_else(|| {
            let key = format!("{}.{i}", section.path_of("delays"));
            Problem::new(&node.place, key, Duration::EXPECTED, node.item.found())
        })?;
        delay_ns(section, "delays", delay).map(Duration::from_nanos)
    };
    items.iter().enumerate().map(delay).collect()
}

/// Position of the region that the key `region` names; the first region if the key is absent.
pub(super) fn region_of(section: &Section<'_>, regions: &[Region]) -> Result<u16, Problem> {
    let narrow = |it| u16::try_from(it).expect("at most MAX_REGIONS");
    let named = regions.iter().enumerate();
    let words: Vec<(&str, u16)> = named.map(|(i, it)| (it.name.as_str(), narrow(i))).collect();
    if words.is_empty() && section.node("region").is_some() {
        return Err(section.wrong("region", "no region, as there is no [[network.region]]"));
    }
    Ok(section.word("region", &words)?.unwrap_or(0))
}

/// The shares of the regions sum to 100 %, their names differ, and every origin is in one.
pub(super) fn check_regions(scenario: &Scenario) -> Result<(), Fault> {
    let regions = &scenario.regions;
    if regions.is_empty() {
        return Ok(());
    }
    let key = "network.region".to_owned();
    let sum: u64 = regions
        .iter()
        .map(|it| u64::from(it.share.millionths()))
        .sum();
    if sum != u64::from(Share::ALL.millionths()) {
        let found = format!("{} %", Decimal::from_millionths(sum * 100));
        return Err((key, "shares that sum to 100 %".to_owned(), found));
    }
    for (i, region) in regions.iter().enumerate() {
        if regions[..i].iter().any(|it| it.name == region.name) {
            let expected = "a name that no other region has".to_owned();
            return Err((format!("{key}.{i}.name"), expected, quoted(&region.name)));
        }
        if region.delays.len() != regions.len() {
            let expected = format!("{} delays, one to each region", regions.len());
            let found = region.delays.len().to_string();
            return Err((format!("{key}.{i}.delays"), expected, found));
        }
    }
    let outside = |it: &&super::Origins| usize::from(it.region) >= regions.len();
    if scenario.origins.iter().any(|it| outside(&it)) {
        let expected = one_of(regions.iter().map(|it| it.name.as_str()));
        return Err(("origin".to_owned(), expected, "another region".to_owned()));
    }
    Ok(())
}

/// The table `[tracker]`.
pub(super) fn tracker(section: &Section<'_>) -> Result<TrackerSpec, Problem> {
    section.only(&["interval", "numwant", "outages"])?;
    let interval = section.time("interval", Duration::from_secs(1))?;
    Ok(TrackerSpec {
        numwant: section.number("numwant", 1, 10_000)?.unwrap_or(50),
        interval: interval.unwrap_or(Duration::from_mins(30)),
        outages: outages(section)?,
    })
}

/// The list `outages`, sorted by time.
fn outages(section: &Section<'_>) -> Result<Vec<Outage>, Problem> {
    let mut outages: Vec<Outage> = Vec::new();
    for table in section.tables("outages")? {
        table.only(&["from", "until"])?;
        let from: Duration = table.required("from")?;
        let until: Duration = table.required("until")?;
        if until <= from {
            let from = units::show_time(from);
            return Err(table.wrong("until", format!("a time after from, which is \"{from}\"")));
        }
        if let Some(last) = outages.last()
            && from < last.until
        {
            let until = units::show_time(last.until);
            let expected = format!("a time from \"{until}\" on, when the outage before ends");
            return Err(table.wrong("from", expected));
        }
        outages.push(Outage { from, until });
    }
    Ok(outages)
}
