//! The swarm replay: one run as a page on which one can watch it.
//!
//! [`Recorder`] takes the events of a run and sums them up in a few hundred steps of equal time, so
//! that the page is bounded whatever the run; `encode` packs the steps, `layout` says where peers
//! stand, `still` draws the middle of the run for readers without JavaScript, `page` puts it all
//! together with the script in `assets/swarm_replay/`, which unpacks and draws.

mod encode;
mod layout;
mod page;
mod record;
mod still;

pub use page::{fragment, page};
pub use record::{Film, Frame, Recorder, TooLarge, UNIT_BYTES};
