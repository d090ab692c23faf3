//! What is different with a web seed (BEP 19): it speaks no protocol, and wants long runs of bytes.

use super::Torrent;
use super::conn::Conn;
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// Blocks to ask of a web seed at a time, at least: 1 MiB, so that its log shows few requests.
const LEAST: u16 = 64;

impl Torrent {
    /// It has everything and chokes nobody, and nobody has to say so.
    pub(super) fn begin_web_seed(&mut self, now: Instant, peer: PeerKey) {
        let all = Bitfield::full(self.config.geometry.piece_count());
        self.remotes.replace(peer, &all);
        self.availability.iter_mut().for_each(|it| *it += 1);
        let conn = &mut self.conns[peer.0 as usize];
        conn.had_before = all.count();
        conn.request_queue = u16::MAX;
        (conn.peer_choking, conn.upload_only) = (false, true);
        self.update_interest(now, peer);
    }

    /// Whether this key is a web seed's.
    pub(super) fn is_web(&self, peer: PeerKey) -> bool {
        let conn = self.conns.get(peer.0 as usize);
        conn.is_some_and(|it| it.agreed.web())
    }

    /// A web seed is not asked for `piece` again while it is in use: it can only send the same.
    pub(super) fn cannot_serve(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        if self.conn(peer).is_none() || !self.remotes.remove(peer, piece) {
            return;
        }
        self.availability[piece.0 as usize] -= 1;
        self.update_interest(now, peer);
    }

    /// Whether `peer` would make nothing of `message`.
    #[inline]
    pub(super) fn is_deaf_to(&self, peer: PeerKey, message: &Message) -> bool {
        let web = self.conns[peer.0 as usize].agreed.web();
        web && !matches!(message, Message::Request(_) | Message::Cancel(_))
    }

    /// Requests to keep outstanding, whatever the rate is: a piece and a mebibyte at least.
    pub(super) fn least_of_web(&self, conn: &Conn) -> u16 {
        if !conn.agreed.web() {
            return 0;
        }
        let piece = self.config.geometry.blocks_per_piece();
        u16::try_from(piece).unwrap_or(u16::MAX).max(LEAST)
    }

    /// Into how many parts a pipeline is filled: what is asked of a web seed at a time becomes one
    /// HTTP request, and the next should be there before it is answered.
    pub(super) fn batches(&self, peer: PeerKey) -> u16 {
        let web = self.conns[peer.0 as usize].agreed.web();
        if web { 2 } else { 4 }
    }

    /// The piece behind the last one that a web seed was asked for, if it can be begun: then both are
    /// one run of bytes.
    pub(super) fn next_in_line(&self, peer: PeerKey, unbegun: &Bitfield) -> Option<PieceIndex> {
        let conn = &self.conns[peer.0 as usize];
        if !conn.agreed.web() {
            return None;
        }
        let last = self.traffic[conn.traffic].pending.back()?;
        let (last, _) = self.config.geometry.split(last.number());
        let next = PieceIndex(last.0 + 1);
        let fits = next.0 < self.config.geometry.piece_count()
            && unbegun.has(next)
            && self.rank(next) <= self.rank(last);
        fits.then_some(next)
    }
}
