//! `JUnit` XML, which every CI service shows: one test case a row of the gate.

use std::fmt::Write as _;

use super::{Change, Row, State};

/// The changes as `JUnit` XML. A failure holds the numbers and the line that reproduces them; an
/// inconclusive row is marked as skipped, never as passed.
#[must_use]
pub fn junit(plan: &str, changes: &[Change], reproduce: &str) -> String {
    let failures = changes.iter().filter(|it| it.fails()).count();
    let inconclusive = |it: &&Change| !it.fails() && it.state == State::Inconclusive;
    let skipped = changes.iter().filter(inconclusive).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let total = changes.len();
    let head = format!("name=\"{}\" tests=\"{total}\"", escape(plan));
    push(
        &mut text,
        &format!("<testsuite {head} failures=\"{failures}\" skipped=\"{skipped}\">"),
    );
    for it in changes {
        let name = format!(
            "{} {} vs {} at {}",
            it.key.quantity, it.key.group, it.key.baseline, it.key.adoption
        );
        let class = escape(&format!("{plan}.{}", it.key.scenario));
        push(
            &mut text,
            &format!(
                "  <testcase classname=\"{class}\" name=\"{}\">",
                escape(&name)
            ),
        );
        if it.fails() {
            let word = if it.moved {
                "verdict moved"
            } else {
                it.state.word()
            };
            let body = format!(
                "before {}\nnow {}\n{reproduce}",
                shown(&it.before),
                shown(&it.now)
            );
            push(
                &mut text,
                &format!(
                    "    <failure message=\"{word}\">{}</failure>",
                    escape(&body)
                ),
            );
        } else if it.state == State::Inconclusive {
            let body = format!(
                "inconclusive: before {}, now {}",
                shown(&it.before),
                shown(&it.now)
            );
            push(
                &mut text,
                &format!("    <skipped message=\"{}\"/>", escape(&body)),
            );
        }
        push(&mut text, "  </testcase>");
    }
    push(&mut text, "</testsuite>");
    text
}

/// Estimate, interval and verdicts of a row.
pub(crate) fn shown(row: &Row) -> String {
    let number = |it: Option<f64>| it.map_or("-".to_owned(), |it| format!("{it:.4}"));
    let (low, high) = row.interval.unzip();
    let mut text = format!(
        "{} [{}, {}]",
        number(row.estimate),
        number(low),
        number(high)
    );
    for verdict in [&row.size, &row.direction] {
        if !verdict.is_empty() {
            write!(text, " {verdict}").expect("writing to a string does not fail");
        }
    }
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
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
    use crate::gate::{compare, read};

    #[test]
    fn failures_hold_numbers_and_the_line_that_repeats_them() {
        let head = "scenario,baseline,adoption,group,quantity,scale,headline,estimate,ci95_low,\
                    ci95_high,size_verdict,direction_verdict\n";
        let table = |rows: &str| read(&format!("{head}{rows}")).expect("a table");
        let before = table(
            "s,bep3,one,adopters,E1,saving,true,0.3,0.2,0.4,refuted,saves\n\
             s,bep3,one,all,time,ratio,false,1,0.9,1.1,,\n",
        );
        let now = table(
            "s,bep3,one,adopters,E1,saving,true,0.1,0.0,0.2,refuted,no saving shown\n\
             s,bep3,one,all,time,ratio,false,1.1,0.9,1.3,,\n",
        );
        let text = junit("p<1>", &compare(&before, &now, 0.05), "lab run p && true");
        assert!(
            text.contains("tests=\"2\" failures=\"1\" skipped=\"1\""),
            "{text}"
        );
        assert!(text.contains("classname=\"p&lt;1&gt;.s\" name=\"E1 adopters vs bep3 at one\""));
        assert!(
            text.contains(
                "0.1000 [0.0000, 0.2000] refuted no saving shown\nlab run p &amp;&amp; true"
            ),
            "{text}"
        );
    }
}
