//! Plans, runner, statistics, plots, report and gate.
//!
//! Map: a [`plan`] expands into [units](mod@unit); the [`runner`] has an [`engine`] run them and a [`store`]
//! keep their [`outcome`]s; [`analysis`] pairs them by seed with the help of [`measure`] and
//! [`stats`] and asks [`verdict`] for words; [`output`] writes the tables. [`tournament`] has every
//! policy of a plan meet every other. [`validation`] is apart: it asks whether the simulator is
//! right.
//!
//! Deliberately not here: anything that happens inside a run. Floats begin where a run has ended.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds of a run stay below 2^53"
)]

pub mod analysis;
pub mod cli;
pub mod conduct;
pub mod cost;
pub mod engine;
pub mod factorial;
pub mod figure;
pub mod gate;
pub mod measure;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod report;
pub mod runner;
pub mod scaling;
pub mod schema;
pub mod stats;
pub mod store;
pub mod swarm;
pub mod swarm_replay;
pub mod testbed;
pub mod tournament;
#[cfg(test)]
mod toy;
pub mod unit;
pub mod validation;
pub mod verdict;
pub mod words;
