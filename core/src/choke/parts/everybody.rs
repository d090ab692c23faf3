//! Unchokes all peers.

use crate::choke::policy::{BoxedPolicy, Decision, Scope, Snapshot, Trigger, Triggers};
use crate::rng::Rng;

/// The trigger of these policies: new connections only.
pub(crate) const ON_CONNECTION: Triggers = Triggers {
    connected: Scope::Peer,
    ..Triggers::NEVER
};

/// Unchokes each new connection. No peer is ever choked again.
pub(crate) fn unchoke_new(trigger: Trigger) -> Decision {
    match trigger {
        Trigger::Connected(peer) => Decision::unchoke(peer),
        _ => Decision::default(),
    }
}

/// A seed that chokes no peer, because it decides in another way which blocks to send. As a leecher
/// it uses another policy.
#[derive(Debug)]
pub(crate) struct OpenSeed {
    leecher: BoxedPolicy,
}

impl OpenSeed {
    /// Uses `leecher` until the torrent is complete.
    pub(crate) fn new(leecher: BoxedPolicy) -> Self {
        Self { leecher }
    }

    /// The triggers of the leecher.
    pub(crate) fn triggers(&self) -> Triggers {
        self.leecher.triggers()
    }

    /// The estimator of the leecher.
    pub(crate) fn estimator(&self) -> crate::meter::Estimator {
        self.leecher.estimator()
    }

    /// Which peers to unchoke. The leecher is asked even for a seed, so that it keeps its record of
    /// connections.
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
