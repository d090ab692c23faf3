//! Nobody is choked.

use crate::choke::policy::{BoxedPolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use crate::rng::Rng;

/// On every new connection and at no other time.
pub(crate) const ON_CONNECTION: Triggers = Triggers {
    connected: Scope::Peer,
    ..Triggers::NEVER
};

/// Unchokes each new connection. Nobody is ever choked again.
pub(crate) fn unchoke_new(trigger: Trigger) -> Decision {
    match trigger {
        Trigger::Connected(peer) => Decision::unchoke(peer),
        _ => Decision::default(),
    }
}

/// A seed that chokes nobody, because it decides by other means who gets what. As a leecher it
/// leaves the choking to another policy.
#[derive(Debug)]
pub(crate) struct OpenSeed {
    leecher: BoxedPolicy,
}

impl OpenSeed {
    /// One that chokes as `leecher` does until it is complete.
    pub(crate) fn new(leecher: BoxedPolicy) -> Self {
        Self { leecher }
    }

    /// When the leecher wants to be asked.
    pub(crate) fn triggers(&self) -> Triggers {
        self.leecher.triggers()
    }

    /// How the leecher measures rates.
    pub(crate) fn estimator(&self) -> crate::meter::Estimator {
        self.leecher.estimator()
    }

    /// Whom to unchoke. The leecher is asked in any case: it keeps a memory of the connections.
    pub(crate) fn decide(
        &mut self,
        trigger: Trigger,
        snapshot: &Snapshot<'_>,
        rng: &mut Rng,
    ) -> Decision {
        let decision = self.leecher.decide(trigger, snapshot, rng);
        match trigger {
            _ if !snapshot.am_seed => decision,
            Trigger::Tick(_) => {
                Decision::exactly(snapshot.peers.iter().map(|it| it.peer).collect())
            }
            _ => unchoke_new(trigger),
        }
    }
}
