//! The gate in words: what tables, sentences and CI services say.

/// A number of seeds, or a range of them.
fn paired(seeds: &str) -> String {
    let ending = if seeds == "1" { "" } else { "s" };
    format!("{seeds} paired seed{ending}")
}

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use unchoke_core::text;

use super::{Change, Compared, Difference, Key, Row, State, Turn};
use crate::show::words::percent;

/// What a check is about, beside its rows.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Name of the plan.
    pub plan: &'a str,
    /// How much worse is still the same, in words.
    pub tolerance: &'a str,
    /// Paired seeds, in words.
    pub seeds: &'a str,
    /// What is inconclusive fails as well.
    pub strict: bool,
    /// Every row that regressed is accepted.
    pub accepted: bool,
    /// The line that repeats the check.
    pub reproduce: &'a str,
}

/// Columns of [`Words::cells`].
pub const HEAD: [&str; 10] = [
    "scenario",
    "metric",
    "of",
    "against",
    "adoption",
    "registered [95 % CI]",
    "now [95 % CI]",
    "difference [95 % CI]",
    "tolerance",
    "verdict",
];

impl Words<'_> {
    /// One row of the table.
    #[must_use]
    pub fn cells(&self, it: &Change) -> [String; 10] {
        [
            it.key.scenario.clone(),
            it.key.quantity.clone(),
            it.key.group.clone(),
            it.key.contrast.clone(),
            it.key.adoption.clone(),
            figure(&it.before),
            it.now.as_ref().map_or_else(|| "-".to_owned(), figure),
            it.difference
                .map_or_else(|| "-".to_owned(), |d| difference(d, it.before.is_ratio)),
            tolerance(it),
            verdict(it),
        ]
    }

    /// Everything about a row, for a reader who sees no table.
    #[must_use]
    pub fn numbers(&self, it: &Change) -> String {
        let [.., before, now, difference, tolerance, verdict] = self.cells(it);
        format!(
            "{verdict}: registered {before}, now {now}, difference {difference}, tolerance \
             {tolerance}, {}",
            paired(self.seeds)
        )
    }

    /// How many rows were compared, how many of them are of each kind, and which were not compared.
    #[must_use]
    pub fn counts(&self, it: &Compared) -> String {
        let each: Vec<&Change> = it.changes.iter().collect();
        let mut parts = vec![format!(
            "{} of {} registered rows compared, tolerance {}: {}",
            it.compared(),
            it.registered(),
            self.tolerance,
            counted(&each)
        )];
        for (rows, why) in [
            (it.left_out, "left out by the options of this run"),
            (
                it.other_scenarios,
                "over all scenarios not compared: they are over other scenarios now",
            ),
            (
                it.other_twin,
                "of a candidate of another name against itself not compared",
            ),
            (it.new, "of this run not registered"),
        ] {
            if rows > 0 {
                parts.push(format!("{rows} {why}"));
            }
        }
        parts.join("; ")
    }

    /// The last line.
    #[must_use]
    pub fn closing(&self, it: &Compared) -> String {
        let changes = &it.changes;
        let text = match it.overall() {
            State::Regressed => {
                let first = self.first(changes, State::Regressed);
                let missing =
                    missing(changes).map_or(String::new(), |it| format!(" Besides, {it}."));
                format!("{first}{missing} {}", self.end(it))
            }
            State::Missing | State::Inconclusive => self.open(it),
            State::Improved => {
                let first = self.first(changes, State::Improved);
                format!("{first} Nothing regressed.")
            }
            State::NoChange => format!(
                "No change: {} as registered, within {}.",
                match it.compared() {
                    1 => "the only row compared is".to_owned(),
                    rows => format!("all {rows} rows compared are"),
                },
                self.tolerance
            ),
        };
        let narrowed = match it.left_out {
            0 => String::new(),
            rows => format!(
                " The options of this run left out {}.",
                text::counted(rows as u64, "registered row")
            ),
        };
        text.trim_end().to_owned() + &narrowed
    }

    /// Whether rows that regressed fail the check.
    fn end(&self, it: &Compared) -> String {
        if !self.accepted {
            return "The check fails.".to_owned();
        }
        let accepted = "Every row that regressed is accepted";
        let open = it.changes.iter().filter(|it| it.state.is_open()).count();
        let rows = unchoke_core::text::counted(open as u64, "row").are();
        match open {
            0 => format!("{accepted}."),
            _ if self.strict => format!(
                "{accepted}, but with --strict the check fails: {rows} inconclusive or missing."
            ),
            _ => format!("{accepted}; {rows} inconclusive or missing."),
        }
    }

    /// Why there is no pass, and what would help.
    fn open(&self, it: &Compared) -> String {
        let end = if self.strict {
            "with --strict, the check fails"
        } else {
            "this is no pass"
        };
        let is_cut = |it: &&Change| it.before.is_cut() || it.now.as_ref().is_some_and(Row::is_cut);
        let open = it.changes.iter();
        let open: Vec<&Change> = open.filter(|it| it.state == State::Inconclusive).collect();
        let cut = open.iter().copied().filter(is_cut).count();
        let open = open.len() - cut;
        let mut why = Vec::new();
        let mut help = String::new();
        why.extend(missing(&it.changes));
        if !why.is_empty() {
            help.push_str("If that is meant, register anew with --save-baseline. ");
        }
        if open > 0 {
            why.push(format!("{open} of {} rows leave it open", it.compared()));
            help.push_str("More seeds or a wider tolerance would tell. ");
        }
        if cut > 0 {
            why.push(format!(
                "{cut} of {} rows cannot tell, because peers were unfinished when runs ended",
                it.compared()
            ));
            help.push_str("Longer runs would tell, here and where they were registered. ");
        }
        let better = self.first(&it.changes, State::Improved);
        format!(
            "Inconclusive: nothing is shown to be worse, but {}; {end}. {help}{better}",
            why.join(", and ")
        )
    }

    /// The row of a kind that moved most, in a sentence, and how many more there are; empty if
    /// there is none.
    fn first(&self, changes: &[Change], state: State) -> String {
        let size = |it: &Change| it.difference.map_or(0.0, |it| it.value.abs());
        let kind = || changes.iter().filter(|it| it.state == state);
        let most = kind().max_by(|a, b| {
            let earlier = b.before.position.cmp(&a.before.position);
            size(a).total_cmp(&size(b)).then(earlier)
        });
        let Some(it) = most else {
            return String::new();
        };
        let mut parts = Vec::new();
        parts.extend(it.difference.map(|d| self.moved(d, it.before.is_ratio)));
        parts.extend(turned(it));
        let (metric, scenario) = (metric(&it.key), &it.key.scenario);
        let word = match state {
            State::Regressed => "Regressed",
            State::Missing => "Missing",
            State::Inconclusive => "Inconclusive",
            State::Improved => "Improved",
            State::NoChange => "No change",
        };
        let more = match kind().count() - 1 {
            0 => String::new(),
            more => format!(", and {}", text::counted(more as u64, "more row")),
        };
        format!(
            "{word}: {metric} in {scenario}: {}{more}.",
            parts.join("; ")
        )
    }

    /// How far a figure moved, in words: the interval has the sign of the word.
    fn moved(&self, it: Difference, is_ratio: bool) -> String {
        let (low, high) = it.ci95;
        let (word, low, high) = if it.value < 0.0 {
            ("less", -high, -low)
        } else {
            ("more", low, high)
        };
        let [value, low, high] = [it.value.abs(), low, high].map(tenths);
        format!(
            "{value} {} {word} than registered (95 % CI {low} to {high}, {})",
            unit(is_ratio),
            paired(self.seeds)
        )
    }
}

