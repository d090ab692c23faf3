//! Converts the TOML form to a plan and checks it.

use std::collections::{BTreeMap, BTreeSet};

use unchoke_core::choke::{Entry, Parameters};
use unchoke_core::profile::{PROFILES, Profile};
use unchoke_sim::parameter;

use super::error::Source;
use super::file::{CandidateFile, ParameterFile, PlanFile, ScenarioFile};
use super::values::{adoption, checked_name, seed_count};

use super::{
    ALL_SCENARIOS, Contender, Estimand, LeftOut, Margins, Percent, Plan, PlanError, Primary,
    ScenarioUse, Status, policies, sets_policy,
};

/// Most bootstrap resamples.
const MOST_RESAMPLES: usize = 1_000_000;

/// Makes the plan from `file`.
pub(super) fn check(file: &PlanFile, source: Source<'_>) -> Result<Plan, PlanError> {
    once(&file.estimands, "estimands", source)?;
    once(&file.figures, "figures", source)?;
    let mut plan = Plan {
        name: checked_name(&file.name).map_err(|it| source.error("name", it))?,
        question: said(&file.question, "question", source)?,
        expectation: said(&file.expectation, "expectation", source)?,
        amendments: file
            .amendments
            .as_ref()
            .map(|it| amendments(it, source))
            .transpose()?,
        primary: file.primary,
        estimands: estimands(file),
        adoption: adoption(&file.adoption, "adoption", source)?,
        candidate: contender(&file.candidate, "candidate", source)?,
        origin: file
            .origin
            .as_ref()
            .map(|it| contender(it, "origin", source))
            .transpose()?,
        baselines: numbered(&file.baseline, "baseline", source, contender)?,
        contrasts: Vec::new(),
        contrasts_listed: false,
        ladder: file.ladder.clone(),
        factorial: None,
        sweeps: Vec::new(),
        scenarios: numbered(&file.scenario, "scenario", source, scenario)?,
        master_seed: file.seeds.master,
        seed_count: file.seeds.count,
        margins: Margins {
            time: margin(&file.margins.time, "margins.time", source)?,
            tail: margin(&file.margins.tail, "margins.tail", source)?,
            upload: upload(file, source)?,
            claim: claim(&file.margins.claim, "margins.claim", source)?,
        },
        tolerances: super::tolerance::tolerances(file.gate.as_ref(), source)?,
        method: file.statistics.interval,
        resamples: file.statistics.bootstrap,
        figures: file.figures.clone(),
        status: Status::Registered,
        reworded: Vec::new(),
        left_out: LeftOut::default(),
    };
    sound(&plan, source)?;
    super::contrast::contrasts(&file.contrast, &mut plan, source)?;
    ladder(&plan, source)?;
    plan.sweeps = super::sweep::sweeps(&file.sweep, &plan, source)?;
    if let Some(file) = &file.factorial {
        plan.factorial = Some(super::factorial::factorial(file, &plan, source)?);
    }
    Ok(plan)
}

/// The readings. Time comes first if the claim is about it.
fn estimands(file: &PlanFile) -> Vec<Estimand> {
    let time = (file.primary == Primary::Time).then_some(Estimand::T);
    time.into_iter()
        .chain(file.estimands.iter().copied())
        .collect()
}

/// The margin of uploads, which only a claim about time has.
fn upload(file: &PlanFile, source: Source<'_>) -> Result<Option<Percent>, PlanError> {
    let key = "margins.upload";
    match &file.margins.upload {
        Some(_) if file.primary != Primary::Time => {
            let message = "is for claims about time; give `primary = \"time\"`, or leave it out";
            Err(source.error(key, message))
        }
        given => given.as_ref().map(|it| margin(it, key, source)).transpose(),
    }
}

