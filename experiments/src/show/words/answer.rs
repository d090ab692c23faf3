//! The answer of a plan, in a few lines of at most 79 columns.

use super::{brackets, capital, interval, who_adopts};
use crate::findings::analysis::{Analysis, Average, Statement, statements};
use crate::findings::stats::estimate::Estimate;
use crate::findings::verdict::{Joint, NOTHING_TO_SAVE};
use crate::plan::{Adoption, Estimand, Plan, Primary, count};

/// Widest line.
const WIDTH: usize = 79;
/// Most lines of [`answer`]: with the hash, the report and the line that repeats, twelve.
pub const ANSWER_LINES: usize = 9;

/// Size and time: `uploads 12.3 % [10.1, 14.5] less, time x0.98 [0.95, 1.01]`.
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
    let where_defined = match it.saving {
        Average { left_out: 0, .. } => String::new(),
        Average {
            scenarios,
            left_out,
            ..
        } => format!(" in {scenarios} of {}", scenarios + left_out),
    };
    let less = less(&it.saving, ["less", "more"]);
    format!("{verb} {less}{where_defined}, time {time}")
}

/// Time saved, and what it costs or saves in bytes: `finishes 12.3 % [10.1, 14.5] sooner, E1 x0.98
/// [0.95, 1.01]`. Only the first contrast has room for the second interval.
fn sooner(it: &Statement) -> String {
    let bytes = it.bytes.as_ref().map_or_else(String::new, |bytes| {
        let spent = bytes.estimate.map(|it| 1.0 - it);
        let id = bytes.quantity.id();
        if !spent.value.is_finite() {
            return format!(", {id} of the other is zero");
        }
        match it.contrast {
            0 => format!(", {id} {}", ratio(&spent)),
            _ => format!(", {id} x{:.2}", spent.value),
        }
    });
    format!("finishes {}{bytes}", less(&it.saving, ["sooner", "later"]))
}

/// Whether the claim holds, if it is about this: `: yes` in all scenarios, or `: in 1 of 3`, with
/// the word `before` the numbers.
fn verdict(it: &Statement, before: &str) -> String {
    if it.saving.cut || it.nothing_to_save || !it.claimed {
        return String::new();
    }
    match it.joint {
        Joint::Shown if it.saving.left_out == 0 => ": yes".to_owned(),
        _ if it.shown > 0 => {
            let all = it.saving.scenarios + it.saving.left_out;
            format!(": {before}{} of {all}", it.shown)
        }
        Joint::Refuted => ": no".to_owned(),
        Joint::Shown | Joint::NotShown => ": open".to_owned(),
    }
}

/// `12.3 % [10.1, 14.5] less`; for a cost, the second word with the ends exchanged.
fn less(it: &Average, [fewer, more]: [&str; 2]) -> String {
    let estimate = it.estimate;
    // A value of zero has no logarithm: the saving is 100 %.
    if estimate.value.to_bits() == 1.0_f64.to_bits() {
        return "nothing".to_owned();
    }
    if estimate.value < 0.0 {
        format!("{} {more}", interval(&estimate.map(|it| -it)))
    } else {
        format!("{} {fewer}", interval(&estimate))
    }
}

/// `x0.98 [0.95, 1.01]`.
fn ratio(it: &Estimate) -> String {
    let ends = brackets(it.ci95, |end| format!("{end:.2}"));
    format!("x{:.2} {ends}", it.value)
}

/// The question, then what is told, in at most `most` lines of at most 79 columns. If there is no
/// room for all statements, the last line says how many more there are.
#[must_use]
pub fn answer(plan: &Plan, analysis: &Analysis, most: usize) -> Vec<String> {
    let mut all = wrapped(&first_sentence(&plan.question), 2);
    let told = within(plan, analysis, WIDTH);
    let (there, room) = (told.len(), most.saturating_sub(all.len()));
    let kept = if there > room {
        room.saturating_sub(1)
    } else {
        there
    };
    all.extend(told.into_iter().take(kept));
    if kept < there {
        all.push(format!("and {} more with --verbose", there - kept));
    }
    all
}

/// What is compared, then a line for each statement: the effect of the first contrast on the
/// downloader, the swarm and the origin; and the effect of the other contrasts on adopters and on
/// the swarm. `yes` if the claim is shown in every scenario, otherwise in how many; `no` if it is
/// shown in none and refuted in one. Nothing is left out or cut.
#[must_use]
pub fn told_whole(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    within(plan, analysis, usize::MAX)
}

