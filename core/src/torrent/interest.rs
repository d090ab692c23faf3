//! Connections, the pieces that peers have, and interest in both directions.

use alloc::boxed::Box;

use super::conn::Conn;
use super::io::PeerLink;
use super::pending::Mark;
use super::{ProtocolViolation, Reason, Torrent, WAITING_HAVES};
use crate::bitfield::Bitfield;
use crate::choke::Trigger;
use crate::ids::{PeerKey, PieceIndex};
use crate::ledger::Kind;
use crate::message::{Contacts, Extended, Message};
use crate::time::Instant;
use crate::wire::{HANDSHAKE_BYTES, PEX_ID};

/// Limit on the cost of one peer's messages between two upkeeps; see [`Torrent::is_costly`]. A
/// change of interest costs one, as it may make the policy look at all peers.
pub(super) const MOST_COSTLY: u8 = 20;

/// Cost of replacing all pieces of a peer.
const REPLACED: u8 = 5;

/// Least number of further connections to allocate memory for at a time.
const MORE_CONNECTIONS: usize = 4;

impl Torrent {
    pub(super) fn on_connected(&mut self, now: Instant, peer: PeerKey, link: PeerLink) {
        assert!(peer <= PeerKey::MAX, "connection {peer} is beyond 16 bits");
        let slot = peer.0 as usize;
        while self.conns.len() <= slot {
            if self.conns.len() == self.conns.capacity() {
                let room = if self.conns.is_empty() {
                    usize::from(self.config.connections).max(1)
                } else {
                    (self.conns.len() / 4).max(MORE_CONNECTIONS)
                };
                self.conns.reserve_exact(room);
                self.remotes.reserve(room);
            }
            self.conns.push(Conn::closed());
            self.remotes.push();
        }
        assert!(
            !self.conns[slot].open,
            "connection {peer} is connected twice"
        );
        self.conns[slot] = Conn {
            request_queue: self.config.request_queue,
            ..Conn::opened(now, link)
        };
        self.open += 1;
        self.growth_begins(now, peer);
        if self.ordered {
            self.traffic_id(peer); // With an upload order every peer has a row.
        }
        if self.config.peer_ledgers {
            self.ledgers.open(peer);
        }
        if !link.returning {
            // The key belonged to another peer before. The new peer is not to blame for the old
            // one's blocks.
            self.partials.forget(peer);
            self.suspects.forget(peer);
        }
        if link.web {
            return self.begin_web_seed(now, peer);
        }
        self.exchange_begins(now, peer, link.address, link.outgoing);
        self.allowances_begin(peer, link.address.map(|it| it.ip()));
        self.ledgers.count(peer, |ledger| {
            let handshakes = &mut ledger.protocol[Kind::Handshake as usize];
            handshakes.sent += HANDSHAKE_BYTES as u64;
            handshakes.received += HANDSHAKE_BYTES as u64;
        });
        if link.extended
            && let Some(hello) = self.hello(None)
        {
            self.send(now, peer, hello);
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

    pub(super) fn on_disconnected(&mut self, now: Instant, peer: PeerKey) {
        let Some(conn) = self.conns.get(peer.0 as usize).filter(|conn| conn.open) else {
            return;
        };
        let (traffic, web) = (conn.traffic, conn.agreed.web());
        self.open -= u32::from(!conn.closing);
        self.interesting -= u16::from(!conn.closing && conn.am_interested);
        self.in_flight_blocks -= u32::from(conn.unflushed);
        self.give_up_requests(peer, Mark::Choked);
        self.owing.set(peer, false);
        self.take_out_of_availability(peer);
        self.forget_offers(peer);
        self.exchange_ends(peer);
        self.no_longer_starving(peer);
        self.allowances_end(peer);
        self.traffic.end(self.estimator, traffic);
        self.conns[peer.0 as usize] = Conn::closed();
        self.picker.forget(peer);
        if !web {
            self.trigger(now, Trigger::Disconnected(peer));
        }
        // Schedule uploads only if peers compete for them. Without a cap or an upload order they do
        // not. This matters when many seeds part at once: each would look at all its connections in
        // vain.
        if self.capped || self.ordered {
            self.schedule_uploads(now);
        }
        if !self.is_done() {
            self.fill_all(now);
        }
    }

    /// Our extension handshake, if any; `upload_only` overrides the configured value. A torrent
    /// that hides its pieces does not say `upload_only`: a peer that sees no pieces and hears that
    /// we want none has no reason to stay connected (libtorrent).
    pub(super) fn hello(&self, upload_only: Option<bool>) -> Option<Message> {
        let mut hello = self.config.hello.clone()?;
        let only = self.is_done() && !self.hides_pieces();
        hello.upload_only = upload_only.or(hello.upload_only.filter(|_| only));
        Some(Message::Extended(Box::new(Extended::Handshake(hello))))
    }

    fn take_out_of_availability(&mut self, peer: PeerKey) {
        self.remotes
            .count_copies(peer, &mut self.availability, false);
        self.remotes.clear(peer);
    }

    /// Whether a `have` of `piece` from `peer` changes nothing but counts, and no ledger of the
    /// connection is kept. `waiting`: how many others may come before.
    #[inline]
    pub(super) fn is_counted(&self, peer: PeerKey, piece: PieceIndex, waiting: u32) -> bool {
        let in_range = piece.0 < self.have.piece_count();
        in_range && (self.indifferent.has(peer) || self.is_old_news(peer, piece, waiting))
    }

    /// Whether we need nothing of a peer that has one more piece: we have this piece, and if we are a
    /// seed, the peer is none with it.
    fn is_old_news(&self, peer: PeerKey, piece: PieceIndex, waiting: u32) -> bool {
        let conn = self.conns.get(peer.0 as usize);
        let Some(conn) = conn.filter(|it| it.open && !it.closing) else {
            return false;
        };
        if self.hides_pieces() || self.config.peer_ledgers || !self.settled().has(piece) {
            return false;
        }
        let most = self.remotes.count(peer) + waiting + 1;
        !self.is_done() || !conn.upload_only && most < self.config.geometry.piece_count()
    }

    /// Counts a `have` that changes nothing else. Touches only three cache lines.
    #[inline]
    pub(super) fn count_have(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        let bytes = u64::from(crate::wire::wire_len(&Message::Have(piece)));
        self.ledgers.all.protocol[Kind::Have as usize].received += bytes;
        if self.remotes.insert(now, peer, piece) {
            self.availability[piece.0 as usize] += 1;
            if self.is_done() && self.is_nearly_seed(peer) {
                self.note_indifference(peer);
            }
        }
    }

    pub(super) fn on_have(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        if !self.piece_in_range(peer, piece) {
            return;
        }
        if !self.remotes.insert(now, peer, piece) {
            return;
        }
        self.availability[piece.0 as usize] += 1;
        self.piece_was_passed_on(now, peer, piece);
        let wanted = !self.settled().has(piece);
        let conn = &mut self.conns[peer.0 as usize];
        if wanted {
            if !conn.am_interested {
                self.update_interest(now, peer);
            } else if conn.live == 0 && !conn.peer_choking {
                self.fill(now, peer); // It had no other piece that we need.
            }
        }
        if self.is_done() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Handles a bitfield, have all or have none. A later one replaces the earlier one, as in
    /// deployed clients.
    pub(super) fn on_bitfield(&mut self, now: Instant, peer: PeerKey, set: &Bitfield) {
        let pieces = self.config.geometry.piece_count();
        if set.piece_count() != pieces {
            let got = set.piece_count();
            return self.violation(peer, ProtocolViolation::BitfieldLength { got, pieces });
        }
        let had_before = self.conns[peer.0 as usize].had_before;
        let before = self.remotes.count(peer);
        let told = before.wrapping_sub(had_before);
        self.take_out_of_availability(peer);
        self.remotes.replace(peer, set);
        self.remotes
            .count_copies(peer, &mut self.availability, true);
        let conn = &mut self.conns[peer.0 as usize];
        conn.had_before = set.count().wrapping_sub(told);
        // The peer may have withdrawn a piece that is reserved for it.
        self.end_exclusivity(peer);
        self.fill_starving(now);
        self.update_interest(now, peer);
        // A bitfield with more pieces than before is cheap like several `have`s: aria2 sends it
        // instead of them where it is shorter, many times a second on a fast link. The set cannot
        // grow for ever, so this needs no limit.
        let progress = set.count() > before;
        if !progress && self.is_costly(peer, REPLACED) {
            return self.violation(peer, ProtocolViolation::Repeated);
        }
        self.fill(now, peer);
        if self.is_done() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Sends `interested` or `not interested` if the peer began or ceased to have a piece we need.
    pub(super) fn update_interest(&mut self, now: Instant, peer: PeerKey) {
        let interested = self.remotes.wants(peer, self.settled());
        let Some(conn) = self.conn(peer) else { return };
        if interested == conn.am_interested {
            return;
        }
        conn.am_interested = interested;
        if interested {
            self.interesting += 1;
        } else {
            self.interesting -= 1;
            self.growth_ends(peer);
        }
        self.note_indifference(peer);
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
            if interested {
                self.grant(now, peer);
            }
            // If the peer changes its interest too often, the policy sees it only at its next tick.
            if !self.is_costly(peer, 1) {
                self.trigger(now, Trigger::Interest(peer));
            }
        }
    }

    /// Counts a message that costs us more work than its size suggests; true if there were too many
    /// lately. Messages that a peer can repeat must not cost us more than they cost the peer.
    pub(super) fn is_costly(&mut self, peer: PeerKey, cost: u8) -> bool {
        let conn = &mut self.conns[peer.0 as usize];
        conn.costly = conn.costly.saturating_add(cost);
        conn.costly > MOST_COSTLY
    }

    pub(super) fn on_extended(&mut self, now: Instant, peer: PeerKey, extended: &Extended) {
        let hello = match extended {
            Extended::Handshake(hello) => hello,
            Extended::Pex { changes, .. } => return self.on_pex(now, peer, changes),
            // A message of peer exchange that cannot be read counts as an empty one: it must not
            // be free to send many.
            Extended::Unknown { id: PEX_ID, .. } => {
                return self.on_pex(now, peer, &Contacts::default());
            }
            Extended::Metadata { .. } | Extended::Unknown { .. } => return,
        };
        self.exchange_hello(peer, hello);
        let conn = &mut self.conns[peer.0 as usize];
        if let Some(queue) = hello.request_queue {
            conn.request_queue = u16::try_from(queue).unwrap_or(u16::MAX).max(1);
        }
        conn.upload_only = hello.upload_only.unwrap_or(conn.upload_only);
        if !self.is_costly(peer, 1) {
            self.fill(now, peer);
        }
        if self.is_done() {
            self.drop_if_both_seeds(peer);
        }
    }

    /// Updates [`super::ManyTorrents::indifferent`] for `peer`. Called for the peer of each input,
    /// and for every other peer whose interest or requests the input changes.
    pub(super) fn note_indifference(&mut self, peer: PeerKey) {
        self.indifferent.set(peer, self.is_indifferent(peer));
    }

    /// Whether the next few `have`s of `peer` change nothing but counts. That is so if we are
    /// interested already, and the peer owes us blocks or chokes us. If we are a seed, the peer
    /// must not be close to becoming a seed. A seed that hides its pieces reacts to each `have`, and a
    /// ledger of the connection would have to count it.
    fn is_indifferent(&self, peer: PeerKey) -> bool {
        let Some(conn) = self.conns.get(peer.0 as usize) else {
            return false;
        };
        if !conn.open || conn.closing || self.hides_pieces() || self.config.peer_ledgers {
            return false;
        }
        if self.is_done() {
            !self.is_nearly_seed(peer)
        } else {
            conn.am_interested && (conn.live > 0 || conn.peer_choking)
        }
    }

    /// Whether the `have`s that may be held back could make the peer a seed.
    fn is_nearly_seed(&self, peer: PeerKey) -> bool {
        self.remotes.count(peer) + WAITING_HAVES >= self.config.geometry.piece_count()
    }

    /// Whether the peer has every piece or says that it only uploads.
    pub(super) fn is_seed(&self, peer: PeerKey, conn: &Conn) -> bool {
        conn.upload_only || self.remotes.count(peer) == self.config.geometry.piece_count()
    }

    pub(super) fn drop_if_both_seeds(&mut self, peer: PeerKey) {
        let conn = &self.conns[peer.0 as usize];
        if conn.open && self.config.drop_seeds && self.is_done() && self.is_seed(peer, conn) {
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
            && self.remotes.has(peer, piece)
    }
}
