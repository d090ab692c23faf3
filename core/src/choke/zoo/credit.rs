//! `credit`: every connection has a small overdraft.

use alloc::boxed::Box;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::policy::{ChokePolicy, Decision, PeerView, Scope, Snapshot, Trigger, Triggers};
use crate::rng::Rng;

/// Serves a peer while bytes sent < bytes received + `credit_bytes` on its connection and it has
/// pieces we want. A seed serves all peers. `anacrolix/torrent@3e79365` does this
/// (`uploadAllowed`). That client checks before every write. Here every block and every change of
/// interest is a check, and a tick covers all other changes.
#[derive(Clone, Copy, Debug)]
pub struct Credit {
    credit_bytes: u64,
    tick: Duration,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "credit",
    summary: "serves each peer until it is 100 KiB in debt, as anacrolix/torrent does",
    uploads: true,
    parameters: &[
        Parameter::new(
            "credit_bytes",
            100 * 1024,
            1,
            "bytes a peer may have received more than it sent",
        ),
        Parameter::tick(1),
    ],
    make: |values| {
        Box::new(Credit {
            credit_bytes: values.get("credit_bytes"),
            tick: values.span("tick_ns"),
        })
    },
};

impl Credit {
    fn allows(&self, am_seed: bool, peer: &PeerView) -> bool {
        let in_credit = peer.up_bytes < peer.down_bytes.saturating_add(self.credit_bytes);
        am_seed || peer.am_interested && in_credit
    }
}

impl ChokePolicy for Credit {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            interest: Scope::Peer,
            connected: Scope::Peer,
            block: Scope::Peer,
            ..Triggers::NEVER
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        let allowed = |it: &&PeerView| self.allows(snapshot.am_seed, it);
        match trigger {
            Trigger::Tick(_) => Decision::exactly(
                snapshot
                    .peers
                    .iter()
                    .filter(allowed)
                    .map(|it| it.peer)
                    .collect(),
            ),
            Trigger::Interest(key) | Trigger::Connected(key) | Trigger::Block(key) => {
                let allowed = snapshot.peer(key).is_some_and(|it| allowed(&it));
                if allowed {
                    Decision::unchoke(key)
                } else {
                    Decision::choke(key)
                }
            }
            Trigger::Disconnected(_) => Decision::default(),
        }
    }
}