/// How many rows of each kind that is there.
#[must_use]
pub fn counted(rows: &[&Change]) -> String {
    let count = |state| rows.iter().filter(|it| it.state == state).count();
    let there = State::ALL.iter().filter(|it| count(**it) > 0);
    let each: Vec<String> = there
        .map(|it| format!("{} {}", count(*it), it.word()))
        .collect();
    each.join(", ")
}

/// What was measured, without the scenario.
#[must_use]
pub(super) fn metric(it: &Key) -> String {
    format!(
        "{} of {} against {} at {}",
        it.quantity, it.group, it.contrast, it.adoption
    )
}

/// A part of a key, and what it is a name of.
type Part = (&'static str, fn(&Key) -> &str);

const PARTS: [Part; 5] = [
    ("scenario", |it| &it.scenario),
    ("contrast", |it| &it.contrast),
    ("adoption", |it| &it.adoption),
    ("reading", |it| &it.quantity),
    ("group", |it| &it.group),
];

/// What is missing, in as few words as name it; `None` if nothing is.
fn missing(changes: &[Change]) -> Option<String> {
    let of = |is_missing: bool| {
        let rows = changes
            .iter()
            .filter(move |it| (it.state == State::Missing) == is_missing);
        rows.map(|it| &it.key)
    };
    let mut rest: Vec<&Key> = of(true).collect();
    let rows = match rest.len() {
        0 => return None,
        rows => text::counted(rows as u64, "registered row").are(),
    };
    let mut named = Vec::new();
    for (what, part) in PARTS {
        let there: BTreeSet<&str> = of(false).map(part).collect();
        let (some, none): (Vec<&Key>, Vec<&Key>) =
            rest.iter().partition(|it| there.contains(part(it)));
        let gone: BTreeSet<&str> = none.into_iter().map(part).collect();
        named.extend(gone.into_iter().map(|it| format!("{what} {it}")));
        rest = some;
    }
    if let Some(first) = rest.first() {
        let more = match rest.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        named.push(format!("{} in {}{more}", metric(first), first.scenario));
    }
    Some(format!("{rows} missing in this run: {}", named.join(", ")))
}

/// Estimate and interval.
fn figure(row: &Row) -> String {
    let Some(value) = row.estimate else {
        return "-".to_owned();
    };
    let text = if row.is_ratio {
        format!("{value:.3}")
    } else {
        percent(value)
    };
    let Some((low, high)) = row.interval else {
        return text;
    };
    if row.is_ratio {
        format!("{text} [{low:.3}, {high:.3}]")
    } else {
        format!("{text} [{}, {}]", tenths(low), tenths(high))
    }
}

/// Hundredths with one decimal; minus zero is zero.
fn tenths(share: f64) -> String {
    format!("{:.1}", (share * 1000.0).round() / 10.0 + 0.0)
}

/// How much worse the row may be, with two decimals at most.
fn tolerance(it: &Change) -> String {
    let text = format!("{:.2}", it.tolerance * 100.0);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{short} {}", unit(it.before.is_ratio))
}

const fn unit(is_ratio: bool) -> &'static str {
    if is_ratio { "%" } else { "points" }
}

fn difference(it: Difference, is_ratio: bool) -> String {
    let signed = |share: f64| {
        let text = tenths(share);
        if text.starts_with('-') || text == "0.0" {
            text
        } else {
            format!("+{text}")
        }
    };
    let (low, high) = it.ci95;
    format!(
        "{} {} [{}, {}]",
        signed(it.value),
        unit(is_ratio),
        signed(low),
        signed(high)
    )
}

/// The verdict word, and where registered verdicts went.
fn verdict(it: &Change) -> String {
    let word = it.state.word().to_owned();
    turned(it).map_or_else(|| word.clone(), |turned| format!("{word}; {turned}"))
}

/// Where registered verdicts went, if anywhere.
fn turned(it: &Change) -> Option<String> {
    let how = match it.turn? {
        Turn::Against => "turned",
        Turn::Lost => "no longer shown",
        Turn::Moved => "moved",
        Turn::Better => "better",
    };
    let now = it.now.as_ref()?;
    let pairs = it.before.verdicts.iter().zip(&now.verdicts);
    let moved = pairs.filter(|(old, new)| old != new);
    let moved: Vec<String> = moved.map(|(old, new)| format!("{old} to {new}")).collect();
    Some(format!("verdict {how}: {}", moved.join(", ")))
}
