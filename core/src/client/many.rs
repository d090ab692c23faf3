//! Interface for drivers of many clients. It passes on that of the torrent inside.

use alloc::collections::VecDeque;
use core::ops::Range;

use super::{Client, Places};
use crate::geometry::BlockRun;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::time::Instant;
use crate::torrent::{ManyTorrents, Mask, Output, Unsent};

impl<P: Places> ManyTorrents for Client<P> {
    #[inline]
    fn indifferent(&self) -> Mask {
        self.torrent.indifferent()
    }

    #[inline]
    fn only_counts(&self, peer: PeerKey, piece: PieceIndex, waiting: u32) -> bool {
        self.torrent.only_counts(peer, piece, waiting)
    }

    #[inline]
    fn count_deferred(&mut self, haves: impl Iterator<Item = (Instant, PeerKey, PieceIndex)>) {
        self.torrent.count_deferred(haves);
    }

    #[inline]
    fn queue_requests(
        &mut self,
        now: Instant,
        peer: PeerKey,
        piece: PieceIndex,
        blocks: Range<u32>,
    ) -> u32 {
        self.torrent.queue_requests(now, peer, piece, blocks)
    }

    #[inline]
    fn hand_out(&mut self, now: Instant, peer: PeerKey) -> Option<BlockRef> {
        self.torrent.hand_out(now, peer)
    }

    /// Outputs of the client come first.
    #[inline]
    fn poll_requests(&mut self) -> Option<(PeerKey, BlockRun)> {
        if self.outputs.is_some() {
            return None;
        }
        self.torrent.poll_requests()
    }

    #[inline]
    fn swap_outputs(&mut self, memory: &mut VecDeque<Output>) {
        self.torrent.swap_outputs(memory);
    }

    #[inline]
    fn look_at_head(&self, comes: bool) -> u64 {
        self.next.as_nanos() ^ self.torrent.look_at_head(comes)
    }

    #[inline]
    fn look_at_conn(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64 {
        self.torrent.look_at_conn(peer, piece)
    }

    #[inline]
    fn look_at_have(&self, peer: PeerKey, piece: PieceIndex) -> u64 {
        self.torrent.look_at_have(peer, piece)
    }

    #[inline]
    fn look_at_traffic(&self, peer: PeerKey, piece: Option<PieceIndex>) -> u64 {
        self.torrent.look_at_traffic(peer, piece)
    }

    #[inline]
    fn look_at_queue(&self, peer: PeerKey, comes: bool) -> u32 {
        self.torrent.look_at_queue(peer, comes)
    }
}

impl<P: Places> Client<P> {
    /// Takes back blocks that were handed to the link of `peer` and not sent, when the client
    /// itself ends with all its connections. Used instead of [`super::Input::Closed`], after which
    /// a client would go on.
    pub fn take_back(&mut self, peer: PeerKey, unsent: Unsent) {
        self.torrent.take_back(peer, unsent);
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::super::{Client, Internet};

    #[test]
    fn the_head_of_a_client_is_half_a_cache_line() {
        assert_eq!(offset_of!(Client<Internet>, torrent), 32);
    }
}
