//! `unchoke_all`: all peers are unchoked at once and for ever.

use alloc::boxed::Box;

use crate::choke::entry::Entry;
use crate::choke::parts::everybody;
use crate::choke::policy::{ChokePolicy, Decision, Snapshot, Trigger, Triggers};
use crate::rng::Rng;

/// Unchokes every peer as soon as it is connected and never chokes. rqbit does this
/// (`ikatson/rqbit@a499d2f`: unchoke right after the bitfield, no choke is ever sent).
#[derive(Clone, Copy, Debug, Default)]
pub struct UnchokeAll;

pub(crate) const ENTRY: Entry = Entry {
    id: "unchoke_all",
    summary: "unchokes everybody at once and never chokes, as rqbit does",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(UnchokeAll),
};

impl ChokePolicy for UnchokeAll {
    fn triggers(&self) -> Triggers {
        everybody::ON_CONNECTION
    }

    fn decide(&mut self, trigger: Trigger, _: &Snapshot<'_>, _: &mut Rng) -> Decision {
        everybody::unchoke_new(trigger)
    }
}
