//! Runs the cases of all plans over their seeds on several threads, and judges the checks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use unchoke_core::time::Instant;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::trace::{Happening, Sink};
use unchoke_sim::world;

use super::PLANS;
use super::availability::Availability;
use super::contacts::Contacts;
use super::formula;
use super::judge::{Limits, Verdict, judge_every, judge_mean};
use super::measure::{Measure, Seen};
use super::plan::{Check, Plan, Size};
use crate::findings::stats::interval::t_estimate;
use crate::findings::stats::math::{exp, ln};
use crate::plan::PlanError;
use crate::run::engine::EngineError;
use crate::run::runner::{Progress, RunError};

/// Options of a validation run.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Size of the swarms.
    pub size: Size,
    /// Number of threads; 0 for one per core.
    pub jobs: usize,
    /// Only plans whose name contains this.
    pub only: Option<&'a str>,
    /// Number of runs of each case; `None` for the number in its plan.
    pub seeds: Option<u32>,
}

/// The outcome of one check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Name of the plan.
    pub plan: String,
    /// Publication that states the expected value.
    pub source: String,
    /// The check.
    pub check: Check,
    /// The expected band.
    pub limits: Limits,
    /// Mean over the runs; for ratios of cases, the geometric mean.
    pub measured: f64,
    /// 95 % interval of the mean; for checks of every run, the range of the runs.
    pub interval: (f64, f64),
    /// Number of runs.
    pub runs: usize,
    /// The verdict.
    pub verdict: Verdict,
}

impl Outcome {
    /// Whether it failed and its plan has no explanation.
    #[must_use]
    pub fn is_unexplained(&self) -> bool {
        self.verdict == Verdict::Fail && self.check.finding.is_none()
    }
}

/// A case of a plan with its scenario.
struct Job<'a> {
    plan: usize,
    case: usize,
    scenario: &'a Scenario,
    seed: u64,
}

/// Runs all plans. A failed assertion of the simulator is an error that names the run.
pub fn run(options: Options<'_>, progress: &dyn Progress) -> Result<Vec<Outcome>, RunError> {
    let plans = plans(options)?;
    let scenarios = scenarios(&plans, options.size)?;
    let jobs = jobs(&plans, &scenarios, options);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()?;
    let done = std::sync::atomic::AtomicUsize::new(0);
    let one = |job: &Job<'_>| {
        let numbers = numbers(&plans, job);
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        progress.at(done, jobs.len());
        numbers
    };
    progress.at(0, jobs.len());
    let runs: Vec<Vec<f64>> = pool.install(|| {
        jobs.par_iter()
            .with_max_len(1)
            .map(one)
            .collect::<Result<_, _>>()
    })?;
    let mut outcomes = Vec::new();
    for (at, (name, plan)) in plans.iter().enumerate() {
        let of_case = |case: usize, check: usize| -> Vec<f64> {
            let of = jobs.iter().zip(&runs);
            let of = of.filter(|(job, _)| (job.plan, job.case) == (at, case));
            of.map(|(_, numbers)| numbers[check]).collect()
        };
        for (i, check) in plan.check.iter().enumerate() {
            if !check.counts(options.size) {
                continue;
            }
            let case = plan.find(&check.case).expect("checked when it was read");
            let mut numbers = of_case(case, i);
            if let Some(against) = &check.against {
                let against = plan.find(against).expect("checked when it was read");
                for (number, other) in numbers.iter_mut().zip(of_case(against, i)) {
                    *number /= other;
                }
            }
            let theory = |it| formula::value(it, &scenarios[at][case]);
            let limits = check.expect.limits(theory);
            outcomes.push(outcome(name, plan, check, limits, &numbers));
        }
    }
    Ok(outcomes)
}

/// Names of checks that are skipped at this size, as `plan, check`.
pub fn left_out(options: Options<'_>) -> Result<Vec<String>, RunError> {
    let mut names = Vec::new();
    for (plan, it) in plans(options)? {
        let out = it.check.iter().filter(|it| !it.counts(options.size));
        names.extend(out.map(|it| format!("{plan}, {}", it.name)));
    }
    Ok(names)
}

fn plans(options: Options<'_>) -> Result<Vec<(&'static str, Plan)>, RunError> {
    let chosen = PLANS
        .iter()
        .filter(|(name, _)| options.only.is_none_or(|it| name.contains(it)));
    let plans = chosen.map(|(name, text)| Plan::read(name, text).map(|it| (*name, it)));
    let plans: Vec<(&str, Plan)> = plans
        .collect::<Result<_, PlanError>>()
        .map_err(EngineError::from)?;
    if plans.is_empty() {
        let names: Vec<&str> = PLANS.iter().map(|it| it.0).collect();
        return Err(RunError::Engine(EngineError(format!(
            "no plan has `{}` in its name; there are {}",
            options.only.unwrap_or_default(),
            names.join(", ")
        ))));
    }
    Ok(plans)
}

