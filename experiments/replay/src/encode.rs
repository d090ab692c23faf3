//! Packs the steps of a film. `assets/steps.js` unpacks them; change both together.
//!
//! All numbers are LEB128 integers. In a row of numbers, which are mostly 0, each 0 is followed by
//! the number of further 0s after it. Lists are sorted, and each entry is stored as the difference
//! from the previous one.

use unchoke_sim::trace::put_varint;

use crate::record::{Film, Frame, UNIT_BYTES};

/// Packed bytes per peer, before base64 makes four bytes of three.
const BYTES_A_PEER: usize = 5_600;

/// Smallest and largest limit for the size of a film.
const LEAST_BYTES: usize = 700_000;
const MOST_BYTES: usize = 5_600_000;

/// Steps are not merged below this number of steps.
const LEAST_FRAMES: usize = 25;

/// Flows with this many blocks or more store the rest in a separate number; smaller flows store the
/// number of blocks together with the distance.
const MANY_UNITS: u32 = 4;

/// Packs `film`. Merges its steps until they fit a page.
pub(crate) fn encode(film: &mut Film) -> Vec<u8> {
    let most = (BYTES_A_PEER * film.header.nodes.len()).clamp(LEAST_BYTES, MOST_BYTES);
    loop {
        let bytes = pack(film);
        if bytes.len() <= most || film.frames.len() / 2 < LEAST_FRAMES {
            return bytes;
        }
        film.halve();
    }
}

fn pack(film: &Film) -> Vec<u8> {
    let count = film.header.nodes.len();
    let mut before = Frame {
        lives: vec![0; count],
        pieces: vec![0; count],
        down: vec![0; count],
        up: vec![0; count],
        copies: vec![0; film.columns() as usize],
        ..Frame::default()
    };
    let mut out = Vec::new();
    for frame in &film.frames {
        step(&mut out, film, &before, frame);
        before = frame.clone();
    }
    out
}

/// Packs the differences from the previous step.
fn step(out: &mut Vec<u8>, film: &Film, before: &Frame, frame: &Frame) {
    let lives = before.lives.iter().zip(&frame.lives);
    row(
        out,
        lives.map(|(old, new)| zigzag((*old).into(), (*new).into())),
    );
    let pieces = before.pieces.iter().zip(&frame.pieces);
    row(
        out,
        pieces.map(|(old, new)| zigzag((*old).into(), (*new).into())),
    );
    for (old, new) in [(&before.down, &frame.down), (&before.up, &frame.up)] {
        // Rounds the sums instead of the differences, so that rounding errors do not add up.
        let units = |it: &u64| it / UNIT_BYTES;
        row(
            out,
            old.iter()
                .zip(new)
                .map(|(old, new)| units(new) - units(old)),
        );
    }
    let copies = before.copies.iter().zip(&frame.copies);
    row(
        out,
        copies.map(|(old, new)| zigzag((*old).into(), (*new).into())),
    );

    let (columns, count) = (u64::from(film.columns()), film.header.nodes.len() as u64);
    let mut list = List::new(out, frame.gained.len());
    for (node, column) in &frame.gained {
        list.put(out, u64::from(*node) * columns + u64::from(*column), 1, 0);
    }
    put_varint(out, frame.flow_count.into());
    let mut list = List::new(out, frame.flows.len());
    for it in &frame.flows {
        let key = u64::from(it.from) * count + u64::from(it.to);
        let units = it.units.min(MANY_UNITS);
        list.put(out, key, MANY_UNITS.into(), u64::from(units - 1));
        if units == MANY_UNITS {
            put_varint(out, (it.units - MANY_UNITS).into());
        }
    }
    let mut list = List::new(out, frame.ties.len());
    for ((from, to), tie) in &frame.ties {
        let key = u64::from(*from) * count + u64::from(*to);
        let state = u64::from(tie.connected) + 2 * u64::from(tie.unchokes);
        list.put(out, key, 4, state);
    }
}

/// A small number for a small change in either direction.
const fn zigzag(old: u64, new: u64) -> u64 {
    if new >= old {
        (new - old) * 2
    } else {
        (old - new) * 2 - 1
    }
}

fn row(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut zeros = 0_u64;
    for value in values {
        if value == 0 {
            zeros += 1;
            continue;
        }
        end_zeros(out, &mut zeros);
        put_varint(out, value);
    }
    end_zeros(out, &mut zeros);
}

fn end_zeros(out: &mut Vec<u8>, zeros: &mut u64) {
    if *zeros > 0 {
        put_varint(out, 0);
        put_varint(out, *zeros - 1);
        *zeros = 0;
    }
}

/// A sorted list of keys, each with a small value.
struct List {
    next: u64,
}

impl List {
    fn new(out: &mut Vec<u8>, length: usize) -> Self {
        put_varint(out, length as u64);
        Self { next: 0 }
    }

    /// Adds the next entry; `value` must be below `values`.
    fn put(&mut self, out: &mut Vec<u8>, key: u64, values: u64, value: u64) {
        put_varint(out, (key - self.next) * values + value);
        self.next = key + 1;
    }
}
