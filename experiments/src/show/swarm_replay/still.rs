//! The middle of a run as a picture, for readers without JavaScript and for paper.

use unchoke_replay::layout::{Layout, SIDE};
use unchoke_replay::page::{PROGRESS, marked, middle};
use unchoke_replay::{Film, Flow, Frame};

use crate::show::figure::{Color, INK, Scene, Shape, WHITE, svg};

/// Pixels of the picture.
const PIXELS: f64 = 620.0;

/// Lines in the picture: the largest.
const LINES: usize = 300;

const FLOW: Color = Color(0xa8, 0xbf, 0xd2);
const ORIGIN_FLOW: Color = Color(0xe8, 0xa8, 0x77);

/// Colour of a peer that has this share of the pieces.
fn progress(share: f64) -> Color {
    let place = share.clamp(0.0, 1.0) * (PROGRESS.len() - 1) as f64;
    let mut from = 0;
    while from + 2 < PROGRESS.len() && place >= (from + 1) as f64 {
        from += 1;
    }
    let mix = |channel: usize| {
        let [low, high] = [from, from + 1].map(|it| f64::from(PROGRESS[it][channel]));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes"
        )]
        {
            (low + (high - low) * (place - from as f64)).round() as u8
        }
    };
    Color(mix(0), mix(1), mix(2))
}

/// The picture as SVG.
pub(super) fn still(film: &Film, layout: &Layout) -> String {
    let frame = &film.frames[middle(film)];
    let mut scene = Scene {
        width: PIXELS,
        height: PIXELS,
        shapes: Vec::new(),
        caption: String::new(),
    };
    let scale = PIXELS / SIDE;
    let at = |node: usize| (layout.at[node].0 * scale, layout.at[node].1 * scale);
    let mut flows: Vec<&Flow> = frame.flows.iter().collect();
    flows.sort_by_key(|it| (std::cmp::Reverse(it.units), it.from, it.to));
    for it in flows.iter().take(LINES) {
        let origin = film.header.nodes[usize::from(it.from)].origin;
        scene.shapes.push(Shape::Line {
            points: vec![at(it.from.into()), at(it.to.into())],
            color: if origin { ORIGIN_FLOW } else { FLOW },
            width: 0.8,
        });
    }
    for node in 0..film.header.nodes.len() {
        peer(
            &mut scene,
            film,
            frame,
            node,
            at(node),
            layout.radius * scale,
        );
    }
    svg(&scene)
}

fn peer(
    scene: &mut Scene,
    film: &Film,
    frame: &Frame,
    node: usize,
    (x, y): (f64, f64),
    radius: f64,
) {
    let info = &film.header.nodes[node];
    let life = frame.lives[node];
    if life == 0 || life == 3 {
        return;
    }
    let share = f64::from(frame.pieces[node]) / f64::from(film.piece_count.max(1));
    let square = |half: f64| {
        vec![
            (x - half, y - half),
            (x + half, y - half),
            (x + half, y + half),
            (x - half, y + half),
        ]
    };
    let diamond = |half: f64| vec![(x, y - half), (x + half, y), (x, y + half), (x - half, y)];
    for (grown, color) in [(0.8, INK), (0.0, progress(share))] {
        let radius = radius + grown;
        scene.shapes.push(match (info.origin, life) {
            (true, _) => area(diamond(radius * 1.6), color),
            (false, 2) => area(square(radius * 0.9), color),
            _ => Shape::Dot {
                at: (x, y),
                radius,
                color,
            },
        });
    }
    if marked(&film.header) == Some(info.client) && !info.origin {
        let radius = radius * 0.4;
        scene.shapes.push(Shape::Dot {
            at: (x, y),
            radius,
            color: WHITE,
        });
    }
}

fn area(points: Vec<(f64, f64)>, color: Color) -> Shape {
    let alpha = 1.0;
    Shape::Area {
        points,
        color,
        alpha,
    }
}
