//! A drawing as a list of primitives, in pixels from the upper left corner.

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// The point of a text that is placed at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Left end.
    Start,
    /// Middle.
    Middle,
    /// Right end.
    End,
}

/// Something drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Line through points.
    Line {
        /// Where.
        points: Vec<(f64, f64)>,
        /// Colour.
        color: Color,
        /// Width.
        width: f64,
    },
    /// Filled polygon.
    Area {
        /// Corners.
        points: Vec<(f64, f64)>,
        /// Colour.
        color: Color,
        /// 1 for opaque.
        alpha: f64,
    },
    /// Filled circle.
    Dot {
        /// Centre.
        at: (f64, f64),
        /// Radius.
        radius: f64,
        /// Colour.
        color: Color,
    },
    /// Text, vertically centred at its position.
    Text {
        /// Where.
        at: (f64, f64),
        /// What.
        text: String,
        /// Height of the letters.
        size: f64,
        /// Colour.
        color: Color,
        /// Which point of it.
        anchor: Anchor,
        /// Semi-bold.
        bold: bool,
    },
}

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Shapes in drawing order.
    pub shapes: Vec<Shape>,
    /// Caption. HTML pages write it as text below the drawing.
    pub caption: String,
}

/// Style of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) color: Color,
    pub(super) anchor: Anchor,
    pub(super) bold: bool,
}

impl Style {
    pub(super) const fn new(size: f64, color: Color) -> Self {
        Self {
            size,
            color,
            anchor: Anchor::Start,
            bold: false,
        }
    }

    pub(super) const fn middle(self) -> Self {
        Self {
            anchor: Anchor::Middle,
            ..self
        }
    }

    pub(super) const fn end(self) -> Self {
        Self {
            anchor: Anchor::End,
            ..self
        }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

impl Scene {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
            caption: String::new(),
        }
    }

    pub(super) fn line(&mut self, points: &[(f64, f64)], color: Color, width: f64) {
        self.shapes.push(Shape::Line {
            points: points.to_vec(),
            color,
            width,
        });
    }

    /// A straight line in dashes of four pixels.
    pub(super) fn dashed(&mut self, from: (f64, f64), to: (f64, f64), color: Color, width: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let mut start = 0.0;
        while start < length {
            let end = f64::min(start + 4.0, length);
            let at = |it: f64| (from.0 + dx * it / length, from.1 + dy * it / length);
            self.line(&[at(start), at(end)], color, width);
            start += 7.0;
        }
    }

    pub(super) fn area(&mut self, points: Vec<(f64, f64)>, color: Color, alpha: f64) {
        self.shapes.push(Shape::Area {
            points,
            color,
            alpha,
        });
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), width: f64, height: f64, color: Color) {
        let corners = [
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
        ];
        self.area(corners.to_vec(), color, 1.0);
    }

    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, color: Color) {
        self.shapes.push(Shape::Dot { at, radius, color });
    }

    pub(super) fn text(&mut self, at: (f64, f64), text: impl Into<String>, style: Style) {
        self.shapes.push(Shape::Text {
            at,
            text: text.into(),
            size: style.size,
            color: style.color,
            anchor: style.anchor,
            bold: style.bold,
        });
    }
}
