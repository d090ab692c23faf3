//! Draws intervals along an axis. An interval that continues beyond the axis has an arrow head at
//! that end.

use super::axis::Axis;
use super::scene::{Color, Scene};

/// Length and half the height of an arrow head.
const HEAD: (f64, f64) = (6.0, 3.0);

/// Whether there is an interval to draw: one run gives none.
pub(super) fn is_known((low, high): (f64, f64)) -> bool {
    low.is_finite() && high.is_finite()
}

/// A horizontal line from `low` to `high`, limited to the axis.
pub(super) fn interval(
    scene: &mut Scene,
    axis: &Axis,
    (low, high): (f64, f64),
    y: f64,
    (color, width): (Color, f64),
) {
    let (mut start, mut end) = (axis.within(low), axis.within(high));
    if low < axis.from {
        arrow(scene, (axis.start, y), HEAD, color);
        // A thick line up to the tip would hide the tip.
        start += HEAD.0;
    }
    if high > axis.to {
        arrow(scene, (axis.end, y), (-HEAD.0, HEAD.1), color);
        end -= HEAD.0;
    }
    if start <= end {
        scene.line(&[(start, y), (end, y)], color, width);
    }
}

/// An arrow head with its tip at a point. Its back is `back` pixels to the right, or to the left if
/// negative.
pub(super) fn arrow(scene: &mut Scene, (x, y): (f64, f64), (back, half): (f64, f64), color: Color) {
    let corners = vec![(x, y), (x + back, y - half), (x + back, y + half)];
    scene.area(corners, color, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::figure::scene::Shape;

    const INK: Color = Color(1, 2, 3);

    /// Tips and backs of the arrow heads of an interval. The axis is 0 to 10 at 100 to 200 pixels.
    fn heads(interval_of: (f64, f64)) -> Vec<(f64, f64)> {
        let mut scene = Scene::new(300.0, 20.0);
        let axis = Axis::new((0.0, 10.0), (100.0, 200.0));
        interval(&mut scene, &axis, interval_of, 9.0, (INK, 1.0));
        let inside = |x: f64| (100.0..=200.0).contains(&x);
        let area = |it: &Shape| match it {
            Shape::Area { points, .. } => Some((points[0].0, points[1].0)),
            Shape::Line { points, .. } => {
                assert!(points.iter().all(|it| inside(it.0)));
                None
            }
            _ => None,
        };
        scene.shapes.iter().filter_map(area).collect()
    }

    #[test]
    fn an_interval_that_leaves_the_axis_says_so_at_that_end() {
        assert_eq!(heads((0.0, 10.0)), []);
        assert_eq!(heads((-0.1, 10.0)), [(100.0, 106.0)]);
        assert_eq!(heads((3.0, 10.1)), [(200.0, 194.0)]);
        let both = [(100.0, 106.0), (200.0, 194.0)];
        assert_eq!(heads((-1.0, 11.0)), both);
        assert_eq!(heads((f64::NEG_INFINITY, f64::INFINITY)), both);
        // The whole interval is beyond the axis: one arrow head in its direction.
        assert_eq!(heads((-5.0, -1.0)), [(100.0, 106.0)]);
    }
}
