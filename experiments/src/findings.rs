//! Evaluates runs: measures of each run, statistics over pairs of runs, verdicts.
//!
//! Deliberately not here: text and figures for readers; [`crate::show`] makes them.

pub mod analysis;
pub mod conduct;
pub mod coverage;
pub mod factorial;
pub mod measure;
pub mod stats;
pub(crate) mod table;
pub mod tournament;
#[cfg(test)]
pub(crate) mod toy;
pub mod verdict;
