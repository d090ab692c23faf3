//! Results as sentences, shared by the command line, the report and the job summary.

mod answer;
mod ladder;

pub use answer::{ANSWER_LINES, answer, told_whole};
pub use ladder::ladder;

use crate::findings::analysis::{Analysis, Comparison, Level, LevelKind, Overall, Quantity};
use crate::findings::stats::estimate::Estimate;
use crate::findings::stats::math::decimals;
use crate::findings::verdict::{CANNOT_TELL, Direction, NOTHING_TO_SAVE, Size};
use crate::plan::{Adoption, Estimand, Percent, Plan, Status, count};
use crate::run::unit::Mix;
use crate::show::output::summary::waste_bound;

/// What is said wherever results of the windows engine are shown.
pub const IN_WINDOWS: &str = "Run in windows of the smallest delay (network.engine): rates change only when a \
     window is over, so mean completion times differ from those of the exact engine, by 0.2 % on average over \
     the built-in scenarios made small and by 2.5 % at most (results/validation/engine.csv)";

/// A fraction as a percentage with one decimal.
#[must_use]
pub fn percent(fraction: f64) -> String {
    if fraction.is_finite() {
        format!("{} %", points(fraction))
    } else {
        "unknown".to_owned()
    }
}

/// A saving in words, as `saving 12.3 %`, `costing 79.0 %`.
#[must_use]
pub fn changed(saving: f64) -> String {
    if saving < 0.0 {
        format!("costing {}", percent(-saving))
    } else {
        format!("saving {}", percent(saving))
    }
}

/// An estimate with its 95 % interval: a saving as `12.3 % [10.1, 14.5]`, a ratio as `1.234 [1.200,
/// 1.260]`.
#[must_use]
pub fn estimate(it: &Comparison) -> String {
    match it.of.quantity {
        Quantity::Saving(_) if it.has_nothing_to_save() => NOTHING_TO_SAVE.to_owned(),
        Quantity::Saving(_) => interval(&it.estimate),
        Quantity::Time | Quantity::Tail => {
            let ends = brackets(it.estimate.ci95, |end| format!("{end:.3}"));
            format!("{:.3} {ends}", it.estimate.value)
        }
    }
}

/// A share with its 95 % interval, as `12.3 % [10.1, 14.5]`.
#[must_use]
pub fn interval(it: &Estimate) -> String {
    format!("{} {}", percent(it.value), brackets(it.ci95, points))
}

/// The ends of an interval, each as `shown` writes it: `[10.1, 14.5]`. One run has no interval:
/// `[?]`.
#[must_use]
pub fn brackets((low, high): (f64, f64), shown: impl Fn(f64) -> String) -> String {
    if low.is_finite() && high.is_finite() {
        format!("[{}, {}]", shown(low), shown(high))
    } else {
        "[?]".to_owned()
    }
}

/// The median of a figure, then [`level`].
#[must_use]
pub fn median_and_level(it: &Level) -> String {
    if it.mean.value.is_finite() {
        format!("{}; {}", it.kind.shown(it.median), level(it))
    } else {
        level(it)
    }
}

/// The mean of a figure with its interval, as tables show them.
#[must_use]
pub fn level(it: &Level) -> String {
    let show = |value: f64| it.kind.shown(value);
    if !it.mean.value.is_finite() {
        return show(it.mean.value);
    }
    format!(
        "{} {}",
        show(it.mean.value),
        brackets(it.possible().ci95, show)
    )
}

/// A fraction in per cent, without the sign for it.
fn points(fraction: f64) -> String {
    decimals(fraction * 100.0, 1)
}

/// How a plan compares with its registration before the first run.
#[must_use]
pub fn status(status: &Status) -> String {
    match status {
        Status::Registered => {
            "Registered plan: estimands, margins and seeds were fixed before the run.".to_owned()
        }
        Status::Exploratory => {
            "Exploratory: options changed the registered plan; nothing here is a test of it."
                .to_owned()
        }
        Status::Replaced { runs } => format!(
            "The plan took the place of another one of its name after {}: not everything below was fixed before \
             those were seen.",
            count(*runs, "run")
        ),
        Status::Amended { .. } => format!(
            "The plan was {}: not everything below was fixed before the first run.",
            status.word()
        ),
    }
}

/// The adopters, as text.
#[must_use]
pub fn adopts(adoption: Adoption) -> String {
    match adoption {
        Adoption::One => "one peer".to_owned(),
        Adoption::Share(_) => format!("{} of peers", adoption.label()),
    }
}

/// The adopters with their verb.
#[must_use]
pub fn who_adopts(adoption: Adoption) -> String {
    let verb = match adoption {
        Adoption::One => "adopts",
        Adoption::Share(_) => "adopt",
    };
    format!("{} {verb}", adopts(adoption))
}

