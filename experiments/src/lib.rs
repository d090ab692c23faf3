//! Plans, runner, statistics, plots, report and gate.
//!
//! Map, from the ground floor up; each uses only what stands above it in this list:
//! - [`plan`]: what is to be run, read and checked.
//! - [`run`]: a plan expands into units; an engine runs them, a store keeps what came out.
//! - [`findings`]: runs are measured, paired by seed, and judged.
//! - [`against`]: whether the simulator is right: theory, published swarms, real processes.
//! - [`show`]: tables, figures, words and pages for readers.
//! - [`gate`]: results beside those of another commit.
//! - [`cli`]: the commands.
//!
//! # The path of one plan
//!
//! `lab run PLAN` reads a file of `plans/` ([`plan`] says what is wrong with it, and where). Scenarios,
//! policies, shares of adopters and seeds are crossed into units, each with an id that is the hash of
//! what it runs. [`run`] looks which of them the store lacks, runs these on all cores (`sim` runs one
//! swarm a unit), and writes each whole or not at all. [`findings`] reads the units back, pairs runs of
//! one seed, and gives ratios with intervals and a verdict in words; `findings/measure.rs` computes E1
//! to E5 from the byte ledger of each run. [`show`] writes tables, figures and the report. One hash of all results ends the command.
//!
//! Deliberately not here: anything that happens inside a run. Floats begin where a run has ended.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds of a run stay below 2^53"
)]

pub mod against;
pub mod cli;
pub mod findings;
pub mod gate;
pub mod plan;
pub mod run;
pub mod show;

pub use cli::lab;
