//! Reads the access links of the peers.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::Fault;
use super::error::{Problem, quoted};
use super::read_access::{access, access_delay};
use super::read_law;
use super::section::{Rate, Section, Value};
use super::{Capacity, Class, Down, Measured};
use crate::distribution::Cdf;
use crate::units::{Decimal, Share};

/// The class of the origins in results.
pub(super) const ORIGIN_CLASS: &str = "origin";

/// The built-in measured distributions: name, points, and the rate in bytes/s of the value 1.
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

/// A factor of capacities; 1 if the key is absent.
fn factor(section: &Section<'_>, key: &str) -> Result<Decimal, Problem> {
    let factor = section.optional(key)?.unwrap_or(Decimal::ONE);
    if factor.millionths() == 0 || factor.millionths() > MOST_FACTOR {
        return Err(section.wrong(key, "a factor above 0 and up to 1000"));
    }
    Ok(factor)
}

/// The points, and their unit if the distribution has its own.
fn distribution(
    section: &Section<'_>,
    folder: Option<&Path>,
) -> Result<(Cdf, Option<u64>), Problem> {
    let expected = "the name of a distribution, or a file or points";
    match read_law::given(section, &["distribution", "file", "points"], expected)? {
        "distribution" => {
            let (text, unit) = section
                .word("distribution", DISTRIBUTIONS)?
                .expect("the key is there");
            let cdf = Cdf::parse(text).expect("our own file, read in a test");
            Ok((cdf, Some(unit)))
        }
        "file" => Ok((read_law::file(section, folder)?, None)),
        _ => Ok((read_law::points(section)?, None)),
    }
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
