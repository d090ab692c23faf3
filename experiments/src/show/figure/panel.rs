//! Common parts of figures: headings, captions, frames, legends.

use super::axis::{Axis, label};
use super::palette::{self, GREY, INK, RULE};
use super::render::text_width;
use super::scene::{Color, Scene, Style};
use crate::plan::Plan;
use crate::run::unit::{Mix, mix_name};

/// Margin left and right of everything.
pub(super) const EDGE: f64 = 24.0;
/// How much wider than [`text_width`] a text may be in an SVG if the reader has another font.
/// `DejaVu` Sans, one of the widest, takes up to 1.26 of the width of our font, and SVG files have
/// letters that are 1.15 of the size that is measured, which is that of bitmaps.
const OTHER_FONT: f64 = 1.45;
/// The same for bold letters, which are measured as if they were not bold.
const OTHER_BOLD: f64 = 1.68;
/// Height of a line of the caption.
const CAPTION_LINE: f64 = 15.0;
const CAPTION_SIZE: f64 = 11.5;

/// Draws the title in the upper left corner, in more lines than one if it needs them; returns the
/// vertical position below it.
pub(super) fn title(scene: &mut Scene, text: &str) -> f64 {
    let (size, mut y) = (17.0, 24.0);
    for line in wrap(text, size * OTHER_BOLD, scene.width - 2.0 * EDGE) {
        scene.text((EDGE, y), line, Style::new(size, INK).bold());
        y += 22.0;
    }
    y - 2.0
}

/// Ends the drawing at `bottom` and sets its caption.
pub(super) fn caption(scene: &mut Scene, bottom: f64, text: &str) {
    scene.height = (bottom + 8.0).ceil();
    text.clone_into(&mut scene.caption);
}

/// The drawing with its caption below it, for files without a page around them.
pub(super) fn captioned(scene: &Scene) -> Scene {
    let mut scene = scene.clone();
    if scene.caption.is_empty() {
        return scene;
    }
    let bottom = scene.height - 8.0;
    let size = CAPTION_SIZE * OTHER_FONT;
    let lines = wrap(&scene.caption, size, scene.width - 2.0 * EDGE);
    for (at, line) in lines.iter().enumerate() {
        let y = bottom + 14.0 + CAPTION_LINE * at as f64;
        scene.text((EDGE, y), line.clone(), Style::new(CAPTION_SIZE, GREY));
    }
    scene.height = (bottom + 20.0 + CAPTION_LINE * lines.len() as f64).ceil();
    scene
}

/// The text in lines of this width. A number stays on the line of its sign for per cent.
fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(number) if word.starts_with('%') => *number = format!("{number} {word}"),
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("there is always a line");
        let longer = if line.is_empty() {
            word.clone()
        } else {
            format!("{line} {word}")
        };
        if text_width(&longer, size) > width && !line.is_empty() {
            lines.push(word);
        } else {
            *line = longer;
        }
    }
    lines
}

/// Names of these swarms with the colours of their policies, for [`legend`].
pub(super) fn names(plan: &Plan, mixes: &[Mix]) -> Vec<(String, Color)> {
    let mixes = mixes.iter().enumerate();
    let named = mixes.map(|(at, mix)| (mix_name(plan, *mix), palette::policy(at)));
    named.collect()
}

/// Coloured names in one or more rows; returns the vertical position below them.
pub(super) fn legend(scene: &mut Scene, y: f64, names: &[(String, Color)]) -> f64 {
    let words: Vec<&str> = names.iter().map(|it| it.0.as_str()).collect();
    legend_of(scene, y, &words, |scene, (x, y), at| {
        scene.rectangle((x, y - 5.0), 14.0, 10.0, names[at].1);
    })
}

/// Names in one or more rows, each after its sign; `sign` draws one, 14 pixels wide. Returns the
/// vertical position below them.
pub(super) fn legend_of(
    scene: &mut Scene,
    y: f64,
    names: &[&str],
    sign: impl Fn(&mut Scene, (f64, f64), usize),
) -> f64 {
    let (mut x, mut y) = (EDGE, y);
    for (at, name) in names.iter().enumerate() {
        let width = 36.0 + text_width(name, 13.0) * OTHER_FONT;
        if x + width > scene.width - EDGE && x > EDGE {
            (x, y) = (EDGE, y + 20.0);
        }
        sign(scene, (x, y), at);
        scene.text((x + 20.0, y), *name, Style::new(13.0, INK));
        x += width;
    }
    y + 20.0
}

/// A frame with both axes.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// Draws the grid, the tick labels and the heading of a panel.
    pub(super) fn draw(&self, scene: &mut Scene, head: &str, x_title: &str) {
        let (left, right) = (self.x.start, self.x.end);
        let (bottom, top) = (self.y.start, self.y.end);
        for tick in self.y.ticks(5.0) {
            let y = self.y.at(tick);
            scene.line(&[(left, y), (right, y)], RULE, 0.75);
            scene.text((left - 6.0, y), label(tick), Style::new(11.0, GREY).end());
        }
        for tick in self.x.ticks((right - left) / 60.0) {
            let x = self.x.at(tick);
            scene.line(&[(x, bottom), (x, bottom + 4.0)], GREY, 0.75);
            scene.text(
                (x, bottom + 13.0),
                label(tick),
                Style::new(11.0, GREY).middle(),
            );
        }
        scene.line(&[(left, bottom), (right, bottom)], GREY, 1.0);
        if !head.is_empty() {
            scene.text((left, top - 13.0), head, Style::new(13.0, INK).bold());
        }
        if !x_title.is_empty() {
            let middle = f64::midpoint(left, right);
            scene.text(
                (middle, bottom + 29.0),
                x_title,
                Style::new(11.5, GREY).middle(),
            );
        }
    }
}

/// Left and right pixel of each of `count` panels in a row.
pub(super) fn columns(width: f64, count: usize, margin: f64) -> Vec<(f64, f64)> {
    let each = (width - 2.0 * EDGE) / count as f64;
    (0..count)
        .map(|at| {
            let left = EDGE + each * at as f64 + margin;
            (left, left + each - margin - 12.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without our font, a reader's letters are wider: see [`OTHER_FONT`].
    #[test]
    fn captions_have_room_for_another_font() {
        let width = 400.0;
        let text = "Marks beyond an axis lie on it. ".repeat(20);
        let lines = wrap(&text, CAPTION_SIZE * OTHER_FONT, width);
        assert!(lines.len() > 1);
        let widths = lines.iter().map(|it| text_width(it, CAPTION_SIZE));
        assert!(widths.fold(0.0, f64::max) <= width / 1.42, "{lines:?}");
        let lines = wrap(&"a saving of 40 %. ".repeat(20), CAPTION_SIZE, width);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|it| !it.starts_with('%')), "{lines:?}");
    }

    /// Bold letters of another font are wider still.
    #[test]
    fn a_long_title_has_several_lines() {
        let mut scene = Scene::new(500.0, 0.0);
        assert!(title(&mut scene, "Short") <= 44.0);
        let below = title(&mut scene, &"What a long name saves ".repeat(5));
        let lines = scene.shapes.len() - 1;
        assert!(lines > 1 && below > 20.0 + 22.0 * lines as f64);
        for it in &scene.shapes {
            let crate::show::figure::scene::Shape::Text { text, size, .. } = it else {
                panic!("a title is text");
            };
            assert!(
                text_width(text, *size) * 1.65 <= 500.0 - 2.0 * EDGE,
                "{text}"
            );
        }
    }
}
