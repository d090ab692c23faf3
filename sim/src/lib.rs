//! Deterministic discrete-event swarm simulator.
//!
//! A [`scenario`] and a seed give a [`spec::SwarmSpec`]; [`world::run`] runs it and gives a
//! [`result::RunResult`]. Inside: one [`queue`] of events, max-min fair [`link`]s, and the very
//! core that the real client runs.
//!
//! # In the order a reader needs
//!
//! 1. [`scenario`]: what can be said about a swarm, and the built-in ones. [`spec`]: the same with
//!    everything drawn.
//! 2. [`world`]: the loop. It takes the next event, hands it to the client that it concerns, and
//!    carries out what the client wants.
//! 3. [`link`]: who gets how much of which line. [`queue`]: what happens next.
//! 4. [`result`] and [`trace`]: what came out, and all that happened on the way.
//!
//! # The path of one block
//!
//! A client's `Piece` message joins the stream of its connection (`stream.rs`). The link solver gives
//! the stream a rate; a new flow, or one that ends, changes the rates of those that share a line with
//! it. When the last byte has left, the queue holds the moment at which it arrives, after the delay;
//! then the world hands the message to the receiver's client, and to the sender's that the link takes
//! another block. `checker.rs` counts on both sides and compares at the end.
//!
//! Deliberately not here: floats, hash maps, clocks. Parallelism is across runs; only the windows engine
//! (`world/windows.rs`) runs one swarm on several threads, and its results do not depend on how many.

#![deny(clippy::float_arithmetic)]

mod access;
mod checker;
pub mod distribution;
mod have_run;
pub mod link;
mod node;
pub mod parameter;
mod places;
pub mod policies;
pub mod queue;
pub mod result;
pub mod scenario;
pub mod spec;
mod stream;
pub mod trace;
pub mod transport;
pub mod units;
pub mod world;
