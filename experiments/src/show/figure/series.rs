//! Leechers, seeds and rate over time, with a band over seeds.

use super::Picture;
use super::axis::Axis;
use super::palette;
use super::panel::{Frame, caption, columns, legend, names, title};
use super::scene::{Color, Scene};
use crate::findings::analysis::{Analysis, Moment};
use crate::findings::stats::estimate::Estimate;
use crate::plan::{Figure, Plan};
use crate::run::unit::pure_mixes;

const HEIGHT: f64 = 150.0;

/// A row of panels: heading, and the value in the heading's unit.
type Row = (&'static str, fn(&Moment) -> Estimate);

const ROWS: [Row; 3] = [
    ("leechers", |it| it.leechers),
    ("seeds", |it| it.seeds),
    ("useful rate, MB/s", |it| it.down_rate.map(|it| it / 1e6)),
];

pub(super) fn series(plan: &Plan, analysis: &Analysis, scenarios: &[usize]) -> Picture {
    let count = scenarios.len();
    let mut scene = Scene::new((330.0 * count as f64).clamp(700.0, 1320.0), 0.0);
    let y = title(&mut scene, "Swarms of one policy over time");
    let mixes = pure_mixes(plan);
    let names = names(plan, &mixes);
    let first = legend(&mut scene, y + 4.0, &names) + 18.0;
    let positions = columns(scene.width, count, 44.0);
    for (column, scenario) in scenarios.iter().copied().enumerate() {
        let within = &plan.scenarios[scenario];
        let of = |mix| {
            let moments = &analysis.pictures.moments;
            let wanted = move |it: &&Moment| it.scenario == scenario && it.mix == mix;
            moments.iter().filter(wanted).collect::<Vec<&Moment>>()
        };
        let curves: Vec<Vec<&Moment>> = mixes.iter().map(|mix| of(*mix)).collect();
        let end = curves
            .iter()
            .flatten()
            .map(|it| it.at_s)
            .fold(0.0, f64::max);
        for (row, (head, value)) in ROWS.into_iter().enumerate() {
            let top = first + (HEIGHT + 52.0) * row as f64;
            let highest = curves
                .iter()
                .flatten()
                .map(|it| high(value(it)))
                .fold(0.0, f64::max);
            let frame = Frame {
                x: Axis::new((0.0, end), positions[column]),
                y: Axis::new((0.0, highest * 1.05), (top + HEIGHT, top)),
            };
            let head = format!("{}: {head}", within.name);
            let below = if row + 1 == ROWS.len() {
                "seconds since the start"
            } else {
                ""
            };
            frame.draw(&mut scene, &head, below);
            for (at, curve) in curves.iter().enumerate().rev() {
                ribbon(&mut scene, &frame, curve, value, palette::policy(at));
            }
        }
    }
    let bottom = first + (HEIGHT + 52.0) * ROWS.len() as f64;
    let text = format!(
        "Line: mean; ribbon: pointwise 95 % Student t interval over {}. Seeds in a panel include \
         origins. A run that has ended counts on with what it ended with and rate 0. \
         Data: timeseries.csv.",
        plan.seeds_of_intervals("run seed")
    );
    caption(&mut scene, bottom, &text);
    Picture {
        name: "time_series".to_owned(),
        figure: Figure::Series,
        scenario: None,
        caption: text,
        scene,
    }
}

/// Upper end of the band, if it exists.
fn high(it: Estimate) -> f64 {
    if it.ci95.1.is_finite() {
        it.ci95.1
    } else {
        it.value
    }
}

fn ribbon(
    scene: &mut Scene,
    frame: &Frame,
    curve: &[&Moment],
    value: fn(&Moment) -> Estimate,
    color: Color,
) {
    let at = |it: &Moment, y: f64| (frame.x.at(it.at_s), frame.y.within(y));
    let upper = curve.iter().map(|it| at(it, high(value(it))));
    let lower = curve.iter().rev().map(|it| {
        let estimate = value(it);
        let low = if estimate.ci95.0.is_finite() {
            estimate.ci95.0
        } else {
            estimate.value
        };
        at(it, low)
    });
    scene.area(upper.chain(lower).collect(), color, 0.22);
    let middle: Vec<(f64, f64)> = curve.iter().map(|it| at(it, value(it).value)).collect();
    scene.line(&middle, color, 1.5);
}
