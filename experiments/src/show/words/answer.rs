//! The answer of a plan, in a few lines of at most 79 columns.

use super::{capital, percent, who_adopts};
use crate::findings::analysis::{Analysis, Average, Statement, statements};
use crate::findings::stats::estimate::Estimate;
use crate::findings::verdict::{Joint, NOTHING_TO_SAVE};
use crate::plan::{Adoption, Estimand, Plan, Primary};

/// Widest line.
const WIDTH: usize = 79;
/// Most lines of [`answer`]: with the hash, the report and the line that repeats, twelve.
pub const ANSWER_LINES: usize = 9;

/// The sentence: `uploads 12.3 % [10.1, 14.5] less, time x0.98 [0.95, 1.01]: yes`.
#[must_use]
pub fn sentence(it: &Statement) -> String {
    format!("{}{}", figures(it), verdict(it, "in ", " scenarios"))
}

/// Size and time.
fn figures(it: &Statement) -> String {
    if it.saving.cut {
        return "cannot tell: too many peers were unfinished when runs ended".to_owned();
    }
    let time = ratio(&it.time.estimate);
    if it.nothing_to_save {
        return format!("{NOTHING_TO_SAVE}: the other uploads nothing; time {time}");
    }
    let verb = match it.estimand {
        Estimand::T => return sooner(it),
        Estimand::E1 | Estimand::E4 => "uploads",
        Estimand::E2 => "sends and receives",
        Estimand::E3 => "sends",
        Estimand::E5 => "wastes",
    };
    format!("{verb} {}, time {time}", less(&it.saving, ["less", "more"]))
}

/// Time saved, and what it costs or saves in bytes: `finishes 12.3 % [10.1, 14.5] sooner, E1 x0.98 [0.95,
/// 1.01]`.
fn sooner(it: &Statement) -> String {
    let bytes = it.bytes.as_ref().map_or_else(String::new, |bytes| {
        let spent = bytes.estimate.map(|it| 1.0 - it);
        format!(", {} {}", bytes.quantity.id(), ratio(&spent))
    });
    format!("finishes {}{bytes}", less(&it.saving, ["sooner", "later"]))
}

/// Whether the claim holds, if it is about this: `: yes` in all scenarios, or `: in 1 of 3 scenarios`, where `before` and
/// `after` are the words around the numbers.
fn verdict(it: &Statement, before: &str, after: &str) -> String {
    if it.saving.cut || it.nothing_to_save || !it.claimed {
        return String::new();
    }
    match it.joint {
        Joint::Shown => ": yes".to_owned(),
        _ if it.shown > 0 => {
            format!(": {before}{} of {}{after}", it.shown, it.saving.scenarios)
        }
        Joint::Refuted => ": no".to_owned(),
        Joint::NotShown => ": open".to_owned(),
    }
}

