//! The ladder as a waterfall chart: each step starts at the level of the rung before.

use super::Picture;
use super::axis::{Axis, label};
use super::palette::{BLUE, GREY, INK, RULE, VERMILION};
use super::panel::{EDGE, caption, columns, title};
use super::scene::{Scene, Style};
use crate::findings::analysis::{Analysis, Quantity, Step};
use crate::findings::stats::math::signed;
use crate::plan::{Estimand, Figure, Plan};

const ROW: f64 = 24.0;
const LABELS: f64 = 130.0;

/// A column of panels: its value, its heading, and the factor to the unit that is shown.
struct Column {
    quantity: Quantity,
    head: &'static str,
    scale: fn(f64, &Plan) -> f64,
}

const COLUMNS: [Column; 3] = [
    Column {
        quantity: Quantity::Saving(Estimand::E3),
        head: "E3: bytes sent per useful byte",
        scale: |it, _| it,
    },
    Column {
        quantity: Quantity::Saving(Estimand::E4),
        head: "E4: MB sent by the origin per copy",
        scale: |it, _| it / 1e6,
    },
    Column {
        quantity: Quantity::Time,
        head: "completion time, s (geometric mean)",
        scale: |it, _| it,
    },
];

pub(super) fn ladder(plan: &Plan, analysis: &Analysis) -> Picture {
    let mut scene = Scene::new(1060.0, 0.0);
    let mut y = title(&mut scene, "What each step of the ladder changes") + 8.0;
    let positions = columns(scene.width - LABELS, COLUMNS.len(), 6.0);
    for (scenario, within) in plan.scenarios.iter().enumerate() {
        scene.text((EDGE, y), within.name.clone(), Style::new(13.0, INK).bold());
        let top = y + 22.0;
        for (at, name) in plan.ladder.iter().enumerate() {
            let middle = top + ROW * (at as f64 + 0.5);
            let text = if at == 0 {
                name.clone()
            } else {
                format!("+ {name}")
            };
            scene.text(
                (EDGE + LABELS - 4.0, middle),
                text,
                Style::new(12.0, INK).end(),
            );
        }
        for (column, pixels) in COLUMNS.iter().zip(&positions) {
            let steps: Vec<&Step> = analysis
                .ladder
                .steps
                .iter()
                .filter(|it| {
                    it.comparison.of.scenario == scenario
                        && it.comparison.of.quantity == column.quantity
                })
                .collect();
            let pixels = (pixels.0 + LABELS, pixels.1 + LABELS);
            waterfall(&mut scene, plan, column, &steps, (pixels, top));
        }
        y = top + ROW * plan.ladder.len() as f64 + 40.0;
    }
    let text = format!(
        "Each row adds one thing to the row above, in swarms of one policy; the bar runs from the \
         level of the row above to its own, blue for less and orange for more, with the change in \
         percent of the row above. Whiskers: 95 % interval of the paired difference as a share of the \
         first row, Student t over {}. Axes do not begin at zero. Data: ladder.csv.",
        plan.seeds_of_intervals("paired seed")
    );
    caption(&mut scene, y - 14.0, &text);
    Picture {
        name: "ladder".to_owned(),
        figure: Figure::Ladder,
        scenario: None,
        caption: text,
        scene,
    }
}

fn waterfall(
    scene: &mut Scene,
    plan: &Plan,
    column: &Column,
    steps: &[&Step],
    (pixels, top): ((f64, f64), f64),
) {
    let Some(first) = steps.first() else { return };
    let shown = |it: f64| (column.scale)(it, plan);
    let start = shown(first.comparison.means.baseline);
    let ends = |it: &Step| {
        let level = shown(it.comparison.means.candidate);
        let slack = |end: f64| level - (end - it.points.value) * start;
        (level, slack(it.points.ci95.1), slack(it.points.ci95.0))
    };
    let all = || steps.iter().map(|it| ends(it));
    let low = all().fold(start, |least, it| least.min(it.1).min(it.0));
    let high = all().fold(start, |most, it| most.max(it.2).max(it.0));
    let room = (high - low).max(high.abs() * 0.02);
    let axis = Axis::new((low - 0.06 * room, high + 0.42 * room), pixels);
    let bottom = top + ROW * plan.ladder.len() as f64;
    scene.text(
        (pixels.0, top - 8.0),
        column.head,
        Style::new(11.5, GREY).bold(),
    );
    for tick in axis.ticks(5.0) {
        let x = axis.at(tick);
        scene.line(&[(x, top), (x, bottom)], RULE, 0.75);
        scene.text(
            (x, bottom + 11.0),
            label(tick),
            Style::new(10.5, GREY).middle(),
        );
    }
    let middle = |rung: usize| top + ROW * (rung as f64 + 0.5);
    scene.dot((axis.at(start), middle(0)), 4.0, INK);
    let mut before = start;
    for step in steps {
        let (level, least, most) = ends(step);
        let y = middle(step.rung);
        let (from, to) = (axis.at(before), axis.at(level));
        let color = if level <= before { BLUE } else { VERMILION };
        scene.line(&[(from, y - ROW), (from, y)], GREY, 0.75);
        scene.rectangle((from.min(to), y - 5.0), (to - from).abs(), 10.0, color);
        scene.line(&[(axis.within(least), y), (axis.within(most), y)], INK, 1.0);
        scene.dot((to, y), 3.0, INK);
        let change = (level / before - 1.0) * 100.0;
        let text = if change.is_finite() {
            format!("{} %", signed(change, 1))
        } else {
            "unknown".to_owned()
        };
        let right = from.max(to).max(axis.within(most)) + 8.0;
        scene.text((right, y), text, Style::new(10.5, INK));
        before = level;
    }
}