fn within(plan: &Plan, analysis: &Analysis, width: usize) -> Vec<String> {
    let statements = told(plan, analysis);
    let few = statements.first().map_or(Adoption::ALL, |it| it.adoption);
    let head = heading(plan, few, width);
    let each: Vec<_> = statements.iter().map(|it| (about(plan, it), it)).collect();
    std::iter::once(head).chain(lines(&each, width)).collect()
}

/// What is compared, in how many runs, and who the downloader is. If that is too long for a line,
/// the name is that of tables, and then it is cut: all after it stays.
fn heading(plan: &Plan, few: Adoption, width: usize) -> String {
    let seeds = plan.seeds_counted("seed").replace(" (by scenario)", "");
    let scenarios = count(plan.in_scope().count(), "scenario");
    let adopters = who_adopts(few);
    let rest = format!(" ({scenarios}, {seeds}; downloader: {adopters}):");
    let room = width.saturating_sub(rest.chars().count());
    let described = plan.contrasts[0].what.as_deref();
    let described = described.and_then(|it| it.split(':').next());
    let fits = |it: &&str| it.chars().count() <= room;
    let name = described.filter(fits).map(str::to_owned);
    let name = capital(&name.unwrap_or_else(|| plan.versus(0)));
    shortened(&(shortened(&name, room) + &rest), width)
}

/// A line for each statement: subject, figures and verdict. If one is too long, a word is left out
/// of all verdicts, so that they look alike, and then its subject is cut.
fn lines(each: &[(Subject, &Statement)], widest: usize) -> Vec<String> {
    let rest = |((_, group), it): &(Subject, &Statement), before| {
        format!("{group} {}{}", figures(it), verdict(it, before))
    };
    let width = |it: &(Subject, &Statement), before| {
        it.0.0.chars().count() + rest(it, before).chars().count()
    };
    let before = if each.iter().all(|it| width(it, "in ") <= widest) {
        "in "
    } else {
        ""
    };
    let line = |it: &(Subject, &Statement)| {
        let rest = rest(it, before);
        let room = widest.saturating_sub(rest.chars().count());
        shortened(&(shortened(&it.0.0, room) + &rest), widest)
    };
    each.iter().map(line).collect()
}

/// All statements of the first contrast; where the claim is about time, without those on bytes but
/// the origin's, because those on time say what they cost. Of the others, those on adopters, unless
/// everybody is one, and those on the swarm, if there is an adoption of 100 %.
fn told(plan: &Plan, analysis: &Analysis) -> Vec<Statement> {
    let mut all = statements(plan, analysis);
    all.retain(|it| {
        let (of_few, of_all) = match plan.primary {
            Primary::Bytes => (Estimand::E1, Estimand::E3),
            Primary::Time => (Estimand::T, Estimand::T),
        };
        let adopters = it.estimand == of_few && it.adoption != Adoption::ALL;
        let swarm = it.estimand == of_all && it.adoption == Adoption::ALL;
        let first = it.contrast == 0 && (it.claimed || it.estimand == Estimand::E4);
        first || adopters || swarm
    });
    all
}