/// The verdicts on each estimand: one sentence about size, one about direction.
#[must_use]
pub fn verdicts(plan: &Plan, analysis: &Analysis) -> Vec<(Estimand, String, String)> {
    let mut sentences = Vec::new();
    for estimand in &plan.estimands {
        let readings: Vec<&Overall> = analysis
            .overall
            .iter()
            .filter(|it| it.estimand == *estimand)
            .collect();
        if readings.is_empty() {
            continue;
        }
        let size = size(plan, *estimand, &readings);
        sentences.push((*estimand, size, direction(plan, &readings)));
    }
    sentences
}

fn size(plan: &Plan, estimand: Estimand, readings: &[&Overall]) -> String {
    let claimed = match plan.claim_of(estimand) {
        Percent::ZERO => "savings".to_owned(),
        claim => format!("savings of {claim} or more"),
    };
    // Without those for which a share of nothing would be asked.
    let savings = readings.iter().filter(|it| !it.nothing_to_save);
    let worst = savings
        .clone()
        .map(|it| it.worst.1)
        .fold(f64::INFINITY, f64::min);
    let best = savings
        .clone()
        .map(|it| it.best)
        .fold(f64::NEG_INFINITY, f64::max);
    let (worst, best) = (changed(worst), changed(best));
    let range = if savings.count() == 0 {
        String::new()
    } else if worst == best {
        format!("; measured: {best}")
    } else {
        format!("; they run from {worst} to {best}")
    };
    let words = by_word(
        plan,
        readings,
        |it| it.words()[0],
        &[
            NOTHING_TO_SAVE,
            Size::Supported.word(),
            CANNOT_TELL,
            Size::Inconclusive.word(),
            Size::Refuted.word(),
        ],
    );
    format!("{claimed} in every scenario: {words}{range}")
}

fn direction(plan: &Plan, readings: &[&Overall]) -> String {
    let words: Vec<&str> = [NOTHING_TO_SAVE]
        .into_iter()
        .chain(Direction::ALL.map(Direction::word))
        .collect();
    by_word(plan, readings, |it| it.words()[1], &words)
}

