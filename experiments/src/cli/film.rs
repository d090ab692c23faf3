//! The section of a report that replays one of its runs.

use unchoke_core::time::Instant;

use super::Failure;
use super::job::Job;
use crate::findings::measure::measure_swarm;
use crate::run::store::{Found, Store};
use crate::run::unit::{Mix, Unit};
use crate::show::browser;
use crate::show::report::Section;
use crate::show::report::html::escape;
use crate::show::swarm_replay::{Recorder, fragment};

/// The section; `None` if the plan has no pure swarm of the candidate.
pub(super) fn section(job: &Job<'_>, store: &Store) -> Result<Option<Section>, Failure> {
    let Some(unit) = typical(job, store)? else {
        return Ok(None);
    };
    let header = job.engine.header(&job.plan, unit)?;
    let html = match Recorder::new(&header) {
        Err(it) => format!("<p>{}.</p>", escape(&it.to_string())),
        Ok(mut recorder) => {
            let sink = Some(&mut recorder as _);
            let outcome = job.engine.replay(&job.plan, unit, None, sink)?;
            let film = recorder.finish(Instant::from_nanos(outcome.ended_ns));
            introduction(job, unit) + &fragment(film)
        }
    };
    Ok(Some(Section {
        id: "replay".to_owned(),
        heading: "One run, to watch".to_owned(),
        html,
    }))
}

/// A typical run: in the first scenario, the candidate's pure swarm with the median mean completion
/// time over the seeds. With an even number, the lower median.
fn typical<'a>(job: &'a Job<'_>, store: &Store) -> Result<Option<&'a Unit>, Failure> {
    let mut runs = Vec::new();
    for unit in &job.units {
        if unit.scenario == 0
            && unit.mix == Mix::Candidate
            && unit.replica == 0
            && let Found::Valid(outcome) = store.read(unit)?
        {
            runs.push((measure_swarm(&outcome).mean_time, unit));
        }
    }
    runs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.run_seed.cmp(&b.1.run_seed)));
    let middle = runs.len().saturating_sub(1) / 2;
    Ok(runs.get(middle).map(|it| it.1))
}

fn introduction(job: &Job<'_>, unit: &Unit) -> String {
    let (plan, id) = (&job.plan, &unit.id[..12]);
    let among = match plan.seeds_of(unit.scenario) {
        1 => "its only seed".to_owned(),
        many => format!("of its {many} seeds the one with the median of the mean completion time"),
    };
    let text = format!(
        "Scenario {}, everybody runs {}, run seed {}: {among}. One run is an illustration and proves \
         nothing. Any other one: lab replay with the plan, --unit and --html; this one is unit {id}.",
        plan.scenarios[unit.scenario].name,
        unit.mix_name(plan),
        unit.run_seed,
    );
    format!("<p>{}</p>\n{}", escape(&text), in_a_browser(job))
}

/// Where to change the choices and run again, without any program but a browser.
fn in_a_browser(job: &Job<'_>) -> String {
    let plan = &job.plan;
    let Some(link) = browser::link(plan, &job.engine) else {
        return String::new();
    };
    let (ours, theirs) = plan.pair(0);
    let which = if link.own_runs {
        "these very runs, with the same digests, or others of your choice"
    } else {
        "smaller swarms than these"
    };
    format!(
        "<p><a href=\"{}\">{} against {} in the lab in the browser</a>: {which}. The link needs \
         lab.html beside this file: <code>experiments/web/build results/{}/lab.html</code> makes it.</p>\n",
        escape(&link.address),
        escape(&ours.name),
        escape(&theirs.name),
        escape(&plan.name),
    )
}
