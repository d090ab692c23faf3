//! Handles verification results: announces a good piece; discards a bad one and finds the peer to
//! blame.

use super::{Output, Reason, Torrent, Verdict};
use crate::ids::{PeerKey, PieceIndex};
use crate::ledger::{Kind, Waste};
use crate::message::Message;
use crate::time::Instant;

impl Torrent {
    pub(super) fn on_verified(&mut self, now: Instant, piece: PieceIndex, verdict: &Verdict) {
        let under_way = self
            .partials
            .get(piece)
            .is_some_and(|partial| partial.missing == 0);
        assert!(under_way, "piece {piece} was not to be verified");
        let senders = self.partials.senders(piece);
        self.partials.finish(piece);
        match verdict {
            Verdict::Good { blocks } => {
                let culprits = self.suspects.passed(piece, blocks);
                self.close_corrupt(piece, &culprits);
                self.complete_piece(now, piece);
            }
            Verdict::Bad { blocks } => {
                self.count_hash_failure(piece, &senders);
                let culprit = self.suspects.failed(piece, &senders, blocks);
                self.unbegun.insert(piece);
                self.close_corrupt(piece, culprit.as_slice());
                self.fill_all(now);
            }
            Verdict::Padded { blocks } => {
                self.count_hash_failure(piece, &senders);
                let culprit = self.suspects.failed(piece, &senders, blocks);
                self.unbegun.insert(piece);
                match culprit {
                    Some(peer) if self.is_web(peer) => self.cannot_serve(now, peer, piece),
                    culprit => self.close_corrupt(piece, culprit.as_slice()),
                }
                self.fill_all(now);
            }
            Verdict::Lost => {
                self.count_hash_failure(piece, &senders);
                self.unbegun.insert(piece);
                self.fill_all(now);
            }
        }
    }

    fn close_corrupt(&mut self, piece: PieceIndex, culprits: &[PeerKey]) {
        for peer in culprits {
            let (peer, open) = (*peer, self.conn(*peer).is_some());
            if open {
                self.disconnect(peer, Reason::Corrupt { piece });
            } else {
                self.outputs.push_back(Output::Corrupt { peer, piece });
            }
        }
    }

    fn count_hash_failure(&mut self, piece: PieceIndex, senders: &[Option<PeerKey>]) {
        let geometry = &self.config.geometry;
        let cause = Waste::HashFailure as usize;
        for (block, sender) in (0..).zip(senders) {
            let bytes = u64::from(geometry.block(piece, block).length);
            self.ledgers.all.payload_useful -= bytes;
            self.ledgers.all.payload_wasted[cause] += bytes;
            if let Some(ledger) = sender.and_then(|it| self.ledgers.of_mut(it)) {
                ledger.payload_useful = ledger.payload_useful.saturating_sub(bytes);
                ledger.payload_wasted[cause] += bytes;
            }
        }
    }

    /// Announces `piece` to all peers at once. Touches single connections only if each has its own
    /// ledger.
    fn broadcast(&mut self, now: Instant, piece: PieceIndex) {
        let bytes = u64::from(crate::wire::wire_len(&Message::Have(piece)));
        let kind = Kind::Have as usize;
        self.ledgers.all.protocol[kind].sent += u64::from(self.open) * bytes;
        self.last_broadcast_at = now;
        self.outputs.push_back(Output::Broadcast { have: piece });
        if self.config.peer_ledgers {
            let open = (0..)
                .zip(&self.conns)
                .filter(|(_, it)| it.open && !it.closing);
            for (key, _) in open {
                let ledger = self.ledgers.of_mut(PeerKey(key));
                ledger.expect("every connection has one").protocol[kind].sent += bytes;
            }
        }
    }

    pub(super) fn complete_piece(&mut self, now: Instant, piece: PieceIndex) {
        assert!(self.have.insert(piece), "piece {piece} was verified twice");
        self.have_count += 1;
        self.note_need(piece, true);
        if self.tells_of(piece) {
            self.broadcast(now, piece);
        }
        for peer in self.keys() {
            if self.remotes.has(peer, piece) && !self.remotes.wants(peer, self.settled()) {
                self.update_interest(now, peer);
            }
        }
        if self.is_done() {
            self.outputs.push_back(Output::Completed);
            self.keys().for_each(|peer| {
                self.drop_if_both_seeds(peer);
                self.note_indifference(peer);
            });
        }
    }
}
