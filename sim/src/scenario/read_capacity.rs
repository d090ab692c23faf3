//! From the document to the access links of the peers.

use std::collections::BTreeSet;
use std::path::Path;

use super::document::{Item, Node};
use super::error::{Problem, quoted};
use super::read::{Fault, access, access_delay};
use super::section::{Rate, Section, Value};
use super::{Capacity, Class, Down, Measured, read_text};
use crate::distribution::Cdf;
use crate::units::{Decimal, Share};

/// The class of the origins in results.
pub(super) const ORIGIN_CLASS: &str = "origin";

/// The measured distributions of the house: name, points, unit in bytes/s.
const DISTRIBUTIONS: &[(&str, (&str, u64))] = &[(
    "bittyrant_fig1",
    (include_str!("../../data/bittyrant_fig1_cdf.csv"), 1000),
)];

/// The list `[[peers.class]]` or the table `[peers.capacity]`.
pub(super) fn capacity(peers: &Section<'_>, folder: Option<&Path>) -> Result<Capacity, Problem> {
    let sections = peers.tables("class")?;
    match (sections.is_empty(), peers.node("capacity").is_some()) {
        (true, true) => measured(&peers.table("capacity")?, folder).map(Capacity::Measured),
        (false, false) => {
            let classes = sections.iter().enumerate();
            let classes = classes.map(|(i, section)| class(i, section));
            Ok(Capacity::Classes(classes.collect::<Result<_, _>>()?))
        }
        (true, false) => Err(peers.wrong("class", "[[peers.class]] or [peers.capacity]")),
        (false, true) => Err(peers.wrong("capacity", "no capacity beside a class")),
    }
}

fn class(position: usize, section: &Section<'_>) -> Result<Class, Problem> {
    section.only(&["delay", "down", "name", "share", "up"])?;
    let name = section.optional("name")?;
    Ok(Class {
        name: name.unwrap_or_else(|| format!("class{}", position + 1)),
        share: section.optional("share")?.unwrap_or(Share::ALL),
        access: access(section)?,
    })
}

fn measured(section: &Section<'_>, folder: Option<&Path>) -> Result<Measured, Problem> {
    section.only(&[
        "delay",
        "distribution",
        "down",
        "down_factor",
        "file",
        "points",
        "scale",
        "unit",
    ])?;
    let (cdf, own_unit) = distribution(section, folder)?;
    let unit = section.optional::<Rate>("unit")?.map(|it| it.0);
    let scale = factor(section, "scale")?;
    let down = match section.optional::<Rate>("down")? {
        Some(_) if section.node("down_factor").is_some() => {
            return Err(section.wrong("down_factor", "no down_factor beside a down"));
        }
        Some(Rate(down)) => Down::Fixed(down),
        None => Down::Factor(factor(section, "down_factor")?),
    };
    Ok(Measured {
        cdf,
        unit: match unit.or(own_unit) {
            Some(unit) => unit,
            None => return Err(section.wrong("unit", Rate::EXPECTED)),
        },
        scale,
        down,
        delay: access_delay(section)?,
    })
}

/// Largest factor of a capacity, in millionths.
const MOST_FACTOR: u64 = 1_000_000_000;

/// A factor of capacities; 1 if it is not there.
fn factor(section: &Section<'_>, key: &str) -> Result<Decimal, Problem> {
    let factor = section.optional(key)?.unwrap_or(Decimal::ONE);
    if factor.millionths() == 0 || factor.millionths() > MOST_FACTOR {
        return Err(section.wrong(key, "a factor above 0 and up to 1000"));
    }
    Ok(factor)
}

/// The points, and their unit where the distribution has one of its own.
fn distribution(
    section: &Section<'_>,
    folder: Option<&Path>,
) -> Result<(Cdf, Option<u64>), Problem> {
    let given = ["distribution", "file", "points"];
    let mut given = given.into_iter().filter(|it| section.node(it).is_some());
    let key = given.next().ok_or_else(|| {
        let expected = "the name of a distribution, or a file or points";
        section.wrong("distribution", expected)
    })?;
    if let Some(second) = given.next() {
        return Err(section.wrong(second, format!("no {second} beside a {key}")));
    }
    match key {
        "distribution" => {
            let (text, unit) = section
                .word("distribution", DISTRIBUTIONS)?
                .expect("the key is there");
            let cdf = Cdf::parse(text).expect("our own file, read in a test");
            Ok((cdf, Some(unit)))
        }
        "file" => Ok((file(section, folder)?, None)),
        _ => Ok((points(section)?, None)),
    }
}

/// Reads the distribution from the file that the scenario names.
fn file(section: &Section<'_>, folder: Option<&Path>) -> Result<Cdf, Problem> {
    let name: String = section.required("file")?;
    let wrong = |expected: &str, found: String| Problem {
        found,
        ..section.wrong("file", expected)
    };
    let path = folder.map_or_else(|| Path::new(&name).to_owned(), |it| it.join(&name));
    let text = read_text(&path).map_err(|error| {
        let found = format!("{}: {error}", quoted(&name));
        wrong("a file of a distribution that can be read", found)
    })?;
    Cdf::parse(&text).map_err(|(line, error)| {
        let found = format!("something else in line {line} of {}", quoted(&name));
        wrong(error.expected(), found)
    })
}

/// Pairs of probability and value.
fn points(section: &Section<'_>) -> Result<Cdf, Problem> {
    let path = section.path_of("points");
    let items = section.list("points", "a list of pairs of probability and value")?;
    let pair = |(i, node): (usize, &Node)| {
        let pair = match &node.item {
            Item::List(pair) => match pair.as_slice() {
                [probability, value] => {
                    Decimal::read(&probability.item).zip(Decimal::read(&value.item))
                }
                _ => None,
            },
            _ => None,
        };
        pair.ok_or_else(|| {
            let expected = "a pair of probability and value";
            Problem::new(
                &node.place,
                format!("{path}.{i}"),
                expected,
                node.item.found(),
            )
        })
    };
    let points = items.iter().enumerate().map(pair);
    Cdf::new(points.collect::<Result<_, _>>()?).map_err(|(i, error)| {
        let place = items.get(i).map_or(section.place(), |it| &it.place);
        let key = format!("{path}.{i}");
        Problem::new(place, key, error.expected(), "something else")
    })
}

/// The shares of the classes sum to 100 % and their names differ.
pub(super) fn check_capacity(capacity: &Capacity) -> Result<(), Fault> {
    let Capacity::Classes(classes) = capacity else {
        return Ok(());
    };
    let sum: u64 = classes
        .iter()
        .map(|it| u64::from(it.share.millionths()))
        .sum();
    if sum != u64::from(Share::ALL.millionths()) {
        let found = format!("{} %", Decimal::from_millionths(sum * 100));
        let expected = "shares that sum to 100 %";
        return Err(("peers.class".to_owned(), expected.to_owned(), found));
    }
    let mut names = BTreeSet::from([ORIGIN_CLASS]);
    for (i, class) in classes.iter().enumerate() {
        if !names.insert(&class.name) {
            let expected = "a name that no other class has, and not \"origin\"";
            let key = format!("peers.class.{i}.name");
            return Err((key, expected.to_owned(), quoted(&class.name)));
        }
    }
    Ok(())
}
