//! The gate: is what was registered still as good?
//!
//! Map: [`read`] reads tables, [`compare`] judges them row by row, [`causes`] folds what one client
//! did, `words` says it in sentences and [`junit`] for CI services; [`power`] says what a check can
//! see; [`Accepted`] names rows that may be worse.
//!
//! It is directional and statistical: it fails when an interval lies wholly on the bad side, beyond
//! the tolerance, or when a verdict turned against the candidate. What the intervals leave open is
//! inconclusive, which is neither a failure nor a pass. So is what is registered and missing now: a
//! scenario that is deleted because it comes out badly gives no pass.

mod accept;
mod cause;
mod difference;
mod junit;
mod power;
mod table;
#[cfg(test)]
mod tests;
mod turn;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::verdict::NOTHING_TO_SAVE;
use crate::plan::{ALL_SCENARIOS, Tolerances};
pub use accept::{Accepted, Worse};
pub use cause::{Cause, causes};
pub use difference::Difference;
pub use junit::junit;
use power::allowed;
pub use power::{Power, power};
pub use table::{Key, Row, TableError, read};
pub use turn::Turn;
pub use words::{HEAD, Words, counted};

/// What became of a row, in the order in which a reader wants to see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The interval of the difference lies wholly on the bad side, beyond the tolerance; or a
    /// verdict now says the contrary.
    Regressed,
    /// It is registered and not in this run, and no option left it out: nothing is known of it.
    Missing,
    /// The interval allows more than one of the others; or a good verdict is no longer shown.
    Inconclusive,
    /// The interval lies wholly on the good side, beyond the tolerance.
    Improved,
    /// The interval lies wholly within the tolerance, or the figures are the very same.
    NoChange,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::Regressed,
        Self::Missing,
        Self::Inconclusive,
        Self::Improved,
        Self::NoChange,
    ];

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Missing => "missing",
            Self::Inconclusive => "inconclusive",
            Self::Improved => "improved",
            Self::NoChange => "no change",
        }
    }

    /// Neither shown to be worse nor shown to be as good.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Missing | Self::Inconclusive)
    }
}

/// A row then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// As registered.
    pub before: Row,
    /// As it came out now; `None` if it is missing.
    pub now: Option<Row>,
    /// How much worse it may be: of a saving as a part of one, of a ratio as a share.
    pub tolerance: f64,
    /// Between the two, where both have intervals.
    pub difference: Option<Difference>,
    /// What became of its registered verdicts, if they are others now.
    pub turn: Option<Turn>,
    /// What became of the row.
    pub state: State,
}

/// A run beside what is registered. Every registered row is in one of the first four.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Rows compared and rows missing, in the order of the registered table.
    pub changes: Vec<Change>,
    /// Registered rows that options left out of the run.
    pub left_out: usize,
    /// Registered readings over all scenarios that are now over other scenarios. Their scenarios are
    /// compared one by one, or are missing.
    pub other_scenarios: usize,
    /// Registered rows of a candidate of another name against itself: zero by construction.
    pub other_twin: usize,
    /// Rows of this run that are not registered.
    pub new: usize,
}

impl Compared {
    /// Rows that are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.changes.len() + self.left_out + self.other_scenarios + self.other_twin
    }

    /// Rows that are there twice.
    #[must_use]
    pub fn compared(&self) -> usize {
        let both = self.changes.iter().filter(|it| it.now.is_some());
        both.count()
    }

    /// The least favourable of the rows, where missing is inconclusive.
    #[must_use]
    pub fn overall(&self) -> State {
        match self.changes.iter().map(|it| it.state).min() {
            None | Some(State::Missing) => State::Inconclusive,
            Some(state) => state,
        }
    }
}

/// Sets a run beside what is registered. `left_out` says of a registered row whether the options of
/// the run left it out.
#[must_use]
pub fn compare(
    before: &BTreeMap<Key, Row>,
    now: &BTreeMap<Key, Row>,
    tolerances: &Tolerances,
    left_out: impl Fn(&Key) -> bool,
) -> Compared {
    let mut found = Compared {
        new: now.keys().filter(|it| !before.contains_key(it)).count(),
        ..Compared::default()
    };
    // Only the candidate itself has no headline as a baseline.
    let is_other_twin = |key: &Key| {
        let headline = |(it, row): (&Key, &Row)| it.contrast == key.contrast && row.headline;
        let now = now.keys().any(|it| it.contrast == key.contrast);
        !now && !before.iter().any(headline)
    };
    for (key, old) in before {
        match now.get(key) {
            None if left_out(key) => found.left_out += 1,
            None if is_other_twin(key) => found.other_twin += 1,
            None => found.changes.push(missing(key, old, tolerances)),
            Some(_) if key.scenario == ALL_SCENARIOS && others(before, now, key) => {
                found.other_scenarios += 1;
            }
            Some(new) => found.changes.push(change(key, old, new, tolerances)),
        }
    }
    found.changes.sort_by_key(|it| it.before.position);
    found
}

/// Whether a reading over all scenarios is over others now.
fn others(before: &BTreeMap<Key, Row>, now: &BTreeMap<Key, Row>, reading: &Key) -> bool {
    let scenarios = |rows: &BTreeMap<Key, Row>| -> BTreeSet<String> {
        let of_it = |it: &&Key| {
            Key {
                scenario: ALL_SCENARIOS.to_owned(),
                ..(*it).clone()
            } == *reading
        };
        rows.keys()
            .filter(of_it)
            .map(|it| it.scenario.clone())
            .collect()
    };
    scenarios(before) != scenarios(now)
}

fn missing(key: &Key, before: &Row, tolerances: &Tolerances) -> Change {
    Change {
        key: key.clone(),
        before: before.clone(),
        now: None,
        tolerance: allowed(key, before, tolerances),
        difference: None,
        turn: None,
        state: State::Missing,
    }
}

/// Whether the baseline had no such bytes, neither then nor now. Then there is no saving to compare.
fn have_nothing_to_save(rows: [&Row; 2]) -> bool {
    rows.iter().all(|it| it.verdicts[0] == NOTHING_TO_SAVE)
}

fn change(key: &Key, before: &Row, now: &Row, tolerances: &Tolerances) -> Change {
    let tolerance = allowed(key, before, tolerances);
    // Figures of runs that were cut short are no ground for a comparison, on either side.
    let cut = before.is_cut() || now.is_cut();
    let difference = Difference::between(before, now).filter(|_| !cut);
    let turn = if before.headline {
        turn::turn(before, now)
    } else {
        None
    };
    let figure = if key.scenario == ALL_SCENARIOS {
        // Over all scenarios only the verdict is registered: the figures are those of its scenarios.
        match turn {
            Some(Turn::Better) => State::Improved,
            _ => State::NoChange,
        }
    } else if cut {
        State::Inconclusive
    } else if before.figures == now.figures || have_nothing_to_save([before, now]) {
        State::NoChange
    } else {
        difference.map_or(State::Inconclusive, |it| {
            it.judge(before.is_ratio, tolerance)
        })
    };
    let state = match (turn, figure) {
        (Some(Turn::Against), _) | (_, State::Regressed) => State::Regressed,
        // A reading over all scenarios may be cut in one of them.
        _ if cut => State::Inconclusive,
        (Some(Turn::Lost), _) | (_, State::Inconclusive) => State::Inconclusive,
        (_, figure) => figure,
    };
    Change {
        key: key.clone(),
        before: before.clone(),
        now: Some(now.clone()),
        tolerance,
        difference,
        turn,
        state,
    }
}
