//! What the simulator is held against: theory and published swarms, real processes, and other
//! simulators.

pub mod recorded;
pub mod scaling;
pub mod testbed;
pub mod validation;