/// The subject of a statement: a name, which may be cut, and whose time it is, if the verb does not
/// say it.
type Subject = (String, &'static str);

fn about(plan: &Plan, it: &Statement) -> Subject {
    let all = it.adoption == Adoption::ALL;
    match (it.contrast, it.estimand) {
        (0, Estimand::T) if all => ("  swarm".to_owned(), ""),
        (0, Estimand::T | Estimand::E1) => ("  downloader".to_owned(), ""),
        (0, Estimand::E4) => ("  origin".to_owned(), ""),
        (0, _) => ("  swarm".to_owned(), ""),
        (contrast, Estimand::T) if all => (plan.versus(contrast), ", swarm"),
        (contrast, Estimand::T) => (plan.versus(contrast), ", adopter"),
        (contrast, _) => (plan.versus(contrast), ""),
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

    fn of(plan: &Plan, analysis: &Analysis) -> Vec<String> {
        let lines = answer(plan, analysis, ANSWER_LINES);
        assert!(lines.len() <= ANSWER_LINES, "{lines:#?}");
        assert!(lines.iter().all(|it| it.chars().count() < 80), "{lines:#?}");
        lines
    }

    /// A statement without a subject.
    fn sentence(it: &Statement) -> String {
        lines(&[((String::new(), ""), it)], WIDTH).remove(0)
    }

    #[test]
    fn the_answer_is_short_and_narrow_and_has_its_numbers() {
        let (mut plan, analysis) = analysed();
        plan.question = "word ".repeat(80) + "? More.";
        let lines = of(&plan, &analysis);
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
        let lines = of(&plan, &analysis);
        assert!(lines[2].contains("one peer adopts"), "{}", lines[2]);
    }

    /// Twelve lines have no room for all contrasts of some plans, and then they say so.
    #[test]
    fn what_has_no_room_is_counted() {
        let (plan, analysis) = analysed();
        let (all, whole) = (of(&plan, &analysis), told_whole(&plan, &analysis));
        assert_eq!(all[all.len() - whole.len()..], whole);
        let few = answer(&plan, &analysis, all.len() - 1);
        assert_eq!(few.len(), all.len() - 1);
        assert_eq!(few.last().expect("a line"), "and 2 more with --verbose");
        assert_eq!(few[..few.len() - 1], all[..few.len() - 1]);
    }

    /// The name gives way to the number of runs and to who adopts.
    #[test]
    fn a_heading_that_is_too_long_loses_its_name() {
        let (mut plan, analysis) = analysed();
        let rest = "(2 scenarios, 24 seeds; downloader: 50 % of peers adopt):";
        let heading = |plan: &Plan| within(plan, &analysis, WIDTH)[0].clone();
        plan.contrasts[0].what = Some("many fewer connections: five, not 80".to_owned());
        assert_eq!(heading(&plan), format!("Vs unchoke_all {rest}"));
        plan.contrasts[0].what = Some("few peers: five, not 80".to_owned());
        assert_eq!(heading(&plan), format!("Few peers {rest}"));
        plan.contrasts[0].what = None;
        plan.contrasts[0].name = "a_name_of_more_than_twenty_letters".to_owned();
        assert_eq!(heading(&plan), format!("Vs a_name_of_more_... {rest}"));
        plan.scenarios[0].seed_count = Some(60);
        let varied = heading(&plan);
        assert!(varied.contains(", 24 to 60 seeds; "), "{varied}");
        assert!(varied.ends_with("50 % of peers adopt):"), "{varied}");
    }

    /// A downloader that uploads nothing leaves nothing to save, and a claim may hold in a part of
    /// the scenarios.
    #[test]
    fn a_verdict_may_be_neither_yes_nor_no_and_is_never_cut() {
        let (plan, analysis) = analysed();
        let mut it = statements(&plan, &analysis).swap_remove(0);
        (it.joint, it.shown, it.saving.scenarios) = (Joint::Refuted, 1, 3);
        assert!(sentence(&it).ends_with("]: in 1 of 3"));
        let subject = |name: &str| (name.to_owned(), "");
        let both = [(subject(&"name ".repeat(20)), &it), (subject("short"), &it)];
        let both = lines(&both, WIDTH);
        // One that is too long shortens the verdict of all.
        assert!(both.iter().all(|it| it.ends_with("]: 1 of 3")), "{both:?}");
        assert!(
            both[0].starts_with("name ") && both[0].contains("... uploads"),
            "{both:?}"
        );
        assert_eq!(both[0].chars().count(), WIDTH);
        (it.joint, it.shown) = (Joint::Shown, 3);
        assert!(sentence(&it).ends_with(": yes"));
        it.saving.left_out = 1;
        let said = sentence(&it);
        assert!(said.contains("] less in 3 of 4, time x"), "{said}");
        assert!(said.ends_with(": in 3 of 4"), "{said}");
        it.nothing_to_save = true;
        let said = sentence(&it);
        assert!(
            said.starts_with(" nothing to save: the other uploads nothing; time x"),
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
        let lines = of(&plan, &analysis_of(&plan, toy));
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
        begins("vs bep3, adopter finishes ");
        begins("vs bep3, swarm finishes ");
        // Against an other that uploads nothing there is no ratio.
        let mut it = statements(&plan, &analysis_of(&plan, toy)).swap_remove(0);
        for ratio in [f64::INFINITY, f64::NAN] {
            let bytes = it.bytes.as_mut().expect("beside the time");
            bytes.estimate.value = 1.0 - ratio;
            let said = sentence(&it);
            assert!(said.contains(" sooner, E1 of the other is zero"), "{said}");
        }
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
            said.starts_with(" uploads 20.0 % [-1.0, 25.0] more, time x"),
            "{said}"
        );
        assert!(said.ends_with(": no"), "{said}");
        it.saving.cut = true;
        assert!(sentence(&it).starts_with(" cannot tell"));
    }
}
