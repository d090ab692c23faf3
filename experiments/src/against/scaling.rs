//! What a swarm costs over its size: `lab scaling`.
//!
//! Map: a [`plan`] says which sizes and policies, and what others need; [`table`] reads and writes
//! the rows; [`fit`] finds the exponents. The figure is in [`crate::show::figure`], and
//! the command runs each size in a process of its own, so that its peak memory is its own.
//!
//! Deliberately not here: determinism. Times are those of a machine and a day. What was measured by
//! the same engine on the same CPU is kept; everything else is measured anew.

pub mod fit;
pub mod plan;
pub mod table;

pub use fit::{Fit, by_series, fits};
pub use plan::Plan;
pub use table::{Point, Row};
