//! Deterministic discrete-event swarm simulator.

pub mod distribution;
pub mod spec;
pub mod units;
