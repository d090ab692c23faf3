//! Methods for drivers of many torrents: prefetching memory, lending queue memory, delivering
//! `have`s late. They do not change what a torrent does.

use alloc::collections::VecDeque;

use super::{Input, Output, Torrent};
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// Most `have`s that a driver may hold back. See [`ManyTorrents::indifferent`].
pub const WAITING_HAVES: u32 = 8;

/// A torrent of a driver that runs many of them. The `look_at` methods read one word from each
/// cache line that an input will need, and do nothing else. A driver that knows the next inputs of
/// many torrents can call them so that the processor fetches the memory for all inputs at once.
pub trait ManyTorrents {
    /// The connections on which a `have` changes nothing but counts: bit `k` stands for
    /// `PeerKey(k)`. The driver may hold back up to [`WAITING_HAVES`] of these `have`s until the
    /// next input of another kind, and then hand them in, each with the moment at which it came.
    /// The result is the same. Connections beyond the 128th are never included.
    #[must_use]
    fn indifferent(&self) -> u128;

    /// Counts `have`s that were held back (see [`Self::indifferent`]), each with the moment at
    /// which it came. The result is the same as handing them in one by one.
    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>);

    /// Swaps the memory of the output queue, which must be empty, with `memory`. A driver can lend
    /// one buffer, which stays in the cache, to each torrent in turn.
    fn swap_outputs(&mut self, memory: &mut VecDeque<Output>);

    /// Prefetches what any input from `peer` needs.
    #[must_use]
    fn look_at(&self, peer: PeerKey) -> u64;

    /// Prefetches the traffic row of `peer`: the part for an arriving block if `comes`, otherwise
    /// the part for a block that may leave.
    #[must_use]
    fn look_at_traffic(&self, peer: PeerKey, comes: bool) -> u64;

    /// Prefetches what a `have` needs: the head of the row of `peer`, which must be connected, and
    /// the number of copies of `piece`.
    #[must_use]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64;

    /// Prefetches the memory of the queues of `peer`.
    #[must_use]
    fn look_at_queues(&self, peer: PeerKey) -> u64;

    /// Prefetches what a block of `piece` needs in addition.
    #[must_use]
    fn look_at_piece(&self, piece: PieceIndex) -> u64;
}

impl ManyTorrents for Torrent {
    #[inline]
    fn indifferent(&self) -> u128 {
        self.indifferent
    }

    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>) {
        for (at, peer, piece) in haves {
            if self.is_counted(peer, piece) {
                self.count_have(at, peer, piece);
            } else {
                let message = Message::Have(piece);
                self.handle_input(at, Input::Message { peer, message });
            }
        }
    }

    #[inline]
    fn swap_outputs(&mut self, memory: &mut VecDeque<Output>) {
        assert!(
            self.outputs.is_empty() && memory.is_empty(),
            "only what is drained is lent"
        );
        core::mem::swap(&mut self.outputs, memory);
    }

    #[inline]
    fn look_at(&self, peer: PeerKey) -> u64 {
        let Some(conn) = self.conns.get(peer.0 as usize) else {
            return 0;
        };
        let counted = u64::from(self.open) ^ self.ledgers.all.look_at();
        let timed = self.next_tick.as_nanos() ^ u64::from(self.triggers.tick.is_some());
        counted ^ timed ^ u64::from(conn.live) ^ u64::from(self.have.piece_count())
    }

    #[inline]
    fn look_at_traffic(&self, peer: PeerKey, comes: bool) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        let own = self.have.words().first().copied().unwrap_or_default();
        conn.map_or(own, |it| own ^ self.traffic[it.traffic].look_at(comes))
    }

    #[inline]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64 {
        let copies = self.availability.get(piece.0 as usize);
        u64::from(copies.copied().unwrap_or_default()) ^ u64::from(self.remotes.count(peer))
    }

    #[inline]
    fn look_at_queues(&self, peer: PeerKey) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        conn.map_or(0, |it| self.traffic[it.traffic].look_at_queues())
    }

    #[inline]
    fn look_at_piece(&self, piece: PieceIndex) -> u64 {
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
