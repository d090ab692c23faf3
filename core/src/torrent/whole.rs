//! Whole pieces from one peer, for pickers that want them: libtorrent `whole_pieces_threshold`.
//!
//! A peer that could deliver a piece within the picker's time gets the piece to itself, together
//! with as many neighbouring pieces as it could deliver (`piece_picker.cpp` `expand_piece`). So
//! fewer peers share a piece, fewer are suspects when it fails, and blocks are contiguous on disk.
//! The price: pieces are chosen long before they are downloaded. A reservation ends when the peer
//! chokes us, falls silent or disconnects.

use super::Torrent;
use super::conn::Delivery;
use super::patience::millis;
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::pick::Habits;
use crate::time::Instant;

/// libtorrent: most bytes to reserve in a row.
const MOST_BYTES: u128 = 8 << 20;

impl Torrent {
    /// Number of neighbouring pieces that the peer would get to itself; 0 if it is too slow for
    /// one.
    pub(super) fn row(&self, now: Instant, peer: PeerKey, habits: Habits) -> u32 {
        let Some(time) = habits.whole_within else {
            return 0;
        };
        let traffic = &self.traffic[self.conns[peer.0 as usize].traffic];
        let rate = u128::from(traffic.pipeline_meter.rate(self.pace(), now));
        let bytes = (rate * time.as_millis() / 1000).min(MOST_BYTES);
        let pieces = bytes / u128::from(self.config.geometry.piece_bytes());
        u32::try_from(pieces).expect("at most 2^23")
    }

    /// Whether no peer other than `peer` is asked for blocks of the piece in `slot`.
    pub(super) fn is_sole(&self, peer: PeerKey, slot: usize) -> bool {
        let piece = self.partials.at(slot).piece;
        let blocks = self.partials.blocks(slot).iter();
        let asked = blocks.filter(|it| it.asked() > 0).count();
        let pending = self.traffic(peer).pending.iter();
        let own =
            pending.filter(|it| it.is_live() && self.config.geometry.split(it.number()).0 == piece);
        asked == own.count()
    }

    /// Releases all pieces kept for the peer.
    pub(super) fn keep_no_longer(&mut self, peer: PeerKey) {
        while let Some(piece) = self.partials.release_kept(peer) {
            self.unbegun.insert(piece);
        }
    }

    /// Releases the pieces kept for a peer that has become too slow, or that we ask for nothing.
    /// Called with the regular upkeep; libtorrent does it when the peer is snubbed.
    pub(super) fn keep_for_the_fast(&mut self, now: Instant) {
        let habits = self.picker.habits();
        if habits.whole_within.is_none() {
            return;
        }
        for peer in self.keys() {
            let conn = &self.conns[peer.0 as usize];
            let delivers = conn.live > 0 && conn.delivery == Delivery::Prompt;
            if !delivers || self.row(now, peer, habits) == 0 {
                self.keep_no_longer(peer);
            }
        }
    }

    /// Keeps the piece in `slot` for `peer`, with neighbouring pieces that could be begun, up to
    /// `row` pieces in all: first the pieces before it, then those after it.
    pub(super) fn keep_row(
        &mut self,
        now: Instant,
        peer: PeerKey,
        allowed: Option<&Bitfield>,
        slot: usize,
        row: u32,
    ) {
        self.partials.keep(slot, peer);
        let piece = self.partials.at(slot).piece.0;
        let can_begin = |piece: &u32| {
            let piece = PieceIndex(*piece);
            self.unbegun.has(piece)
                && self.remotes.has(peer, piece)
                && allowed.is_none_or(|it| it.has(piece))
                && !self.suspects.suspects(piece)
                && self.is_wanted(piece)
        };
        let lowest = piece.saturating_sub(row - 1);
        let before = (lowest..piece).rev().take_while(can_begin);
        let start = before.last().unwrap_or(piece);
        let end = start.saturating_add(row);
        let end = end.min(self.config.geometry.piece_count());
        let after = (piece + 1..end).take_while(can_begin).last();
        for piece in (start..=after.unwrap_or(piece)).filter(|it| *it != piece) {
            self.unbegun.remove(PieceIndex(piece));
            let since = millis(now);
            let geometry = &self.config.geometry;
            let slot = self
                .partials
                .begin(geometry, PieceIndex(piece), None, since);
            self.partials.keep(slot, peer);
        }
    }
}
