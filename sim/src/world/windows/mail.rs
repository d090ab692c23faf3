//! What nodes send to each other, sorted by receiver.

use std::collections::BTreeMap;

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;

use crate::stream::{EndId, HAVE_BYTES};
use crate::world::Event;
use crate::world::ending::bytes_on_the_way;
use crate::world::engine::Knock;

/// Events that only this engine has.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) enum Notice {
    /// A dialler's handshake arrives. The dialler counts its dials.
    Knock { knock: Knock, number: u32 },
    /// The answering handshake arrives, from an end whose node may have accepted the connection under
    /// this key.
    Opened {
        to: EndId,
        from: EndId,
        key: Option<PeerKey>,
        /// The number of the dial.
        number: u32,
    },
    /// The dialler has accepted the connection, under this key.
    Key { to: EndId, key: PeerKey },
    /// A `have` arrives at an end whose node knew the connection under this key when it was sent.
    Have {
        to: EndId,
        key: PeerKey,
        piece: PieceIndex,
    },
    /// The downlink has one flow more, or one less.
    Inflow { begins: bool },
    /// The downlink at the other side owes this many bytes to its control messages. The flow of the
    /// end pays for them.
    Owe { to: EndId, bytes: u32 },
}

/// An event of another node, or of the node itself.
#[derive(Clone, Debug)]
pub(in crate::world) struct Mail {
    pub(super) at: Instant,
    /// The node that it concerns.
    pub(super) to: u32,
    /// The node that sent it.
    pub(super) from: u32,
    pub(super) event: Event<Notice>,
}

impl Mail {
    /// Its place among the mail that reaches a node at the same time.
    pub(super) fn turn(&self) -> u64 {
        match self.event {
            Event::Own(Notice::Opened { number, .. }) => u64::from(number),
            _ => 1 << 32 | u64::from(self.from),
        }
    }

    /// Bytes of messages that arrive with it.
    pub(super) fn bytes(&self) -> u64 {
        match &self.event {
            Event::Own(Notice::Have { .. }) => u64::from(HAVE_BYTES),
            event => bytes_on_the_way(event),
        }
    }
}

/// Mail for later windows.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Key: number of the window.
    bags: BTreeMap<u64, Vec<Mail>>,
}

impl Later {
    /// Keeps mail until the window of this number.
    pub(super) fn keep(&mut self, window: u64, mail: Mail) {
        self.bags.entry(window).or_default().push(mail);
    }

    /// The mail of a window, in the order in which it was kept.
    pub(super) fn take(&mut self, window: u64) -> Vec<Mail> {
        self.bags.remove(&window).unwrap_or_default()
    }

    /// The first window for which there is mail.
    pub(super) fn first(&self) -> Option<u64> {
        self.bags.keys().next().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mail> {
        self.bags.values().flatten()
    }
}

/// Mail on its way out, by the shard of the receiver.
#[derive(Debug)]
pub(super) struct Outbox {
    bags: Vec<Vec<Mail>>,
    /// When the earliest of it arrives.
    earliest: Instant,
}

impl Outbox {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            bags: (0..shards).map(|_| Vec::new()).collect(),
            earliest: Instant::NEVER,
        }
    }

    pub(super) fn push(&mut self, shard: usize, mail: Mail) {
        self.earliest = self.earliest.min(mail.at);
        self.bags[shard].push(mail);
    }

    /// The last event for a shard, if it is from this node and for this time.
    pub(super) fn last(
        &mut self,
        shard: usize,
        from: u32,
        at: Instant,
    ) -> Option<&mut Event<Notice>> {
        let last = self.bags[shard].last_mut()?;
        (last.from == from && last.at == at).then_some(&mut last.event)
    }

    /// Takes the mail for a shard, for an empty bag.
    pub(super) fn exchange(&mut self, shard: usize, bag: Vec<Mail>) -> Vec<Mail> {
        std::mem::replace(&mut self.bags[shard], bag)
    }

    /// When the earliest mail since the last call arrives.
    pub(super) fn take_earliest(&mut self) -> Instant {
        std::mem::replace(&mut self.earliest, Instant::NEVER)
    }
}
