//! The ledger of the torrent, and those of its connections.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ids::PeerKey;
use crate::ledger::Ledger;

/// Counts where the bytes went. It begins a cache line: see [`Ledger`].
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Ledgers {
    /// Sum over all connections, including closed ones.
    pub(super) all: Ledger,
    /// Indexed by `PeerKey`, if [`super::Config::peer_ledgers`] is on.
    #[expect(
        clippy::box_collection,
        reason = "simulated peers have none: a word will do"
    )]
    each: Option<Box<Vec<Ledger>>>,
}

impl Ledgers {
    /// Starts a new ledger for a new connection.
    pub(super) fn open(&mut self, peer: PeerKey) {
        let slot = peer.0 as usize;
        let each = self.each.get_or_insert_default();
        each.resize(each.len().max(slot + 1), Ledger::default());
        each[slot] = Ledger::default();
    }

    /// The ledger of one connection, if it has one.
    pub(super) fn of(&self, peer: PeerKey) -> Option<&Ledger> {
        self.each.as_ref()?.get(peer.0 as usize)
    }

    /// The same, mutable.
    pub(super) fn of_mut(&mut self, peer: PeerKey) -> Option<&mut Ledger> {
        self.each.as_mut()?.get_mut(peer.0 as usize)
    }

    /// Applies a change to the ledger of the torrent and to that of the connection.
    #[inline]
    pub(super) fn count(&mut self, peer: PeerKey, change: impl Fn(&mut Ledger)) {
        change(&mut self.all);
        if let Some(own) = self.of_mut(peer) {
            change(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::Ledgers;
    use crate::ledger::{BothWays, Kind, Ledger};

    #[test]
    fn what_is_counted_most_lies_in_two_cache_lines() {
        let line = |kind: Kind| {
            let at = offset_of!(Ledger, protocol) + kind as usize * size_of::<BothWays>();
            at / 64
        };
        let often = [Kind::Have, Kind::Request, Kind::PieceHeader].map(line);
        assert_eq!(often, [1; 3]);
        let payload = [
            offset_of!(Ledger, payload_useful),
            offset_of!(Ledger, payload_sent),
            offset_of!(Ledgers, each),
        ];
        assert_eq!(payload.map(|it| it / 64), [3; 3]);
        assert_eq!(size_of::<Ledgers>(), 240, "flags of the torrent follow");
    }
}
