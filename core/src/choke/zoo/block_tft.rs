//! `block_tft`: tit for tat by the block.

use alloc::boxed::Box;
use core::time::Duration;

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::rank::{deficit, owed_most};
use crate::choke::policy::{
    ChokePolicy, Decision, PeerView, Scope, Snapshot, Trigger, Triggers, UploadOrder,
};
use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;
use crate::rng::Rng;

/// Block-based tit for tat (Bharambe, Herley and Padmanabhan, INFOCOM 2006): a block goes to a peer
/// only while bytes sent are at most bytes received plus `delta_blocks` blocks. A seed serves all
/// peers.
///
/// Left open and chosen here: a peer that may not have a block stays unchoked and waits. If it
/// still may not have one at the next rechoke, it is choked, so that it asks other peers. The next
/// block that it sends unchokes it. If several peers may have a block, the one we owe most gets it.
#[derive(Clone, Copy, Debug)]
pub struct BlockTft {
    delta_bytes: u64,
    tick: Duration,
    in_flight: u32,
    /// Whether the last snapshot was a seed's.
    am_seed: bool,
}

pub(crate) const ENTRY: Entry = Entry {
    id: "block_tft",
    summary: "block-based tit for tat: two blocks of credit on each connection, seeds serve all",
    uploads: true,
    parameters: &[
        Parameter::new(
            "delta_blocks",
            2,
            0,
            "blocks that a peer may have received more than it sent and still get one",
        )
        .at_most(1 << 32),
        Parameter::tick(10),
        Parameter::IN_FLIGHT,
    ],
    make: |values| {
        Box::new(BlockTft {
            delta_bytes: values.get("delta_blocks") * u64::from(BLOCK_BYTES),
            tick: values.span("tick_ns"),
            in_flight: values.in_flight(),
            am_seed: false,
        })
    },
};

impl BlockTft {
    fn may_have_one(&self, peer: &PeerView) -> bool {
        self.am_seed || deficit(peer) <= i128::from(self.delta_bytes)
    }
}

impl ChokePolicy for BlockTft {
    fn triggers(&self) -> Triggers {
        Triggers {
            tick: Some(self.tick),
            connected: Scope::Peer,
            block: Scope::Peer,
            ..Triggers::NEVER
        }
    }

    fn upload_order(&self) -> UploadOrder {
        UploadOrder::ByPolicy {
            in_flight: self.in_flight,
        }
    }

    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
        self.am_seed = snapshot.am_seed;
        let may = |it: &&PeerView| self.may_have_one(it);
        match trigger {
            Trigger::Tick(_) => {
                let served = snapshot.peers.iter().filter(may);
                Decision::exactly(served.map(|it| it.peer).collect())
            }
            Trigger::Connected(peer) | Trigger::Block(peer)
                if snapshot.peer(peer).as_ref().is_some_and(may) =>
            {
                Decision::unchoke(peer)
            }
            _ => Decision::default(),
        }
    }

    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        owed_most(ready.iter().filter(|it| self.may_have_one(it)))
    }
}
