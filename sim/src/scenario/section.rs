//! Reads one table of a scenario, key by key, with a type check and an error sentence for each key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{Item, Node, listed};
use super::error::{Place, Problem, quoted};
use unchoke_core::torrent::Endgame;

use crate::units::{self, Decimal, Share};

/// A type that the value of a key can have.
pub(super) trait Value: Sized {
    /// What to write for this type, as part of a sentence.
    const EXPECTED: &str;

    fn read(item: &Item) -> Option<Self>;
}

/// A rate in bytes/s.
pub(super) struct Rate(pub(super) u64);

/// A size in bytes.
pub(super) struct Size(pub(super) u64);

fn text(item: &Item) -> Option<&str> {
    match item {
        Item::Text(text) => Some(text),
        _ => None,
    }
}

impl Value for Rate {
    const EXPECTED: &str = "a rate of whole bytes per second such as \"10 Mbit/s\" or \"128 KB/s\"";

    fn read(item: &Item) -> Option<Self> {
        let rate = units::parse_rate(text(item)?).ok()?;
        (rate > 0).then_some(Self(rate))
    }
}

impl Value for Size {
    const EXPECTED: &str = "a size such as \"256 KiB\" or \"100 MB\"";

    fn read(item: &Item) -> Option<Self> {
        let size = units::parse_size(text(item)?).ok()?;
        (size > 0).then_some(Self(size))
    }
}

impl Value for Duration {
    const EXPECTED: &str = "a time such as \"30 s\" or \"25 ms\"";

    fn read(item: &Item) -> Option<Self> {
        units::parse_time(text(item)?).ok()
    }
}

impl Value for Share {
    const EXPECTED: &str = "a share from \"0 %\" to \"100 %\"";

    fn read(item: &Item) -> Option<Self> {
        Self::parse(text(item)?).ok()
    }
}

impl Value for Decimal {
    const EXPECTED: &str = "a number with at most six decimals such as 0.6";

    fn read(item: &Item) -> Option<Self> {
        match item {
            Item::Text(text) | Item::Decimal(text) => Self::parse(text).ok(),
            Item::Integer(number) => {
                let millionths = u64::try_from(*number).ok()?.checked_mul(1_000_000)?;
                Some(Self::from_millionths(millionths))
            }
            _ => None,
        }
    }
}

impl Value for String {
    const EXPECTED: &str = "text in quotes";

    fn read(item: &Item) -> Option<Self> {
        text(item).map(str::to_owned)
    }
}

impl Value for Endgame {
    const EXPECTED: &str = "true, false or \"strict\"";

    fn read(item: &Item) -> Option<Self> {
        match item {
            Item::Truth(true) => Some(Self::Capped),
            Item::Truth(false) => Some(Self::Off),
            item => (text(item)? == "strict").then_some(Self::Strict),
        }
    }
}

impl Value for bool {
    const EXPECTED: &str = "true or false";

    fn read(item: &Item) -> Option<Self> {
        match item {
            Item::Truth(truth) => Some(*truth),
            _ => None,
        }
    }
}

/// A table of the document.
#[derive(Clone)]
pub(super) struct Section<'a> {
    path: String,
    place: Place,
    entries: Option<&'a BTreeMap<String, Node>>,
}

impl<'a> Section<'a> {
    pub(super) fn open(node: &'a Node, path: &str) -> Result<Self, Problem> {
        match &node.item {
            Item::Table(entries) => Ok(Self {
                path: path.to_owned(),
                place: node.place.clone(),
                entries: Some(entries),
            }),
            other => Err(Problem::new(&node.place, path, "a table", other.found())),
        }
    }

