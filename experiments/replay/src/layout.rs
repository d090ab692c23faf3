//! Positions of peers: on a ring by class, with the origins in the middle.

use std::f64::consts::TAU;

use unchoke_sim::trace::Header;

/// Side length of the square.
pub const SIDE: f64 = 1000.0;

/// Radius of the outermost row. It leaves room for the names of classes around it.
const OUTER: f64 = 450.0;
const OUTER_NAMED: f64 = 385.0;

/// Distance between rows of the ring, and smallest distance between peers.
const SPACING: f64 = 11.0;

/// Largest radius of a peer's dot.
const WIDEST: f64 = 11.0;

/// Share of the ring that stays empty between two classes.
const GAP: f64 = 0.02;

/// Positions of all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Position of each node.
    pub at: Vec<(f64, f64)>,
    /// Radius of a peer's dot.
    pub radius: f64,
    /// Radius of the circle with the names of classes.
    pub names: f64,
}

/// `libm` is used because its functions give the same values on every machine.
fn polar(radius: f64, turn: f64) -> (f64, f64) {
    let (sine, cosine) = libm::sincos(turn * TAU);
    let at = |it: f64| libm::round((SIDE / 2.0 + radius * it) * 10.0) / 10.0;
    // Starts at the top and goes clockwise.
    (at(sine), at(-cosine))
}

/// The positions of the nodes of a run.
#[must_use]
pub fn layout(header: &Header) -> Layout {
    let nodes = &header.nodes;
    let (origins, mut peers): (Vec<usize>, Vec<usize>) =
        (0..nodes.len()).partition(|it| nodes[*it].origin);
    // Peers with the same client are placed next to each other too.
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
