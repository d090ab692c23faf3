//! Reads distributions: of times by formula, and measured ones from files.

use std::path::Path;
use std::time::Duration;

use super::document::{Item, Node};
use super::error::{Problem, quoted};
use super::read_text;
use super::section::{Section, Value, one_of};
use crate::distribution::{Cdf, Law};
use crate::units::{self, Decimal};

/// The value of `model` for each kind of [`Law`].
#[derive(Clone, Copy, Debug)]
pub(super) enum LawModel {
    Exponential,
    Weibull,
    Measured,
}

/// All laws with their names.
pub(super) const LAWS: [(&str, LawModel); 3] = [
    ("exponential", LawModel::Exponential),
    ("weibull", LawModel::Weibull),
    ("measured", LawModel::Measured),
];

/// Reads the parameters of a law from a table whose `model` is already read.
pub(super) fn law(
    section: &Section<'_>,
    model: LawModel,
    folder: Option<&Path>,
) -> Result<Law, Problem> {
    match model {
        LawModel::Exponential => {
            section.only(&["mean", "model"])?;
            let mean = section.required("mean")?;
            Ok(Law::Exponential { mean })
        }
        LawModel::Weibull => {
            section.only(&["model", "scale", "shape"])?;
            let scale = section.required("scale")?;
            let shape: Decimal = section.required("shape")?;
            let tenth = Decimal::ONE.millionths() / 10;
            if !(tenth..=100 * tenth).contains(&shape.millionths()) {
                return Err(section.wrong("shape", "a shape from 0.1 to 10"));
            }
            Ok(Law::Weibull { scale, shape })
        }
        LawModel::Measured => {
            section.only(&["file", "model", "points", "unit"])?;
            let unit = section.required("unit")?;
            let cdf = match given(section, &["file", "points"], "a file or points")? {
                "file" => file(section, folder)?,
                _ => points(section)?,
            };
            Ok(Law::Measured { cdf, unit })
        }
    }
}

/// The table `key` as a law; `None` if it is absent.
pub(super) fn optional_law(
    section: &Section<'_>,
    key: &str,
    folder: Option<&Path>,
) -> Result<Option<Law>, Problem> {
    if section.node(key).is_none() {
        return Ok(None);
    }
    let table = section.table(key)?;
    let Some(model) = table.word("model", &LAWS)? else {
        return Err(table.wrong("model", one_of(LAWS.iter().map(|it| it.0))));
    };
    law(&table, model, folder).map(Some)
}

/// Which of these keys is present: exactly one must be.
pub(super) fn given(
    section: &Section<'_>,
    keys: &[&'static str],
    expected: &str,
) -> Result<&'static str, Problem> {
    let mut given = keys.iter().filter(|it| section.node(it).is_some());
    let key = given
        .next()
        .ok_or_else(|| section.wrong(keys[0], expected))?;
    match given.next() {
        Some(second) => Err(section.wrong(second, format!("no {second} beside a {key}"))),
        None => Ok(key),
    }
}

/// Reads the file that the key `file` names. `what` says in an error what the file should contain.
/// Also returns a function that makes the error for a wrong line.
pub(super) fn named_file(
    section: &Section<'_>,
    folder: Option<&Path>,
    what: &str,
) -> Result<(String, impl Fn(usize, &str) -> Problem), Problem> {
    let name: String = section.required("file")?;
    let path = folder.map_or_else(|| Path::new(&name).to_owned(), |it| it.join(&name));
    let text = read_text(&path).map_err(|error| Problem {
        found: format!("{}: {error}", quoted(&name)),
        ..section.wrong("file", format!("a file of {what} that can be read"))
    })?;
    let blank = section.wrong("file", "");
    let wrong = move |line: usize, expected: &str| Problem {
        expected: expected.to_owned(),
        found: format!("something else in line {line} of {}", quoted(&name)),
        ..blank.clone()
    };
    Ok((text, wrong))
}

/// Reads a distribution from the file that the scenario names.
pub(super) fn file(section: &Section<'_>, folder: Option<&Path>) -> Result<Cdf, Problem> {
    let (text, wrong) = named_file(section, folder, "a distribution")?;
    Cdf::parse(&text).map_err(|(line, error)| wrong(line, error.expected()))
}

/// Pairs of probability and value.
pub(super) fn points(section: &Section<'_>) -> Result<Cdf, Problem> {
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

/// Reads times from a file, one per line. If a line has a comma, the time stands before the first
/// one. A number without a unit is in seconds, rounded to nanoseconds. Lines that start with `#`,
/// and one line of column names, are skipped.
pub(super) fn times_of_file(
    section: &Section<'_>,
    folder: Option<&Path>,
) -> Result<Vec<Duration>, Problem> {
    let (text, wrong) = named_file(section, folder, "times")?;
    let mut times = Vec::new();
    let mut heading_allowed = true;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match time_of(line.split(',').next().unwrap_or(line).trim()) {
            Some(time) => times.push(time),
            None if heading_allowed && units::is_heading(line) => {}
            None => {
                return Err(wrong(
                    number + 1,
                    "a time such as \"30 s\" or 30 in each line",
                ));
            }
        }
        heading_allowed = false;
    }
    Ok(times)
}

fn time_of(text: &str) -> Option<Duration> {
    let with_unit = units::parse_time(text).ok();
    with_unit.or_else(|| {
        let nanos = units::parse_measured(text, 1_000_000_000).ok();
        nanos.map(Duration::from_nanos)
    })
}
