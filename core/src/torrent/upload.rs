//! Requests we serve: queues, the driver's credit, caps, and whose turn it is.

use alloc::vec::Vec;

use super::{Output, ProtocolViolation, Torrent};
use crate::choke::{PeerView, UploadOrder};
use crate::ids::{BlockRef, PeerKey};
use crate::ledger::Kind;
use crate::message::Message;
use crate::meter::Estimator;
use crate::time::Instant;

/// Stride of weight 1: large, so that integer division keeps the shares exact enough.
const STRIDE: u64 = 1 << 20;

impl Torrent {
    pub(super) fn on_request(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let servable = self.config.geometry.may_request(block)
            && self.have.has(block.piece)
            && self.is_revealed(peer, block.piece);
        let room = self.config.limits.queued_requests as usize;
        let conn = &mut self.conns[peer.0 as usize];
        if servable && !conn.am_choking && conn.queue.len() < room {
            conn.queue.push_back(block);
            return self.serve(now, peer);
        }
        let counts = !servable || conn.am_choking;
        conn.invalid_requests = conn.invalid_requests.saturating_add(u16::from(counts));
        let count = u32::from(conn.invalid_requests);
        if count > self.config.limits.invalid_requests {
            self.violation(peer, ProtocolViolation::InvalidRequests(count));
        } else {
            self.refuse(now, peer, block);
        }
    }

    /// BEP 6: every request is answered. Without it, silence is the answer.
    fn refuse(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        if self.conns[peer.0 as usize].fast {
            self.send(now, peer, Message::Reject(block));
        }
    }

    pub(super) fn on_cancel(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let queue = &mut self.conns[peer.0 as usize].queue;
        if let Some(at) = queue.iter().position(|it| *it == block) {
            queue.remove(at);
            self.refuse(now, peer, block);
        }
    }

    /// BEP 3: a choke throws away what is queued. BEP 6: with a reject for each.
    pub(super) fn refuse_queue(&mut self, now: Instant, peer: PeerKey) {
        let mut queue = core::mem::take(&mut self.conns[peer.0 as usize].queue);
        queue
            .drain(..)
            .for_each(|block| self.refuse(now, peer, block));
        self.spare_queues.push(queue);
    }

    pub(super) fn on_writable(&mut self, now: Instant, peer: PeerKey) {
        let Some(conn) = self.conns.get_mut(peer.0 as usize).filter(|it| it.open) else {
            return;
        };
        conn.credit += 1;
        let sent = u16::from(conn.unflushed > 0);
        conn.unflushed -= sent;
        self.in_flight_blocks -= u32::from(sent);
        self.serve(now, peer);
    }

    /// Something changed for `peer`: send what may be sent.
    fn serve(&mut self, now: Instant, peer: PeerKey) {
        match self.order {
            UploadOrder::Independent => {
                while self.is_ready(now, peer) && self.send_block(now, peer) {}
            }
            UploadOrder::Weighted { .. } | UploadOrder::ByPolicy { .. } => {
                self.schedule_uploads(now);
            }
        }
    }

    /// A cap opened or many queues changed: send what may be sent, to whomever.
    pub(super) fn schedule_uploads(&mut self, now: Instant) {
        let in_flight = match self.order {
            UploadOrder::Independent => return self.serve_in_turn(now),
            UploadOrder::Weighted { in_flight } | UploadOrder::ByPolicy { in_flight } => in_flight,
        };
        while self.in_flight_blocks < in_flight.max(1) {
            let Some(peer) = self.whose_turn(now) else {
                return;
            };
            if !self.send_block(now, peer) {
                return;
            }
        }
    }

    /// One block for each ready peer in turn, as long as the cap lets blocks through; the next time
    /// goes on where this one ended, or the first peers would get everything.
    fn serve_in_turn(&mut self, now: Instant) {
        let count = self.conns.len();
        let mut idle = 0;
        while idle < count {
            self.turn = (self.turn + 1) % count;
            let peer = PeerKey(u32::try_from(self.turn).expect("keys are 32 bits"));
            if !self.is_ready(now, peer) {
                idle += 1;
            } else if self.send_block(now, peer) {
                idle = 0;
            } else {
                self.turn = (self.turn + count - 1) % count;
                return;
            }
        }
    }

