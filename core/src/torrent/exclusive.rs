//! A piece that failed is fetched from one peer alone, so that the next failure has one culprit.
//!
//! That peer may be the one that spoilt it, and would keep the piece from all others if it could. So
//! the piece is its own only as long as it delivers: not when it refuses a block, chokes, withdraws,
//! falls silent, is gone, or is slower than another that is idle meanwhile. Then it has defaulted, and
//! is not asked for this piece again while somebody else delivers it. A peer can default once for a
//! piece: so a piece that honest peers have is fetched from honest peers alone in the end. libtorrent
//! calls it parole, and has no such end.

use super::conn::Delivery;
use super::patience::{EXCLUSIVE_MS, millis};
use super::{PeerKey, PieceIndex, Torrent};
use crate::bitfield::Bitfield;
use crate::time::Instant;

impl Torrent {
    /// Nothing is left to `peer` alone any more.
    pub(super) fn end_exclusivity(&mut self, peer: PeerKey) {
        self.keep_no_longer(peer);
        while let Some(piece) = self.partials.exclusive_to(peer) {
            self.partials.release(piece, peer);
            self.suspects.default_of(piece, peer);
        }
    }

    /// Ends it for those that others wait for. Called with the other regular work.
    pub(super) fn end_slow_exclusivity(&mut self, now: Instant) {
        let waited_for = self.partials.exclusive().filter(|(partial, owner)| {
            let long = millis(now).wrapping_sub(partial.since) > EXCLUSIVE_MS;
            long && self.keys().any(|peer| {
                let idle = peer != *owner && self.is_idle(peer);
                idle && self.remotes.has(peer, partial.piece)
                    && !self.suspects.has_defaulted(partial.piece, peer)
            })
        });
        let waited_for: alloc::vec::Vec<_> = waited_for
            .map(|(partial, owner)| (partial.piece, owner))
            .collect();
        for (piece, owner) in waited_for {
            self.partials.release(piece, owner);
            self.suspects.default_of(piece, owner);
        }
    }

    /// Whether `peer` would deliver, and is asked for nothing because there is nothing to ask for.
    pub(super) fn is_idle(&self, peer: PeerKey) -> bool {
        let conn = &self.conns[peer.0 as usize];
        let willing = conn.open && !conn.closing && conn.am_interested && !conn.peer_choking;
        willing && conn.live == 0 && conn.delivery == Delivery::Prompt
    }

    /// Whether `peer` has defaulted on `piece` and another delivers that has it.
    pub(super) fn is_barred(&self, peer: PeerKey, piece: PieceIndex) -> bool {
        self.suspects.suspects(piece)
            && self.suspects.has_defaulted(piece, peer)
            && self.keys().any(|other| {
                let conn = &self.conns[other.0 as usize];
                let delivers = conn.open && !conn.closing && !conn.peer_choking;
                delivers
                    && conn.delivery == Delivery::Prompt
                    && self.remotes.has(other, piece)
                    && !self.suspects.has_defaulted(piece, other)
            })
    }

    /// What is unbegun without the pieces that `peer` is barred from; `None` if that is all.
    pub(super) fn without_defaults(&self, peer: PeerKey) -> Option<Bitfield> {
        let mut left = None;
        for piece in self.suspects.defaults_of(peer) {
            if self.unbegun.has(piece) && self.is_barred(peer, piece) {
                let left = left.get_or_insert_with(|| self.unbegun.clone());
                left.remove(piece);
            }
        }
        left
    }
}