impl From<PlanError> for EngineError {
    fn from(error: PlanError) -> Self {
        Self(error.to_string())
    }
}

fn scenarios(plans: &[(&str, Plan)], size: Size) -> Result<Vec<Vec<Scenario>>, RunError> {
    let of = |plan: &Plan| {
        plan.case
            .iter()
            .map(|it| it.scenario(&plan.set, size))
            .collect()
    };
    let scenarios = plans.iter().map(|(_, plan)| of(plan));
    let scenarios = scenarios.collect::<Result<_, PlanError>>();
    Ok(scenarios.map_err(EngineError::from)?)
}

fn jobs<'a>(
    plans: &[(&str, Plan)],
    scenarios: &'a [Vec<Scenario>],
    options: Options<'_>,
) -> Vec<Job<'a>> {
    let (mut jobs, size) = (Vec::new(), options.size);
    for (plan, (_, it)) in plans.iter().enumerate() {
        for (case, scenario) in scenarios[plan].iter().enumerate() {
            let name = &it.case[case].name;
            let asked = |check: &&Check| check.counts(size) && check.concerns(name);
            if it.check.iter().find(asked).is_none() {
                continue;
            }
            jobs.extend(it.seeds.of(size, options.seeds).map(|seed| Job {
                plan,
                case,
                scenario,
                seed,
            }));
        }
    }
    jobs
}

/// The consumers of the event log.
struct Ears {
    contacts: Option<Contacts>,
    availability: Option<Availability>,
}

impl Ears {
    fn finish(&mut self, at: Instant) {
        if let Some(it) = self.contacts.as_mut() {
            it.finish(at);
        }
        if let Some(it) = self.availability.as_mut() {
            it.finish(at);
        }
    }
}

impl Sink for Ears {
    fn record(&mut self, at: Instant, happening: &Happening) {
        if let Some(it) = self.contacts.as_mut() {
            it.record(at, happening);
        }
        if let Some(it) = self.availability.as_mut() {
            it.record(at, happening);
        }
    }
}

/// One number for each check of the plan; NaN for checks of other cases.
fn numbers(plans: &[(&str, Plan)], job: &Job<'_>) -> Result<Vec<f64>, RunError> {
    let (name, plan) = &plans[job.plan];
    let case = &plan.case[job.case].name;
    let unit = format!("{name}/{case}/seed-{}", job.seed);
    let concerns = |it: &Check| it.concerns(case);
    let asked = |needs: fn(&Measure) -> bool| {
        let checks = || plan.check.iter().filter(|it| concerns(it));
        checks().any(|it| needs(&it.measure))
    };
    let spec = expand(job.scenario, job.seed);
    let origins = || spec.nodes.iter().map(|it| it.origin).collect();
    let mut ears = Ears {
        contacts: asked(Measure::needs_contacts).then(|| Contacts::new(origins())),
        availability: asked(Measure::needs_availability).then(|| Availability::new(origins())),
    };
    let listens = ears.contacts.is_some() || ears.availability.is_some();
    let result = catch_unwind(AssertUnwindSafe(|| {
        if listens {
            world::run(&spec, Some(&mut ears))
        } else {
            world::run(&spec, None)
        }
    }));
    let result = result.map_err(|_| RunError::Broken {
        unit: unit.clone(),
        message: "see above".to_owned(),
    })?;
    let result = result.map_err(|it| RunError::Engine(EngineError(format!("{unit}: {it}"))))?;
    ears.finish(result.ended_at);
    let seen = Seen {
        spec: &spec,
        result: &result,
        contacts: ears.contacts.as_ref(),
        availability: ears.availability.as_ref(),
    };
    let number = |it: &Check| {
        if concerns(it) {
            it.measure.of(seen)
        } else {
            f64::NAN
        }
    };
    Ok(plan.check.iter().map(number).collect())
}

fn outcome(name: &str, plan: &Plan, check: &Check, limits: Limits, numbers: &[f64]) -> Outcome {
    let (measured, interval) = if check.against.is_some() {
        let logs: Vec<f64> = numbers.iter().map(|it| ln(*it)).collect();
        let it = t_estimate(&logs).map(exp);
        (it.value, it.ci95)
    } else {
        let it = t_estimate(numbers);
        (it.value, it.ci95)
    };
    let worst = |pick: fn(f64, f64) -> f64| numbers.iter().copied().reduce(pick);
    let range = || -> (f64, f64) {
        let missing = numbers.iter().any(|it| it.is_nan());
        let ends = worst(f64::min).zip(worst(f64::max)).filter(|_| !missing);
        ends.unwrap_or((f64::NAN, f64::NAN))
    };
    let (interval, verdict) = if check.every_run {
        (range(), judge_every(range(), &limits))
    } else {
        (interval, judge_mean(numbers.len(), interval, &limits))
    };
    Outcome {
        plan: name.to_owned(),
        source: plan.source.clone(),
        check: check.clone(),
        limits,
        measured,
        interval,
        runs: numbers.len(),
        verdict,
    }
}
