//! `fairtorrent`: the next block goes to the peer we owe most.

use alloc::boxed::Box;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::{everybody, rank};
use crate::choke::policy::{
    ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers, UploadOrder,
};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// `FairTorrent` (Sherman, Nieh and Stein, `CoNEXT` 2009). No peer is choked. The next block goes
/// to the ready peer with the smallest value of bytes sent minus bytes received. No rate is
/// estimated and there is nothing to tune. A seed receives nothing, so it sends the same amount to
/// all.
///
/// Peers with equal values are served in key order; the paper does not say. `in_flight` is our
/// addition.
#[derive(Clone, Copy, Debug)]
pub struct FairTorrent {
    in_flight: u32,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "fairtorrent",
    summary: "FairTorrent: nobody is choked, the next block goes to whom we owe most",
    uploads: true,
    parameters: &[Parameter::IN_FLIGHT],
    make: |values| {
        let in_flight = values.in_flight();
        Box::new(FairTorrent { in_flight })
    },
};

impl ChokePolicy for FairTorrent {
    fn triggers(&self) -> Triggers {
        everybody::ON_CONNECTION
    }

    fn upload_order(&self) -> UploadOrder {
        UploadOrder::ByPolicy {
            in_flight: self.in_flight,
        }
    }

    fn decide(&mut self, trigger: Trigger, _: &Snapshot<'_>, _: &mut Rng) -> Decision {
        everybody::unchoke_new(trigger)
    }

    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        rank::owed_most(ready)
    }
}
