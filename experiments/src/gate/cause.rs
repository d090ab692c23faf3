//! One cause, one row: rows that say the same of the same client are folded under one of them.
//!
//! A client that got worse shows in its upload, in all its traffic, in its times, in every share of adopters,
//! every scenario and every contrast that it is part of. All of that is one finding. Rows of one kind are given
//! to the client that most of them are about, then what is left to the next one. The row that moved most, in
//! units of what is allowed to it, stands for the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, State};

/// Rows of one kind that are about one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause<'a> {
    /// Name of the client, or of the contrast where the table has no names.
    pub client: &'a str,
    /// The row that stands for all.
    pub head: &'a Change,
    /// The others, in the order of the table.
    pub follows: Vec<&'a Change>,
}

impl Cause<'_> {
    /// What became of its rows.
    #[must_use]
    pub fn state(&self) -> State {
        self.head.state
    }

    /// What its other rows are about, in few words; empty where there are none.
    #[must_use]
    pub fn tail(&self) -> String {
        if self.follows.is_empty() {
            return String::new();
        }
        let listed = |part: fn(&Change) -> &str| {
            let names: BTreeSet<&str> = self.follows.iter().map(|it| part(it)).collect();
            names.into_iter().collect::<Vec<&str>>().join(", ")
        };
        let rows = if self.follows.len() == 1 {
            "row"
        } else {
            "rows"
        };
        format!(
            "and {} more {rows} of {}: {} against {} in {}",
            self.follows.len(),
            self.client,
            listed(|it| &it.key.quantity),
            listed(|it| &it.key.contrast),
            listed(|it| &it.key.scenario)
        )
    }
}

/// The rows by what became of them and whom they are about, worst first.
#[must_use]
pub fn causes(changes: &[Change]) -> Vec<Cause<'_>> {
    let mut all = Vec::new();
    for state in State::ALL {
        let mut rest: Vec<&Change> = changes.iter().filter(|it| it.state == state).collect();
        while !rest.is_empty() {
            let client = commonest(&rest);
            let (own, others): (Vec<&Change>, Vec<&Change>) =
                rest.into_iter().partition(|it| about(it).contains(&client));
            rest = others;
            all.push(folded(client, own));
        }
    }
    all
}

/// The two clients of a row. A row without names is about its contrast alone.
fn about(it: &Change) -> Vec<&str> {
    let named: Vec<&str> = it.before.clients.iter().map(String::as_str).collect();
    if named.iter().any(|it| it.is_empty()) {
        vec![&it.key.contrast]
    } else {
        named
    }
}

/// The client of most rows; of several, the one that comes first in them.
fn commonest<'a>(rows: &[&'a Change]) -> &'a str {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (at, name) in rows.iter().flat_map(|it| about(it)).enumerate() {
        counts.entry(name).or_insert((0, at)).0 += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(_, (count, at))| (*count, std::cmp::Reverse(*at)));
    most.expect("there is a row").0
}

fn folded<'a>(client: &'a str, mut rows: Vec<&'a Change>) -> Cause<'a> {
    // Of those that moved as far, the first. Readings over all scenarios only repeat what their rows say.
    let size = |it: &Change| {
        it.difference
            .map_or(0.0, |d| d.value.abs() / it.tolerance.max(1e-9))
    };
    let at = (0..rows.len())
        .max_by(|a, b| size(rows[*a]).total_cmp(&size(rows[*b])).then(b.cmp(a)))
        .expect("there is a row");
    Cause {
        client,
        head: rows.remove(at),
        follows: rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{compare, read};
    use crate::plan::Tolerances;

    const HEAD: &str = "scenario,contrast,candidate,baseline,adoption,group,quantity,scale,headline,\
                        estimate,ci95_low,ci95_high,size_verdict,direction_verdict,time_verdict,\
                        joint_verdict\n";

    fn row(contrast: &str, pair: &str, quantity: &str, estimate: f64) -> String {
        let (low, high) = (estimate - 0.01, estimate + 0.01);
        format!(
            "s,{contrast},{pair},100 %,all,{quantity},saving,false,{estimate},{low},{high},,,,\n"
        )
    }

    /// Three rows of a client that got worse, in two contrasts, and one of another client.
    #[test]
    fn what_one_client_does_is_one_row() {
        let table = |mine: f64, other: f64| {
            let rows = [
                row("first", "mine,naive", "E1", mine),
                row("first", "mine,naive", "E3", mine / 2.0),
                row("second", "mine,other", "E1", mine),
                row("third", "third,other", "E1", other),
                row("third", "third,other", "E3", 0.3),
            ];
            read(&(HEAD.to_owned() + &rows.concat())).expect("a table")
        };
        let (before, now) = (table(0.8, 0.4), table(0.2, 0.2));
        let compared = compare(&before, &now, &Tolerances::default(), |_| false);
        let found = causes(&compared.changes);
        let heads: Vec<(&str, State, usize)> = found
            .iter()
            .map(|it| (it.client, it.state(), it.follows.len()))
            .collect();
        assert_eq!(
            heads,
            [
                ("mine", State::Regressed, 2),
                ("third", State::Regressed, 0),
                ("third", State::NoChange, 0)
            ]
        );
        assert_eq!(
            found[0].tail(),
            "and 2 more rows of mine: E1, E3 against first, second in s"
        );
        assert_eq!(found[1].tail(), "");
    }

    #[test]
    fn without_names_a_cause_is_a_contrast() {
        let before = super::super::tests::rows(
            "s,bep3,one,adopters,E1,saving,false,0.5,0.49,0.51,,,\n\
             s,bep3,one,adopters,E2,saving,false,0.5,0.49,0.51,,,\n\
             s,credit,one,adopters,E2,saving,false,0.5,0.49,0.51,,,\n",
        );
        let mut now = before.clone();
        for it in now.values_mut() {
            it.estimate = Some(0.1);
            it.interval = Some((0.09, 0.11));
            it.figures.clear();
        }
        let compared = compare(&before, &now, &Tolerances::default(), |_| false);
        let found = causes(&compared.changes);
        let names: Vec<&str> = found.iter().map(|it| it.client).collect();
        assert_eq!(names, ["bep3", "credit"]);
    }
}
