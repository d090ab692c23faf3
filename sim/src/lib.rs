//! Deterministic discrete-event swarm simulator.
//!
//! One [`queue`] of events, max-min fair [`link`]s. A [`spec::SwarmSpec`] says what to run.

#![deny(clippy::float_arithmetic)]

pub mod distribution;
pub mod link;
pub mod queue;
pub mod scenario;
pub mod spec;
pub mod units;
