//! The swarm replay: one run as a page on which one can watch it.
//!
//! [`Recorder`] takes the events of a run and sums them up in a few hundred steps of equal time, so
//! that the page is bounded whatever the run. `encode` packs the steps, [`layout`] says where peers
//! stand, [`page`] puts it all together with the script in `assets/`, which unpacks and draws.
//!
//! A crate of its own: the reports and the lab in the browser both show replays.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of peers and times within a run are far below 2^52"
)]

mod encode;
pub mod layout;
pub mod page;
mod record;

pub use record::{Film, Flow, Frame, Recorder, TooLarge, UNIT_BYTES};
