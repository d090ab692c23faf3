//! What is not useful payload, by cause.

use super::Picture;
use super::axis::{Axis, label};
use super::palette::{self, GREY, INK, RULE};
use super::panel::{EDGE, caption, legend, title};
use super::scene::{Scene, Style};
use crate::analysis::{Analysis, Bytes};
use crate::plan::{Figure, Plan};
use crate::unit::mix_name;

/// Height of a bar; less where there are many.
fn bar_height(plan: &Plan) -> f64 {
    if super::few(plan) { 24.0 } else { 14.0 }
}

pub(super) fn bytes(plan: &Plan, analysis: &Analysis) -> Picture {
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(
        &mut scene,
        "Bytes beyond the useful ones, by cause, whole swarms of one policy",
    );
    let height = bar_height(plan);
    let rows = &analysis.pictures.bytes;
    let causes = rows.first().map_or_else(Vec::new, Bytes::causes);
    let names: Vec<_> = causes
        .iter()
        .enumerate()
        .map(|(at, cause)| (cause.0.to_owned(), palette::cause(at)))
        .collect();
    let mut y = legend(&mut scene, y + 4.0, &names) + 6.0;
    let total = |row: &Bytes| row.causes().iter().map(|it| it.1).sum::<f64>() * 100.0;
    let longest = rows.iter().map(total).fold(0.1, f64::max);
    let axis = Axis::new((0.0, longest), (190.0, scene.width - EDGE - 70.0));
    for (scenario, within) in plan.scenarios.iter().enumerate() {
        scene.text(
            (EDGE, y + 6.0),
            within.name.clone(),
            Style::new(13.0, INK).bold(),
        );
        y += 20.0;
        let top = y;
        let bars: Vec<&Bytes> = rows.iter().filter(|it| it.scenario == scenario).collect();
        let bottom = top + height * bars.len() as f64 + 4.0;
        for tick in axis.ticks(8.0) {
            scene.line(&[(axis.at(tick), top), (axis.at(tick), bottom)], RULE, 0.75);
        }
        for row in bars {
            bar(&mut scene, plan, &axis, y, row);
            y += height;
        }
        y = bottom + 10.0;
    }
    for tick in axis.ticks(8.0) {
        scene.text(
            (axis.at(tick), y),
            label(tick),
            Style::new(11.0, GREY).middle(),
        );
    }
    y += 18.0;
    let middle = f64::midpoint(axis.start, axis.end);
    scene.text(
        (middle, y),
        "% of useful payload",
        Style::new(11.5, GREY).middle(),
    );
    let text = format!(
        "Sum over {} seeds and all nodes. Useful payload (first correct copies) is 100 % in every \
         row and not drawn. Payload in vain is counted at the receiver, protocol bytes at the \
         sender; transport headers are not included. Data: runs.csv.",
        plan.seeds_said()
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

fn bar(scene: &mut Scene, plan: &Plan, axis: &Axis, y: f64, row: &Bytes) {
    let height = bar_height(plan);
    let middle = y + height / 2.0;
    let letters = f64::min(12.5, height - 2.0);
    let margin = height / 6.0;
    let name = mix_name(plan, row.mix);
    scene.text(
        (axis.start - 8.0, middle),
        name,
        Style::new(letters, INK).end(),
    );
    let mut sum = 0.0;
    for (at, (_, share)) in row.causes().into_iter().enumerate() {
        let (from, to) = (axis.at(sum), axis.at(sum + share * 100.0));
        scene.rectangle(
            (from, y + margin),
            to - from,
            height - 2.0 * margin,
            palette::cause(at),
        );
        sum += share * 100.0;
    }
    let text = format!("{sum:.2} %");
    scene.text(
        (axis.at(sum) + 6.0, middle),
        text,
        Style::new(letters - 0.5, INK),
    );
}
