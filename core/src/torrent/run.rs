//! Many requests at once: what would happen to each of them in turn, as long as nothing else does.

use core::ops::Range;

use super::conn::Delivery;
use super::pending::{Mark, Pending};
use super::{Output, Torrent};
use crate::ids::{PeerKey, PieceIndex};
use crate::ledger::Kind;
use crate::message::Message;
use crate::pick::{Begun, PickView};
use crate::time::Instant;
use crate::wire::REQUEST_BYTES;

impl Torrent {
    /// Requests up to `most` further blocks of the begun piece in `slot`, which
    /// [`Self::request_one`] has just chosen and would choose again. Returns how many. Peers for which
    /// more has to be thought of get none here.
    pub(super) fn request_more(
        &mut self,
        now: Instant,
        peer: PeerKey,
        slot: usize,
        most: u16,
    ) -> u16 {
        let progress = self.progress(peer);
        let conn = &mut self.conns[peer.0 as usize];
        let plain = self.download.is_none()
            && !conn.overdue
            && !conn.peer_choking
            && conn.delivery < Delivery::Stalled
            && self.picker.habits().whole_within.is_none();
        let traffic = self.traffic.get_mut(conn.traffic).filter(|_| plain);
        let Some(traffic) = traffic else { return 0 };
        let view = PickView {
            unbegun: self.unbegun.words(),
            peer_has: self.remotes.set(peer),
            availability: &self.availability,
            progress,
        };
        let piece = self.partials.at(slot).piece;
        let copies = self.availability[piece.0 as usize];
        let doubtful = conn.delivery != Delivery::Prompt;
        let mut count = 0;
        while count < most {
            let free = self.partials.at(slot).free;
            let begun = Begun {
                piece,
                copies,
                free,
            };
            if free == 0 || self.picker.begins_anew(begun, &view) {
                break;
            }
            let block = self.partials.take_free(slot, false, doubtful);
            let block = block.expect("some are free");
            let number = self.config.geometry.number(piece, block);
            traffic.push_pending(Pending::new(now, number, Mark::Ordinary));
            let message = Message::Request(self.config.geometry.block(piece, block));
            self.outputs.push_back(Output::Send { peer, message });
            count += 1;
        }
        conn.live += count;
        let bytes = u64::from(REQUEST_BYTES) * u64::from(count);
        self.ledgers.count(peer, |ledger| {
            ledger.protocol[Kind::Request as usize].sent += bytes;
        });
        count
    }

    /// Queues the requests of `peer` for these `blocks` of `piece`, as long as none of them is answered
    /// at once. Returns how many: the next one, if any, must be handed in as an input.
    pub(super) fn queue_unanswered(
        &mut self,
        now: Instant,
        peer: PeerKey,
        piece: PieceIndex,
        blocks: Range<u32>,
    ) -> u32 {
        let may_serve = !self.ordered
            && !self.hides_pieces()
            && piece.0 < self.have.piece_count()
            && self.have.has(piece);
        let Some(conn) = self.conn(peer).filter(|_| may_serve) else {
            return 0;
        };
        let (id, waits) = (conn.traffic, !conn.am_choking && conn.credit == 0);
        let Some(traffic) = self.traffic.get_mut(id).filter(|_| waits) else {
            return 0;
        };
        let geometry = &self.config.geometry;
        let most = self.config.limits.queued_requests as usize;
        let room = u32::try_from(most.saturating_sub(traffic.queue.len())).unwrap_or(u32::MAX);
        let end = blocks.end.min(geometry.blocks_in(piece));
        let count = end.saturating_sub(blocks.start).min(room);
        for block in blocks.start..blocks.start + count {
            traffic.queue.push_block(geometry.number(piece, block));
        }
        if count > 0 {
            self.conns[peer.0 as usize].last_heard_at = now;
            let bytes = u64::from(REQUEST_BYTES) * u64::from(count);
            self.ledgers.count(peer, |ledger| {
                ledger.protocol[Kind::Request as usize].received += bytes;
            });
        }
        count
    }
}
