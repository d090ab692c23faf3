//! The ladder as sentences.

use super::{interval, percent};
use crate::findings::analysis::{Analysis, MeanStep, Quantity};
use crate::plan::{Estimand, Plan, count};

/// Where the saving comes from: one sentence per quantity, then the answer about swarm cost. Empty
/// if the scenarios have different numbers of seeds, or if the plan has no ladder.
#[must_use]
pub fn ladder(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let mut sentences = Vec::new();
    let titles = [
        (
            Quantity::Saving(Estimand::E3),
            "E3, bytes sent per useful byte",
        ),
        (Quantity::Saving(Estimand::E5), "E5, waste"),
        (Quantity::Saving(Estimand::E4), "E4, origin upload per copy"),
        (Quantity::Time, "completion time"),
    ];
    for (quantity, title) in titles {
        let steps: Vec<&MeanStep> = analysis.ladder.means_of(quantity).collect();
        if steps.is_empty() {
            continue;
        }
        let named = steps.iter().map(|it| {
            let name = &plan.ladder[it.rung];
            format!("{name} {}", interval(&it.points))
        });
        let named: Vec<String> = named.collect();
        sentences.push(format!(
            "{title}: the whole ladder takes away {} of what {} has, averaged over {}. Step \
             by step, in percent of {}, negative where it adds: {}.",
            percent(total(&steps)),
            plan.ladder[0],
            count(plan.scenarios.len(), "scenario"),
            plan.ladder[0],
            named.join("; ")
        ));
    }
    let cost: Vec<&MeanStep> = analysis
        .ladder
        .means_of(Quantity::Saving(Estimand::E3))
        .collect();
    if !cost.is_empty() && plan.has_size_of_bytes() {
        sentences.push(answer(plan, &cost));
    }
    sentences
}

fn total(steps: &[&MeanStep]) -> f64 {
    steps.iter().map(|it| it.points.value).sum()
}

/// The step with the claimed saving of swarm cost, if there is one.
fn answer(plan: &Plan, steps: &[&MeanStep]) -> String {
    let claim = plan.margins.claim;
    let (all, first) = (total(steps), &plan.ladder[0]);
    let by_points = |a: &&&MeanStep, b: &&&MeanStep| a.points.value.total_cmp(&b.points.value);
    let largest = steps.iter().max_by(by_points).expect("a ladder has a step");
    if all <= 0.0 || largest.points.value <= 0.0 {
        return format!(
            "The ladder saves nothing of swarm cost: the claimed {claim} come from nowhere."
        );
    }
    let name = &plan.ladder[largest.rung];
    let before: f64 = steps
        .iter()
        .filter(|it| it.rung <= largest.rung)
        .map(|it| it.points.value)
        .sum();
    // The saving that remains for a client that is on this rung already.
    let rest = (all - before) / (1.0 - before);
    let reached = if all >= claim.fraction() {
        format!("reaches the claimed {claim}")
    } else {
        format!("stays below the claimed {claim}")
    };
    format!(
        "Where do the claimed {claim} come from? From {first} to {}, swarm cost falls by {}, which \
         {reached}. Of these {:.1} points, {:.1} are the step to {name}. A client that has taken it \
         already saves {} by everything above it.",
        plan.ladder.last().expect("a ladder has rungs"),
        percent(all),
        all * 100.0,
        largest.points.value * 100.0,
        percent(rest),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::stats::interval::t_estimate;
    use crate::run::toy::plan;

    #[test]
    fn the_answer_names_the_step_that_counts_and_what_is_left() {
        let mut plan = plan();
        plan.ladder = ["naive", "single", "choosy"].map(str::to_owned).to_vec();
        let step = |rung, value: f64| MeanStep {
            rung,
            quantity: Quantity::Saving(Estimand::E3),
            points: t_estimate(&[value, value]),
        };
        // 100 bytes, then 50, then 45: 55 % in all. The second step saves a tenth of what its lower
        // rung sends.
        let (first, second) = (step(1, 0.50), step(2, 0.05));
        let text = answer(&plan, &[&first, &second]);
        for part in [
            "falls by 55.0 %",
            "reaches",
            "50.0 are the step to single",
            "saves 10.0 %",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let worse = step(1, -0.1);
        assert!(answer(&plan, &[&worse]).contains("nothing"));
    }
}
