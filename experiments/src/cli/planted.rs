//! `lab planted PLAN`: changes are planted in the candidate, and the gate says of each what it sees.

use std::path::Path;

use clap::Args;
use comfy_table::Table as Shown;

use super::args::{self, PlanArgs};
use super::folder::{make, make_store};
use super::parts::{Part, Parts};
use super::{Exit, Failure, print, show, stop};
use crate::findings::stats::math::figure;
use crate::findings::table::Table;
use crate::gate::{Cause, Compared, State, causes, compare, read};
use crate::plan::{Changes, Plan, load};
use crate::run::runner::Options;
use crate::run::store::write_whole;
use crate::show::output::summary;
use crate::show::words::percent;

/// What is planted where nothing else is asked for: small changes of the original client.
const CHANGES: [&str; 5] = [
    "three slots: candidate.parameters.slots=3",
    "a tick of 11 s: candidate.parameters.tick=11 s",
    "no optimistic unchoke: candidate.parameters.optimistic_slots=0",
    "four connections: candidate.max_connections=4",
    "blocks asked for up to three times: candidate.picker=duplicate",
];

/// `lab planted`: what the gate says of changes that are planted in a plan's candidate.
#[derive(Args, Clone, Debug)]
pub(super) struct PlantedArgs {
    /// Plan file, or the name of a built-in plan.
    plan: String,
    /// Which part of the plan.
    #[command(flatten)]
    plan_args: PlanArgs,
    /// A change of the plan with a name, as `NAME: KEY=VALUE`; may be repeated. Left out: small changes of the
    /// original client.
    #[arg(long, value_name = "NAME: KEY=VALUE", default_values = CHANGES)]
    change: Vec<String>,
    /// Threads; 0 for one a core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,
    /// No progress.
    #[arg(long)]
    quiet: bool,
}

/// A change, and the rows beside those without it.
struct Planted {
    name: String,
    change: String,
    compared: Compared,
}

pub(super) fn run(it: &PlantedArgs) -> Result<Exit, Failure> {
    let changes: Vec<(String, String)> = it
        .change
        .iter()
        .map(|it| named(it))
        .collect::<Result<_, _>>()?;
    let (file, text, folder) = args::plan_text(&it.plan)?;
    let plan_with = |change: Option<&str>| -> Result<Plan, Failure> {
        let mut changes: Changes = it.plan_args.changes();
        changes.set.extend(change.map(str::to_owned));
        Ok(load(&file, &text, &changes)?)
    };
    // A wrong change is to be known before the runs.
    let before = plan_with(None)?;
    // Not in the folder of the plan, whose runs must come after its registration.
    let own = || Path::new("results/planted").join(&before.name);
    let out = it.plan_args.out.clone().unwrap_or_else(own);
    let plans = changes.iter().map(|it| plan_with(Some(&it.1)));
    let plans: Vec<Plan> = plans.collect::<Result<_, _>>()?;
    stop::listen()?;
    make(&out)?;
    let before = Part::of(before, &folder)?;
    let planted = plans.into_iter().map(|it| Part::of(it, &folder));
    let planted: Vec<Part> = planted.collect::<Result<_, _>>()?;
    let parts = Parts::new(std::iter::once(&before).chain(&planted).cloned());
    let store = make_store(&out, &parts.version())?;
    let options = Options {
        jobs: it.jobs,
        force: false,
    };
    parts.run(&store, options, it.quiet)?;
    let rows = |it: &Part| -> Result<_, Failure> {
        let text = summary::registered(&it.plan, &it.analyse(&store)?);
        Ok(read(&text).expect("our own table"))
    };
    let registered = rows(&before)?;
    let before = &before.plan;
    let mut found = Vec::new();
    for ((name, change), part) in changes.into_iter().zip(&planted) {
        let now = rows(part)?;
        let compared = compare(&registered, &now, &before.tolerances, |_| false);
        found.push(Planted {
            name,
            change,
            compared,
        });
    }
    let path = out.join("planted.csv");
    write_whole(&path, csv(&found).as_bytes())?;
    print(&format!(
        "{}\nWhat `lab run {} --check` says of each change, {}, tolerance {}. The row is the one that \
         moved most in\nunits of what is allowed to it; rows of one client are one cause.\nwrote     {}\n",
        table(&found),
        it.plan,
        before.seeds_counted("paired seed"),
        before.tolerances,
        path.display()
    ))?;
    Ok(Exit::Done)
}

