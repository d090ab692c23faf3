//! Completion time and share ratio of each access class under each policy.

use super::Picture;
use super::axis::{Axis, label};
use super::interval::interval;
use super::palette::{self, GREY, INK, RULE};
use super::panel::{EDGE, caption, columns, legend, names, title};
use super::scene::{Color, Scene, Style};
use crate::findings::analysis::{Analysis, Class};
use crate::findings::stats::estimate::Estimate;
use crate::plan::{Figure, Plan};
use crate::run::unit::pure_mixes;

/// Width of the names left of the panels.
const LABELS: f64 = 150.0;
/// Height of one mark.
const STEP: f64 = 9.0;

/// A column: its heading, its value, and the value that means no change.
type Column = (&'static str, fn(&Class) -> Estimate, f64);

const COLUMNS: [Column; 2] = [
    ("completion time, s (geometric mean)", |it| it.time, 0.0),
    (
        "share ratio: uploaded over downloaded",
        |it| it.share_ratio,
        1.0,
    ),
];

/// Names and uplinks of the classes of a scenario, slowest first.
fn rows(analysis: &Analysis, scenario: usize) -> Vec<(&str, f64)> {
    let mut rows: Vec<(&str, f64)> = Vec::new();
    for it in analysis.classes.iter().filter(|it| it.scenario == scenario) {
        if !rows.iter().any(|row| row.0 == it.name) {
            rows.push((&it.name, it.up_rate));
        }
    }
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    rows
}

/// Lines and labels of an axis. The line at `unchanged` is darker.
fn grid(scene: &mut Scene, axis: &Axis, (top, bottom): (f64, f64), unchanged: f64) {
    for tick in axis.ticks(6.0) {
        let x = axis.at(tick);
        let color = if (tick - unchanged).abs() < 1e-9 {
            GREY
        } else {
            RULE
        };
        scene.line(&[(x, top), (x, bottom)], color, 1.0);
        scene.text(
            (x, bottom + 12.0),
            label(tick),
            Style::new(11.0, GREY).middle(),
        );
    }
}

/// Names and uplinks of the classes, with a line above each.
fn names_of(scene: &mut Scene, rows: &[(&str, f64)], (top, height): (f64, f64)) {
    for (row, (name, rate)) in rows.iter().enumerate() {
        let y = top + height * row as f64;
        scene.line(&[(EDGE, y), (1000.0 - EDGE, y)], RULE, 0.75);
        let text = format!("{name}, up {} kB/s", label((rate / 1000.0).round()));
        scene.text((EDGE, y + height / 2.0), text, Style::new(11.5, INK));
    }
}

/// An estimate with its interval.
fn mark(scene: &mut Scene, axis: &Axis, y: f64, (estimate, color): (Estimate, Color)) {
    let (low, high) = estimate.ci95;
    if low.is_finite() && high.is_finite() {
        interval(scene, axis, (low, high), y, (color, 1.25));
    }
    scene.dot((axis.within(estimate.value), y), 2.75, color);
}

pub(super) fn classes(plan: &Plan, analysis: &Analysis, scenarios: &[usize]) -> Option<Picture> {
    let mixes = pure_mixes(plan);
    let of = |scenario: usize| {
        analysis
            .classes
            .iter()
            .filter(move |it| it.scenario == scenario)
    };
    let mut scene = Scene::new(1000.0, 0.0);
    let y = title(
        &mut scene,
        "What access classes get and give, in swarms of one policy",
    );
    let names = names(plan, &mixes);
    let mut top = legend(&mut scene, y + 4.0, &names) + 24.0;
    for scenario in scenarios.iter().copied() {
        let rows = rows(analysis, scenario);
        if rows.is_empty() {
            return None;
        }
        let height = STEP * mixes.len() as f64 + 10.0;
        let bottom = top + height * rows.len() as f64;
        let name = plan.scenarios[scenario].name.clone();
        scene.text((EDGE, top - 12.0), name, Style::new(13.0, INK).bold());
        names_of(&mut scene, &rows, (top, height));
        for ((head, value, unchanged), pixels) in
            COLUMNS.into_iter().zip(columns(1000.0 - LABELS, 2, 12.0))
        {
            let most = of(scenario)
                .map(|it| value(it).value)
                .fold(unchanged, f64::max);
            let axis = Axis::new((0.0, most * 1.08), (pixels.0 + LABELS, pixels.1 + LABELS));
            let middle = f64::midpoint(axis.start, axis.end);
            scene.text(
                (middle, top - 12.0),
                head,
                Style::new(12.0, INK).bold().middle(),
            );
            grid(&mut scene, &axis, (top, bottom), unchanged);
            for it in of(scenario) {
                let at = mixes.iter().position(|mix| *mix == it.mix);
                let row = rows.iter().position(|row| row.0 == it.name);
                let (at, row) = at.zip(row).expect("a pure mix, a class of the scenario");
                let y = top + height * row as f64 + 5.0 + STEP * (at as f64 + 0.5);
                mark(&mut scene, &axis, y, (value(it), palette::policy(at)));
            }
        }
        top = bottom + 56.0;
    }
    let text = format!(
        "Mean and 95 % Student t interval over {}, by access class; slow links first. The line at 1: who \
         uploads as much as it downloads. Data: classes.csv.",
        plan.seeds_of_intervals("seed")
    );
    caption(&mut scene, top - 32.0, &text);
    Some(Picture {
        name: "access_classes".to_owned(),
        figure: Figure::Classes,
        scenario: None,
        caption: text,
        scene,
    })
}
