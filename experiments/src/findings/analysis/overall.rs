//! Verdicts on the claim over all scenarios.

use super::comparison::{Comparison, Finding, Verdicts, answers};
use super::quantity::Quantity;
use crate::findings::stats::meta::{RandomEffects, random_effects};
use crate::findings::verdict::{CANNOT_TELL, Direction, Joint, NOTHING_TO_SAVE, Size, Time};
use crate::plan::{Adoption, Estimand, Plan};

/// One reading of the claim over the scenarios: an estimand of a contrast at an adoption.
#[derive(Clone, Debug, PartialEq)]
pub struct Overall {
    /// The estimand.
    pub estimand: Estimand,
    /// Index in the plan's contrasts.
    pub contrast: usize,
    /// Share of peers that run the candidate.
    pub adoption: Adoption,
    /// Supported only if every scenario supports it. Refuted if any scenario refutes it at the
    /// level that the scenarios share.
    pub size: Size,
    /// The least favourable verdict of any scenario.
    pub direction: Direction,
    /// The least favourable verdict on saving as much as claimed and keeping times.
    pub joint: Joint,
    /// Number of scenarios that support the claim.
    pub passing: usize,
    /// Number of scenarios in which the claimed saving and kept times are shown.
    pub shown: usize,
    /// Number of scenarios in scope.
    pub scenarios: usize,
    /// Whether the baseline has no such bytes in any scenario, so that none can be saved. Scenarios in
    /// which it has none have no say on those in which it has some.
    pub nothing_to_save: bool,
    /// Whether in some scenario too many peers were unfinished. Then nothing is shown of all.
    pub cut: bool,
    /// Index of the scenario with the smallest saving, and that saving.
    pub worst: (usize, f64),
    /// The largest saving.
    pub best: f64,
    /// Mean of the log ratios with the scenario as a random effect; `None` if an error is zero or a
    /// ratio is not defined.
    pub pooled: Option<RandomEffects>,
}

impl Overall {
    /// The verdict words on size, direction, and on size and time together.
    #[must_use]
    pub const fn words(&self) -> [&'static str; 3] {
        if self.nothing_to_save {
            return [NOTHING_TO_SAVE; 3];
        }
        let [mut size, mut joint] = [self.size.word(), self.joint.word()];
        // What one scenario refutes is refuted, whatever the others would have shown.
        if self.cut && !matches!(self.size, Size::Refuted) {
            size = CANNOT_TELL;
        }
        if self.cut && !matches!(self.joint, Joint::Refuted) {
            joint = CANNOT_TELL;
        }
        [size, self.direction.word(), joint]
    }
}

/// All readings of the plan, by estimand, contrast and adoption.
#[must_use]
pub fn overall(plan: &Plan, comparisons: &[Comparison]) -> Vec<Overall> {
    let mut readings = Vec::new();
    for estimand in &plan.estimands {
        for (contrast, it) in plan.contrasts.iter().enumerate() {
            for adoption in &it.adoption {
                let quantity = Quantity::Saving(*estimand);
                let each = answers(comparisons, quantity, contrast, *adoption);
                let in_scope = |it: &&Comparison| plan.scenarios[it.of.scenario].is_in_scope();
                let each: Vec<&Comparison> = each.filter(in_scope).collect();
                readings.extend(reading(*estimand, contrast, *adoption, &each));
            }
        }
    }
    readings
}

/// Verdicts for a scenario whose runs were cut off by the horizon.
const UNTOLD: Verdicts = Verdicts {
    size: Size::Inconclusive,
    direction: Direction::CannotTell,
    time: Time::NotShown,
    joint: Joint::NotShown,
};

fn reading(
    estimand: Estimand,
    contrast: usize,
    adoption: Adoption,
    each: &[&Comparison],
) -> Option<Overall> {
    let with_bytes = each.iter().filter(|it| !it.has_nothing_to_save());
    let with_bytes: Vec<&Comparison> = with_bytes.copied().collect();
    let nothing_to_save = with_bytes.is_empty();
    let each = if nothing_to_save { each } else { &with_bytes };
    let verdicts = each.iter().map(|it| match it.finding {
        Finding::Saving { in_general, .. } => in_general,
        Finding::Cut(_) | Finding::Times { .. } => UNTOLD,
    });
    let verdicts: Vec<Verdicts> = verdicts.collect();
    let sizes: Vec<Size> = verdicts.iter().map(|it| it.size).collect();
    let directions: Vec<Direction> = verdicts.iter().map(|it| it.direction).collect();
    let joints: Vec<Joint> = verdicts.iter().map(|it| it.joint).collect();
    let by_saving =
        |a: &&&Comparison, b: &&&Comparison| a.estimate.value.total_cmp(&b.estimate.value);
    let worst = each.iter().min_by(by_saving)?;
    let best = each.iter().max_by(by_saving)?;
    let effects: Vec<f64> = each.iter().map(|it| it.log_ratio.value).collect();
    let errors: Vec<f64> = each.iter().map(|it| it.log_ratio.error).collect();
    let finite = effects.iter().all(|it| it.is_finite());
    Some(Overall {
        estimand,
        contrast,
        adoption,
        size: Size::in_general(&sizes),
        direction: Direction::in_general(&directions),
        joint: Joint::in_general(&joints),
        // A scenario supports the claim by the same bound, alone or as one of several.
        passing: sizes.iter().filter(|it| **it == Size::Supported).count(),
        // The same holds for a saving that keeps times.
        shown: joints.iter().filter(|it| **it == Joint::Shown).count(),
        scenarios: each.len(),
        nothing_to_save,
        cut: each.iter().any(|it| matches!(it.finding, Finding::Cut(_))),
        worst: (worst.of.scenario, worst.estimate.value),
        best: best.estimate.value,
        pooled: if finite {
            random_effects(&effects, &errors)
        } else {
            None
        },
    })
}

