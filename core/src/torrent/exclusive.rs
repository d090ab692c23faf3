//! Downloads a piece that failed verification from one peer only, so that a second failure has only
//! one possible culprit.
//!
//! That peer may be the one that sent the bad block, and it could keep the piece from all others by
//! never delivering it. So the reservation ends when the peer refuses a block, chokes us, withdraws
//! the piece, falls silent, disconnects, or is slower than another peer that is idle meanwhile. The
//! peer has then *defaulted* on the piece and is not asked for it again while another peer that has
//! it delivers. Each peer can default only once per piece, so in the end the piece is downloaded
//! from an honest peer if one has it. libtorrent calls this parole, but does not end it.

use super::Torrent;
use super::conn::Delivery;
use super::patience::{EXCLUSIVE_MS, millis};
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::time::Instant;

impl Torrent {
    /// Ends all reservations of `peer`.
    pub(super) fn end_exclusivity(&mut self, peer: PeerKey) {
        self.keep_no_longer(peer);
        while let Some(piece) = self.partials.exclusive_to(peer) {
            self.partials.release(piece, peer);
            self.suspects.default_of(piece, peer);
        }
    }

    /// Ends reservations that idle peers wait for. Called with the regular upkeep.
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

    /// Whether `peer` would deliver but we have no block to ask it for.
    pub(super) fn is_idle(&self, peer: PeerKey) -> bool {
        let conn = &self.conns[peer.0 as usize];
        let willing = conn.open && !conn.closing && conn.am_interested && !conn.peer_choking;
        willing && conn.live == 0 && conn.delivery == Delivery::Prompt
    }

    /// Whether `peer` has defaulted on `piece` and another peer that has it delivers.
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

    /// The unbegun pieces without those that `peer` is barred from; `None` if it is barred from
    /// none.
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
