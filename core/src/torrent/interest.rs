//! Who has what, and who wants what.

use alloc::boxed::Box;

use super::conn::{Conn, Mark};
use super::io::PeerLink;
use super::{ProtocolViolation, Reason, Torrent};
use crate::bitfield::{Bitfield, has_bit, set_bit};
use crate::choke::Trigger;
use crate::ids::{PeerKey, PieceIndex};
use crate::ledger::{Kind, Ledger};
use crate::message::{Extended, Message};
use crate::time::Instant;

/// Bytes of the handshake. BEP 3.
const HANDSHAKE_BYTES: u64 = 68;

impl Torrent {
    pub(super) fn on_connected(&mut self, now: Instant, peer: PeerKey, link: PeerLink) {
        let slot = peer.0 as usize;
        while self.conns.len() <= slot {
            self.conns.push(Conn::closed());
            self.remote.extend(core::iter::repeat_n(0, self.words));
        }
        assert!(
            !self.conns[slot].open,
            "connection {peer} is connected twice"
        );
        self.conns[slot] = Conn::opened(now, link, self.estimator);
        if self.config.peer_ledgers {
            self.conns[slot].ledger = Some(Box::new(Ledger::default()));
        }
        self.exchange_begins(now, peer, link.address, link.outgoing);
        self.count_handshake(peer);
        if let (true, Some(hello)) = (link.extended, &self.config.hello) {
            let hello = Box::new(Extended::Handshake(hello.clone()));
            self.send(now, peer, Message::Extended(hello));
        }
        if self.hides_pieces() {
            if link.fast {
                self.send(now, peer, Message::HaveNone);
            }
            self.reveal(now, peer);
        } else {
            self.introduce(now, peer, link.fast);
        }
        self.trigger(now, Trigger::Connected(peer));
    }

    fn count_handshake(&mut self, peer: PeerKey) {
        let kind = Kind::Handshake as usize;
        let own = self.conns[peer.0 as usize].ledger.as_deref_mut();
        for ledger in core::iter::once(&mut self.ledger).chain(own) {
            ledger.protocol_sent[kind] += HANDSHAKE_BYTES;
            ledger.protocol_received[kind] += HANDSHAKE_BYTES;
        }
    }

    pub(super) fn on_disconnected(&mut self, now: Instant, peer: PeerKey) {
        let Some(conn) = self.conns.get(peer.0 as usize).filter(|conn| conn.open) else {
            return;
        };
        self.in_flight_blocks -= u32::from(conn.unflushed);
        self.give_up_requests(peer, Mark::Choked);
        self.take_out_of_availability(peer);
        self.suspects.forget(peer);
        self.forget_offers(peer);
        self.exchange_ends(peer);
        self.starving.retain(|it| *it != peer);
        self.conns[peer.0 as usize] = Conn::closed();
        self.trigger(now, Trigger::Disconnected(peer));
        self.schedule_uploads(now);
        self.fill_all(now);
    }

    fn take_out_of_availability(&mut self, peer: PeerKey) {
        let start = peer.0 as usize * self.words;
        for word in 0..self.words {
            let bits = core::mem::take(&mut self.remote[start + word]);
            for piece in crate::bitfield::bits_of(word, bits) {
                self.availability[piece.0 as usize] -= 1;
            }
        }
    }

    pub(super) fn on_have(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        if !self.piece_in_range(peer, piece) {
            return;
        }
        let start = peer.0 as usize * self.words;
        if !set_bit(&mut self.remote[start..start + self.words], piece) {
            return;
        }
        self.availability[piece.0 as usize] += 1;
        self.piece_was_passed_on(now, peer, piece);
        let wanted = !self.have.has(piece);
        let conn = &mut self.conns[peer.0 as usize];
        conn.have_count += 1;
        conn.have_messages += 1;
        if wanted {
            conn.wanted += 1;
            if !conn.am_interested {
                self.update_interest(now, peer);
            } else if conn.live == 0 && !conn.peer_choking {
                self.fill(now, peer); // It had run out of pieces for us.
            }
        }
        if self.is_complete() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Bitfield, have all or have none; a later one replaces the former, as deployed clients do.
    pub(super) fn on_bitfield(&mut self, now: Instant, peer: PeerKey, set: &Bitfield) {
        let pieces = self.config.geometry.piece_count();
        if set.piece_count() != pieces {
            let got = set.piece_count();
            return self.violation(peer, ProtocolViolation::BitfieldLength { got, pieces });
        }
        self.take_out_of_availability(peer);
        let start = peer.0 as usize * self.words;
        self.remote[start..start + self.words].copy_from_slice(set.words());
        let mut wanted = 0;
        for piece in set.iter() {
            self.availability[piece.0 as usize] += 1;
            wanted += u32::from(!self.have.has(piece));
        }
        let conn = &mut self.conns[peer.0 as usize];
        (conn.have_count, conn.wanted) = (set.count(), wanted);
        self.update_interest(now, peer);
        self.fill(now, peer);
        if self.is_complete() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Says so when the peer began or ceased to have something for us.
    pub(super) fn update_interest(&mut self, now: Instant, peer: PeerKey) {
        let Some(conn) = self.conn(peer) else { return };
        let interested = conn.wanted > 0;
        if interested == conn.am_interested {
            return;
        }
        conn.am_interested = interested;
        let message = if interested {
            Message::Interested
        } else {
            Message::NotInterested
        };
        self.send(now, peer, message);
        self.fill(now, peer);
    }

    pub(super) fn on_interest(&mut self, now: Instant, peer: PeerKey, interested: bool) {
        let conn = &mut self.conns[peer.0 as usize];
        if conn.peer_interested != interested {
            conn.peer_interested = interested;
            self.trigger(now, Trigger::Interest(peer));
        }
    }

    pub(super) fn on_extended(&mut self, now: Instant, peer: PeerKey, extended: &Extended) {
        let hello = match extended {
            Extended::Handshake(hello) => hello,
            Extended::Pex { changes, .. } => return self.on_pex(now, peer, changes),
            Extended::Unknown { .. } => return,
        };
        self.exchange_hello(peer, hello);
        let conn = &mut self.conns[peer.0 as usize];
        if let Some(queue) = hello.request_queue {
            conn.request_queue = u16::try_from(queue).unwrap_or(u16::MAX).max(1);
        }
        conn.upload_only = hello.upload_only.unwrap_or(conn.upload_only);
        self.fill(now, peer);
        if self.is_complete() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Whether the peer has every piece or says that it only uploads.
    pub(super) fn is_seed(&self, conn: &Conn) -> bool {
        conn.upload_only || conn.have_count == self.config.geometry.piece_count()
    }

    pub(super) fn drop_if_both_seeds(&mut self, peer: PeerKey) {
        let conn = &self.conns[peer.0 as usize];
        if conn.open && self.config.drop_seeds && self.is_complete() && self.is_seed(conn) {
            self.disconnect(peer, Reason::BothSeeds);
        }
    }

    /// Whether `peer` has told us that it has `piece`.
    #[must_use]
    pub fn peer_has(&self, peer: PeerKey, piece: PieceIndex) -> bool {
        self.conns
            .get(peer.0 as usize)
            .is_some_and(|conn| conn.open)
            && piece.0 < self.config.geometry.piece_count()
            && has_bit(self.remote(peer), piece)
    }
}
