//! The answer of a plan, in a few lines of at most 79 columns.

use super::{adopts, capital, percent};
use crate::findings::analysis::{Analysis, Average, Statement, statements};
use crate::findings::verdict::Joint;
use crate::plan::{Adoption, Estimand, Plan};

/// Widest line.
const WIDTH: usize = 79;
/// Most lines of [`answer`]: with the hash, the report and the line that repeats, twelve.
pub const ANSWER_LINES: usize = 9;

/// The sentence: `uploads 12.3 % [10.1, 14.5] less, time x0.98 [0.95, 1.01]: yes`.
#[must_use]
pub fn sentence(it: &Statement) -> String {
    if it.saving.cut {
        return "cannot tell: too many peers were unfinished when runs ended".to_owned();
    }
    let verb = match it.estimand {
        Estimand::E1 | Estimand::E4 => "uploads",
        Estimand::E2 => "sends and receives",
        Estimand::E3 => "sends",
        Estimand::E5 => "wastes",
    };
    let word = match it.joint {
        Joint::Shown => "yes",
        Joint::Refuted => "no",
        Joint::NotShown => "open",
    };
    format!(
        "{verb} {}, time {}: {word}",
        less(&it.saving),
        times(&it.time)
    )
}

/// `12.3 % [10.1, 14.5] less`; for a cost, `more` with the ends exchanged.
fn less(it: &Average) -> String {
    let estimate = it.estimate;
    // A value of zero has no logarithm: the saving is 100 %.
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

/// The answer: the question; the effect of the first contrast on the downloader, the swarm and the
/// origin; and the effect of the other contrasts on the swarm. `yes` if the claim is shown in every
/// scenario, `no` if it is refuted in one.
#[must_use]
pub fn answer(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let mut lines = wrapped(&first_sentence(&plan.question), 2);
    let statements = told(plan, analysis);
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
        if lines.len() == ANSWER_LINES {
            break;
        }
        let about = about(plan, it);
        lines.push(fitting(format!("{about} {}", sentence(it))));
    }
    lines
}

/// All statements of the first contrast. Of the others, those on the swarm, or on adopters if no
/// adoption is 100 %.
fn told(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = statements(plan, analysis);
    all.retain(|it| {
        let whole = plan.contrasts[it.contrast]
            .adoption
            .contains(&Adoption::ALL);
        let usual = if whole { Estimand::E3 } else { Estimand::E1 };
        it.contrast == 0 || it.estimand == usual
    });
    all
}

/// The subject of a statement.
fn about(plan: &Plan, it: &Statement) -> String {
    match (it.contrast, it.estimand) {
        (0, Estimand::E1) => "  downloader".to_owned(),
        (0, Estimand::E4) => "  origin".to_owned(),
        (0, _) => "  swarm".to_owned(),
        (contrast, _) => plan.versus(contrast),
    }
}

/// Up to the first question mark or full stop.
fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find("? ").or_else(|| text.find(". "));
    end.map_or(text.clone(), |at| text[..=at].to_owned())
}

/// The text in lines of the width, at most `most` of them; three dots mark what is left out.
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

/// The line, cut at the width.
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
        assert!(lines.len() <= ANSWER_LINES, "{lines:#?}");
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
        let said = sentence(&it);
        assert!(
            said.starts_with("uploads 20.0 % [-1.0, 25.0] more, time x"),
            "{said}"
        );
        assert!(said.ends_with(": no"), "{said}");
        it.saving.cut = true;
        assert!(sentence(&it).starts_with("cannot tell"));
    }
}
