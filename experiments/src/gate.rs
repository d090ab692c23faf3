//! The gate: does what was registered still hold?

mod junit;
mod table;

use std::collections::BTreeMap;

pub use junit::junit;
pub(crate) use junit::shown;
pub use table::{Key, Row, TableError, read};

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The interval lies wholly on the bad side of the old figure, beyond the tolerance.
    Regressed,
    /// Likewise on the good side.
    Improved,
    /// The interval lies wholly within the tolerance, or the figures are the very same.
    Unchanged,
    /// The interval allows more than one of these.
    Inconclusive,
}

impl State {
    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A row then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// As registered.
    pub before: Row,
    /// As it came out now.
    pub now: Row,
    /// What became of the figure.
    pub state: State,
    /// A registered verdict is another one now.
    pub moved: bool,
}

impl Change {
    /// The gate does not let this pass.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.moved || self.state == State::Regressed
    }
}

/// The rows that both summaries have, in the order of the registered one.
#[must_use]
pub fn compare(
    before: &BTreeMap<Key, Row>,
    now: &BTreeMap<Key, Row>,
    tolerance: f64,
) -> Vec<Change> {
    let mut changes: Vec<Change> = before
        .iter()
        .filter_map(|(key, old)| {
            let new = now.get(key)?;
            Some(Change {
                key: key.clone(),
                before: old.clone(),
                now: new.clone(),
                state: state(old, new, tolerance),
                moved: old.headline && (old.size != new.size || old.direction != new.direction),
            })
        })
        .collect();
    changes.sort_by_key(|it| it.before.position);
    changes
}

/// The tolerance is absolute for a saving, relative for a ratio.
fn state(before: &Row, now: &Row, tolerance: f64) -> State {
    if before.figures == now.figures {
        return State::Unchanged;
    }
    let (Some(old), Some((low, high))) = (before.estimate, now.interval) else {
        return State::Inconclusive;
    };
    let slack = if before.is_ratio {
        old * tolerance
    } else {
        tolerance
    };
    let (above, below) = (low > old + slack, high < old - slack);
    let (better, worse) = if before.is_ratio {
        (below, above)
    } else {
        (above, below)
    };
    if worse {
        State::Regressed
    } else if better {
        State::Improved
    } else if low >= old - slack && high <= old + slack {
        State::Unchanged
    } else {
        State::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "scenario,baseline,adoption,group,quantity,scale,headline,estimate,\
                        ci95_low,ci95_high,size_verdict,direction_verdict\n";

    fn rows(text: &str) -> BTreeMap<Key, Row> {
        read(&format!("{HEAD}{text}")).expect("a table")
    }

    fn one(before: &str, now: &str) -> Change {
        let head = "s,bep3,one,adopters,";
        let changes = compare(
            &rows(&format!("{head}{before}")),
            &rows(&format!("{head}{now}")),
            0.05,
        );
        assert_eq!(changes.len(), 1);
        changes[0].clone()
    }

    #[test]
    fn a_saving_is_judged_by_its_whole_interval() {
        let before = "E1,saving,true,0.30,0.28,0.32,refuted,saves";
        for (now, word) in [
            ("0.30,0.28,0.32", "unchanged"),
            ("0.31,0.27,0.34", "unchanged"),
            ("0.20,0.18,0.22", "regressed"),
            ("0.20,0.18,0.26", "inconclusive"),
            ("0.40,0.36,0.44", "improved"),
            ("0.33,0.20,0.46", "inconclusive"),
            ("0.33,,", "inconclusive"),
        ] {
            let change = one(before, &format!("E1,saving,true,{now},refuted,saves"));
            assert_eq!(change.state.word(), word, "{now}");
            assert_eq!(change.fails(), word == "regressed", "{now}");
        }
    }

    #[test]
    fn for_a_ratio_of_times_less_is_better() {
        let before = "time,ratio,false,1.00,0.99,1.01,,";
        for (now, word) in [
            ("1.20,1.10,1.30", "regressed"),
            ("0.80,0.70,0.90", "improved"),
            ("1.05,0.98,1.12", "inconclusive"),
            ("1.01,0.97,1.04", "unchanged"),
        ] {
            let change = one(before, &format!("time,ratio,false,{now},,"));
            assert_eq!(change.state.word(), word, "{now}");
        }
    }

    #[test]
    fn a_moved_verdict_fails_even_within_the_tolerance() {
        let before = "E1,saving,true,0.41,0.40,0.42,supported,saves";
        let change = one(before, "E1,saving,true,0.40,0.39,0.41,inconclusive,saves");
        assert_eq!(
            (change.state, change.moved, change.fails()),
            (State::Unchanged, true, true)
        );
        let quiet = before.replace("true", "false");
        let now = "E1,saving,false,0.40,0.39,0.41,inconclusive,saves";
        assert!(
            !one(&quiet, now).moved,
            "only headline verdicts are registered"
        );
    }

    #[test]
    fn a_table_without_a_column_is_refused() {
        let error = read("scenario,baseline\na,b\n").expect_err("columns are missing");
        assert!(error.to_string().contains("adoption"), "{error}");
        assert!(read("").is_err());
    }
}
