//! Handles pieces that we announced and no longer have, because a file was damaged, cut or deleted,
//! and pieces that come back, because the user restored a file.
//!
//! BEP 3 has no message that takes a `have` back. A peer that requests a lost piece gets a reject
//! (BEP 6) or no answer. New connections are told the current state.

use alloc::boxed::Box;

use super::{Torrent, Unsent};
use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::time::Instant;

impl Torrent {
    /// `piece` is lost and is downloaded again. No effect if we do not have the piece.
    pub(super) fn on_piece_lost(&mut self, now: Instant, piece: PieceIndex) {
        if piece.0 >= self.config.geometry.piece_count() || !self.have.remove(piece) {
            return;
        }
        let was_done = self.is_done(); // From counts that do not know of the loss yet.
        self.have_count -= 1;
        self.note_need(piece, false);
        if self.is_wanted(piece) {
            self.unbegun.insert(piece);
        }
        let none = || Box::new(Bitfield::empty(self.have.piece_count()));
        self.lost.get_or_insert_with(none).insert(piece);
        if was_done && !self.is_done() {
            self.no_longer_upload_only(now);
        }
        for peer in self.keys() {
            self.refuse_piece(now, peer, piece);
            if self.remotes.has(peer, piece) {
                self.update_interest(now, peer);
            }
            self.note_indifference(peer);
        }
        // Peers we were interested in already may have run out of blocks to deliver.
        self.fill_all(now);
    }

    /// `piece` is on disk and good, although nobody sent it. No effect if we have it, or while its
    /// download is under way.
    pub(super) fn on_piece_found(&mut self, now: Instant, piece: PieceIndex) {
        if piece.0 >= self.config.geometry.piece_count() || self.have.has(piece) {
            return;
        }
        let slot = self.partials.slot_of(piece);
        let under_way = slot.is_some_and(|slot| {
            let asked = self.partials.blocks(slot).iter().any(|it| it.asked() > 0);
            asked || self.partials.at(slot).missing == 0
        });
        if under_way {
            return;
        }
        self.partials.finish(piece);
        self.unbegun.remove(piece);
        self.complete_piece(now, piece);
    }

    /// Whether a peer may honestly request `piece` although we lack it: we announced it and lost
    /// it.
    pub(super) fn is_believed(&self, piece: PieceIndex) -> bool {
        self.lost.as_ref().is_some_and(|it| it.has(piece))
    }

    /// Refuses all queued requests of `peer` for the lost piece.
    fn refuse_piece(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        let Some(conn) = self.conn(peer) else { return };
        let id = conn.traffic;
        let Some(traffic) = self.traffic.get_mut(id) else {
            return;
        };
        let lost = traffic.queue.remove_piece(&self.config.geometry, piece);
        for block in lost {
            self.refuse(now, peer, block);
        }
    }

    /// We had said that we only upload (BEP 21) and now want a piece. So send the extension
    /// handshake again, which BEP 10 allows.
    fn no_longer_upload_only(&mut self, now: Instant) {
        for peer in self.keys() {
            let extended = self.conn(peer).is_some_and(|conn| conn.agreed.extended());
            if let (true, Some(hello)) = (extended, self.hello(Some(false))) {
                self.send(now, peer, hello);
            }
        }
    }

    /// The driver could not read a block that we told it to send. None of it was sent.
    pub(super) fn on_unread(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let conn = self.conns.get(peer.0 as usize);
        if conn.is_none_or(|conn| !conn.open || conn.unflushed == 0) {
            return;
        }
        let unsent = Unsent {
            blocks: 1,
            payload: u64::from(block.length),
        };
        self.take_back(peer, unsent);
        if self.conn(peer).is_some() {
            self.refuse(now, peer, block);
        }
        self.on_writable(now, peer);
    }
}
