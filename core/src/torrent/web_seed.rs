//! Special treatment of web seeds (BEP 19): they do not speak the peer protocol, and they work best
//! with long runs of bytes.

use alloc::vec::Vec;
use core::ops::Range;

use super::Torrent;
use super::conn::Conn;
use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// Least number of blocks to request from a web seed at a time: 1 MiB, so that the server handles
/// few requests.
const LEAST: u16 = 64;

impl Torrent {
    /// A web seed has all pieces and never chokes. No messages are exchanged to say so.
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

    /// Whether this key belongs to a web seed.
    pub(super) fn is_web(&self, peer: PeerKey) -> bool {
        let conn = self.conns.get(peer.0 as usize);
        conn.is_some_and(|it| it.agreed.web())
    }

    /// Stops asking a web seed for `piece` on this connection: it would send the same bytes again.
    pub(super) fn cannot_serve(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        if self.conn(peer).is_none() || !self.remotes.remove(peer, piece) {
            return;
        }
        self.availability[piece.0 as usize] -= 1;
        self.update_interest(now, peer);
    }

    /// See [`super::Input::Lacks`].
    pub(super) fn on_lacks(&mut self, now: Instant, peer: PeerKey, pieces: Range<u32>) {
        if !self.is_web(peer) || self.conn(peer).is_none() {
            return;
        }
        let end = pieces.end.min(self.config.geometry.piece_count());
        let pieces = pieces.start..end;
        for piece in pieces.clone().map(PieceIndex) {
            if self.remotes.remove(peer, piece) {
                self.availability[piece.0 as usize] -= 1;
            }
        }
        let traffic = self.traffic.get_mut(self.conns[peer.0 as usize].traffic);
        let asked = traffic.into_iter().flat_map(|it| &it.pending);
        let asked = asked.map(|it| self.config.geometry.numbered(it.number()));
        let refused: Vec<BlockRef> = asked.filter(|it| pieces.contains(&it.piece.0)).collect();
        for block in refused {
            self.on_reject(now, peer, block);
        }
        self.update_interest(now, peer);
        self.fill_all(now);
    }

    /// Whether the peer has a piece that we need.
    pub(crate) fn is_of_use(&self, peer: PeerKey) -> bool {
        let conn = self.conns.get(peer.0 as usize);
        conn.is_some_and(|it| it.open && it.am_interested)
    }

    /// Whether `peer` is a web seed and `message` is nothing that a web seed understands.
    #[inline]
    pub(super) fn is_deaf_to(&self, peer: PeerKey, message: &Message) -> bool {
        let web = self.conns[peer.0 as usize].agreed.web();
        web && !matches!(message, Message::Request(_) | Message::Cancel(_))
    }

    /// Least number of requests to keep outstanding at a web seed, whatever its rate: one piece,
    /// and at least 1 MiB.
    pub(super) fn least_of_web(&self, conn: &Conn) -> u16 {
        if !conn.agreed.web() {
            return 0;
        }
        let piece = self.config.geometry.blocks_per_piece();
        u16::try_from(piece).unwrap_or(u16::MAX).max(LEAST)
    }

    /// The pipeline is refilled when one part of this many is free. A batch of requests to a web
    /// seed becomes one HTTP request, and the next batch should be ready before the first is
    /// answered.
    pub(super) fn batches(&self, peer: PeerKey) -> u16 {
        let web = self.conns[peer.0 as usize].agreed.web();
        if web { 2 } else { 4 }
    }

    /// The piece after the last one requested from a web seed, if it can be begun: both are then
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
