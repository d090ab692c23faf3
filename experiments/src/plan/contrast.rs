//! Which contenders are set against each other, and at which shares of adopters.

use std::collections::BTreeSet;

use super::error::Source;
use super::file::ContrastFile;
use super::{Adoption, Contender, Plan, PlanError};

/// One of a plan's contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arm {
    /// The candidate.
    Candidate,
    /// The baseline at this position.
    Baseline(usize),
}

/// Two contenders set against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// The name results are grouped by: the baseline's where the plan lists no contrasts.
    pub name: String,
    /// What the two differ in, in words, if the plan says so.
    pub what: Option<String>,
    /// Whose effect is asked for.
    pub candidate: Arm,
    /// What it is compared with.
    pub baseline: Arm,
    /// Shares of peers that run the candidate.
    pub adoption: Vec<Adoption>,
}

impl Plan {
    /// The candidate against every baseline, which is what a plan without contrasts means.
    pub fn set_against_each(&mut self) {
        let each = self.baselines.iter().enumerate();
        let contrast = |(at, it): (usize, &Contender)| Contrast {
            name: it.name.clone(),
            what: None,
            candidate: Arm::Candidate,
            baseline: Arm::Baseline(at),
            adoption: self.adoption.clone(),
        };
        self.contrasts = each.map(contrast).collect();
        self.contrasts_listed = false;
    }

    /// A contender.
    #[must_use]
    pub fn arm(&self, arm: Arm) -> &Contender {
        match arm {
            Arm::Candidate => &self.candidate,
            Arm::Baseline(at) => &self.baselines[at],
        }
    }

    /// The two contenders of a contrast: candidate and baseline.
    #[must_use]
    pub fn pair(&self, contrast: usize) -> (&Contender, &Contender) {
        let it = &self.contrasts[contrast];
        (self.arm(it.candidate), self.arm(it.baseline))
    }

    /// A contrast as tables and figures name it: `vs bep3`, or the name that the plan gives it.
    #[must_use]
    pub fn versus(&self, contrast: usize) -> String {
        let name = &self.contrasts[contrast].name;
        if self.contrasts_listed {
            name.replace('_', " ")
        } else {
            format!("vs {name}")
        }
    }

    /// Contenders whose swarms of one policy some contrast needs, the candidate first, which is also
    /// compared with itself.
    #[must_use]
    pub fn pure_arms(&self) -> BTreeSet<Arm> {
        let mut arms = BTreeSet::from([Arm::Candidate]);
        for it in &self.contrasts {
            arms.insert(it.baseline);
            if it.adoption.contains(&Adoption::ALL) {
                arms.insert(it.candidate);
            }
        }
        arms.extend(self.ladder.iter().filter_map(|it| self.arm_of(it)));
        arms
    }

    /// The contender of this name.
    #[must_use]
    pub fn arm_of(&self, name: &str) -> Option<Arm> {
        if self.candidate.name == name {
            return Some(Arm::Candidate);
        }
        let found = self.baselines.iter().position(|it| it.name == name);
        found.map(Arm::Baseline)
    }

    /// Keeps the contrasts of these names, or with baselines of these names, and drops contenders that
    /// none of them needs. The error is a name that there is not.
    pub(super) fn keep_contrasts(&mut self, names: &[String]) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        let is_called = |plan: &Self, at: usize, name: &String| {
            plan.contrasts[at].name == *name || plan.pair(at).1.name == *name
        };
        let all = 0..self.contrasts.len();
        let missing = |it: &&String| !all.clone().any(|at| is_called(self, at, it));
        if let Some(stranger) = names.iter().find(missing) {
            let known: Vec<&str> = self.contrasts.iter().map(|it| it.name.as_str()).collect();
            return Err(format!(
                "the plan has no {stranger}; it has {}",
                known.join(", ")
            ));
        }
        let wanted = |at: &usize| names.iter().any(|it| is_called(self, *at, it));
        let kept: Vec<Contrast> = all
            .clone()
            .filter(wanted)
            .map(|at| self.contrasts[at].clone())
            .collect();
        let used: BTreeSet<Arm> = kept
            .iter()
            .flat_map(|it| [it.candidate, it.baseline])
            .collect();
        let moved = |arm: Arm| match arm {
            Arm::Candidate => Arm::Candidate,
            Arm::Baseline(at) => {
                let before = |it: &&Arm| matches!(it, Arm::Baseline(other) if *other < at);
                Arm::Baseline(used.iter().filter(before).count())
            }
        };
        self.contrasts = kept
            .into_iter()
            .map(|it| Contrast {
                candidate: moved(it.candidate),
                baseline: moved(it.baseline),
                ..it
            })
            .collect();
        let mut at = 0..;
        self.baselines
            .retain(|_| used.contains(&Arm::Baseline(at.next().expect("endless"))));
        // A rung may be missing now.
        self.ladder.clear();
        Ok(())
    }
}

/// The contrasts that a plan lists, whose contenders are right.
pub(super) fn contrasts(
    files: &[ContrastFile],
    plan: &mut Plan,
    source: Source<'_>,
) -> Result<(), PlanError> {
    if files.is_empty() {
        plan.set_against_each();
        return Ok(());
    }
    let mut all: Vec<Contrast> = Vec::new();
    for (at, it) in files.iter().enumerate() {
        let key = |part: &str| format!("contrast.{at}.{part}");
        let arm = |name: &str, part: &str| {
            let known = || {
                let each = std::iter::once(&plan.candidate).chain(&plan.baselines);
                let names: Vec<&str> = each.map(|it| it.name.as_str()).collect();
                format!(
                    "no contender is called {name}; there are {}",
                    names.join(", ")
                )
            };
            plan.arm_of(name)
                .ok_or_else(|| source.error(&key(part), known()))
        };
        let name = super::values::checked_name(&it.name);
        let name = name.map_err(|it| source.error(&key("name"), it))?;
        if all.iter().any(|other| other.name == name) {
            let message = format!("{name} is there twice; give one of them another `name`");
            return Err(source.error(&key("name"), message));
        }
        let baseline = arm(&it.baseline, "baseline")?;
        let candidate = match &it.candidate {
            None => Arm::Candidate,
            Some(name) => arm(name, "candidate")?,
        };
        if candidate == baseline {
            return Err(source.error(&key("baseline"), "is the candidate itself"));
        }
        let adoption = match &it.adoption {
            None => plan.adoption.clone(),
            Some(levels) => super::values::adoption(levels, &key("adoption"), source)?,
        };
        if let Some(level) = adoption.iter().find(|it| !plan.adoption.contains(it)) {
            let message = format!("{} is not among the plan's `adoption`", level.label());
            return Err(source.error(&key("adoption"), message));
        }
        all.push(Contrast {
            name,
            what: it.what.as_ref().map(|it| it.trim().to_owned()),
            candidate,
            baseline,
            adoption,
        });
    }
    plan.contrasts = all;
    plan.contrasts_listed = true;
    Ok(())
}