    /// Where the table begins.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The dotted path of a key in this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Checks that the table has no keys but these.
    pub(super) fn only(&self, keys: &[&str]) -> Result<(), Problem> {
        let entries = self.entries.into_iter().flatten();
        for (key, node) in entries {
            if !keys.contains(&key.as_str()) {
                let mut expected = match keys {
                    [] => "no key".to_owned(),
                    _ => format!("one of the keys {}", listed(keys.iter().copied())),
                };
                if let Some(near) = nearest(key, keys) {
                    expected = format!("{expected} (did you mean {near}?)");
                }
                let found = format!("the unknown key {}", quoted(key));
                return Err(Problem::new(
                    &node.place,
                    self.path_of(key),
                    expected,
                    found,
                ));
            }
        }
        Ok(())
    }

    /// The raw value of `key`.
    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries?.get(key)
    }

    /// The error that `key` has some other value than `expected`.
    pub(super) fn wrong(&self, key: &str, expected: impl Into<String>) -> Problem {
        match self.node(key) {
            Some(node) => Problem::new(&node.place, self.path_of(key), expected, node.item.found()),
            None => Problem::new(&self.place, self.path_of(key), expected, "nothing"),
        }
    }

    pub(super) fn optional<T: Value>(&self, key: &str) -> Result<Option<T>, Problem> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        match T::read(&node.item) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(key, T::EXPECTED)),
        }
    }

    pub(super) fn required<T: Value>(&self, key: &str) -> Result<T, Problem> {
        match self.optional(key)? {
            Some(value) => Ok(value),
            None => Err(self.wrong(key, T::EXPECTED)),
        }
    }

    /// A time of at least `least`; `None` if the key is absent.
    pub(super) fn time(&self, key: &str, least: Duration) -> Result<Option<Duration>, Problem> {
        match self.optional::<Duration>(key)? {
            Some(time) if time < least => {
                let least = units::show_time(least);
                Err(self.wrong(key, format!("a time of at least \"{least}\"")))
            }
            other => Ok(other),
        }
    }

    /// A whole number from `min` to `max`; `None` if the key is absent.
    pub(super) fn number(&self, key: &str, min: u32, max: u32) -> Result<Option<u32>, Problem> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let number = match node.item {
            Item::Integer(number) => u32::try_from(number).ok(),
            _ => None,
        };
        match number.filter(|it| (min..=max).contains(it)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, format!("a whole number from {min} to {max}"))),
        }
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let found = text(&node.item).and_then(|text| words.iter().find(|it| it.0 == text));
        match found {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(self.wrong(key, one_of(words.iter().map(|it| it.0)))),
        }
    }

    /// A table inside this one; an empty one if the key is absent.
    pub(super) fn table(&self, key: &str) -> Result<Self, Problem> {
        match self.node(key) {
            Some(node) => Self::open(node, &self.path_of(key)),
            None => Ok(Self {
                path: self.path_of(key),
                place: self.place.clone(),
                entries: None,
            }),
        }
    }

    /// The elements of a list; none if the key is absent.
    pub(super) fn list(&self, key: &str, expected: &str) -> Result<&'a [Node], Problem> {
        match self.node(key).map(|it| &it.item) {
            Some(Item::List(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, expected)),
            None => Ok(&[]),
        }
    }

    /// The tables of a list `[[key]]`.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Self>, Problem> {
        let path = self.path_of(key);
        let items = self.list(key, &format!("tables, each under [[{path}]]"))?;
        let sections = items.iter().enumerate();
        sections
            .map(|(i, node)| Self::open(node, &format!("{path}.{i}")))
            .collect()
    }

    /// Every key of the table with its value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let entries = self.entries.into_iter().flatten();
        entries.map(|(key, node)| (key.as_str(), node))
    }
}

/// Words as quoted alternatives in a sentence.
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|it| format!("\"{it}\"")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// The key closest to `key`: at most two letters differ, but not all of them. `None` if there is
/// none.
pub(super) fn nearest<'a>(key: &str, keys: &[&'a str]) -> Option<&'a str> {
    let near = keys.iter().map(|it| (distance(key, it), *it));
    let letters = key.chars().count();
    let near = near.filter(|it| it.0 <= 2 && it.0 < letters);
    near.min().map(|it| it.1)
}

/// Number of letters to insert, remove or change (Levenshtein distance) within the first 40
/// letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
