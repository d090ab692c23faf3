//! Plans, runner, statistics, plots, report and gate.
//!
//! Map. Each module uses only modules above it in this list:
//! - [`plan`]: reads and checks plans.
//! - [`run`]: expands a plan into units, runs them, and stores the results.
//! - [`findings`]: measures runs, pairs them by seed, and gives verdicts.
//! - [`against`]: compares the simulator with theory, published swarms and real processes.
//! - [`show`]: writes tables, figures, sentences and pages.
//! - [`gate`]: compares results with those of another commit.
//! - [`cli`]: the commands.
//!
//! # The path of one plan
//!
//! `lab run PLAN` reads a file of `plans/`; [`plan`] reports mistakes and their places. The plan
//! expands into units: all combinations of scenarios, policies, adoptions and seeds. The id of a
//! unit is the hash of what it runs. [`run`] finds the units that the store lacks, runs them on all
//! cores (`sim` runs one swarm for each unit), and writes each file completely or not at all.
//! [`findings`] reads the units, pairs runs of one seed, and computes ratios, intervals and
//! verdicts; `findings/measure.rs` computes E1 to E5 from the byte ledger of each run. [`show`]
//! writes tables, figures and the report. At the end the command prints a hash of all results.
//!
//! This crate has no part in what happens during a run. It uses floats only after a run has ended.
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