/// Checks that numbers are within their limits, that names are unique, and that there is something
/// to evaluate.
fn sound(plan: &Plan, source: Source<'_>) -> Result<(), PlanError> {
    seed_count(plan.seed_count).map_err(|it| source.error("seeds.count", it))?;
    if !(100..=MOST_RESAMPLES).contains(&plan.resamples) {
        let message = format!("{} resamples; give 100 to {MOST_RESAMPLES}", plan.resamples);
        return Err(source.error("statistics.bootstrap", message));
    }
    if plan.estimands.is_empty() {
        return Err(source.error(
            "estimands",
            "nothing to decide; name at least one of E1 to E5",
        ));
    }
    let names = |it: &Contender| it.name.clone();
    unique(plan.baselines.iter().map(names), "baseline", source)?;
    unique(
        plan.scenarios.iter().map(|it| it.name.clone()),
        "scenario",
        source,
    )?;
    let all = plan
        .scenarios
        .iter()
        .position(|it| it.name == ALL_SCENARIOS);
    if let Some(at) = all {
        let message = "the name `all` is that of the rows over all scenarios; give another `name`";
        return Err(source.error(&format!("scenario.{at}"), message));
    }
    if let Some(at) = plan
        .baselines
        .iter()
        .position(|it| it.name == plan.candidate.name)
    {
        let message = "has the candidate's name; give one of them another `name`";
        return Err(source.error(&format!("baseline.{at}"), message));
    }
    if plan.in_scope().count() == 0 {
        let message = "every scenario is out of scope; leave one in";
        return Err(source.error("scenario", message));
    }
    Ok(())
}

/// A ladder must have at least two rungs. Each is a baseline or the candidate, and none appears
/// twice.
fn ladder(plan: &Plan, source: Source<'_>) -> Result<(), PlanError> {
    let known = |name: &String| plan.arm_of(name).is_some();
    if let Some(at) = plan.ladder.iter().position(|it| !known(it)) {
        let message = format!(
            "{} is neither a baseline nor the candidate",
            plan.ladder[at]
        );
        return Err(source.error(&format!("ladder.{at}"), message));
    }
    if plan.ladder.len() == 1 {
        return Err(source.error("ladder", "one rung; give two or more, or none"));
    }
    unique(plan.ladder.iter().cloned(), "ladder", source)
}

fn said(text: &str, key: &str, source: Source<'_>) -> Result<String, PlanError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(source.error(key, "is empty; write it before the plan is run"));
    }
    Ok(text.to_owned())
}

/// What the author says of changes after the first run.
fn amendments(text: &str, source: Source<'_>) -> Result<String, PlanError> {
    let text = text.trim();
    if text.is_empty() {
        let message = "is empty; say what was changed, when and why, or leave it out";
        return Err(source.error("amendments", message));
    }
    Ok(text.to_owned())
}

fn margin(text: &str, key: &str, source: Source<'_>) -> Result<Percent, PlanError> {
    let margin = claim(text, key, source)?;
    if margin.fraction() <= 0.0 {
        let message = format!("{text}; give more than 0 %");
        return Err(source.error(key, message));
    }
    Ok(margin)
}

fn claim(text: &str, key: &str, source: Source<'_>) -> Result<Percent, PlanError> {
    let share: Percent = text.parse().map_err(|it: String| source.error(key, it))?;
    if share >= Percent::HUNDRED {
        let message = format!("{text}; give less than 100 %");
        return Err(source.error(key, message));
    }
    Ok(share)
}

fn contender(file: &CandidateFile, key: &str, source: Source<'_>) -> Result<Contender, PlanError> {
    let at = |part: &str| format!("{key}.{part}");
    let profile = file.profile.as_ref().map(|id| {
        Profile::find(id).ok_or_else(|| {
            let known: Vec<&str> = PROFILES.iter().map(|it| it.id).collect();
            let message = format!(
                "no profile is called {id:?}; known are {}",
                known.join(", ")
            );
            source.error(&at("profile"), message)
        })
    });
    let profile = profile.transpose()?;
    let policy = file.policy.as_deref().or(profile.map(|it| it.policy));
    let policy = policy.ok_or_else(|| {
        source.error(
            key,
            "neither a policy nor a profile; give `policy` or `profile`",
        )
    })?;
    let entry = policies::find(policy).map_err(|it| source.error(&at("policy"), it.to_string()))?;
    let name = file
        .name
        .as_ref()
        .or(file.policy.as_ref())
        .or(file.profile.as_ref());
    let name = checked_name(name.map_or("", String::as_str))
        .map_err(|it| source.error(&at("name"), it))?;
    let mut parameters = parameters(file, entry, &at("parameters"), source)?;
    let of_profile = profile.filter(|it| it.policy == policy);
    for (name, value) in of_profile.into_iter().flat_map(|it| it.parameters) {
        parameters.entry((*name).to_owned()).or_insert(*value);
    }
    if file.max_connections == Some(0) {
        return Err(source.error(&at("max_connections"), "0 connections; give at least 1"));
    }
    if let Some(picker) = &file.picker
        && unchoke_core::pick::build(picker).is_none()
    {
        return Err(source.error(&at("picker"), format!("no picker is called {picker:?}")));
    }
    Ok(Contender {
        name,
        profile,
        policy: policy.to_owned(),
        parameters,
        max_connections: file.max_connections,
        picker: file.picker.clone(),
    })
}

