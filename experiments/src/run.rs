//! Runs the units of a plan and stores their results.
//!
//! Deliberately not here: statistics. They begin in [`crate::findings`], after a run has ended.

pub mod cost;
pub mod engine;
pub mod expand;
pub mod host;
pub mod inspect;
pub mod json;
pub mod outcome;
pub mod registration;
pub mod runner;
pub mod sidecar;
pub mod store;
pub mod swarm;
#[cfg(test)]
pub(crate) mod toy;
pub mod unit;
