//! Frame for policies that divide the upload by weight, with shares in thousandths.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::choke::entry::Values;
use crate::choke::policy::{
    BoxedPolicy, ChokePolicy, Decision, Snapshot, Trigger, Triggers, UploadOrder,
};
use crate::ids::PeerKey;
use crate::rng::Rng;

/// The rules of a policy that divides the upload by weight. [`Divided`] calls them.
pub(crate) trait Divide: fmt::Debug + Send {
    /// The shares from this tick on.
    fn leech(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision;

    /// The same for a seed. The first call must replace the weights and caps of the leecher, which
    /// last until changed.
    fn seed(&mut self, tick: u64, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision;

    /// The connection is closed; its key may be used for another peer.
    fn forget(&mut self, peer: PeerKey);
}

/// A policy that divides the upload anew at every tick.
#[derive(Debug)]
pub(crate) struct Divided<P> {
    tick: Duration,
    in_flight: u32,
    policy: P,
}

impl<P: Divide + 'static> Divided<P> {
    /// The policy with [`Parameter::tick`] and [`Parameter::IN_FLIGHT`] of `values`.
    ///
    /// [`Parameter::tick`]: crate::choke::Parameter::tick
    /// [`Parameter::IN_FLIGHT`]: crate::choke::Parameter::IN_FLIGHT
    pub(crate) fn boxed(values: &Values<'_>, policy: P) -> BoxedPolicy {
        Box::new(Self {
            tick: values.span("tick_ns"),
            in_flight: values.in_flight(),
            policy,
        })
    }
}

impl<P: Divide> ChokePolicy for Divided<P> {
    fn triggers(&self) -> Triggers {
        Triggers::on_tick(self.tick)
    }

    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Weighted {
            in_flight: self.in_flight,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision {
        match trigger {
            Trigger::Tick(tick) if snapshot.am_seed => self.policy.seed(tick, snapshot, rng),
            Trigger::Tick(tick) => self.policy.leech(tick, snapshot, rng),
            Trigger::Disconnected(peer) => {
                self.policy.forget(peer);
                Decision::default()
            }
            _ => Decision::default(),
        }
    }
}

/// Sum of the weights that a policy gives out. It is small compared with the stride of the
/// scheduler, so that shares are exact, and fine enough for thousandths.
pub(crate) const WHOLE: u32 = 1000;

/// Weights that add up to about `whole`, in proportion to `shares`; at least 1 each.
pub(crate) fn proportional(shares: &[(PeerKey, u64)], whole: u32) -> Vec<(PeerKey, u32)> {
    let sum: u128 = shares.iter().map(|(_, share)| u128::from(*share)).sum();
    let weight = |share: u64| {
        let weight = u128::from(share) * u128::from(whole) / sum.max(1);
        u32::try_from(weight).expect("at most the whole").max(1)
    };
    shares
        .iter()
        .map(|(peer, share)| (*peer, weight(*share)))
        .collect()
}

/// Unchokes exactly these peers and divides the upload in proportion to their shares.
pub(crate) fn divide(shares: &[(PeerKey, u64)]) -> Decision {
    Decision {
        weights: proportional(shares, WHOLE),
        ..Decision::exactly(shares.iter().map(|it| it.0).collect())
    }
}

/// Upload capacity if it is not known: the present upload plus 10 kB/s, at least 20 kB/s. So the
/// assumed capacity grows until the link limits it. libtorrent's removed `bittyrant_choker`.
pub(crate) fn capacity(told: Option<u64>, upload_rate: u64) -> u64 {
    told.unwrap_or_else(|| upload_rate.saturating_add(10_000).max(20_000))
}
