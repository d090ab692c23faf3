//! Completion times over the share of outsiders, for scenarios that differ in this share only.

use super::Picture;
use super::response::{Curve, Panel, lines};
use crate::findings::analysis::{Analysis, Dose, DoseTimes};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::figure;
use crate::plan::{Figure, Plan};
use crate::run::unit::{Mix, mix_name};

/// A panel: heading, the value that means no difference, and the figure.
type Shown = (&'static str, Option<f64>, fn(&DoseTimes) -> Estimate);

const SHOWN: [Shown; 3] = [
    ("time of the outsiders, s", None, |it| it.outsiders_s),
    ("time of the other peers, s", None, |it| it.others_s),
    ("outsiders ÷ other peers, ratio", Some(1.0), |it| it.ratio),
];

/// One figure for each family of at least two scenarios with outsiders. Scenarios of a family have
/// the same name, apart from a number at its end.
pub(super) fn doses(plan: &Plan, analysis: &Analysis) -> Vec<Picture> {
    let mut families: Vec<(&str, Vec<usize>)> = Vec::new();
    for it in &analysis.doses {
        let family = family(&plan.scenarios[it.scenario].name);
        match families.iter_mut().find(|it| it.0 == family) {
            Some((_, scenarios)) if scenarios.contains(&it.scenario) => {}
            Some((_, scenarios)) => scenarios.push(it.scenario),
            None => families.push((family, vec![it.scenario])),
        }
    }
    families.retain(|it| it.1.len() > 1);
    let draw = |(family, mut scenarios): (&str, Vec<usize>)| {
        scenarios.sort_by(|one, other| share(analysis, *one).total_cmp(&share(analysis, *other)));
        picture(plan, analysis, family, &scenarios)
    };
    families.into_iter().map(draw).collect()
}

/// The name of a scenario without a number at its end.
fn family(name: &str) -> &str {
    name.trim_end_matches(|it: char| it.is_ascii_digit())
        .trim_end_matches('-')
}

fn share(analysis: &Analysis, scenario: usize) -> f64 {
    let of = analysis.doses.iter().find(|it| it.scenario == scenario);
    of.map_or(0.0, |it| it.share)
}

fn picture(plan: &Plan, analysis: &Analysis, family: &str, scenarios: &[usize]) -> Picture {
    let mut mixes: Vec<Mix> = Vec::new();
    for it in &analysis.doses {
        if !mixes.contains(&it.mix) {
            mixes.push(it.mix);
        }
    }
    let panel = |(head, unchanged, value): Shown| Panel {
        head: head.to_owned(),
        unchanged,
        curves: mixes
            .iter()
            .map(|mix| {
                let at = |scenario: &usize| {
                    let is = |it: &&Dose| (it.scenario, it.mix) == (*scenario, *mix);
                    let dose = analysis.doses.iter().find(is)?;
                    dose.times.as_ref().map(value)
                };
                Curve {
                    name: mix_name(plan, *mix),
                    points: scenarios.iter().map(at).collect(),
                }
            })
            .collect(),
    };
    let percent = |it: &usize| {
        format!(
            "{} %",
            figure((share(analysis, *it) * 1000.0).round() / 10.0)
        )
    };
    let values: Vec<String> = scenarios.iter().map(percent).collect();
    let text = format!(
        "Geometric-mean completion times in the swarms of {family}: some peers are outsiders, whose policy the \
         scenario sets; all others run the policy of the curve. Line: mean; band: 95 % Student t interval over {}. \
         Values stand evenly, whatever their distances. Data: levels.csv, and the rows of the group outsiders in \
         summary.csv.",
        plan.seeds_of_intervals("seed")
    );
    Picture {
        name: format!("doses_{family}"),
        figure: Figure::Sweep,
        scenario: None,
        scene: lines(
            &format!("Over the share of {family}"),
            ("outsiders, share of the peers", &values),
            &SHOWN.map(panel),
            &text,
        ),
        caption: text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_the_name_without_its_number() {
        assert_eq!(family("free-riders-10"), "free-riders");
        assert_eq!(family("adversarial-view-40"), "adversarial-view");
        assert_eq!(family("w1"), "w");
        assert_eq!(family("decay"), "decay");
    }
}
