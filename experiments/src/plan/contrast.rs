//! Contrasts: pairs of contenders that are compared, and their shares of adopters.

use std::collections::BTreeSet;

use super::error::Source;
use super::file::ContrastFile;
use super::{Adoption, Contender, Plan, PlanError};

/// One of a plan's contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arm {
    /// The candidate.
    Candidate,
    /// The baseline with this index.
    Baseline(usize),
}

/// Two contenders that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// Name by which results are grouped: the baseline's, if the plan does not list contrasts.
    pub name: String,
    /// The difference between the two in words, if the plan states it.
    pub what: Option<String>,
    /// The contender whose effect is measured.
    pub candidate: Arm,
    /// The contender that it is compared with.
    pub baseline: Arm,
    /// Shares of peers that run the candidate.
    pub adoption: Vec<Adoption>,
}

impl Plan {
    /// Makes the contrasts of a plan that lists none: the candidate compared with every baseline.
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

    /// The contender of an arm.
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

    /// A contrast's name in tables and figures: `vs bep3`, or the name given in the plan.
    #[must_use]
    pub fn versus(&self, contrast: usize) -> String {
        let name = &self.contrasts[contrast].name;
        if self.contrasts_listed {
            name.replace('_', " ")
        } else {
            format!("vs {name}")
        }
    }

    /// Contenders whose pure swarms are needed by some contrast. The candidate is first; it is also
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

    /// Keeps of each contrast a minority of adopters and their greatest share. Statements are about these,
    /// and no run is made for the others.
    pub fn keep_ends_of_adoption(&mut self) {
        for it in &mut self.contrasts {
            let few = Adoption::minority(&it.adoption);
            let most = it.adoption.iter().max().copied();
            it.adoption.retain(|it| *it == few || Some(*it) == most);
        }
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

    /// Keeps the contrasts with these names, or whose baselines have these names. Removes
    /// contenders that no remaining contrast needs. The error is an unknown name.
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
        // A rung may have been removed.
        self.ladder.clear();
        Ok(())
    }
}

/// The contrasts that a plan lists. Its contenders have been checked before.
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
