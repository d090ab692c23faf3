//! The swarm replay: a page on which a reader can watch one run.
//!
//! [`Recorder`] takes the events of a run and summarises them in a few hundred steps of equal
//! duration, so that the size of the page is bounded for any run. `encode` packs the steps,
//! [`layout`] computes the positions of peers, and [`page`] combines everything with the script in
//! `assets/`, which unpacks and draws the steps.
//!
//! It is a separate crate because the reports and the lab in the browser both use it.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of peers and times within a run are far below 2^52"
)]

mod encode;
pub mod layout;
pub mod page;
mod record;

pub use record::{Film, Flow, Frame, Recorder, TooLarge, UNIT_BYTES};
