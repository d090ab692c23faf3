//! Messages of peers, each passed on to the part that handles it; messages to peers; and the end of
//! a connection.

use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::ledger::Kind;
use crate::message::Message;
use crate::time::Instant;
use crate::wire::wire_len;

use super::pending::Mark;
use super::{Output, ProtocolViolation, Reason, Torrent};

impl Torrent {
    pub(super) fn send(&mut self, now: Instant, peer: PeerKey, message: Message) {
        if self.is_deaf_to(peer, &message) {
            return;
        }
        let bytes = u64::from(wire_len(&message));
        let kind = Kind::of(&message) as usize;
        self.ledgers
            .count(peer, |ledger| ledger.protocol[kind].sent += bytes);
        self.conns[peer.0 as usize].last_sent_at = now;
        self.outputs.push_back(Output::Send { peer, message });
    }

    pub(super) fn disconnect(&mut self, peer: PeerKey, reason: Reason) {
        if self.conn(peer).is_some() {
            // Messages that the peer still sends are ignored.
            self.give_up_requests(peer, Mark::Choked);
            let conn = &mut self.conns[peer.0 as usize];
            conn.closing = true;
            self.interesting -= u16::from(conn.am_interested);
            self.open -= 1;
            self.note_indifference(peer);
            self.outputs.push_back(Output::Disconnect { peer, reason });
        }
    }

    /// Closes a connection for a reason outside the torrent. [`Output::Disconnect`] comes after the
    /// earlier messages to the peer, and no further message is sent.
    pub fn close(&mut self, peer: PeerKey) {
        self.disconnect(peer, Reason::ByClient);
    }

    pub(super) fn violation(&mut self, peer: PeerKey, violation: ProtocolViolation) {
        self.disconnect(peer, Reason::Violation(violation));
    }

    pub(super) fn on_message(&mut self, now: Instant, peer: PeerKey, message: Message) {
        let Some(conn) = self.conn(peer) else { return };
        conn.last_heard_at = now;
        let (bytes, kind) = (u64::from(wire_len(&message)), Kind::of(&message) as usize);
        let (fast, extended) = (conn.agreed.fast(), conn.agreed.extended());
        self.ledgers
            .count(peer, |ledger| ledger.protocol[kind].received += bytes);
        let pieces = self.have.piece_count();
        match message {
            Message::Piece(block) => self.on_block(now, peer, block),
            Message::Have(piece) => self.on_have(now, peer, piece),
            Message::Request(block) => self.on_request(now, peer, block),
            Message::Choke => self.on_choke(now, peer),
            Message::Unchoke => self.on_unchoke(now, peer),
            Message::Interested => self.on_interest(now, peer, true),
            Message::NotInterested => self.on_interest(now, peer, false),
            Message::Bitfield(set) => self.on_bitfield(now, peer, &set),
            Message::Cancel(block) => self.on_cancel(now, peer, block),
            // `crate::hashes` handles the messages about hashes.
            Message::KeepAlive
            | Message::Port(_)
            | Message::HashRequest(_)
            | Message::Hashes(_)
            | Message::HashReject(_) => {}
            Message::Extended(_) if !extended => {
                self.violation(peer, ProtocolViolation::ExtensionNotNegotiated);
            }
            Message::Extended(extended) => self.on_extended(now, peer, &extended),
            _ if !fast => self.violation(peer, ProtocolViolation::FastNotNegotiated),
            Message::HaveAll => self.on_bitfield(now, peer, &Bitfield::full(pieces)),
            Message::HaveNone => self.on_bitfield(now, peer, &Bitfield::empty(pieces)),
            Message::Reject(block) => self.on_reject(now, peer, block),
            Message::AllowedFast(piece) => self.on_allowed_fast(now, peer, piece),
            // We ignore suggestions: peers must not choose our pieces.
            Message::Suggest(_) => {}
        }
    }

    pub(super) fn piece_in_range(&mut self, peer: PeerKey, piece: PieceIndex) -> bool {
        let pieces = self.config.geometry.piece_count();
        if piece.0 >= pieces {
            self.violation(peer, ProtocolViolation::PieceOutOfRange { piece, pieces });
        }
        piece.0 < pieces
    }
}