/// `12.3 % [10.1, 14.5] less`; for a cost, the second word with the ends exchanged.
fn less(it: &Average, [fewer, more]: [&str; 2]) -> String {
    let estimate = it.estimate;
    // A value of zero has no logarithm: the saving is 100 %.
    if estimate.value.to_bits() == 1.0_f64.to_bits() {
        return "nothing".to_owned();
    }
    let (value, (low, high), word) = if estimate.value < 0.0 {
        let (low, high) = estimate.ci95;
        (-estimate.value, (-high, -low), more)
    } else {
        (estimate.value, estimate.ci95, fewer)
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
fn ratio(it: &Estimate) -> String {
    let (low, high) = it.ci95;
    if low.is_finite() && high.is_finite() {
        format!("x{:.2} [{low:.2}, {high:.2}]", it.value)
    } else {
        format!("x{:.2} [?]", it.value)
    }
}

/// The answer: the question; the effect of the first contrast on the downloader, the swarm and the
/// origin; and the effect of the other contrasts on adopters and on the swarm. `yes` if the claim is
/// shown in every scenario, otherwise in how many; `no` if it is shown in none and refuted in one.
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
    lines.push(shortened(
        &format!(
            "{} ({scope} {scenarios}, {} seeds; downloader: {}):",
            capital(&named),
            plan.seeds_said(),
            who_adopts(few)
        ),
        WIDTH,
    ));
    let room = ANSWER_LINES - lines.len();
    let each = statements.iter().take(room);
    lines.extend(each.map(|it| line(&about(plan, it), it)));
    lines
}

/// Subject, figures and verdict. If they are too long for a line, words of the verdict are left out,
/// and then the subject is cut.
fn line(about: &str, it: &Statement) -> String {
    let figures = figures(it);
    for (before, after) in [("in ", " scenarios"), ("in ", ""), ("", "")] {
        let line = format!("{about} {figures}{}", verdict(it, before, after));
        if line.chars().count() <= WIDTH {
            return line;
        }
    }
    let rest = format!(" {figures}{}", verdict(it, "", ""));
    let room = WIDTH.saturating_sub(rest.chars().count());
    shortened(&(shortened(about, room) + &rest), WIDTH)
}

/// All statements of the first contrast. Of the others, those on adopters, unless everybody is one,
/// and those on the swarm, if there is an adoption of 100 %.
fn told(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = statements(plan, analysis);
    all.retain(|it| {
        let (of_few, of_all) = match plan.primary {
            Primary::Bytes => (Estimand::E1, Estimand::E3),
            Primary::Time => (Estimand::T, Estimand::T),
        };
        let adopters = it.estimand == of_few && it.adoption != Adoption::ALL;
        let swarm = it.estimand == of_all && it.adoption == Adoption::ALL;
        it.contrast == 0 || adopters || swarm
    });
    all
}

/// The subject of a statement.
fn about(plan: &Plan, it: &Statement) -> String {
    match (it.contrast, it.estimand) {
        (0, Estimand::T) if it.adoption == Adoption::ALL => "  swarm".to_owned(),
        (0, Estimand::T | Estimand::E1) => "  downloader".to_owned(),
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
                *last = shortened(&format!("{last} ..."), WIDTH);
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
    lines.iter().map(|it| shortened(it, WIDTH)).collect()
}

/// The text, cut at `width` with three dots.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(3));
    kept.chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::toy::{analysed, analysis_of};
    use crate::plan::{Changes, load};
    use crate::run::toy::{PLAN, Toy};

    #[test]
    fn the_answer_is_short_and_narrow_and_has_its_numbers() {
        let (mut plan, analysis) = analysed();
        plan.question = "word ".repeat(80) + "? More.";
        let lines = answer(&plan, &analysis);
        assert!(lines.len() <= ANSWER_LINES, "{lines:#?}");
        assert!(lines.iter().all(|it| it.chars().count() < 80), "{lines:#?}");
        assert!(lines[1].ends_with("..."), "{}", lines[1]);
        assert!(
            lines[3].starts_with("  downloader uploads 59.9 % [59.8, 60.1] less, time x1.08 ["),
            "{}",
            lines[3]
        );
        assert!(lines[3].ends_with(": no"), "{}", lines[3]);
        assert!(lines[5].starts_with("  origin uploads"), "{}", lines[5]);
        assert!(lines[2].contains("50 % of peers adopt"), "{}", lines[2]);
        // Another contrast has its adopters, and its swarm.
        assert!(lines[6].starts_with("vs bep3 uploads"), "{}", lines[6]);
        assert!(lines[7].starts_with("vs bep3 sends"), "{}", lines[7]);
        plan.contrasts[0].adoption = vec![Adoption::One, Adoption::ALL];
        let lines = answer(&plan, &analysis);
        assert!(lines[2].contains("one peer adopts"), "{}", lines[2]);
    }

    /// A downloader that uploads nothing leaves nothing to save, and a claim may hold in a part of the
    /// scenarios.
    #[test]
    fn a_verdict_may_be_neither_yes_nor_no_and_is_never_cut() {
        let (plan, analysis) = analysed();
        let mut it = statements(&plan, &analysis).swap_remove(0);
        (it.joint, it.shown, it.saving.scenarios) = (Joint::Refuted, 1, 3);
        assert!(sentence(&it).ends_with(": in 1 of 3 scenarios"));
        let long = line(&"name ".repeat(20), &it);
        assert!(long.ends_with("]: 1 of 3"), "{long}");
        assert!(
            long.starts_with("name ") && long.contains("... uploads"),
            "{long}"
        );
        assert_eq!(long.chars().count(), WIDTH);
        (it.joint, it.shown) = (Joint::Shown, 3);
        assert!(sentence(&it).ends_with(": yes"));
        it.nothing_to_save = true;
        let said = sentence(&it);
        assert!(
            said.starts_with("nothing to save: the other uploads nothing; time x"),
            "{said}"
        );
    }

    #[test]
    fn a_claim_about_time_is_told_as_time() {
        let text = PLAN.replace("adoption =", "primary = \"time\"\nadoption =");
        let text = text.replace("\"40 %\"", "\"10 %\"");
        let plan = load("toy.toml", &text, &Changes::default()).expect("right");
        let toy = Toy {
            upload: 90,
            time: 80,
            noise: 1,
        };
        let lines = answer(&plan, &analysis_of(&plan, toy));
        assert!(lines.len() <= ANSWER_LINES, "{lines:#?}");
        assert!(lines.iter().all(|it| it.chars().count() < 80), "{lines:#?}");
        let begins = |it: &str| {
            lines
                .iter()
                .find(|line| line.starts_with(it))
                .expect("told")
        };
        let few = begins("  downloader finishes 20.0 % [");
        assert!(
            few.contains("] sooner, E1 x0.9") && few.ends_with(": yes"),
            "{few}"
        );
        let all = begins("  swarm finishes 20.0 % [");
        assert!(
            all.contains("] sooner, E3 x") && all.ends_with(": yes"),
            "{all}"
        );
        // The origin's bytes are no part of the claim.
        let origin = begins("  origin uploads");
        assert!(origin.ends_with(']'), "{origin}");
        begins("vs bep3 finishes");
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
