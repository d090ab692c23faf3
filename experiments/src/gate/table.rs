//! Reading a `summary.csv`.

use std::collections::BTreeMap;

use crate::findings::verdict::{CANNOT_TELL, Direction, Joint, NOTHING_TO_SAVE, Size, Time};
use crate::show::output::summary::BY_SEED;

/// What distinguishes a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Scenario, or `all`.
    pub scenario: String,
    /// Contrast: what is set against what; the candidate itself in the A/A rows.
    pub contrast: String,
    /// Share of peers that adopt.
    pub adoption: String,
    /// Whose effect.
    pub group: String,
    /// What is compared.
    pub quantity: String,
}

/// What the gate needs of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line of the table, from 0.
    pub position: usize,
    /// Every field of a `summary.csv` but the verdicts as text.
    pub figures: Vec<String>,
    /// Names of the candidate and the baseline, where the table says them.
    pub clients: [String; 2],
    /// Master seed, and one value a seed; empty in a plain `summary.csv`.
    pub by_seed: (String, Vec<f64>),
    /// Paired runs, where the table says it.
    pub runs: Option<usize>,
    /// Less is better.
    pub is_ratio: bool,
    /// The verdicts of the row are registered.
    pub headline: bool,
    /// The estimate.
    pub estimate: Option<f64>,
    /// Its two-sided 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Verdicts on size, direction, time, and size and time together; empty where there is none.
    pub verdicts: [String; 4],
}

impl Row {
    /// Whether the runs ended before the peers had completed, so its figures mean nothing.
    pub(super) fn is_cut(&self) -> bool {
        self.verdicts.iter().any(|it| it.starts_with(CANNOT_TELL))
    }
}

/// Why a text is not a summary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It is no CSV.
    #[error("is not a CSV table: {0}")]
    Csv(String),
    /// A column is missing.
    #[error("has no column {0}: it is not a summary.csv, or of another version")]
    Column(&'static str),
    /// A row is not what was written.
    #[error("is damaged: line {0} {1}; restore it, or register anew with --save-baseline")]
    Damaged(usize, &'static str),
}

/// The verdicts of each column: size, direction, time, and size and time together.
const WORDS: [&[&str]; 4] = [
    &[
        Size::Supported.word(),
        Size::Refuted.word(),
        Size::Inconclusive.word(),
    ],
    &[
        Direction::ALL[0].word(),
        Direction::ALL[1].word(),
        Direction::ALL[2].word(),
        Direction::ALL[3].word(),
        Direction::ALL[4].word(),
        Direction::ALL[5].word(),
    ],
    &[
        Time::Kept.word(),
        Time::Degraded.word(),
        Time::NotShown.word(),
    ],
    &[
        Joint::Shown.word(),
        Joint::NotShown.word(),
        Joint::Refuted.word(),
    ],
];

/// Whether a verdict is one of its column, or one that every column may have.
fn known(word: &str, words: &[&str]) -> bool {
    let everywhere = word.is_empty() || word == NOTHING_TO_SAVE || word.starts_with(CANNOT_TELL);
    everywhere || words.contains(&word)
}

/// What is wrong with a row that is no row of the table.
fn wrong(it: &csv::Error) -> TableError {
    match it.kind() {
        csv::ErrorKind::UnequalLengths { pos: Some(at), .. } => {
            let line = usize::try_from(at.line()).unwrap_or(usize::MAX);
            TableError::Damaged(line, "has more or fewer fields than the head")
        }
        _ => TableError::Csv(it.to_string()),
    }
}

/// The rows of a `summary.csv`.
pub fn read(text: &str) -> Result<BTreeMap<Key, Row>, TableError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|it| wrong(&it))?.clone();
    let at = |name: &'static str| {
        columns
            .iter()
            .position(|it| it == name)
            .ok_or(TableError::Column(name))
    };
    let [scenario, contrast, adoption] = [at("scenario")?, at("contrast")?, at("adoption")?];
    let [group, quantity, scale] = [at("group")?, at("quantity")?, at("scale")?];
    let [headline, estimate] = [at("headline")?, at("estimate")?];
    let [low, high] = [at("ci95_low")?, at("ci95_high")?];
    let [size, direction] = [at("size_verdict")?, at("direction_verdict")?];
    let verdicts = [size, direction, at("time_verdict")?, at("joint_verdict")?];
    let clients = ["candidate", "baseline"].map(|name| columns.iter().position(|it| it == name));
    let runs = columns.iter().position(|it| it == "runs");
    let extra = BY_SEED.map(|name| columns.iter().position(|it| it == name));
    let mut rows = BTreeMap::new();
    for (position, record) in reader.records().enumerate() {
        let record = record.map_err(|it| wrong(&it))?;
        let text = |it: usize| record[it].to_owned();
        let damaged = |why| TableError::Damaged(position + 2, why);
        let number = |it: usize| number(&record[it]).map_err(damaged);
        let mut key = Key {
            scenario: text(scenario),
            contrast: text(contrast),
            adoption: text(adoption),
            group: text(group),
            quantity: text(quantity),
        };
        let [master, values] = extra.map(|it| it.map_or("", |it| &record[it]));
        let runs = runs.and_then(|it| record[it].parse().ok());
        let values = by_seed(values, runs).map_err(damaged)?;
        let plain = record.iter().enumerate();
        let plain = plain.filter(|it| !extra.contains(&Some(it.0)) && !verdicts.contains(&it.0));
        let (estimate, interval) = (number(estimate)?, number(low)?.zip(number(high)?));
        possible(estimate, interval).map_err(damaged)?;
        if !verdicts
            .iter()
            .zip(WORDS)
            .all(|(at, words)| known(&record[*at], words))
        {
            return Err(damaged("has a verdict that does not exist"));
        }
        let row = Row {
            position,
            figures: plain.map(|it| it.1.to_owned()).collect(),
            clients: clients.map(|it| it.map_or_else(String::new, text)),
            by_seed: (master.to_owned(), values),
            runs,
            is_ratio: &record[scale] == "ratio",
            headline: &record[headline] == "true",
            estimate,
            interval,
            verdicts: verdicts.map(text),
        };
        // The comparison of the candidate with itself has the candidate's name as its contrast. A contrast of the
        // plan may have the same name.
        let [candidate, baseline] = &row.clients;
        if rows.contains_key(&key) && !candidate.is_empty() && candidate == baseline {
            key.contrast.push_str(" itself");
        }
        if rows.insert(key, row).is_some() {
            return Err(damaged("is there before"));
        }
    }
    Ok(rows)
}

/// A figure, where there is one.
fn number(text: &str) -> Result<Option<f64>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|it: &f64| it.is_finite());
    number.map(Some).ok_or("has a figure that is no number")
}

/// Fails if an estimate lies outside its interval.
fn possible(estimate: Option<f64>, interval: Option<(f64, f64)>) -> Result<(), &'static str> {
    match (estimate, interval) {
        (Some(it), Some((low, high))) if !(low..=high).contains(&it) => {
            Err("has an estimate outside its interval")
        }
        _ => Ok(()),
    }
}

/// One figure a seed. A seed without a figure leaves nothing to pair.
fn by_seed(text: &str, runs: Option<usize>) -> Result<Vec<f64>, &'static str> {
    let values: Vec<&str> = text.split(' ').collect();
    if !text.is_empty() && runs.is_some_and(|it| it != values.len()) {
        return Err("has not one value for each of its runs");
    }
    let values: Result<Vec<f64>, _> = values.into_iter().map(str::parse).collect();
    Ok(values.unwrap_or_default())
}
