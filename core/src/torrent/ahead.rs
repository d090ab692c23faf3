//! Methods for drivers of many torrents: prefetching memory, lending queue memory, delivering
//! `have`s late. They do not change what a torrent does.

use alloc::collections::VecDeque;
use core::ops::Range;

use super::{Mask, Output, Torrent};
use crate::geometry::BlockRun;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// Most `have`s that a driver may hold back. See [`ManyTorrents::indifferent`].
pub const WAITING_HAVES: u32 = 8;

/// A torrent of a driver that runs many of them. The `look_at` methods read one word from each
/// cache line that an input will need, and do nothing else. A driver that knows the next inputs of
/// many torrents can call them so that the processor fetches the memory for all inputs at once. Each
/// method follows only pointers that the one before it has read: so nothing waits if each is called
/// for all inputs before the next.
pub trait ManyTorrents {
    /// The connections on which a `have` changes nothing but counts. The driver may hold back up to [`WAITING_HAVES`] of these `have`s until the
    /// next input of another kind, and then hand them in, each with the moment at which it came.
    /// The result is the same. Connections beyond the 128th are never included.
    #[must_use]
    fn indifferent(&self) -> Mask;

    /// Whether a `have` of `piece` on the connection of `peer` changes nothing but counts, so that it may
    /// be held back too: the piece is here, or we are a seed and the peer does not become one.
    /// `waiting`: how many `have`s are held back already.
    #[must_use]
    fn only_counts(&self, peer: PeerKey, piece: PieceIndex, waiting: u32) -> bool;

    /// Counts `have`s that were held back (see [`Self::indifferent`]), each with the moment at
    /// which it came. The result is the same as handing them in one by one. They must come before the
    /// next input, but may come after [`Self::hand_out`] and [`Self::queue_requests`].
    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>);

    /// Queues requests of `peer` for these `blocks` of `piece`, as long as none of them is answered at
    /// once. Returns how many: the next one, if any, must be handed in as an input. The result is the
    /// same as handing in all of them.
    fn queue_requests(
        &mut self,
        now: Instant,
        peer: PeerKey,
        piece: PieceIndex,
        blocks: Range<u32>,
    ) -> u32;

    /// Takes in [`super::Input::Writable`] of `peer` and returns the block that leaves, if that is all that
    /// happens. `None`: nothing was done, and the input must be handed in.
    fn hand_out(&mut self, now: Instant, peer: PeerKey) -> Option<BlockRef>;

    /// Takes the next outputs together if they are requests to one peer for consecutive blocks.
    /// `None`: poll for the next output.
    fn poll_requests(&mut self) -> Option<(PeerKey, BlockRun)>;

    /// Swaps the memory of the output queue, which must be empty, with `memory`. A driver can lend
    /// one buffer, which stays in the cache, to each torrent in turn.
    fn swap_outputs(&mut self, memory: &mut VecDeque<Output>);

    /// Prefetches the fields of the torrent itself that inputs need; `comes`: a block comes.
    #[must_use]
    fn look_at_head(&self, comes: bool) -> u64;

    /// Then: the connection of `peer`, and where the blocks of `piece` are if a block of it comes.
    #[must_use]
    fn look_at_conn(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64;

    /// At the same time: what a `have` of `piece` needs, or a block of it. `peer` must be connected.
    #[must_use]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64;

    /// Then: the traffic row of `peer`, the part for the block of `piece` that comes, with the state
    /// of the piece, or otherwise the part for a block that may leave.
    #[must_use]
    fn look_at_traffic(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64;

    /// Then: the memory of the queue of `peer` from which a block that comes, or one that leaves, is
    /// taken.
    #[must_use]
    fn look_at_queue(&self, peer: PeerKey, comes: bool) -> u32;
}

impl ManyTorrents for Torrent {
    #[inline]
    fn indifferent(&self) -> Mask {
        self.indifferent
    }

    #[inline]
    fn only_counts(&self, peer: PeerKey, piece: PieceIndex, waiting: u32) -> bool {
        self.is_counted(peer, piece, waiting)
    }

    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>) {
        for (at, peer, piece) in haves {
            self.count_have(at, peer, piece);
        }
    }

    fn queue_requests(
        &mut self,
        now: Instant,
        peer: PeerKey,
        piece: PieceIndex,
        blocks: Range<u32>,
    ) -> u32 {
        self.queue_unanswered(now, peer, piece, blocks)
    }

    #[inline]
    fn hand_out(&mut self, now: Instant, peer: PeerKey) -> Option<BlockRef> {
        self.hand_out_next(now, peer)
    }

    #[inline]
    fn poll_requests(&mut self) -> Option<(PeerKey, BlockRun)> {
        let (peer, first) = self.outputs.front().and_then(request)?;
        let mut run = BlockRun::of(first);
        self.outputs.pop_front();
        while let Some((to, next)) = self.outputs.front().and_then(request)
            && to == peer
            && run.append(BlockRun::of(next))
        {
            self.outputs.pop_front();
        }
        Some((peer, run))
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
    fn look_at_head(&self, comes: bool) -> u64 {
        let counted = self.ledgers.all.look_at() ^ u64::from(self.in_flight_blocks);
        let sizes = self.conns.len() ^ self.have.piece_count() as usize;
        let head = counted ^ sizes as u64;
        if !comes {
            return head;
        }
        let pieces = self.partials.free_blocks() ^ self.have_count ^ self.open;
        let rest = pieces ^ u32::from(self.download.is_some());
        head ^ self.availability.len() as u64 ^ u64::from(rest)
    }

    #[inline]
    fn look_at_conn(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        let own = self.have.words().first().copied().unwrap_or_default();
        let slot = piece.map_or(0, |it| self.partials.look_at_slot(it));
        own ^ u64::from(slot ^ conn.map_or(0, |it| u32::from(it.live)))
    }

    #[inline]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64 {
        let copies = self.availability.get(piece.0 as usize);
        u64::from(copies.copied().unwrap_or_default()) ^ self.remotes.look_at(peer, piece)
    }

    #[inline]
    fn look_at_traffic(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64 {
        let conn = self.conns.get(peer.0 as usize);
        let state = piece.map_or(0, |it| self.partials.look_at(it));
        let row = conn.map_or(0, |it| self.traffic[it.traffic].look_at(piece.is_some()));
        row ^ u64::from(state)
    }

    #[inline]
    fn look_at_queue(&self, peer: PeerKey, comes: bool) -> u32 {
        let conn = self.conns.get(peer.0 as usize);
        conn.map_or(0, |it| self.traffic[it.traffic].look_at_queue(comes))
    }
}

/// The peer and the block, if an output is a request.
fn request(output: &Output) -> Option<(PeerKey, BlockRef)> {
    match *output {
        Output::Send {
            peer,
            message: Message::Request(block),
        } => Some((peer, block)),
        _ => None,
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
            offset_of!(Torrent, ledgers),
            offset_of!(Torrent, remotes),
            offset_of!(Torrent, have),
            offset_of!(Torrent, partials),
            offset_of!(Torrent, picker),
            offset_of!(Torrent, open),
        ];
        assert_eq!(lines, [0, 64, 128, 384, 448, 512, 640, 704]);
        let next = offset_of!(Torrent, next);
        assert_eq!(next, 128 + size_of::<Ledgers>());
    }
}
