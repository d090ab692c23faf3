//! Statistics of paired runs. The unit is the run (one seed), because peers of a run are not
//! independent.
//!
//! Floats are used only in this crate. To give the same bytes on every machine, sums run in a fixed
//! order, `ln` and `exp` come from a crate instead of the machine's libm, and figures are rounded
//! to nine significant digits when written.

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
