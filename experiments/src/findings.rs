//! What runs say: measures of each, statistics over pairs of them, and verdicts.
//!
//! Deliberately not here: words and pictures for readers, which [`crate::show`] makes.

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
