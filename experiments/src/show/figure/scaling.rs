//! Cost of a swarm by number of peers, on logarithmic axes.

use std::fmt::Write as _;

use super::axis::Axis;
use super::palette::{self, GREY, INK, RULE, WHITE};
use super::panel::{caption, columns, legend, title};
use super::scene::{Color, Scene, Style};
use crate::against::scaling::fit::{MEMORY, SPEED};
use crate::against::scaling::{Fit, Row, by_series};

const HEIGHT: f64 = 320.0;

/// A panel: its heading, and the value of a row.
type Panel = (&'static str, fn(&Row) -> Option<f64>);

const PANELS: [Panel; 2] = [
    ("Block transfers per CPU second", |it| {
        Some(it.blocks_per_cpu_s)
    }),
    ("Memory per peer, bytes", |it| it.bytes_per_peer),
];

/// A power of ten with its digits grouped by three.
fn count(power: i32) -> String {
    let digits = format!("1{}", "0".repeat(usize::try_from(power).unwrap_or(0)));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A frame whose axes hold decimal logarithms.
struct LogFrame {
    x: Axis,
    y: Axis,
}

impl LogFrame {
    /// A frame with whole decades that contain all points.
    fn around(points: &[(f64, f64)], columns: (f64, f64), top: f64) -> Self {
        let decades = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |it, value| {
                (it.0.min(value), it.1.max(value))
            });
            (low.log10().floor(), high.log10().ceil())
        };
        Self {
            x: Axis::new(decades(&mut points.iter().map(|it| it.0)), columns),
            y: Axis::new(
                decades(&mut points.iter().map(|it| it.1)),
                (top + HEIGHT, top),
            ),
        }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.at(x.log10()), self.y.at(y.log10()))
    }

    fn draw(&self, scene: &mut Scene, head: &str) {
        let (left, right) = (self.x.start, self.x.end);
        let (bottom, top) = (self.y.start, self.y.end);
        for power in powers(&self.y) {
            let y = self.y.at(f64::from(power));
            scene.line(&[(left, y), (right, y)], RULE, 0.75);
            let text = count(power);
            scene.text((left - 6.0, y), text, Style::new(11.0, GREY).end());
        }
        for power in powers(&self.x) {
            let x = self.x.at(f64::from(power));
            scene.line(&[(x, top), (x, bottom)], RULE, 0.75);
            let style = Style::new(11.0, GREY).middle();
            scene.text((x, bottom + 13.0), count(power), style);
        }
        scene.line(&[(left, bottom), (right, bottom)], GREY, 1.0);
        scene.text((left, top - 16.0), head, Style::new(13.0, INK).bold());
        let middle = (f64::midpoint(left, right), bottom + 31.0);
        scene.text(middle, "peers", Style::new(11.5, GREY).middle());
    }
}

/// The whole powers of ten on an axis.
fn powers(axis: &Axis) -> impl Iterator<Item = i32> {
    #[expect(clippy::cast_possible_truncation, reason = "a few decades")]
    let (from, to) = (axis.from.round() as i32, axis.to.round() as i32);
    from..=to
}

/// Draws both panels, and `words` below them. Sizes of the workload `apart` are rings.
#[must_use]
pub fn scaling(rows: &[Row], fits: &[Fit], apart: &str, words: &str) -> Scene {
    let mut scene = Scene::new(1080.0, 0.0);
    let y = title(&mut scene, "What a simulated swarm costs over its size");
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.series.as_str()) {
            names.push(&row.series);
        }
    }
    let color = |name: &str| {
        let at = names.iter().position(|it| *it == name);
        palette::policy(at.expect("one of the names"))
    };
    let entry = |name: &&str| (described(name, rows, fits), color(name));
    let entries: Vec<_> = names.iter().map(entry).collect();
    let top = legend(&mut scene, y + 4.0, &entries) + 30.0;
    let positions = columns(scene.width, PANELS.len(), 66.0);
    for ((head, value), position) in PANELS.into_iter().zip(positions) {
        let all = points(rows.iter(), value);
        if all.is_empty() {
            continue;
        }
        let frame = LogFrame::around(&all, position, top);
        frame.draw(&mut scene, head);
        // Our series are first in the list; they are drawn last, on top.
        for it in by_series(rows).iter().rev() {
            let points = points(it.iter().copied(), value);
            let points: Vec<_> = points.into_iter().map(|it| frame.at(it)).collect();
            curve(&mut scene, &points, color(&it[0].series), it[0].is_ours());
            if it[0].workload == apart {
                rings(&mut scene, &points);
            }
        }
    }
    caption(&mut scene, top + HEIGHT + 44.0, words);
    scene
}

/// Name, place of measurement, and exponents.
fn described(name: &str, rows: &[Row], fits: &[Fit]) -> String {
    let mut text = name.to_owned();
    if !rows.iter().any(|it| it.is_ours() && it.series == name) {
        text.push_str(" (elsewhere)");
    }
    for (word, quantity) in [("speed", SPEED), ("memory", MEMORY)] {
        let fit = |it: &&Fit| it.series == name && it.quantity == quantity;
        if let Some(it) = fits.iter().find(fit) {
            write!(text, ", {word} ~ N^{:.2}", it.exponent).expect("text grows");
        }
    }
    text
}

/// Size and value of the rows that have a value.
fn points<'a>(
    rows: impl Iterator<Item = &'a Row>,
    value: fn(&Row) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let points = rows.filter_map(|it| Some((f64::from(it.peers), value(it)?)));
    points.filter(|it| it.1 > 0.0).collect()
}

/// Our series as lines, others dashed.
fn curve(scene: &mut Scene, points: &[(f64, f64)], color: Color, ours: bool) {
    for ends in points.windows(2) {
        if ours {
            scene.line(ends, color, 2.0);
        } else {
            scene.dashed(ends[0], ends[1], color, 1.5);
        }
    }
    for at in points {
        scene.dot(*at, 3.5, color);
    }
}

/// Turns dots into rings.
fn rings(scene: &mut Scene, points: &[(f64, f64)]) {
    for at in points {
        scene.dot(*at, 1.75, WHITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::against::scaling::Point;
    use crate::show::figure::Shape;

    #[test]
    fn powers_of_ten_are_grouped() {
        let texts = [0, 2, 3, 6].map(count);
        assert_eq!(texts, ["1", "100", "1 000", "1 000 000"]);
    }

    #[test]
    fn only_the_workload_apart_is_a_ring_however_few_sizes_there_are() {
        // Has no memory figure, so it gives a dot in one panel only.
        let point = Point {
            blocks: 1000,
            cpu_s: 1.0,
            peak_memory_bytes: 0,
        };
        let row = |workload: &str| Row::of(point, 0, 100, ["bep3", workload, "", ""]);
        let rings = |workload: &str| {
            let scene = scaling(&[row(workload)], &[], "million", "");
            let white = |it: &&Shape| matches!(it, Shape::Dot { color, .. } if *color == WHITE);
            scene.shapes.iter().filter(white).count()
        };
        assert_eq!((rings("w1"), rings("million")), (0, 1));
    }
}
