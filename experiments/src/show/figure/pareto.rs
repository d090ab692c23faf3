//! Scatter plots of two costs, with the points that no other point dominates.

use super::axis::Axis;
use super::palette::{BLUE, GREY, INK, SILVER, VERMILION};
use super::panel::{EDGE, Frame, caption, columns, title};
use super::render::text_width;
use super::scene::{Scene, Style};

const LABEL: f64 = 10.0;

/// A point with two costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// What it spends.
    pub x: f64,
    /// What it takes.
    pub y: f64,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// Heading of the panel.
    pub head: String,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// The points; in both directions less is better.
    pub points: Vec<Point>,
    /// Points further left than this are drawn at the edge, with their values.
    pub x_least: f64,
    /// Points further up than this are drawn at the edge, with their values.
    pub y_most: f64,
}

/// Marks the points that are not dominated. A point dominates another if it is at least as good in
/// both costs and better in one.
#[must_use]
pub fn front(points: &[Point]) -> Vec<bool> {
    let beats = |a: &Point, b: &Point| a.x <= b.x && a.y <= b.y && (a.x < b.x || a.y < b.y);
    points
        .iter()
        .map(|it| !points.iter().any(|other| beats(other, it)))
        .collect()
}

/// Panels side by side.
#[must_use]
pub fn pareto(head: &str, clouds: &[Cloud], text: &str) -> Scene {
    let mut scene = Scene::new(1080.0, 0.0);
    let y = title(&mut scene, head) + 24.0;
    let bottom = y + 440.0;
    for (cloud, (left, right)) in clouds.iter().zip(columns(scene.width, clouds.len(), 40.0)) {
        panel(&mut scene, cloud, (left, right), (y, bottom));
    }
    scene.dot((EDGE + 46.0, bottom + 48.0), 4.0, VERMILION);
    let legend = "not dominated: no other spends less and is faster";
    scene.text((EDGE + 56.0, bottom + 48.0), legend, Style::new(12.0, INK));
    caption(&mut scene, bottom + 58.0, text);
    scene
}

fn panel(scene: &mut Scene, cloud: &Cloud, (left, right): (f64, f64), (top, bottom): (f64, f64)) {
    let xs = || cloud.points.iter().map(|it| it.x.max(cloud.x_least));
    let ys = || cloud.points.iter().map(|it| it.y.min(cloud.y_most));
    let range = |values: (f64, f64)| {
        let pad = (values.1 - values.0) * 0.06 + 1e-9;
        (values.0 - pad, values.1 + pad)
    };
    let least = |it: &mut dyn Iterator<Item = f64>| it.fold(f64::INFINITY, f64::min);
    let most = |it: &mut dyn Iterator<Item = f64>| it.fold(f64::NEG_INFINITY, f64::max);
    let x = range((least(&mut xs()), most(&mut xs())));
    let y = range((least(&mut ys()), most(&mut ys())));
    let frame = Frame {
        x: Axis::new(x, (left, right)),
        y: Axis::new(y, (bottom, top)),
    };
    frame.draw(scene, &cloud.head, &cloud.x_title);
    let not_dominated = front(&cloud.points);
    let spot = |it: &Point| {
        let (x, y) = (it.x.max(cloud.x_least), it.y.min(cloud.y_most));
        (frame.x.at(x), frame.y.at(y))
    };
    let mut steps: Vec<(f64, f64)> = cloud
        .points
        .iter()
        .zip(&not_dominated)
        .filter(|it| *it.1)
        .map(|(it, _)| spot(it))
        .collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut taken: Vec<[f64; 4]> = Vec::new();
    for pair in steps.windows(2) {
        // No point of the front lies below this corner.
        let corner = (pair[1].0, pair[0].1);
        scene.line(&[pair[0], corner, pair[1]], SILVER, 1.0);
        // The front goes down the page and to the right; names must not cover it.
        taken.push([pair[0].0, corner.1 - 1.0, corner.0, corner.1 + 1.0]);
        taken.push([corner.0 - 1.0, corner.1, corner.0 + 1.0, pair[1].1]);
    }
    let mut placed = Vec::new();
    for (point, best) in cloud.points.iter().zip(&not_dominated) {
        let at = spot(point);
        taken.push([at.0 - 4.0, at.1 - 4.0, at.0 + 4.0, at.1 + 4.0]);
        scene.dot(at, 4.0, if *best { VERMILION } else { BLUE });
        placed.push((point, *best, at));
    }
    // Points of the front get their names first.
    placed.sort_by_key(|it| !it.1);
    for (point, best, at) in placed {
        let name = if point.x < cloud.x_least || point.y > cloud.y_most {
            format!("{} ({:.2}, {:.2})", point.name, point.x, point.y)
        } else {
            point.name.clone()
        };
        let box_ = place(&name, at, (left, right), (top, bottom), &taken);
        let ink = if best { INK } else { GREY };
        let (x, y) = (box_[0], f64::midpoint(box_[1], box_[3]));
        if (y - at.1).abs() > 14.0 {
            let end = if at.0 < x { x } else { box_[2] };
            scene.line(&[at, (end, y)], SILVER, 0.5);
        }
        scene.text((x, y), name, Style::new(LABEL, ink));
        taken.push(box_);
    }
}

/// The first of several places around a point where its name covers nothing.
fn place(
    name: &str,
    (x, y): (f64, f64),
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
    taken: &[[f64; 4]],
) -> [f64; 4] {
    let width = text_width(name, LABEL) * 1.12;
    let heights = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8];
    let spots = heights.into_iter().flat_map(|step| {
        let middle = y + 11.0 * f64::from(step);
        let reach = if step == 0 {
            7.0
        } else {
            3.0 + f64::from(step).abs() * 2.0
        };
        [x + reach, x - reach - width]
            .map(|start| [start, middle - 5.5, start + width, middle + 5.5])
    });
    let free = |spot: &[f64; 4]| {
        let inside = spot[0] > left && spot[2] < right + 12.0 && spot[1] > top && spot[3] < bottom;
        let apart = |it: &[f64; 4]| {
            spot[2] < it[0] || it[2] < spot[0] || spot[3] <= it[1] || it[3] <= spot[1]
        };
        inside && taken.iter().all(apart)
    };
    let beside = [x + 7.0, y - 5.5, x + 7.0 + width, y + 5.5];
    spots.into_iter().find(free).unwrap_or(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_by_hand() {
        let at = |x, y| Point {
            name: String::new(),
            x,
            y,
        };
        // The first point dominates the third. The fourth equals the first. The fifth is worse in
        // one cost only.
        let points = [
            at(1.0, 2.0),
            at(2.0, 1.0),
            at(1.0, 3.0),
            at(1.0, 2.0),
            at(2.0, 1.5),
        ];
        assert_eq!(front(&points), [true, true, false, true, false]);
    }
}
