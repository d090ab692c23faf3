//! Renders scenes as PNG, and measures the width of texts. The bitmap is drawn at twice its final
//! size and averaged, because the backend does not smooth lines well.

use std::sync::OnceLock;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, FontStyle, register_font};
use plotters_backend::BackendColor;

use super::palette::WHITE;
use super::scene::{Anchor, Color, Scene, Shape};

/// Backend pixels per scene pixel. The backend only supports whole pixels.
const SCALE: f64 = 4.0;
/// The backend centres the line box, not the letters. This is the difference, in letter heights.
const DROP: f64 = 0.1;
/// Name of the embedded font.
const FAMILY: &str = "Source Sans 3";

/// Why a scene cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct RenderError(String);

fn failed(error: impl std::fmt::Display) -> RenderError {
    RenderError(error.to_string())
}

fn fonts() -> Result<(), RenderError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let regular = include_bytes!("../../../assets/SourceSans3-Regular.ttf");
    let bold = include_bytes!("../../../assets/SourceSans3-SemiBold.ttf");
    let done = DONE.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, regular).is_ok()
            && register_font(FAMILY, FontStyle::Bold, bold).is_ok()
    });
    if *done {
        Ok(())
    } else {
        Err(failed("the embedded font is damaged"))
    }
}

/// The scene without its caption as a PNG file, at twice its size.
pub(super) fn bare_png(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    fonts()?;
    let (width, height) = (whole(scene.width), whole(scene.height));
    let mut pixels = vec![0; width as usize * height as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
        draw(scene, &mut backend)?;
        backend.present().map_err(failed)?;
    }
    let (small, width, height) = halved(&pixels, width as usize, height as usize);
    let mut bytes = Vec::new();
    // Few PNGs are made and all are kept, so small files matter more than speed.
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive);
    image::ImageEncoder::write_image(encoder, &small, width, height, image::ColorType::Rgb8)
        .map_err(failed)?;
    Ok(bytes)
}

/// Averages each 2 x 2 pixels into one. Uses slices instead of indices, because tests run it
/// without optimisation.
fn halved(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, u32, u32) {
    let (half_width, half_height) = (width / 2, height / 2);
    let mut small = vec![0; half_width * half_height * 3];
    let lines = pixels.chunks_exact(2 * width * 3);
    for (line, drawn) in small.chunks_exact_mut(half_width * 3).zip(lines) {
        let (upper, lower) = drawn.split_at(width * 3);
        let (upper, lower) = (upper.as_chunks::<6>().0, lower.as_chunks::<6>().0);
        let pixels = line.as_chunks_mut::<3>().0.iter_mut();
        for (pixel, (a, b)) in pixels.zip(upper.iter().zip(lower)) {
            *pixel = [
                mean([a[0], a[3], b[0], b[3]]),
                mean([a[1], a[4], b[1], b[4]]),
                mean([a[2], a[5], b[2], b[5]]),
            ];
        }
    }
    let size = |it: usize| u32::try_from(it).expect("pictures are small");
    (small, size(half_width), size(half_height))
}

#[expect(
    clippy::cast_lossless,
    clippy::cast_possible_truncation,
    reason = "the mean of bytes is a byte, and without optimisation a conversion is a call"
)]
fn mean(bytes: [u8; 4]) -> u8 {
    let sum = bytes[0] as u16 + bytes[1] as u16 + bytes[2] as u16 + bytes[3] as u16;
    ((sum + 2) / 4) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pictures are a few thousand pixels wide"
)]
fn whole(length: f64) -> u32 {
    (length * SCALE).round() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "pictures are a few thousand pixels wide"
)]
fn fine((x, y): (f64, f64)) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn ink(Color(r, g, b): Color, alpha: f64) -> BackendColor {
    BackendColor {
        alpha,
        rgb: (r, g, b),
    }
}

fn draw<B: DrawingBackend>(scene: &Scene, backend: &mut B) -> Result<(), RenderError> {
    let corner = fine((scene.width, scene.height));
    let white = ink(WHITE, 1.0);
    backend
        .draw_rect((0, 0), corner, &white, true)
        .map_err(failed)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Line {
                points,
                color,
                width,
            } => {
                let color = RGBColor(color.0, color.1, color.2);
                let style = ShapeStyle::from(&color).stroke_width(whole(*width).max(1));
                let points = points.iter().map(|it| fine(*it));
                backend.draw_path(points, &style).map_err(failed)?;
            }
            Shape::Area {
                points,
                color,
                alpha,
            } => {
                let points = points.iter().map(|it| fine(*it));
                backend
                    .fill_polygon(points, &ink(*color, *alpha))
                    .map_err(failed)?;
            }
            Shape::Dot { at, radius, color } => {
                let radius = whole(*radius);
                backend
                    .draw_circle(fine(*at), radius, &ink(*color, 1.0), true)
                    .map_err(failed)?;
            }
            Shape::Text {
                at,
                text,
                size,
                color,
                anchor,
                bold,
            } => {
                let weight = if *bold {
                    FontStyle::Bold
                } else {
                    FontStyle::Normal
                };
                let font = FontDesc::new(FontFamily::Name(FAMILY), size * SCALE, weight);
                let h_pos = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let letters = RGBColor(color.0, color.1, color.2);
                let style = TextStyle::from(font)
                    .color(&letters)
                    .pos(Pos::new(h_pos, VPos::Center));
                let at = (at.0, at.1 + size * DROP);
                backend.draw_text(text, &style, fine(at)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// Width of a text in scene pixels.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    if fonts().is_err() {
        return 0.0;
    }
    let font = FontDesc::new(FontFamily::Name(FAMILY), size * SCALE, FontStyle::Normal);
    font.box_size(text)
        .map_or(0.0, |it| f64::from(it.0) / SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::figure::scene::Style;

    fn scene() -> Scene {
        let mut scene = Scene::new(40.0, 20.0);
        scene.text(
            (2.0, 10.0),
            "a < b & \"c\"",
            Style::new(8.0, Color(0, 0, 0)).bold(),
        );
        scene.line(&[(0.0, 0.0), (40.0, 20.0)], Color(200, 0, 0), 1.5);
        scene
    }

    #[test]
    fn png_has_twice_the_size_and_is_the_same_every_time() {
        let bytes = bare_png(&scene()).expect("drawn");
        assert_eq!(&bytes[16..24], [0, 0, 0, 80, 0, 0, 0, 40]);
        assert_eq!(bytes, bare_png(&scene()).expect("drawn"));
    }

    #[test]
    fn the_embedded_font_is_used() {
        assert!(text_width("wide text", 10.0) > text_width("text", 10.0));
        assert!(text_width("text", 10.0) > 5.0);
    }
}
