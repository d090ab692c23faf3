//! A matrix of effects as a heat map.

use super::palette::{GREY, INK, RULE, WHITE, diverging};
use super::panel::{EDGE, caption, title};
use super::render::text_width;
use super::scene::{Scene, Style};
use crate::findings::stats::math::{exp, signed};

/// Width and height of a cell.
const CELL: (f64, f64) = (33.0, 20.0);
const NAME_SIZE: f64 = 11.0;

/// One effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatCell {
    /// Logarithm of a ratio; negative values are good.
    pub log_ratio: f64,
    /// Whether it is significantly different from no effect.
    pub shown: bool,
}

/// A matrix of effects. Rows and columns have the same names in the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Heading of the figure.
    pub title: String,
    /// What a row stands for.
    pub row: String,
    /// What a column stands for.
    pub column: String,
    /// What it shows, with the number of seeds and the method.
    pub caption: String,
    /// Names of the rows and columns.
    pub names: Vec<String>,
    /// Cells row by row; `None` if there is nothing to compare.
    pub cells: Vec<Vec<Option<HeatCell>>>,
}

/// Logarithm of the ratio with the strongest colour: 1.5 and 1 / 1.5.
const FULL: f64 = 0.405_465_108_108_164_4;

impl Heat {
    /// Draws the figure.
    #[must_use]
    pub fn scene(&self) -> Scene {
        let longest = self.names.iter().map(|it| text_width(it, NAME_SIZE));
        let longest = longest.fold(0.0, f64::max) * 1.1;
        let count = self.names.len() as f64;
        let left = EDGE + 20.0 + longest;
        let width = left + CELL.0 * count + EDGE;
        let mut scene = Scene::new(width.max(640.0), 0.0);
        let y = title(&mut scene, &self.title);
        scene.text((left, y + 4.0), &self.column, Style::new(12.0, GREY));
        scene.text((EDGE, y + 4.0), &self.row, Style::new(12.0, GREY));
        let mut top = y + 16.0;
        // Column names do not fit next to each other. So they are spread over four lines above the
        // columns, each with a thin line down to its column.
        let lines = 4;
        for (at, name) in self.names.iter().enumerate() {
            let middle = left + CELL.0 * (at as f64 + 0.5);
            let line = top + 8.0 + 14.0 * (at % lines) as f64;
            let bottom = top + 14.0 * lines as f64 + 4.0;
            scene.line(&[(middle, line + 6.0), (middle, bottom)], RULE, 0.75);
            scene.text((middle, line), name, Style::new(10.0, INK).middle());
        }
        top += 14.0 * lines as f64 + 6.0;
        for (row, cells) in self.cells.iter().enumerate() {
            let upper = top + CELL.1 * row as f64;
            let middle = upper + CELL.1 / 2.0;
            let name = Style::new(NAME_SIZE, INK).end();
            scene.text((left - 6.0, middle), &self.names[row], name);
            for (column, cell) in cells.iter().enumerate() {
                let x = left + CELL.0 * column as f64;
                draw(&mut scene, (x, upper), *cell);
            }
        }
        let bottom = top + CELL.1 * count + 6.0;
        caption(&mut scene, bottom, &self.caption);
        scene
    }
}

fn draw(scene: &mut Scene, (x, y): (f64, f64), cell: Option<HeatCell>) {
    let (width, height) = (CELL.0 - 1.0, CELL.1 - 1.0);
    let Some(cell) = cell else {
        scene.rectangle((x, y), width, height, RULE);
        return;
    };
    let strength = (cell.log_ratio / FULL).clamp(-1.0, 1.0);
    scene.rectangle((x, y), width, height, diverging(strength));
    let ink = match (strength.abs(), cell.shown) {
        (deep, _) if deep > 0.7 => WHITE,
        (deep, false) if deep < 0.35 => GREY,
        _ => INK,
    };
    let style = Style::new(10.0, ink).middle();
    let percent = (exp(cell.log_ratio) - 1.0) * 100.0;
    let text = if percent < 999.0 {
        signed(percent, 0)
    } else {
        "×10+".to_owned()
    };
    scene.text((x + width / 2.0, y + height / 2.0), text, style);
    if cell.shown {
        let (right, bottom) = (x + width, y + height);
        let corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)];
        scene.line(&corners, INK, 1.25);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::figure::scene::Shape;

    #[test]
    fn every_cell_is_written_with_its_sign() {
        let cell = |ratio: f64| {
            Some(HeatCell {
                log_ratio: crate::findings::stats::math::ln(ratio),
                shown: true,
            })
        };
        let heat = Heat {
            title: "Time".to_owned(),
            row: "adopter".to_owned(),
            column: "incumbent".to_owned(),
            caption: "Two.".to_owned(),
            names: vec!["a".to_owned(), "b".to_owned()],
            cells: vec![vec![None, cell(0.8)], vec![cell(1.25), cell(1.0)]],
        };
        let scene = heat.scene();
        let has = |wanted: &str| {
            let is = |it: &Shape| matches!(it, Shape::Text { text, .. } if text == wanted);
            scene.shapes.iter().any(is)
        };
        assert!(has("-20") && has("+25") && has("0"), "{:?}", scene.shapes);
        assert!(scene.height > 100.0);
    }
}
