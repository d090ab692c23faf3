//! Benchmarks of the workspace, in `benches/`: criterion for people, `instructions` for machines.
//!
//! Here is what both kinds measure, so that they measure the same, and how counts compare.

pub mod counts;
mod star;
mod subjects;

pub use star::Star;
pub use subjects::{Choking, Holds, Picking, UNPAID, messages, swarm};
