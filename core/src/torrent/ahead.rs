//! Memory fetched before it is needed, for drivers of many torrents.

use super::Torrent;
use crate::ids::{PeerKey, PieceIndex};

impl Torrent {
    /// Reads a word of each line of memory that an input of `peer` will need, and does nothing else:
    /// for a driver that knows the next inputs of many torrents and wants the processor to fetch it
    /// for all of them at once.
    #[must_use]
    #[inline]
    pub fn look_at(&self, peer: PeerKey) -> u64 {
        let Some(conn) = self.conns.get(peer.0 as usize) else {
            return 0;
        };
        let counted = u64::from(self.open) ^ self.ledgers.all.look_at();
        let timed = self.next_tick.as_nanos() ^ u64::from(self.triggers.tick.is_some());
        counted ^ timed ^ u64::from(conn.live) ^ u64::from(self.have.piece_count())
    }

    /// The same for what went over the connection to `peer`: for a block that comes, if one does,
    /// otherwise for one that may go.
    #[must_use]
    #[inline]
    pub fn look_at_traffic(&self, peer: PeerKey, comes: bool) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        let own = self.have.words().first().copied().unwrap_or_default();
        conn.map_or(own, |it| own ^ self.traffic[it.traffic].look_at(comes))
    }

    /// The same for the head of what `peer`, which must be connected, has, and the copies of `piece`:
    /// what a `have` will need.
    #[must_use]
    #[inline]
    pub fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64 {
        let copies = self.availability.get(piece.0 as usize);
        u64::from(copies.copied().unwrap_or_default()) ^ u64::from(self.remotes.count(peer))
    }

    /// The same for what its queues point to.
    #[must_use]
    #[inline]
    pub fn look_at_queues(&self, peer: PeerKey) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        conn.map_or(0, |it| self.traffic[it.traffic].look_at_queues())
    }

    /// The same for what a block of `piece` will need beside that.
    #[must_use]
    #[inline]
    pub fn look_at_piece(&self, piece: PieceIndex) -> u64 {
        u64::from(self.partials.look_at(piece))
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::super::{Ledgers, Torrent};

    #[test]
    fn what_most_inputs_need_lies_in_a_few_cache_lines() {
        let lines = [
            offset_of!(Torrent, conns),
            offset_of!(Torrent, outputs),
            offset_of!(Torrent, next_tick),
            offset_of!(Torrent, remotes),
            offset_of!(Torrent, triggers),
            offset_of!(Torrent, ledgers),
        ];
        assert_eq!(lines, [0, 64, 128, 192, 256, 320]);
        let partials = offset_of!(Torrent, partials);
        assert_eq!(partials, 320 + size_of::<Ledgers>());
        assert!(offset_of!(Torrent, unbegun) <= partials + 128, "two lines");
    }
}
