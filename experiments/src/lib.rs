//! Plans, runner, statistics, plots and report.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds of a run stay below 2^53"
)]

pub mod cli;
