//! `JUnit` XML, which every CI service shows: one test case a row of the gate.

use std::collections::BTreeMap;

use super::words::metric;
use super::{Change, Compared, Key, State, Words, causes};

/// The changes as `JUnit` XML. A failure holds the numbers and the line that reproduces them; an
/// inconclusive or missing row is marked as skipped, with its numbers, never as passed. So is a row that
/// regressed with another one of the same client: one cause is one failure. What options left out is no
/// test case.
#[must_use]
pub fn junit(words: &Words<'_>, compared: &Compared) -> String {
    let changes = &compared.changes;
    let causes = causes(changes);
    let regressed = || causes.iter().filter(|it| it.state() == State::Regressed);
    let with: BTreeMap<&Key, &Change> = regressed()
        .flat_map(|cause| cause.follows.iter().map(|it| (&it.key, cause.head)))
        .collect();
    let count = |is: fn(State) -> bool| changes.iter().filter(|it| is(it.state)).count();
    let (bad, open) = (regressed().count(), count(State::is_open));
    let (failures, skipped) = if words.strict {
        (bad + open, with.len())
    } else {
        (bad, open + with.len())
    };
    let (plan, total) = (escape(words.plan), changes.len());
    let mut lines = vec![
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(),
        format!(
            "<testsuite name=\"{plan}\" tests=\"{total}\" failures=\"{failures}\" \
             skipped=\"{skipped}\">"
        ),
    ];
    for it in changes {
        let (scenario, name) = (escape(&it.key.scenario), escape(&metric(&it.key)));
        lines.push(format!(
            "  <testcase classname=\"{plan}.{scenario}\" name=\"{name}\">"
        ));
        let (word, numbers) = (it.state.word(), words.numbers(it));
        match (it.state, with.get(&it.key)) {
            (State::Regressed, Some(head)) => {
                let message = escape(&format!(
                    "{numbers}; with {} in {}, which is the failure",
                    metric(&head.key),
                    head.key.scenario
                ));
                lines.push(format!("    <skipped message=\"{message}\"/>"));
            }
            (State::Missing | State::Inconclusive, _) if !words.strict => {
                let message = escape(&numbers);
                lines.push(format!("    <skipped message=\"{message}\"/>"));
            }
            (State::Regressed | State::Missing | State::Inconclusive, _) => {
                let body = escape(&format!("{numbers}\n{}", words.reproduce));
                lines.push(format!("    <failure message=\"{word}\">{body}</failure>"));
            }
            (State::Improved | State::NoChange, _) => {}
        }
        lines.push("  </testcase>".to_owned());
    }
    lines.push("</testsuite>\n".to_owned());
    lines.join("\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{compare, tests::rows};
    use crate::plan::Tolerances;

    #[test]
    fn failures_hold_numbers_and_the_line_that_repeats_them() {
        let before = rows(
            "s,bep3,one,adopters,E1,saving,true,0.3,0.28,0.32,refuted,saves,kept\n\
             s,bep3,one,all,time,ratio,false,1,0.9,1.1,,,\n",
        );
        let now = rows(
            "s,bep3,one,adopters,E1,saving,true,0.1,0.09,0.11,refuted,no saving shown,kept\n\
             s,bep3,one,all,time,ratio,false,1.1,0.9,1.3,,,\n",
        );
        let words = Words {
            plan: "p<1>",
            tolerance: "5 %",
            seeds: "6",
            strict: false,
            accepted: false,
            reproduce: "lab run p && true",
        };
        let compared = compare(&before, &now, &Tolerances::default(), |_| false);
        let text = junit(&words, &compared);
        assert!(
            text.contains("tests=\"2\" failures=\"1\" skipped=\"1\""),
            "{text}"
        );
        assert!(
            text.contains("classname=\"p&lt;1&gt;.s\" name=\"E1 of adopters against bep3 at one\""),
            "{text}"
        );
        assert!(
            text.contains("now 10.0 % [9.0, 11.0], difference -20.0 points"),
            "{text}"
        );
        assert!(
            text.contains("6 paired seeds\nlab run p &amp;&amp; true</failure>"),
            "{text}"
        );
        assert!(
            text.contains("<skipped message=\"inconclusive: registered 1.000"),
            "{text}"
        );
        // A second row of the same cause is no second failure.
        let more = "s,bep3,one,adopters,E2,saving,false,";
        let mut two = rows(&format!("{more}0.3,0.28,0.32,,,\n"));
        two.extend(before.clone());
        let mut worse = rows(&format!("{more}0.1,0.09,0.11,,,\n"));
        worse.extend(now.clone());
        let compared_two = compare(&two, &worse, &Tolerances::default(), |_| false);
        let text = junit(&words, &compared_two);
        assert!(
            text.contains("tests=\"3\" failures=\"1\" skipped=\"2\""),
            "{text}"
        );
        assert!(text.contains("which is the failure"), "{text}");
        let strict = Words {
            strict: true,
            ..words
        };
        let text = junit(&strict, &compared);
        assert!(text.contains("failures=\"2\" skipped=\"0\""), "{text}");
        assert!(
            text.contains("<failure message=\"inconclusive\">"),
            "{text}"
        );
    }
}
