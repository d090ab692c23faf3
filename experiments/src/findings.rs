//! Evaluates runs: measures of each run, statistics over pairs of runs, verdicts.
//!
//! In the order of a run's way through it: [`measure`] computes figures of one run (E1 to E5, times,
//! fairness); [`analysis`] pairs runs by seed and compares them, with intervals from [`stats`];
//! [`verdict`] turns intervals into words; [`conduct`] does all of this for a plan. [`factorial`],
//! [`tournament`] and [`coverage`] are studies of other kinds.
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
