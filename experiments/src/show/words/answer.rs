//! The answer of a plan in a few lines under 80 columns.

use super::{adopts, percent};
use crate::findings::analysis::{Analysis, Average, Quantity, answers, average};
use crate::findings::verdict::Joint;
use crate::plan::{Adoption, Estimand, Plan};

/// Widest line.
const WIDTH: usize = 79;
/// Most lines of [`answer`]: with the hash, the report and the line that repeats, twelve.
const MOST_LINES: usize = 9;

/// One statement: who saves how much, and in what time.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Position of the contrast in the plan.
    pub contrast: usize,
    /// Whom or what it is about.
    pub about: String,
    /// Share of adopters.
    pub adoption: Adoption,
    /// The reading of bandwidth.
    pub estimand: Estimand,
    /// Saving over the scenarios in scope.
    pub saving: Average,
    /// Ratio of completion times of the same peers.
    pub time: Average,
    /// Whether the claim holds: bytes and time, in every scenario.
    pub joint: Joint,
}

/// The statements of a plan: of its first contrast for the downloader, the swarm and the origin; of the
/// others for the swarm.
#[must_use]
pub fn statements(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = Vec::new();
    for contrast in 0..plan.contrasts.len() {
        let levels = &plan.contrasts[contrast].adoption;
        let few = levels.iter().min().copied().unwrap_or(Adoption::ALL);
        let many = levels.iter().max().copied().unwrap_or(Adoption::ALL);
        let mut add = |estimand, adoption, about: &str| {
            all.extend(statement(
                plan,
                analysis,
                (contrast, estimand, adoption),
                about,
            ));
        };
        let name = plan.versus(contrast);
        if contrast == 0 {
            add(Estimand::E1, few, "downloader");
            add(Estimand::E3, many, "swarm");
            add(Estimand::E4, many, "origin");
        } else if many == Adoption::ALL {
            add(Estimand::E3, many, &name);
        } else {
            add(Estimand::E1, few, &name);
        }
    }
    all
}

fn statement(
    plan: &Plan,
    analysis: &Analysis,
    (contrast, estimand, adoption): (usize, Estimand, Adoption),
    about: &str,
) -> Option<Statement> {
    let quantity = Quantity::Bytes(estimand);
    let group = quantity.group(adoption);
    let in_scope =
        |it: &&crate::findings::analysis::Comparison| plan.scenarios[it.of.scenario].is_in_scope();
    let times = analysis.comparisons.iter().filter(|it| {
        let of = it.of;
        (of.quantity, of.contrast, of.adoption, of.group)
            == (Quantity::Time, Some(contrast), adoption, group)
    });
    let reading = analysis
        .overall
        .iter()
        .find(|it| (it.estimand, it.contrast, it.adoption) == (estimand, contrast, adoption))?;
    let savings = answers(&analysis.comparisons, quantity, contrast, adoption);
    Some(Statement {
        contrast,
        about: about.to_owned(),
        adoption,
        estimand,
        saving: average(savings.filter(in_scope))?,
        time: average(times.filter(in_scope))?,
        joint: reading.joint,
    })
}

impl Statement {
    /// The sentence: `uploads 12.3 % [10.1, 14.5] less, time x0.98 [0.95, 1.01]: yes`.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.saving.cut {
            return "cannot tell: too many peers were unfinished when runs ended".to_owned();
        }
        let verb = match self.estimand {
            Estimand::E1 | Estimand::E4 => "uploads",
            Estimand::E2 => "sends and receives",
            Estimand::E3 => "sends",
            Estimand::E5 => "wastes",
        };
        let word = match self.joint {
            Joint::Shown => "yes",
            Joint::Refuted => "no",
            Joint::NotShown => "open",
        };
        format!(
            "{verb} {}, time {}: {word}",
            less(&self.saving),
            times(&self.time)
        )
    }
}

/// `12.3 % [10.1, 14.5] less`; of a cost, `more`, with the ends the other way round.
fn less(it: &Average) -> String {
    let estimate = it.estimate;
    // What nobody does has no logarithm: all of it is saved.
    if estimate.value.to_bits() == 1.0_f64.to_bits() {
        return "nothing".to_owned();
    }
    let (value, (low, high), word) = if estimate.value < 0.0 {
        let (low, high) = estimate.ci95;
        (-estimate.value, (-high, -low), "more")
    } else {
        (estimate.value, estimate.ci95, "less")
    };
    if !(low.is_finite() && high.is_finite()) {
        return format!("{} [?] {word}", percent(value));
    }
    let number = |it: f64| percent(it).trim_end_matches(" %").to_owned();
    format!(
        "{} [{}, {}] {word}",
        percent(value),
        number(low),
        number(high)
    )
}