/// Parameters by full name. A key may also end in a unit and have a plain number, as in older
/// plans.
fn parameters(
    file: &CandidateFile,
    entry: &'static Entry,
    key: &str,
    source: Source<'_>,
) -> Result<BTreeMap<String, u64>, PlanError> {
    let mut parameters = BTreeMap::new();
    let mut trial = Parameters::new();
    for (name, value) in &file.parameters {
        let full = entry.parameters.iter().find(|it| it.name == name);
        let known = full.or_else(|| parameter::find(entry, name));
        let value = match (value, known) {
            (ParameterFile::Number(number), _) if known.is_none() || full.is_some() => *number,
            (ParameterFile::Text(text), Some(known)) if parameter::parse(known, text).is_some() => {
                parameter::parse(known, text).expect("just parsed")
            }
            (_, Some(known)) => {
                let message = format!("expected {}", parameter::expected(known));
                return Err(source.error(&format!("{key}.{name}"), message));
            }
            (_, None) => 0,
        };
        let name = known.map_or(name.as_str(), |it| it.name);
        trial.set(name, value);
        if parameters.insert(name.to_owned(), value).is_some() {
            return Err(source.error(key, format!("{name} is given twice, in two spellings")));
        }
    }
    match entry.build(&trial) {
        Ok(_) => Ok(parameters),
        Err(error) => Err(source.error(key, error.to_string())),
    }
}

fn scenario(file: &ScenarioFile, key: &str, source: Source<'_>) -> Result<ScenarioUse, PlanError> {
    let name = file.name.clone().unwrap_or_else(|| {
        let stem = std::path::Path::new(&file.source).file_stem();
        stem.map_or_else(String::new, |it| it.to_string_lossy().into_owned())
    });
    let name = checked_name(&name).map_err(|it| source.error(&format!("{key}.source"), it))?;
    let seeds = file.seeds.map(seed_count).transpose();
    let seeds = seeds.map_err(|it| source.error(&format!("{key}.seeds"), it))?;
    let reason = file.out_of_scope.as_ref();
    let reason = reason.map(|it| said(it, &format!("{key}.out_of_scope"), source));
    let out_of_scope = reason.transpose()?;
    let sets = file.set.iter();
    if let Some((policy, _)) = sets.clone().find(|(key, value)| sets_policy(key, value)) {
        let message = "has no effect, because candidate and baselines set the policy; leave it out";
        return Err(source.error(&format!("{key}.set.{policy}"), message));
    }
    let set = sets.map(|(key, value)| format!("{key}={value}")).collect();
    Ok(ScenarioUse {
        name,
        source: file.source.clone(),
        set,
        seed_count: seeds,
        steady: file.steady,
        out_of_scope,
    })
}

fn numbered<F, T>(
    files: &[F],
    key: &str,
    source: Source<'_>,
    read: impl Fn(&F, &str, Source<'_>) -> Result<T, PlanError>,
) -> Result<Vec<T>, PlanError> {
    if files.is_empty() {
        return Err(source.error(key, "is empty; give at least one"));
    }
    let each = |(at, file)| read(file, &format!("{key}.{at}"), source);
    files.iter().enumerate().map(each).collect()
}

/// Fails if an entry of a list is there twice.
fn once<T: PartialEq>(entries: &[T], key: &str, source: Source<'_>) -> Result<(), PlanError> {
    match (1..entries.len()).find(|at| entries[..*at].contains(&entries[*at])) {
        Some(at) => Err(source.error(&format!("{key}.{at}"), "is there twice; leave one out")),
        None => Ok(()),
    }
}

fn unique(
    names: impl Iterator<Item = String>,
    key: &str,
    source: Source<'_>,
) -> Result<(), PlanError> {
    let mut seen = BTreeSet::new();
    for (at, name) in names.enumerate() {
        if !seen.insert(name.clone()) {
            let message = format!("{name} is there twice; give one of them another `name`");
            return Err(source.error(&format!("{key}.{at}"), message));
        }
    }
    Ok(())
}
