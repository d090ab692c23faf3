//! Cost of a swarm by number of peers: `lab scaling`.
//!
//! Map: a [`plan`] has the sizes and policies, and the figures of other simulators; [`table`] reads
//! and writes the rows; [`fit`] finds the exponents. The figure is drawn in
//! [`crate::show::figure`]. The command runs each size in a process of its own, to measure its peak
//! memory separately.
//!
//! Deliberately not here: determinism. Times depend on the machine and the day. Rows measured by
//! the same engine on the same CPU are kept; all others are measured again.

pub mod fit;
pub mod plan;
pub mod table;

pub use fit::{Fit, by_series, fits};
pub use plan::Plan;
pub use table::{Point, Row};