/// `x0.98 [0.95, 1.01]`.
fn times(it: &Average) -> String {
    let (low, high) = it.estimate.ci95;
    if low.is_finite() && high.is_finite() {
        format!("x{:.2} [{low:.2}, {high:.2}]", it.estimate.value)
    } else {
        format!("x{:.2} [?]", it.estimate.value)
    }
}

/// The answer: the question; what the first contrast does for the downloader, the swarm and the origin; and
/// what the next ones do for the swarm. `yes` where the claim is shown in every scenario, `no` where it is
/// refuted in one.
#[must_use]
pub fn answer(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let mut lines = wrapped(&first_sentence(&plan.question), 2);
    let statements = statements(plan, analysis);
    let own = &plan.contrasts[0];
    let named = own.what.clone().unwrap_or_else(|| plan.versus(0));
    let named = named.split(':').next().unwrap_or_default().to_owned();
    let few = statements.first().map_or(Adoption::ALL, |it| it.adoption);
    let scope = plan.in_scope().count();
    let scenarios = if scope == 1 { "scenario" } else { "scenarios" };
    lines.push(fitting(format!(
        "{} ({scope} {scenarios}, {} seeds; downloader: {} adopt):",
        capital(&named),
        plan.seeds_said(),
        adopts(few)
    )));
    for it in &statements {
        if lines.len() == MOST_LINES {
            break;
        }
        let indent = if it.contrast == 0 { "  " } else { "" };
        lines.push(fitting(format!("{indent}{} {}", it.about, it.sentence())));
    }
    lines
}

fn capital(text: &str) -> String {
    let mut all = text.chars();
    let first = all.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + all.as_str()
}

/// Up to the first question mark or full stop.
fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find("? ").or_else(|| text.find(". "));
    end.map_or(text.clone(), |at| text[..=at].to_owned())
}

/// Lines of a text at the width, at most so many; three dots stand for what is left out.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("one line at least");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > WIDTH {
            if lines.len() == most {
                let last = lines.last_mut().expect("one line at least");
                *last = fitting(format!("{last} ..."));
                return lines;
            }
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.into_iter().map(fitting).collect()
}

/// Cut at the width.
fn fitting(line: String) -> String {
    if line.chars().count() <= WIDTH {
        return line;
    }
    line.chars().take(WIDTH - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::toy::analysed;

    #[test]
    fn the_answer_is_short_and_narrow_and_has_its_numbers() {
        let (mut plan, analysis) = analysed();
        plan.question = "word ".repeat(80) + "? More.";
        let lines = answer(&plan, &analysis);
        assert!(lines.len() <= MOST_LINES, "{lines:#?}");
        assert!(lines.iter().all(|it| it.chars().count() < 80), "{lines:#?}");
        assert!(lines[1].ends_with("..."), "{}", lines[1]);
        assert!(
            lines[3].starts_with("  downloader uploads 60.0 % [59.6, 60.4] less, time x1.08 ["),
            "{}",
            lines[3]
        );
        assert!(lines[3].ends_with(": no"), "{}", lines[3]);
        assert!(lines[5].starts_with("  origin uploads"), "{}", lines[5]);
        assert!(lines[6].starts_with("vs bep3 sends"), "{}", lines[6]);
    }

    #[test]
    fn a_cost_is_more_and_its_ends_change_places() {
        let (plan, analysis) = analysed();
        let mut it = statements(&plan, &analysis).swap_remove(0);
        it.saving.estimate.value = -0.2;
        it.saving.estimate.ci95 = (-0.25, 0.01);
        it.joint = Joint::Refuted;
        let sentence = it.sentence();
        assert!(
            sentence.starts_with("uploads 20.0 % [-1.0, 25.0] more, time x"),
            "{sentence}"
        );
        assert!(sentence.ends_with(": no"), "{sentence}");
        it.saving.cut = true;
        assert!(it.sentence().starts_with("cannot tell"));
    }
}
