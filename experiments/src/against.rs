//! Compares the simulator with theory and published swarms, with real processes, and with other
//! simulators.

pub mod download;
pub mod recorded;
pub mod scaling;
pub mod testbed;
pub mod validation;
