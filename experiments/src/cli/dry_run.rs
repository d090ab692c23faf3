//! `--dry-run`: shows what would run, and for how long.

use std::fmt::Write as _;

use super::args::threads;
use super::parts::Parts;
use super::{Exit, Failure, print};
use crate::plan::count;
use crate::run::runner::Options;
use crate::run::store::{Found, Store};
use crate::run::unit::Unit;

/// Runs that are ahead.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    runs: usize,
    missing: usize,
    /// Of the missing runs; with `--force`, of all. On one thread.
    seconds: f64,
}

impl Ahead {
    fn add(&mut self, missing: bool, seconds: f64) {
        self.runs += 1;
        if missing {
            self.missing += 1;
            self.seconds += seconds;
        }
    }
}

impl Parts {
    /// Prints a line for each group of units, and one for all, which begins with `head`. `group`
    /// gives the group of a unit by the position of its part; without a group, a unit counts in
    /// the last line alone. `jobs` and `force` have the meaning of the options of these names.
    pub(super) fn dry_run(
        &self,
        head: &str,
        (store, Options { jobs, force }): (&Store, Options),
        group: impl Fn(usize, &Unit) -> Option<String>,
    ) -> Result<Exit, Failure> {
        let mut groups: Vec<(String, Ahead)> = Vec::new();
        let mut all = Ahead::default();
        let mut seconds = self.seconds(jobs)?.into_iter();
        for (at, part) in self.each().iter().enumerate() {
            for (unit, seconds) in part.units.iter().zip(&mut seconds) {
                let missing = force || !matches!(store.read(unit)?, Found::Valid(_));
                all.add(missing, seconds);
                let Some(name) = group(at, unit) else {
                    continue;
                };
                let known = groups.iter().position(|it| it.0 == name);
                let known = known.unwrap_or_else(|| {
                    groups.push((name, Ahead::default()));
                    groups.len() - 1
                });
                groups[known].1.add(missing, seconds);
            }
        }
        let word = if force { "anew" } else { "missing" };
        print(&text(head, &groups, &all, (threads(jobs), word)))?;
        Ok(Exit::Done)
    }
}

/// `word` says which runs are ahead.
fn text(
    head: &str,
    groups: &[(String, Ahead)],
    all: &Ahead,
    (jobs, word): (usize, &str),
) -> String {
    let mut text = String::new();
    let seconds = |it: &Ahead| it.seconds / jobs as f64;
    for (name, it) in groups {
        let runs = if it.runs == 1 { "run " } else { "runs" };
        writeln!(
            text,
            "{name:31} {:6} {runs} {:6} {word}  about {:6.0} s",
            it.runs,
            it.missing,
            seconds(it)
        )
        .expect("writing to a string does not fail");
    }
    let total = seconds(all);
    writeln!(
        text,
        "{head} {}, {} {word}: about {total:.0} s ({:.1} min) with {}, each on a core of its own, from one timed \
         run of each policy in each scenario and at each setting",
        count(all.runs, "run"),
        all.missing,
        total / 60.0,
        count(jobs, "thread"),
    )
    .expect("writing to a string does not fail");
    text
}
