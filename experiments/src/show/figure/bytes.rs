//! Bytes other than useful payload, by cause.

use super::Picture;
use super::axis::{Axis, label};
use super::palette::{self, GREY, INK, RULE};
use super::panel::{EDGE, caption, legend, title};
use super::scene::{Scene, Style};
use crate::findings::analysis::Analysis;
use crate::plan::{Figure, Plan};
use crate::run::unit::mix_name;

/// Height of a bar if there are few.
pub(super) const BAR: f64 = 24.0;

/// Height of a bar; smaller if there are many.
fn bar_height(plan: &Plan) -> f64 {
    if super::few(plan) { BAR } else { 14.0 }
}

pub(super) fn bytes(plan: &Plan, analysis: &Analysis) -> Picture {
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(
        &mut scene,
        "Bytes beyond the useful ones, by cause, whole swarms of one policy",
    );
    let rows = &analysis.pictures.bytes;
    let groups = plan.scenarios.iter().enumerate().map(|(at, within)| {
        let bars = rows.iter().filter(|it| it.scenario == at);
        let bars = bars.map(|it| (mix_name(plan, it.mix), it.causes()));
        (within.name.clone(), bars.collect())
    });
    let y = stacks(&mut scene, y, bar_height(plan), &groups.collect::<Vec<_>>());
    let text = format!(
        "Sum over {} and all nodes. Useful payload (first correct copies) is 100 % in every \
         row and not drawn. Payload in vain is counted at the receiver, protocol bytes at the \
         sender; transport headers are not included. Data: runs.csv.",
        plan.seeds_counted("seed")
    );
    caption(&mut scene, y + 12.0, &text);
    Picture {
        name: "bytes_by_cause".to_owned(),
        figure: Figure::Bytes,
        scenario: None,
        caption: text,
        scene,
    }
}

/// The name of a bar and its parts, as shares of the useful payload.
pub(super) type Stack = (String, Vec<(&'static str, f64)>);

/// Draws groups of bars with this height. Each group has a heading; all bars have the same causes.
/// Returns the vertical position below them.
pub(super) fn stacks(
    scene: &mut Scene,
    y: f64,
    height: f64,
    groups: &[(String, Vec<Stack>)],
) -> f64 {
    let all = || groups.iter().flat_map(|it| &it.1);
    let causes = all().next().map_or(&[][..], |it| &it.1);
    let names: Vec<_> = causes
        .iter()
        .enumerate()
        .map(|(at, cause)| (cause.0.to_owned(), palette::cause(at)))
        .collect();
    let mut y = legend(scene, y + 4.0, &names) + 6.0;
    let total = |it: &Stack| it.1.iter().map(|it| it.1).sum::<f64>() * 100.0;
    let longest = all()
        .map(total)
        .filter(|it| it.is_finite())
        .fold(0.1, f64::max);
    let axis = Axis::new((0.0, longest), (190.0, scene.width - EDGE - 70.0));
    for (head, stacks) in groups {
        let style = Style::new(13.0, INK).bold();
        scene.text((EDGE, y + 6.0), head.clone(), style);
        y += 20.0;
        let top = y;
        let bottom = top + height * stacks.len() as f64 + 4.0;
        for tick in axis.ticks(8.0) {
            scene.line(&[(axis.at(tick), top), (axis.at(tick), bottom)], RULE, 0.75);
        }
        for stack in stacks {
            bar(scene, &axis, (y, height), stack);
            y += height;
        }
        y = bottom + 10.0;
    }
    for tick in axis.ticks(8.0) {
        let style = Style::new(11.0, GREY).middle();
        scene.text((axis.at(tick), y), label(tick), style);
    }
    y += 18.0;
    let middle = f64::midpoint(axis.start, axis.end);
    let style = Style::new(11.5, GREY).middle();
    scene.text((middle, y), "% of useful payload", style);
    y
}

fn bar(scene: &mut Scene, axis: &Axis, (y, height): (f64, f64), (name, causes): &Stack) {
    let middle = y + height / 2.0;
    let letters = f64::min(12.5, height - 2.0);
    let margin = height / 6.0;
    let style = Style::new(letters, INK).end();
    scene.text((axis.start - 8.0, middle), name.clone(), style);
    let mut sum = 0.0;
    // Where nobody got a useful byte, there is nothing to divide by.
    let defined = causes.iter().all(|it| it.1.is_finite());
    let causes = if defined { causes.as_slice() } else { &[] };
    for (at, (_, share)) in causes.iter().enumerate() {
        let (from, to) = (axis.at(sum), axis.at(sum + share * 100.0));
        let color = palette::cause(at);
        let inner = height - 2.0 * margin;
        scene.rectangle((from, y + margin), to - from, inner, color);
        sum += share * 100.0;
    }
    let text = if defined {
        format!("{sum:.2} %")
    } else {
        "no useful payload".to_owned()
    };
    let style = Style::new(letters - 0.5, INK);
    scene.text((axis.at(sum) + 6.0, middle), text, style);
}

#[cfg(test)]
mod tests {
    use super::{Scene, Stack, stacks};
    use crate::show::figure::svg::svg;

    #[test]
    fn a_swarm_without_useful_bytes_has_no_bar() {
        let bar = |name: &str, share: f64| -> Stack { (name.to_owned(), vec![("have", share)]) };
        let bars = vec![bar("a", 0.5), bar("b", f64::NAN), bar("c", f64::INFINITY)];
        let mut scene = Scene::new(1000.0, 200.0);
        stacks(&mut scene, 0.0, 24.0, &[("one".to_owned(), bars)]);
        let text = svg(&scene);
        assert_eq!(text.matches("no useful payload").count(), 2, "{text}");
        assert!(text.contains("50.00 %") && !text.contains("NaN") && !text.contains("inf"));
    }
}
