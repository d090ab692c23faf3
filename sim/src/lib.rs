//! Deterministic discrete-event swarm simulator.

pub mod spec;
