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
