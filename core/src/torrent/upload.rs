//! Requests we serve: queues, the driver's credit, caps, and the order of peers.

use alloc::vec::Vec;

use super::requests::Requests;
use super::{Output, ProtocolViolation, Torrent, Unsent};
use crate::choke::{PeerView, UploadOrder};
use crate::ids::{BlockRef, PeerKey};
use crate::ledger::Kind;
use crate::message::Message;
use crate::meter::Estimator;
use crate::time::Instant;
use crate::wire::PIECE_HEADER_BYTES;

/// Stride of weight 1. It is large so that integer division keeps the shares exact enough.
const STRIDE: u64 = 1 << 20;

impl Torrent {
    pub(super) fn on_request(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let servable = self.config.geometry.may_request(block)
            && self.have.has(block.piece)
            && self.is_revealed(peer, block.piece);
        let room = self.config.limits.queued_requests as usize;
        let choked = self.conns[peer.0 as usize].am_choking;
        let room = self.traffic(peer).queue.len() < room;
        let may_ask = !choked || servable && self.uses_grant(peer, block.piece);
        if servable && may_ask && room {
            let id = self.traffic_id(peer);
            let traffic = self.traffic.get_mut(id).expect("it has a row now");
            traffic.queue.push_back(&self.config.geometry, block);
            return self.serve(now, peer);
        }
        let believed = self.config.geometry.may_request(block) && self.is_believed(block.piece);
        let conn = &mut self.conns[peer.0 as usize];
        let counts = !may_ask || !servable && !believed;
        conn.invalid_requests = conn.invalid_requests.saturating_add(i16::from(counts));
        let count = u32::try_from(conn.invalid_requests).unwrap_or(0);
        if count > self.config.limits.invalid_requests {
            self.violation(peer, ProtocolViolation::InvalidRequests(count));
        } else {
            self.refuse(now, peer, block);
        }
    }

    /// With BEP 6 every request is answered, so send a reject. Without BEP 6 a refused request gets
    /// no answer.
    pub(super) fn refuse(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        if self.conns[peer.0 as usize].agreed.fast() {
            self.send(now, peer, Message::Reject(block));
        }
    }

    pub(super) fn on_cancel(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let traffic = self.traffic.get_mut(self.conns[peer.0 as usize].traffic);
        let geometry = &self.config.geometry;
        if traffic.is_some_and(|it| it.queue.remove(geometry, block)) {
            self.refuse(now, peer, block);
        }
    }

    /// BEP 3: a choke discards the queue. BEP 6: each discarded request gets a reject, except
    /// requests for pieces that are allowed under a choke.
    pub(super) fn refuse_queue(&mut self, now: Instant, peer: PeerKey) {
        let id = self.conns[peer.0 as usize].traffic;
        let mut kept = Requests::default();
        while let Some(traffic) = self.traffic.get_mut(id)
            && let Some(block) = traffic.queue.pop_front(&self.config.geometry)
        {
            if self.is_granted(peer, block) {
                kept.push_back(&self.config.geometry, block);
            } else {
                self.refuse(now, peer, block);
            }
        }
        // Few peers are unchoked at a time, so free the memory of this queue for others.
        if let Some(traffic) = self.traffic.get_mut(id) {
            traffic.queue = kept;
        }
    }

    pub(super) fn on_writable(&mut self, now: Instant, peer: PeerKey) {
        if self.conns.get(peer.0 as usize).is_some_and(|it| it.open) {
            self.take_credit(peer);
            self.serve(now, peer);
        }
    }

    /// The link of `peer` can take one more block, because it has sent one or because it is new.
    fn take_credit(&mut self, peer: PeerKey) {
        let conn = &mut self.conns[peer.0 as usize];
        conn.credit += 1;
        let sent = u16::from(conn.unflushed > 0);
        conn.unflushed -= sent;
        self.in_flight_blocks -= u32::from(sent);
    }

    /// See [`super::ManyTorrents::hand_out`].
    pub(super) fn hand_out_next(&mut self, now: Instant, peer: PeerKey) -> Option<BlockRef> {
        let plain = !self.ordered && !self.capped && !self.asked_on_blocks;
        let conn = self.conn(peer).filter(|it| plain && !it.am_choking)?;
        // With more credit than this, the queue is empty.
        let (spent, id) = (conn.credit == 0, conn.traffic);
        if !spent || self.traffic[id].queue.is_empty() {
            return None;
        }
        self.take_credit(peer);
        Some(self.take_request(now, peer))
    }

    /// Takes back blocks that a closed connection did not send. The driver calls this with the
    /// blocks it was given and could not send; they no longer count as sent. Only the ledgers
    /// change.
    pub fn take_back(&mut self, peer: PeerKey, unsent: Unsent) {
        let headers = u64::from(unsent.blocks) * u64::from(PIECE_HEADER_BYTES);
        self.ledgers.count(peer, |ledger| {
            let sent = &mut ledger.protocol[Kind::PieceHeader as usize].sent;
            *sent = sent.saturating_sub(headers);
            ledger.payload_sent = ledger.payload_sent.saturating_sub(unsent.payload);
        });
    }

