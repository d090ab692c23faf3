//! What only a driver of many torrents or clients needs: memory fetched ahead, queues lent, `have`s kept back.
//! Nothing of it changes what a torrent does.

use alloc::collections::VecDeque;

use super::{Input, Output, Torrent};
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// `have`s that a driver may keep back at most. See [`ManyTorrents::indifferent`].
pub const WAITING_HAVES: u32 = 8;

/// A torrent of a driver that has many of them. The `look_at` methods read a word of each line of memory
/// that an input will need, and do nothing else: for a driver that knows the next inputs of many torrents
/// and wants the processor to fetch it for all of them at once.
pub trait ManyTorrents {
    /// The connections on which a `have` would only be counted: bit `k` stands for `PeerKey(k)`.
    /// Until the next input of another kind, a driver may keep up to [`WAITING_HAVES`] of them
    /// back and hand them in late, each with the moment at which it came: nothing differs.
    /// Connections beyond the 128th are never among them.
    #[must_use]
    fn indifferent(&self) -> u128;

    /// Takes in `have`s that were kept back (see [`Self::indifferent`]), each with the moment at
    /// which it came: the same as to hand them in one by one.
    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>);

    /// Exchanges the memory of the queue of outputs, which must have been drained, for `memory`: a
    /// driver lends one that lies in the caches to each of its torrents in turn.
    fn swap_outputs(&mut self, memory: &mut VecDeque<Output>);

    /// What any input of `peer` will need.
    #[must_use]
    fn look_at(&self, peer: PeerKey) -> u64;

    /// What went over the connection to `peer`: for a block that comes, if one does, otherwise for one
    /// that may go.
    #[must_use]
    fn look_at_traffic(&self, peer: PeerKey, comes: bool) -> u64;

    /// The head of what `peer`, which must be connected, has, and the copies of `piece`: what a `have`
    /// will need.
    #[must_use]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64;

    /// What the queues of `peer` point to.
    #[must_use]
    fn look_at_queues(&self, peer: PeerKey) -> u64;

    /// What a block of `piece` will need beside that.
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
