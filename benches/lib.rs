//! Benchmarks of the workspace, in `benches/`: criterion benchmarks for people, `instructions` for
//! CI.
//!
//! This library has the subjects that both kinds measure, and the comparison of counts.

pub mod counts;
mod star;
mod subjects;

pub use star::Star;
pub use subjects::{Choking, Holds, Picking, UNPAID, messages, swarm};