    fn whose_turn(&mut self, now: Instant) -> Option<PeerKey> {
        let ready: Vec<PeerKey> = self
            .keys()
            .filter(|peer| self.is_ready(now, *peer))
            .collect();
        if let UploadOrder::ByPolicy { .. } = self.order {
            let views: Vec<PeerView> = ready
                .iter()
                .map(|peer| self.view(now, *peer, &self.conns[peer.0 as usize]))
                .collect();
            let named = self.policy.next_peer(&views);
            return named.filter(|peer| ready.contains(peer));
        }
        let next = ready
            .into_iter()
            .min_by_key(|peer| (self.conns[peer.0 as usize].pass, *peer))?;
        // Those who were away start level with the one served now, or they would catch up in a burst.
        let level = self.conns[next.0 as usize].pass;
        let conn = &mut self.conns[next.0 as usize];
        conn.pass = level + STRIDE / u64::from(conn.weight.max(1));
        for conn in &mut self.conns {
            conn.pass = conn.pass.max(level);
        }
        Some(next)
    }

    /// Whether the peer has a request that may be answered now, as far as it is concerned.
    fn is_ready(&mut self, now: Instant, peer: PeerKey) -> bool {
        let Some(conn) = self.conn(peer) else {
            return false;
        };
        if conn.am_choking || conn.queue.is_empty() || conn.credit == 0 {
            return false;
        }
        let open = conn.cap.as_mut().is_none_or(|cap| cap.is_open(now));
        if !open {
            self.note_allowance(now);
        }
        open
    }

    /// Sends the oldest request of a ready peer; false if the cap of the torrent forbids it.
    fn send_block(&mut self, now: Instant, peer: PeerKey) -> bool {
        if self
            .upload
            .as_mut()
            .is_some_and(|bucket| !bucket.is_open(now))
        {
            self.note_allowance(now);
            return false;
        }
        let estimator = self.estimator;
        let conn = &mut self.conns[peer.0 as usize];
        let block = conn.queue.pop_front().expect("a ready peer has a request");
        conn.credit -= 1;
        conn.unflushed += 1;
        conn.up_bytes += u64::from(block.length);
        conn.up_round = conn.up_round.saturating_add(block.length);
        conn.up_meter.add(estimator, now, block.length);
        if let Some(cap) = conn.cap.as_mut() {
            cap.take(now, block.length);
        }
        if let Some(ledger) = conn.ledger.as_mut() {
            ledger.payload_sent += u64::from(block.length);
        }
        if let Some(bucket) = self.upload.as_mut() {
            bucket.take(now, block.length);
        }
        self.in_flight_blocks += 1;
        self.upload_meter
            .add(Estimator::EMA_10_S, now, block.length);
        self.ledger.payload_sent += u64::from(block.length);
        self.count_piece_header(now, peer);
        self.outputs.push_back(Output::Send {
            peer,
            message: Message::Piece(block),
        });
        self.block_trigger(now, peer);
        true
    }

    fn count_piece_header(&mut self, now: Instant, peer: PeerKey) {
        let kind = Kind::PieceHeader as usize;
        let bytes = u64::from(crate::wire::wire_len(&Message::Piece(BlockRef::default())));
        self.ledger.protocol_sent[kind] += bytes;
        let conn = &mut self.conns[peer.0 as usize];
        conn.last_sent_at = now;
        if let Some(ledger) = conn.ledger.as_mut() {
            ledger.protocol_sent[kind] += bytes;
        }
    }

    /// A cap holds something back: wake up when the first of them opens.
    pub(super) fn note_allowance(&mut self, now: Instant) {
        let caps = self.conns.iter().filter_map(|conn| conn.cap.as_deref());
        let torrent = self.upload.as_deref().into_iter();
        let torrent = torrent.chain(self.download.as_deref());
        let opens = torrent.chain(caps).map(super::Bucket::opens_at);
        self.next_allowance = opens.filter(|at| *at > now).min().unwrap_or(Instant::NEVER);
    }
}
