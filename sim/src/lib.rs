//! Deterministic discrete-event swarm simulator.
//!
//! A [`scenario`] and a seed give a [`spec::SwarmSpec`]; [`world::run`] runs it and gives a
//! [`result::RunResult`]. Inside: one [`queue`] of events, max-min fair [`link`]s, and the very
//! core that the real client runs.
//!
//! Deliberately not here: floats, hash maps, clocks, threads. Parallelism is across runs.

#![deny(clippy::float_arithmetic)]

mod checker;
pub mod distribution;
pub mod link;
mod node;
pub mod parameter;
mod places;
pub mod queue;
pub mod result;
pub mod scenario;
pub mod spec;
mod stream;
pub mod trace;
pub mod transport;
pub mod units;
pub mod world;