    /// Something changed for `peer`: send the blocks that may leave now.
    fn serve(&mut self, now: Instant, peer: PeerKey) {
        if self.ordered {
            return self.schedule_uploads(now);
        }
        while self.is_ready(now, peer) && self.send_block(now, peer) {}
    }

    /// A cap opened or many queues changed: send the blocks that may leave now, to all peers.
    pub(super) fn schedule_uploads(&mut self, now: Instant) {
        let Some(in_flight) = self.order.in_flight(self.config.capacity()) else {
            return self.serve_in_turn(now);
        };
        // Check the rate cap before choosing a peer: choosing counts as a turn even if no block is
        // sent.
        while self.in_flight_blocks < in_flight && self.may_upload(now) {
            let Some(peer) = self.whose_turn(now) else {
                return;
            };
            self.send_block(now, peer);
        }
    }

    /// Whether the upload cap of the torrent allows another block.
    fn may_upload(&mut self, now: Instant) -> bool {
        if !self.capped {
            return true;
        }
        let open = self.upload.as_mut().is_none_or(|it| it.is_open(now));
        if !open {
            self.note_allowance(now);
        }
        open
    }

    /// Sends one block to each ready peer in turn, as long as the cap allows. The next call
    /// continues after the last peer served; otherwise the first peers would get all the bandwidth.
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
            .min_by_key(|peer| (self.traffic(*peer).pass, *peer))?;
        // Raise the pass of all other peers to that of the peer served now. A peer that had nothing
        // to send would otherwise catch up in a burst.
        let served = self.traffic_mut(next);
        let level = served.pass;
        served.pass += STRIDE / u64::from(served.weight);
        for traffic in self.traffic.iter_mut() {
            traffic.pass = traffic.pass.max(level);
        }
        Some(next)
    }

    /// Whether the peer has a request that we may answer now. The cap of the torrent is not
    /// checked.
    fn is_ready(&mut self, now: Instant, peer: PeerKey) -> bool {
        let Some(conn) = self.conn(peer) else {
            return false;
        };
        // Requests that are queued while we choke the peer are for pieces allowed under a choke.
        let choked = conn.am_choking && !conn.agreed.granted();
        let (idle, id) = (choked || conn.credit == 0, conn.traffic);
        if idle || self.traffic[id].queue.is_empty() {
            return false;
        }
        if !self.capped {
            return true;
        }
        let cap = self.traffic.get_mut(id).and_then(|it| it.cap.as_mut());
        let open = cap.is_none_or(|cap| cap.is_open(now));
        if !open {
            self.note_allowance(now);
        }
        open
    }

    /// Sends the oldest request of a ready peer; false if the cap of the torrent forbids it.
    fn send_block(&mut self, now: Instant, peer: PeerKey) -> bool {
        if !self.may_upload(now) {
            return false;
        }
        let message = Message::Piece(self.take_request(now, peer));
        self.outputs.push_back(Output::Send { peer, message });
        self.block_trigger(now, peer);
        true
    }

    /// Takes the oldest request of a ready peer, whose block leaves.
    fn take_request(&mut self, now: Instant, peer: PeerKey) -> BlockRef {
        let estimator = self.estimator;
        let conn = &mut self.conns[peer.0 as usize];
        conn.credit -= 1;
        conn.unflushed += 1;
        let traffic = self.traffic.get_mut(conn.traffic);
        let traffic = traffic.expect("a ready peer has a row");
        let asked = traffic.queue.pop_front(&self.config.geometry);
        let block = asked.expect("a ready peer has a request");
        traffic.up_bytes += u64::from(block.length);
        traffic.up_meter.add(estimator, now, block.length);
        if self.capped {
            let caps = [traffic.cap.as_mut(), self.upload.as_mut()];
            for cap in caps.into_iter().flatten() {
                cap.take(now, block.length);
            }
        }
        self.in_flight_blocks += 1;
        self.upload_meter
            .add(Estimator::EMA_10_S, now, block.length);
        let header = u64::from(PIECE_HEADER_BYTES);
        self.ledgers.count(peer, |ledger| {
            ledger.payload_sent += u64::from(block.length);
            ledger.protocol[Kind::PieceHeader as usize].sent += header;
        });
        self.conns[peer.0 as usize].last_sent_at = now;
        block
    }

    /// A cap holds blocks back: wake up when the first cap opens.
    pub(super) fn note_allowance(&mut self, now: Instant) {
        let caps = self.traffic.iter().filter_map(|it| it.cap.as_deref());
        let torrent = self.upload.as_deref().into_iter();
        let torrent = torrent.chain(self.download.as_deref());
        let opens = torrent.chain(caps).map(super::Bucket::opens_at);
        self.next_allowance = opens.filter(|at| *at > now).min().unwrap_or(Instant::NEVER);
        self.note_deadline();
    }
}
