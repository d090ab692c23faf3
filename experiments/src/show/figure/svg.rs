//! Renders scenes as small SVG files, because every figure is stored twice: in a file and in a
//! page. Shapes with equal attributes become one element, and attributes of all texts are stated
//! once.

use std::fmt::Write as _;

use super::panel::captioned;
use super::scene::{Anchor, Color, Scene, Shape};

/// Units of the view box per pixel, so that positions are whole numbers.
const SCALE: f64 = 4.0;
/// The font of the bitmaps, for readers who have it, then similar fonts.
const FAMILIES: &str = "Source Sans 3, Source Sans Pro, Helvetica, Arial, sans-serif";
/// Line height divided by letter height, as in bitmaps.
const LINE: f64 = 1.24;
/// Distance from the middle of lower-case letters to the baseline, in font sizes: half the
/// x-height.
const HALF_X_HEIGHT: f64 = 0.243;

/// The scene with its caption as an SVG document.
#[must_use]
pub fn svg(scene: &Scene) -> String {
    bare(&captioned(scene))
}

/// The scene without its caption as an SVG document. Lines and areas keep their order where they
/// may cover each other. Dots are drawn above them, and texts above everything.
#[must_use]
pub fn bare(scene: &Scene) -> String {
    let mut layers = Layers::default();
    for shape in &scene.shapes {
        layers.add(shape);
    }
    let (width, height) = (scene.width, scene.height);
    let mut text = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {0} {1}\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"{FAMILIES}\">\n\
         <path fill=\"#fff\" d=\"M0 0h{0}v{1}H0z\"/>\n",
        whole(width),
        whole(height)
    );
    let mut put = |it: std::fmt::Arguments<'_>| text.write_fmt(it).expect("text grows");
    for it in layers.ground.iter().chain(&layers.dots) {
        put(format_args!("<path {} d=\"{}\"/>\n", it.look, it.inside));
    }
    for it in &layers.texts {
        put(format_args!("<g {}>\n{}</g>\n", it.look, it.inside));
    }
    text.push_str("</svg>\n");
    text
}

/// Shapes with equal attributes, as one element.
struct Alike {
    /// The attributes of the element.
    look: String,
    inside: String,
}

#[derive(Default)]
struct Layers {
    /// Lines and areas.
    ground: Vec<Alike>,
    /// Position in `ground` of the lines after the last area. They may be merged, because lines
    /// that cross look nearly the same in any order.
    lines: usize,
    dots: Vec<Alike>,
    texts: Vec<Alike>,
}

fn join(among: &mut Vec<Alike>, first: usize, look: String, part: &str) {
    match among[first..].iter_mut().find(|it| it.look == look) {
        Some(it) => it.inside.push_str(part),
        None => among.push(Alike {
            look,
            inside: part.to_owned(),
        }),
    }
}

impl Layers {
    fn add(&mut self, shape: &Shape) {
        match shape {
            Shape::Line {
                points,
                color,
                width,
            } => {
                let (color, width) = (hex(*color), whole(*width).max(1));
                let look = format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"");
                join(&mut self.ground, self.lines, look, &way(points));
            }
            Shape::Area {
                points,
                color,
                alpha,
            } => self.area(points, *color, *alpha),
            Shape::Dot { at, radius, color } => {
                // A line of length zero with round ends is a dot.
                let (x, y) = fine(*at);
                let look = format!(
                    "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\"",
                    hex(*color),
                    2 * whole(*radius)
                );
                join(&mut self.dots, 0, look, &format!("M{x} {y}h0"));
            }
            Shape::Text {
                at,
                text,
                size,
                color,
                anchor,
                bold,
            } => {
                let font = size * SCALE / LINE;
                let weight = if *bold { " font-weight=\"bold\"" } else { "" };
                let anchor = match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                    Anchor::End => " text-anchor=\"end\"",
                };
                let color = hex(*color);
                let look = format!("font-size=\"{font:.1}\" fill=\"{color}\"{anchor}{weight}");
                let (x, middle) = fine(*at);
                let y = middle + rounded(font * HALF_X_HEIGHT);
                let part = format!("<text x=\"{x}\" y=\"{y}\">{}</text>\n", escape(text));
                join(&mut self.texts, 0, look, &part);
            }
        }
    }

    fn area(&mut self, points: &[(f64, f64)], color: Color, alpha: f64) {
        let mut look = format!("fill=\"{}\"", hex(color));
        // Areas that are transparent, or that have another orientation, would look different when
        // merged.
        let alone = alpha < 1.0 || !runs_clockwise(points);
        if alone {
            write!(look, " fill-opacity=\"{alpha}\"").expect("text grows");
        }
        let last = self.ground.len().saturating_sub(1);
        let first = if alone || self.lines < self.ground.len() {
            self.ground.len()
        } else {
            last
        };
        join(&mut self.ground, first, look, &(way(points) + "z"));
        self.lines = self.ground.len();
    }
}

