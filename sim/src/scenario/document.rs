//! Parses TOML into a tree in which every value knows where it was written, and applies overrides.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem, quoted};

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) item: Item,
}

/// A TOML value. Numbers stay as they were written.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Text(String),
    Integer(i128),
    Decimal(String),
    Truth(bool),
    Date(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Item {
    /// The value, described as part of an error sentence.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(text) => text.clone(),
            Self::Truth(truth) => truth.to_string(),
            Self::Date(date) => format!("the date {date}"),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// Byte positions of the line ends of a text.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|it| it.0).collect())
    }

    fn place(&self, offset: usize) -> Place {
        Place::Line(self.0.partition_point(|end| *end < offset) + 1)
    }
}

/// Parses a TOML text.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    let lines = Lines::of(text);
    let root = DeTable::parse(text).map_err(|error| {
        let place = error
            .span()
            .map_or(Place::Whole, |at| lines.place(at.start));
        Problem::new(&place, "", "TOML", one_line(error.message()))
    })?;
    Ok(Node {
        place: Place::Whole,
        item: table(root.get_ref(), &|offset| lines.place(offset)),
    })
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}

fn table(source: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Item {
    let entries = source.iter().map(|(key, value)| {
        let node = Node {
            place: place(key.span().start),
            item: item(value.get_ref(), place),
        };
        (key.get_ref().clone().into_owned(), node)
    });
    Item::Table(entries.collect())
}

fn item(source: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Item {
    match source {
        DeValue::String(text) => Item::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Item::Integer(number),
                // No key accepts a number of more than 128 bits, so it may stay text.
                Err(_) => Item::Decimal(number.to_string()),
            }
        }
        DeValue::Float(number) => Item::Decimal(number.to_string()),
        DeValue::Boolean(truth) => Item::Truth(*truth),
        DeValue::Datetime(date) => Item::Date(date.to_string()),
        DeValue::Array(items) => Item::List(
            items
                .iter()
                .map(|it| Node {
                    place: place(it.span().start),
                    item: item(it.get_ref(), place),
                })
                .collect(),
        ),
        DeValue::Table(entries) => table(entries, place),
    }
}

/// Short names of keys that are often set.
const ALIASES: &[(&str, &str)] = &[
    ("engine", "network.engine"),
    ("numwant", "tracker.numwant"),
    ("piece", "torrent.piece"),
    ("policy", "client.policy"),
    ("size", "torrent.size"),
    ("solver", "network.solver"),
];

/// Most parts of a dotted key: no key of a scenario is deeper.
const MOST_PARTS: usize = 8;

/// Applies `KEY=VALUE`. If the value is valid TOML (`1000`, `"10 s"`, `{…}`) it is read as TOML,
/// otherwise as text (`10 s`). An empty value removes the key.
pub(super) fn apply(root: &mut Node, text: &str) -> Result<(), Problem> {
    let place = Place::Override(text.to_owned());
    let Some((key, value)) = text.split_once('=') else {
        let found = "no equals sign";
        return Err(Problem::new(&place, "", "KEY=VALUE", found));
    };
    let (key, value) = (key.trim(), value.trim());
    let item = (!value.is_empty()).then(|| match DeValue::parse(value) {
        Ok(parsed) => item(parsed.get_ref(), &|_| place.clone()),
        Err(_) => Item::Text(value.to_owned()),
    });
    let path = full_path(root, key, item.as_ref());
    let parts: Vec<&str> = path.split('.').collect();
    if parts.len() > MOST_PARTS {
        let expected = format!("a path of at most {MOST_PARTS} parts");
        return Err(Problem::new(&place, "", expected, parts.len().to_string()));
    }
    set(root, &parts, &path, item, &place)
}

/// The full key for a short name. `peers` means the key that the scenario uses to count its peers.
fn full_path(root: &Node, key: &str, value: Option<&Item>) -> String {
    if key == "peers" && !matches!(value, None | Some(Item::Table(_))) {
        let Item::Table(entries) = &root.item else {
            return key.to_owned();
        };
        let total = match entries.get("peers").map(|it| &it.item) {
            Some(Item::Table(peers)) => peers.contains_key("total"),
            _ => false,
        };
        return if total { "peers.total" } else { "peers.count" }.to_owned();
    }
    let alias = ALIASES.iter().find(|it| it.0 == key);
    alias.map_or(key, |it| it.1).to_owned()
}

/// Stores `value` at a path, and creates the tables and lists on the way.
fn set(
    node: &mut Node,
    parts: &[&str],
    path: &str,
    value: Option<Item>,
    place: &Place,
) -> Result<(), Problem> {
    let (first, rest) = parts
        .split_first()
        .expect("splitting gives at least one part");
    let child = match &mut node.item {
        Item::Table(entries) => {
            if rest.is_empty() {
                return put(entries, first, path, value, place);
            }
            let numbered = rest[0].parse::<usize>().is_ok();
            entries.entry((*first).to_owned()).or_insert_with(|| Node {
                place: place.clone(),
                item: if numbered {
                    Item::List(Vec::new())
                } else {
                    Item::Table(BTreeMap::new())
                },
            })
        }
        Item::List(items) => element(items, first, path, place)?,
        other => {
            let expected = format!("a path whose part {} has keys", quoted(first));
            return Err(Problem::new(place, path, expected, other.found()));
        }
    };
    match (rest.is_empty(), value) {
        (true, Some(item)) => {
            *child = Node {
                place: place.clone(),
                item,
            };
            Ok(())
        }
        (true, None) => {
            let expected = "a value, or the key of a whole list to remove";
            Err(Problem::new(place, path, expected, "nothing"))
        }
        (false, value) => set(child, rest, path, value, place),
    }
}

/// Sets or removes one key of a table.
fn put(
    entries: &mut BTreeMap<String, Node>,
    key: &str,
    path: &str,
    value: Option<Item>,
    place: &Place,
) -> Result<(), Problem> {
    if let Some(item) = value {
        let place = place.clone();
        entries.insert(key.to_owned(), Node { place, item });
    } else if entries.remove(key).is_none() {
        let keys = entries.keys().map(String::as_str);
        let expected = format!("a key to remove, one of {}", listed(keys));
        return Err(Problem::new(place, path, expected, quoted(key)));
    }
    Ok(())
}

/// The list element at this position. The position after the last one appends.
fn element<'a>(
    items: &'a mut Vec<Node>,
    part: &str,
    path: &str,
    place: &Place,
) -> Result<&'a mut Node, Problem> {
    let position = part.parse::<usize>().ok().filter(|it| *it <= items.len());
    let Some(position) = position else {
        let expected = format!("a position in the list, from 0 to {}", items.len());
        return Err(Problem::new(place, path, expected, quoted(part)));
    };
    if position == items.len() {
        items.push(Node {
            place: place.clone(),
            item: Item::Table(BTreeMap::new()),
        });
    }
    Ok(&mut items[position])
}

/// Words as a list in a sentence.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
