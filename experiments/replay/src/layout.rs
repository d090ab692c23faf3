//! Where peers stand: on a ring by class, origins in the middle.

use std::f64::consts::TAU;

use unchoke_sim::trace::Header;

/// Side of the square in which they stand.
pub const SIDE: f64 = 1000.0;

/// Radius of the outermost row; smaller where names of classes stand around it.
const OUTER: f64 = 450.0;
const OUTER_NAMED: f64 = 385.0;

/// Rows of the ring are this far apart, and peers at least.
const SPACING: f64 = 11.0;

/// Most that a peer may be wide, radius.
const WIDEST: f64 = 11.0;

/// Share of the ring that is left free between two classes.
const GAP: f64 = 0.02;

/// A standing plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Position of each node.
    pub at: Vec<(f64, f64)>,
    /// Radius of a peer's dot.
    pub radius: f64,
    /// Radius at which the names of classes stand.
    pub names: f64,
}

/// The functions of `libm` give the same figures on every machine.
fn polar(radius: f64, turn: f64) -> (f64, f64) {
    let (sine, cosine) = libm::sincos(turn * TAU);
    let at = |it: f64| libm::round((SIDE / 2.0 + radius * it) * 10.0) / 10.0;
    // From the top, clockwise.
    (at(sine), at(-cosine))
}

/// The plan for the nodes of a run.
#[must_use]
pub fn layout(header: &Header) -> Layout {
    let nodes = &header.nodes;
    let (origins, mut peers): (Vec<usize>, Vec<usize>) =
        (0..nodes.len()).partition(|it| nodes[*it].origin);
    // Who runs the same stands together, too.
    peers.sort_by_key(|it| (nodes[*it].class, nodes[*it].client, *it));
    let starts = |it: &[usize]| usize::from(nodes[it[0]].class != nodes[it[1]].class);
    let changes: usize = peers.windows(2).map(starts).sum();
    let classes = if changes == 0 { 0 } else { changes + 1 };
    let outer = if classes > 0 { OUTER_NAMED } else { OUTER };
    let mut at = vec![(SIDE / 2.0, SIDE / 2.0); nodes.len()];
    if origins.len() > 1 {
        let inner = f64::min(14.0 * origins.len() as f64 / TAU + 16.0, outer / 3.0);
        for (position, node) in origins.iter().enumerate() {
            at[*node] = polar(inner, position as f64 / origins.len() as f64);
        }
    }
    let step = (1.0 - GAP * classes as f64) / peers.len().max(1) as f64;
    let rows = libm::ceil(SPACING / (step * TAU * outer)).max(1.0);
    let mut turn = if classes > 0 { GAP / 2.0 } else { 0.0 };
    for (position, node) in peers.iter().enumerate() {
        if position > 0 && nodes[peers[position - 1]].class != nodes[*node].class {
            turn += GAP;
        }
        let row = position as f64 % rows;
        at[*node] = polar(outer - row * SPACING, turn + step / 2.0);
        turn += step;
    }
    let apart = f64::min(
        step * rows * TAU * (outer - (rows - 1.0) * SPACING),
        2.4 * WIDEST,
    );
    let apart = if rows > 1.0 {
        apart.min(SPACING)
    } else {
        apart
    };
    Layout {
        at,
        radius: libm::round(apart * 4.2) / 10.0,
        names: outer + 22.0,
    }
}
