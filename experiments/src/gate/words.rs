//! The gate in words: what tables, sentences and CI services say.

use super::{Change, Difference, Row, State, Turn, overall};
use crate::plan::Percent;
use crate::words::percent;

/// What a check is about, beside its rows.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Name of the plan.
    pub plan: &'a str,
    /// How much worse is still the same.
    pub tolerance: Percent,
    /// Paired seeds, in words.
    pub seeds: &'a str,
    /// What is inconclusive fails as well.
    pub strict: bool,
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
            it.key.baseline.clone(),
            it.key.adoption.clone(),
            figure(&it.before),
            figure(&it.now),
            it.difference
                .map_or_else(|| "-".to_owned(), |d| difference(d, it.before.is_ratio)),
            self.tolerance(it),
            verdict(it),
        ]
    }

    fn tolerance(&self, it: &Change) -> String {
        let share = self.tolerance.to_string();
        if it.before.is_ratio {
            share
        } else {
            share.replace('%', "points")
        }
    }

    /// Everything about a row, for a reader who sees no table.
    #[must_use]
    pub fn numbers(&self, it: &Change) -> String {
        let [.., before, now, difference, tolerance, verdict] = self.cells(it);
        format!(
            "{verdict}: registered {before}, now {now}, difference {difference}, tolerance \
             {tolerance}, {} paired seeds",
            self.seeds
        )
    }

    /// How many rows were compared, and how many of them are of each kind.
    #[must_use]
    pub fn counts(&self, changes: &[Change], registered: usize) -> String {
        let each: Vec<&Change> = changes.iter().collect();
        format!(
            "{} of {registered} registered rows compared, tolerance {}: {}",
            changes.len(),
            self.tolerance,
            counted(&each)
        )
    }

    /// The last line.
    #[must_use]
    pub fn closing(&self, changes: &[Change]) -> String {
        let total = changes.len();
        match overall(changes) {
            State::Regressed => {
                let first = self.first(changes, State::Regressed);
                format!("{first} The check fails.")
            }
            State::Inconclusive => {
                let open = changes.iter().filter(|it| it.state == State::Inconclusive);
                let end = if self.strict {
                    "with --strict, the check fails"
                } else {
                    "this is no pass"
                };
                let better = self.first(changes, State::Improved);
                format!(
                    "Inconclusive: nothing is shown to be worse, but {} of {total} rows leave it open; \
                     {end}. More seeds or a wider tolerance would tell. {better}",
                    open.count()
                )
            }
            State::Improved => {
                let first = self.first(changes, State::Improved);
                format!("{first} Nothing regressed.")
            }
            State::NoChange => format!(
                "No change: all {total} rows are as registered, within {}.",
                self.tolerance
            ),
        }
        .trim_end()
        .to_owned()
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
        let (metric, scenario) = (metric(it), &it.key.scenario);
        let word = match state {
            State::Regressed => "Regressed",
            State::Inconclusive => "Inconclusive",
            State::Improved => "Improved",
            State::NoChange => "No change",
        };
        let more = match kind().count() - 1 {
            0 => String::new(),
            1 => ", and 1 more row".to_owned(),
            more => format!(", and {more} more rows"),
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
            "{value} {} {word} than registered (95 % CI {low} to {high}, {} paired seeds)",
            unit(is_ratio),
            self.seeds
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
pub(super) fn metric(it: &Change) -> String {
    format!(
        "{} of {} against {} at {}",
        it.key.quantity, it.key.group, it.key.baseline, it.key.adoption
    )
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
    let pairs = it.before.verdicts.iter().zip(&it.now.verdicts);
    let moved = pairs.filter(|(old, new)| old != new);
    let moved: Vec<String> = moved.map(|(old, new)| format!("{old} to {new}")).collect();
    Some(format!("verdict {how}: {}", moved.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{compare, tests::rows};

    const WORDS: Words<'static> = Words {
        plan: "p",
        tolerance: Percent::FIFTY,
        seeds: "6",
        strict: false,
        reproduce: "lab run p",
    };

    fn changes(now: &str) -> Vec<Change> {
        let before = "s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,supported,saves,kept\n\
                      s,bep3,one,all,time,ratio,false,1,0.99,1.01,,,\n";
        compare(&rows(before), &rows(now), 0.5)
    }

    #[test]
    fn a_regression_is_named_with_its_numbers() {
        let it = changes(
            "s,bep3,one,adopters,E1,saving,true,0.1,0.0,0.2,refuted,saves,kept\n\
             s,bep3,one,all,time,ratio,false,2,1.9,2.1,,,\n",
        );
        assert_eq!(
            WORDS.cells(&it[1])[5..],
            [
                "1.000 [0.990, 1.010]",
                "2.000 [1.900, 2.100]",
                "+100.0 % [+89.8, +110.2]",
                "50 %",
                "regressed"
            ]
        );
        assert_eq!(
            WORDS.numbers(&it[0]),
            "regressed; verdict turned: supported to refuted: registered 30.0 % [20.0, \
             40.0], now 10.0 % [0.0, 20.0], difference -20.0 points [-34.1, -5.9], tolerance 50 \
             points, 6 paired seeds"
        );
        assert_eq!(
            WORDS.closing(&it),
            "Regressed: time of all against bep3 at one in s: 100.0 % more than registered (95 % CI \
             89.8 to 110.2, 6 paired seeds), and 1 more row. The check fails."
        );
        assert!(WORDS.counts(&it, 9).starts_with("2 of 9 registered rows"));
        assert!(
            WORDS
                .counts(&it, 9)
                .ends_with("tolerance 50 %: 2 regressed")
        );
    }

    #[test]
    fn what_is_open_is_not_called_a_pass() {
        let it = changes(
            "s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,inconclusive,saves,kept\n\
             s,bep3,one,all,time,ratio,false,0.4,0.39,0.41,,,\n",
        );
        let closing = WORDS.closing(&it);
        assert!(
            closing.starts_with("Inconclusive: ") && closing.contains("1 of 2 rows"),
            "{closing}"
        );
        assert!(closing.contains("no pass") && closing.contains(" Improved: time of all"));
        let strict = Words {
            strict: true,
            ..WORDS
        };
        assert!(strict.closing(&it).contains("the check fails"));
        let better = WORDS.closing(&it[1..]);
        assert!(
            better.contains(
                "time of all against bep3 at one in s: 60.0 % less than registered (95 % \
                             CI 58.9 to 61.1"
            ),
            "{better}"
        );
    }
}
