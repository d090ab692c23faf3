//! Statistics of paired runs. The unit is a run (one seed); peers of a run are not independent.
//!
//! Floats live in this crate only. Sums run in the order given, `ln` and `exp` come from a crate
//! and not from the machine's libm, and figures are rounded to nine significant digits when
//! written, so that results are the same bytes everywhere.

pub mod bootstrap;
pub mod bounds;
pub mod distribution;
pub mod estimate;
pub mod fairness;
pub mod interval;
pub mod math;
pub mod meta;
pub mod method;
pub mod moments;
pub mod multiple;
pub mod pairing;
pub mod power;
pub mod studentised;
pub mod warmup;