/// `NAME: KEY=VALUE` in its two parts.
fn named(text: &str) -> Result<(String, String), Failure> {
    let parts = text.split_once(": ");
    let parts = parts.map(|(name, change)| (name.trim(), change.trim()));
    match parts {
        Some((name, change)) if !name.is_empty() && change.contains('=') => {
            Ok((name.to_owned(), change.to_owned()))
        }
        _ => Err(Failure::usage(format!(
            "--change {text:?}: is no change with a name; write \"three slots: candidate.parameters.slots=3\""
        ))),
    }
}

impl Planted {
    fn count(&self, state: State) -> usize {
        let of = |it: &&crate::gate::Change| it.state == state;
        self.compared.changes.iter().filter(of).count()
    }

    /// The finding that stands first: that of the least favourable kind.
    fn first(&self) -> Option<Cause<'_>> {
        causes(&self.compared.changes).into_iter().next()
    }

    fn causes_of(&self, state: State) -> usize {
        let all = causes(&self.compared.changes);
        all.iter().filter(|it| it.state() == state).count()
    }
}

fn table(found: &[Planted]) -> Shown {
    let head = [
        "planted",
        "the gate says",
        "causes",
        "rows worse / open / better / same",
        "the row",
        "difference [95 % CI]",
        "allowed",
    ];
    let mut table = show::empty(&head.map(str::to_owned));
    for it in found {
        let Some(first) = it.first() else { continue };
        let key = &first.head.key;
        let moved = first.head.difference.map_or_else(String::new, |it| {
            let (low, high) = it.ci95;
            format!(
                "{} [{}, {}]",
                percent(it.value),
                percent(low),
                percent(high)
            )
        });
        table.add_row([
            it.name.clone(),
            it.compared.overall().word().to_owned(),
            it.causes_of(first.state()).to_string(),
            format!(
                "{} / {} / {} / {}",
                it.count(State::Regressed),
                it.count(State::Inconclusive),
                it.count(State::Improved),
                it.count(State::NoChange)
            ),
            format!(
                "{} of {} at {}, {} in {}",
                key.quantity, key.group, key.adoption, key.contrast, key.scenario
            ),
            moved,
            percent(first.head.tolerance),
        ]);
    }
    table
}

fn csv(found: &[Planted]) -> String {
    let mut table = Table::new(&[
        "planted",
        "change",
        "outcome",
        "causes",
        "rows_regressed",
        "rows_inconclusive",
        "rows_improved",
        "rows_no_change",
        "scenario",
        "contrast",
        "adoption",
        "group",
        "quantity",
        "difference",
        "difference_ci95_low",
        "difference_ci95_high",
        "tolerance",
    ]);
    for it in found {
        let Some(first) = it.first() else { continue };
        let key = first.head.key.clone();
        let number = |it: Option<f64>| it.map_or_else(String::new, figure);
        let moved = first.head.difference;
        table.row([
            it.name.clone(),
            it.change.clone(),
            it.compared.overall().word().to_owned(),
            it.causes_of(first.state()).to_string(),
            it.count(State::Regressed).to_string(),
            it.count(State::Inconclusive).to_string(),
            it.count(State::Improved).to_string(),
            it.count(State::NoChange).to_string(),
            key.scenario,
            key.contrast,
            key.adoption,
            key.group,
            key.quantity,
            number(moved.map(|it| it.value)),
            number(moved.map(|it| it.ci95.0)),
            number(moved.map(|it| it.ci95.1)),
            figure(first.head.tolerance),
        ]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_name() {
        for it in CHANGES {
            assert!(named(it).is_ok(), "{it}");
        }
        assert_eq!(
            named("a tick: candidate.parameters.tick=11 s").expect("right"),
            (
                "a tick".to_owned(),
                "candidate.parameters.tick=11 s".to_owned()
            )
        );
        for wrong in ["slots=3", ": a=1", "name: a", ""] {
            let said = named(wrong).expect_err(wrong).message;
            assert!(said.contains("--change"), "{said}");
        }
    }
}