#[cfg(test)]
mod tests {
    use crate::findings::analysis::{Finding, Sides};
    use crate::findings::toy::analysis_of;
    use crate::findings::verdict::{Direction, Joint, Size, Unfinished};
    use crate::plan::{Adoption, Changes, Estimand, load};
    use crate::run::toy::{PLAN, Toy, plan};

    use super::{Overall, overall};

    const KEEPS_TIME: Toy = Toy {
        upload: 40,
        time: 100,
        noise: 1,
    };

    fn e1(readings: &[Overall]) -> &Overall {
        let wanted = |it: &&Overall| {
            (it.estimand, it.contrast, it.adoption) == (Estimand::E1, 0, Adoption::ALL)
        };
        readings.iter().find(wanted).expect("a reading of the plan")
    }

    #[test]
    fn a_scenario_out_of_scope_has_rows_and_no_say() {
        let mut plan = plan();
        let whole = analysis_of(&plan, KEEPS_TIME);
        assert_eq!(e1(&whole.overall).scenarios, 2);
        assert_eq!(e1(&whole.overall).joint, Joint::Shown);
        plan.scenarios[1].out_of_scope = Some("nothing can act there".to_owned());
        let part = analysis_of(&plan, KEEPS_TIME);
        assert_eq!(e1(&part.overall).scenarios, 1);
        assert_eq!(part.comparisons.len(), whole.comparisons.len());
    }

    #[test]
    fn a_plan_without_a_claim_asks_for_any_saving() {
        let mut plan = plan();
        let little = Toy {
            upload: 85,
            ..KEEPS_TIME
        };
        assert_eq!(
            e1(&analysis_of(&plan, little).overall).joint,
            Joint::Refuted
        );
        plan.margins.claim = "0 %".parse().expect("a share");
        let it = analysis_of(&plan, little).overall;
        assert_eq!((e1(&it).joint, e1(&it).shown), (Joint::Shown, 2));
    }

    /// The tail is kept by itself; the upload has a margin only if the plan says so.
    #[test]
    fn a_claim_about_time_has_its_own_reading() {
        let of = |margins: &str, time, upload| {
            let text = PLAN.replace("margins.claim = \"40 %\"", margins);
            let text = text.replace("adoption =", "primary = \"time\"\nadoption =");
            let plan = load("toy.toml", &text, &Changes::default()).expect("right");
            let toy = Toy {
                upload,
                time,
                noise: 1,
            };
            let readings = analysis_of(&plan, toy).overall;
            let is = |it: &&Overall| {
                (it.estimand, it.contrast, it.adoption) == (Estimand::T, 0, Adoption::ALL)
            };
            let it = readings.iter().find(is).expect("time is read");
            assert!(it.worst.1 < it.best + 1e-12 && it.pooled.is_some());
            let saved = 1.0 - time as f64 / 100.0;
            assert!((it.best - saved).abs() < 0.01, "{it:?}");
            // Of bytes, any saving counts.
            let uploads = e1(&readings);
            assert_eq!(uploads.size == Size::Supported, upload < 99, "{uploads:?}");
            (it.size, it.joint)
        };
        let claim = "margins.claim = \"10 %\"";
        let guarded = "margins = { claim = \"10 %\", upload = \"5 %\" }";
        for (margins, time, upload, expected) in [
            (claim, 80, 100, (Size::Supported, Joint::Shown)),
            (claim, 80, 130, (Size::Supported, Joint::Shown)),
            (claim, 95, 60, (Size::Refuted, Joint::Refuted)),
            (guarded, 80, 100, (Size::Supported, Joint::Shown)),
            (guarded, 80, 130, (Size::Supported, Joint::Refuted)),
        ] {
            assert_eq!(
                of(margins, time, upload),
                expected,
                "{margins} {time} {upload}"
            );
        }
    }

    #[test]
    fn a_scenario_that_was_cut_leaves_the_claim_open() {
        let plan = plan();
        let analysis = analysis_of(&plan, KEEPS_TIME);
        let mut comparisons = analysis.comparisons;
        for it in comparisons.iter_mut().filter(|it| it.of.scenario == 1) {
            it.completed = Sides {
                candidate: 0.9,
                baseline: 1.0,
            };
            it.finding = Finding::Cut(Unfinished::of([0.9, 1.0]).expect("cut"));
        }
        let readings = overall(&plan, &comparisons);
        let it = e1(&readings);
        assert_eq!(it.direction, Direction::CannotTell);
        assert_eq!((it.size, it.joint), (Size::Inconclusive, Joint::NotShown));
    }
}
