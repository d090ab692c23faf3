//! What we said that we have and no longer have: the file was damaged, cut or deleted under us.
//!
//! BEP 3 has no message that takes a `have` back. A peer that asks for a lost piece all the same gets
//! a reject (BEP 6) or nothing; a new connection is told the truth.

use alloc::boxed::Box;

use super::{Torrent, Unsent};
use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::time::Instant;

impl Torrent {
    /// We lack `piece` again: it is wanted as any other. Of no effect if it was not had.
    pub(super) fn on_piece_lost(&mut self, now: Instant, piece: PieceIndex) {
        if piece.0 >= self.config.geometry.piece_count() || !self.have.remove(piece) {
            return;
        }
        let was_done = self.is_done(); // The counts are as they were.
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
        // Who was interesting already may have run out of work.
        self.fill_all(now);
    }

    /// Whether a peer may ask for `piece` in good faith although we lack it.
    pub(super) fn is_believed(&self, piece: PieceIndex) -> bool {
        self.lost.as_ref().is_some_and(|it| it.has(piece))
    }

    /// What `peer` asked for of a piece that is lost will not be served.
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

    /// We said that we only upload (BEP 21) and now want something: hellos may be repeated (BEP 10).
    fn no_longer_upload_only(&mut self, now: Instant) {
        for peer in self.keys() {
            let extended = self.conn(peer).is_some_and(|conn| conn.agreed.extended());
            if let (true, Some(hello)) = (extended, self.hello(Some(false))) {
                self.send(now, peer, hello);
            }
        }
    }

    /// The driver could not read a block that it was told to send: nothing of it leaves.
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
