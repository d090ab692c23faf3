//! `freerider`: never uploads.

use alloc::boxed::Box;

use crate::choke::entry::Entry;
use crate::choke::policy::{ChokePolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use crate::meter::Estimator;
use crate::rng::Rng;

/// Never unchokes anybody, not even as a seed. The choking of `BitThief` (Locher et al., `HotNets`
/// 2006). That client also asks the tracker often, connects to everybody and takes any piece:
/// settings of the client and the picker, not of the policy.
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
        Triggers {
            tick: None,
            interest: Scope::Never,
            connected: Scope::Never,
            disconnected: Scope::Never,
            block: Scope::Never,
        }
    }

    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    fn decide(&mut self, _: Trigger, _: &Snapshot<'_>, _: &mut Rng) -> Decision {
        Decision::default()
    }
}
