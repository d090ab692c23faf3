//! Which connected peers alone have a piece that we need. Closing such a connection makes the piece
//! unavailable.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Torrent;
use crate::bitfield::set_bit;
use crate::ids::{PeerKey, PieceIndex};

impl Torrent {
    /// The connected peers that alone have some piece we need, in ascending key order. Connections
    /// that are being closed do not count.
    #[must_use]
    pub fn lone_sources(&self) -> Vec<PeerKey> {
        if self.is_done() {
            return Vec::new();
        }
        let conns = |closing| {
            let all = self.keys().zip(&self.conns);
            let open = all.filter(move |(_, it)| it.open && it.closing == closing);
            open.map(|(peer, _)| peer)
        };
        // `availability` still counts peers whose connection is being closed.
        let mut copies = Cow::Borrowed(&self.availability[..]);
        for peer in conns(true) {
            self.remotes.count_copies(peer, copies.to_mut(), false);
        }
        let mut single = alloc::vec![0; self.remotes.words()];
        let settled = self.settled();
        let pieces = (0..).map(PieceIndex).zip(copies.iter());
        for (piece, _) in pieces.filter(|(_, copies)| **copies == 1) {
            if !settled.has(piece) {
                set_bit(&mut single, piece);
            }
        }
        conns(false)
            .filter(|it| self.remotes.has_of(*it, &single))
            .collect()
    }
}
