//! Every policy against every other, following Design Space Analysis (Rahman et al., SIGCOMM 2011).
//!
//! A tournament is read from a plan: its candidate and its baselines are the contenders, and which
//! of them is the candidate means nothing. Each meets each other twice: a few peers of it in a
//! swarm of the other, as many as the least `adoption` of the plan says, and half and half.
//! [`fixture`] says who meets whom and makes the units; [`reading`] says what of an outcome counts;
//! [`standing`] makes of it what is compared, [`replicator`] who would be left;
//! [`crate::show::tournament`] writes it down.
//!
//! Deliberately not here: running and storing units. [`crate::run::runner`] and
//! [`crate::run::store`] do that as for any plan.

pub mod fixture;
pub mod reading;
pub mod replicator;
pub mod standing;

use crate::plan::{Adoption, Contender, Plan};

/// A plan in which every contender meets every other.
#[derive(Clone, Debug)]
pub struct Tournament {
    /// The plan as read.
    pub plan: Plan,
    contenders: Vec<Contender>,
}

impl Tournament {
    /// Makes the tournament of a plan. All scenarios must have the same seeds, because the
    /// statistical unit is a seed averaged over all scenarios.
    pub fn new(plan: Plan) -> Result<Self, String> {
        let (least, most) = plan.seed_range();
        if least != most {
            return Err(format!(
                "scenarios with {least} and with {most} seeds; a tournament pairs seeds over all of \
                 them: give none a number of its own"
            ));
        }
        let contenders = std::iter::once(&plan.candidate).chain(&plan.baselines);
        let contenders: Vec<Contender> = contenders.cloned().collect();
        for (at, it) in contenders.iter().enumerate() {
            let bare = |it: &Contender| Contender {
                name: String::new(),
                ..it.clone()
            };
            let mut before = contenders[..at].iter();
            if let Some(same) = before.find(|other| bare(other) == bare(it)) {
                return Err(format!(
                    "{} and {} are the same client, and each would count as an opponent: leave one out",
                    same.name, it.name
                ));
            }
        }
        Ok(Self { plan, contenders })
    }

    /// The contenders.
    #[must_use]
    pub fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    /// How many peers of one policy are put among those of another: the minority of the plan's adoptions.
    #[must_use]
    pub fn few(&self) -> Adoption {
        Adoption::minority(&self.plan.adoption)
    }

    /// The same in words.
    #[must_use]
    pub fn few_words(&self) -> String {
        match self.few() {
            Adoption::One => "one peer".to_owned(),
            Adoption::Share(share) => format!("{share} of the peers"),
        }
    }

    /// Seeds.
    #[must_use]
    pub fn seeds(&self) -> u32 {
        self.plan.seed_range().0
    }

    /// The plan that runs the fixtures of contender `at`: this contender against all others.
    #[must_use]
    pub fn plan_of(&self, at: usize) -> Plan {
        let mut others = self.contenders.clone();
        let candidate = others.remove(at);
        let mut plan = Plan {
            candidate,
            baselines: others,
            ..self.plan.clone()
        };
        plan.set_against_each();
        plan
    }

    /// Name of the contender at this index.
    #[must_use]
    pub fn name(&self, at: usize) -> &str {
        &self.contenders[at].name
    }
}