/// The path from the first point to the last, in relative steps. Leaves out steps of length zero
/// and points on a straight line.
fn way(points: &[(f64, f64)]) -> String {
    let mut points = points.iter().map(|it| fine(*it));
    let Some(first) = points.next() else {
        return String::new();
    };
    let (mut before, mut steps) = (first, Vec::<(i64, i64)>::new());
    for it in points {
        let step = (it.0 - before.0, it.1 - before.1);
        before = it;
        if step == (0, 0) {
            continue;
        }
        match steps.last_mut() {
            Some(last) if goes_on(*last, step) => *last = (last.0 + step.0, last.1 + step.1),
            _ => steps.push(step),
        }
    }
    if steps.is_empty() {
        steps.push((0, 0));
    }
    let steps: Vec<String> = steps.iter().map(|(x, y)| format!("{x} {y}")).collect();
    format!("M{} {}l{}", first.0, first.1, steps.join(" "))
}

/// Whether a step continues in the direction of the previous one.
fn goes_on(before: (i64, i64), step: (i64, i64)) -> bool {
    before.0 * step.1 == before.1 * step.0 && before.0 * step.0 + before.1 * step.1 > 0
}

/// Orientation of a polygon. Merging polygons of different orientation would cut holes into them.
fn runs_clockwise(points: &[(f64, f64)]) -> bool {
    let next = points.iter().cycle().skip(1);
    let twice = points.iter().zip(next).map(|(a, b)| {
        let (a, b) = (fine(*a), fine(*b));
        a.0 * b.1 - b.0 * a.1
    });
    twice.sum::<i64>() >= 0
}

fn hex(Color(r, g, b): Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "pictures are a few thousand pixels wide"
)]
fn rounded(length: f64) -> i64 {
    length.round() as i64
}

fn whole(length: f64) -> i64 {
    rounded(length * SCALE)
}

fn fine((x, y): (f64, f64)) -> (i64, i64) {
    (whole(x), whole(y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::figure::scene::Style;

    #[test]
    fn positions_are_fine_and_texts_escaped() {
        let mut scene = Scene::new(40.0, 20.0);
        let style = Style::new(8.0, Color(0, 0, 0)).bold();
        scene.text((2.0, 10.0), "a < b & \"c\"", style);
        let text = svg(&scene);
        assert!(
            text.starts_with("<svg width=\"40\" height=\"20\" viewBox=\"0 0 160 80\""),
            "{text}"
        );
        assert!(text.contains("font-weight=\"bold\""), "{text}");
        assert!(text.contains(">a &lt; b &amp; \"c\"</text>"), "{text}");
    }

    #[test]
    fn what_looks_the_same_is_one_element() {
        let (red, blue) = (Color(200, 0, 0), Color(0, 0, 200));
        let mut scene = Scene::new(40.0, 20.0);
        scene.line(&[(0.0, 0.0), (40.0, 20.0)], red, 1.5);
        scene.dot((9.0, 9.0), 2.0, red);
        scene.line(&[(0.0, 20.0), (40.0, 0.0)], blue, 1.5);
        // A repeated point, and a point on a straight line.
        scene.line(
            &[
                (0.0, 20.0),
                (0.0, 20.0),
                (5.0, 20.0),
                (9.0, 20.0),
                (9.0, 0.0),
            ],
            red,
            1.5,
        );
        scene.rectangle((1.0, 1.0), 2.0, 3.0, red);
        scene.rectangle((5.0, 1.0), 2.0, 3.0, red);
        scene.line(&[(0.0, 0.0), (40.0, 20.0)], red, 1.5);
        scene.dot((9.0, 4.0), 2.0, red);
        let text = svg(&scene);
        for part in [
            "stroke=\"#c80000\" stroke-width=\"6\" d=\"M0 0l160 80M0 80l36 0 0 -80\"/>",
            "stroke=\"#0000c8\" stroke-width=\"6\" d=\"M0 80l160 -80\"/>",
            "fill=\"#c80000\" d=\"M4 4l8 0 0 12 -8 0zM20 4l8 0 0 12 -8 0z\"/>",
            "stroke=\"#c80000\" stroke-width=\"6\" d=\"M0 0l160 80\"/>",
            "stroke-width=\"16\" stroke-linecap=\"round\" d=\"M36 36h0M36 16h0\"/>",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(text.matches("<path").count(), 6, "with the ground");
    }

    #[test]
    fn what_shines_through_stays_apart() {
        let mut scene = Scene::new(40.0, 20.0);
        for x in [0.0, 5.0] {
            let corners = vec![(x, 0.0), (x + 9.0, 0.0), (x + 9.0, 9.0)];
            scene.area(corners, Color(0, 0, 0), 0.25);
        }
        assert_eq!(svg(&scene).matches("fill-opacity=\"0.25\"").count(), 2);
    }
}
