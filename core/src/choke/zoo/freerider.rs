//! `freerider`: never uploads.

use alloc::boxed::Box;

use crate::choke::entry::Entry;
use crate::choke::policy::{ChokePolicy, Decision, Snapshot, Trigger, Triggers};
use crate::rng::Rng;

/// Never unchokes a peer, not even as a seed. The choking of `BitThief` (Locher et al., `HotNets`
/// 2006). That client also asks the tracker often, connects to all peers and takes any piece. Those
/// are settings of the client and the picker, not of the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freerider;

pub(crate) const ENTRY: Entry = Entry {
    id: "freerider",
    summary: "never uploads, as BitThief",
    uploads: false,
    parameters: &[],
    make: |_| Box::new(Freerider),
};

impl ChokePolicy for Freerider {
    fn triggers(&self) -> Triggers {
        Triggers::NEVER
    }

    fn decide(&mut self, _: Trigger, _: &Snapshot<'_>, _: &mut Rng) -> Decision {
        Decision::default()
    }
}
