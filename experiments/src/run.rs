//! Runs: the units of a plan, what runs and keeps them, and what came out.
//!
//! Deliberately not here: statistics. They begin in [`crate::findings`], where a run has ended.

pub mod cost;
pub mod engine;
pub mod expand;
pub mod host;
pub mod inspect;
pub mod outcome;
pub mod registration;
pub mod runner;
pub mod sidecar;
pub mod store;
pub mod swarm;
#[cfg(test)]
pub(crate) mod toy;
pub mod unit;