/// `refuted (all)` or `supported (vs bep3 at one peer), refuted (all others)`.
fn by_word(
    plan: &Plan,
    readings: &[&Overall],
    word: impl Fn(&Overall) -> &'static str,
    words: &[&'static str],
) -> String {
    let with = |it: &str| {
        readings
            .iter()
            .filter(|reading| word(reading) == it)
            .count()
    };
    let present = words.iter().copied();
    let present: Vec<&str> = present.filter(|it| with(it) > 0).collect();
    if let [only] = present[..] {
        return format!("{only} for every contrast and adoption");
    }
    // The most frequent word covers the rest; the exceptions are named.
    let common = present
        .iter()
        .copied()
        .max_by_key(|it| with(it))
        .unwrap_or("");
    let mut parts = Vec::new();
    for it in present.iter().filter(|it| **it != common) {
        let named: Vec<String> = (0..plan.contrasts.len())
            .filter_map(|contrast| {
                let at: Vec<String> = readings
                    .iter()
                    .filter(|reading| reading.contrast == contrast && word(reading) == *it)
                    .map(|reading| adopts(reading.adoption))
                    .collect();
                (!at.is_empty())
                    .then(|| format!("{} with {}", plan.versus(contrast), at.join(" and ")))
            })
            .collect();
        parts.push(format!("{it} {}", named.join(", ")));
    }
    parts.push(format!("{common} otherwise"));
    parts.join("; ")
}

/// How much saving swarm cost allows: waste of each baseline, and the waste that the claim would
/// need. Empty if no size is claimed.
#[must_use]
pub fn arithmetic(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.has_size_of_bytes() {
        return lines;
    }
    for (scenario, within) in plan.scenarios.iter().enumerate() {
        let mut parts = Vec::new();
        let mut needed = f64::NAN;
        for at in 0..plan.contrasts.len() {
            let (has, needs) = waste_bound(plan, &analysis.levels, scenario, at);
            if needs.is_finite() {
                needed = needs.min(needed);
            }
            let part = format!("{} {}", plan.pair(at).1.name, percent(has));
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        lines.push(format!(
            "{}: E3 can reach {} only against a baseline that wastes {} of useful bytes; measured: {}",
            within.name,
            plan.margins.claim,
            percent(needed),
            parts.join(", ")
        ));
    }
    lines
}

/// The peers that count in steady scenarios: one sentence each.
#[must_use]
pub fn warmups(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let seconds = |ns: u64| ns as f64 / 1e9;
    let each = analysis.warmups.iter().map(|it| {
        let name = &plan.scenarios[it.scenario].name;
        match it.window {
            Some(window) => format!(
                "{name} is about the steady state: peers count that arrive from {:.0} s (the warm-up by \
                 MSER-5, the longest of any policy) to {:.0} s (as long before the last arrival)",
                seconds(window.from_ns),
                seconds(window.until_ns)
            ),
            None => format!(
                "{name} is about the steady state, but its swarms did not come to rest: every peer counts"
            ),
        }
    });
    each.collect()
}

/// Whether every peer completed in every pure swarm, or where not.
#[must_use]
pub fn completion(plan: &Plan, analysis: &Analysis) -> String {
    let short: Vec<String> = analysis
        .levels
        .iter()
        .filter(|it| it.kind == LevelKind::Completed && it.mean.value < 1.0)
        .map(|it| {
            let policy = match it.mix {
                Mix::Baseline(at) => &plan.baselines[at].name,
                Mix::Candidate | Mix::Mixed(..) => &plan.candidate.name,
            };
            let scenario = &plan.scenarios[it.scenario].name;
            format!("{policy} in {scenario} {}", percent(it.mean.value))
        })
        .collect();
    if short.is_empty() {
        "Every peer completed in every swarm of one policy.".to_owned()
    } else {
        format!(
            "Not every peer completed ({}); those count with the time until the horizon.",
            short.join(", ")
        )
    }
}

/// Name of a quantity in a sentence.
#[must_use]
pub fn title(quantity: Quantity) -> String {
    match quantity {
        Quantity::Saving(it) => format!("{} ({})", it.id(), it.title()),
        Quantity::Time => "completion time".to_owned(),
        Quantity::Tail => "95th percentile of completion time".to_owned(),
    }
}

/// With a capital first letter.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut all = text.chars();
    let first = all.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + all.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::analysis::LevelKind;
    use crate::findings::stats::interval::t_estimate;
    use crate::findings::verdict::Joint;
    use crate::run::toy::plan;
    use crate::run::unit::Mix;

    fn reading(contrast: usize, adoption: Adoption, size: Size) -> Overall {
        Overall {
            estimand: Estimand::E1,
            contrast,
            adoption,
            size,
            direction: Direction::NoSavingShown,
            joint: Joint::Refuted,
            passing: 0,
            shown: 0,
            nothing_to_save: false,
            cut: false,
            scenarios: 2,
            worst: (0, -0.054),
            best: 0.412,
            pooled: None,
        }
    }

    #[test]
    fn exceptions_are_named_and_the_rest_is_summed_up() {
        let plan = plan();
        let readings = [
            reading(0, Adoption::One, Size::Supported),
            reading(0, Adoption::ALL, Size::Refuted),
            reading(1, Adoption::One, Size::Refuted),
        ];
        let all: Vec<&Overall> = readings.iter().collect();
        let sentence = size(&plan, Estimand::E1, &all);
        assert!(
            sentence.contains("supported vs unchoke_all with one peer; refuted otherwise"),
            "{sentence}"
        );
        assert!(
            sentence.contains("from costing 5.4 % to saving 41.2 %"),
            "{sentence}"
        );
        assert_eq!(
            direction(&plan, &all),
            "no saving shown for every contrast and adoption"
        );
        // One scenario has one value, which is not told as a range.
        let mut one = reading(0, Adoption::ALL, Size::Refuted);
        (one.worst, one.best) = ((0, 0.03), 0.03);
        let sentence = size(&plan, Estimand::E1, &[&one]);
        assert!(sentence.ends_with("; measured: saving 3.0 %"), "{sentence}");
        one.nothing_to_save = true;
        let sentence = size(&plan, Estimand::E1, &[&one]);
        assert!(!sentence.contains("unknown"), "{sentence}");
    }

    #[test]
    fn one_run_has_no_interval() {
        let unbounded = (f64::NEG_INFINITY, f64::INFINITY);
        for ends in [unbounded, (0.0, f64::INFINITY), (f64::NAN, f64::NAN)] {
            assert_eq!(brackets(ends, points), "[?]");
        }
        assert_eq!(brackets((-0.0001, 0.5), points), "[0.0, 50.0]");
    }

    #[test]
    fn a_level_that_no_run_defines_is_called_so() {
        let none = Level {
            scenario: 0,
            mix: Mix::Candidate,
            kind: LevelKind::Waste,
            runs: 2,
            median: f64::NAN,
            mean: t_estimate(&[f64::INFINITY, f64::NAN]),
        };
        assert_eq!(
            (level(&none), median_and_level(&none)),
            ("undefined".to_owned(), "undefined".to_owned())
        );
    }

    #[test]
    fn percentages_have_no_minus_zero() {
        assert_eq!(percent(-0.0001), "0.0 %");
        assert_eq!(percent(f64::NAN), "unknown");
    }
}
