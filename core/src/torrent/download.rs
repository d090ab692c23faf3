//! Requests we send and blocks that come.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Asked` is no function of any lifetime, a closure is"
)]

use alloc::collections::VecDeque;

use super::conn::Delivery;
use super::fill::Turn;
use super::patience::millis;
use super::pending::{Mark, Pending};
use super::{Output, ProtocolViolation, Torrent};
use crate::bitfield::Bitfield;
use crate::choke::UploadOrder;
use crate::ids::{BlockRef, PeerKey};
use crate::ledger::Waste;
use crate::message::Message;
use crate::pick::{Begun, Habits, PickView, Progress};
use crate::time::Instant;

impl Torrent {
    /// Sends one request if there is a block to request and the download cap allows it. `course` is
    /// that of [`Self::next_block`].
    pub(super) fn request_one(
        &mut self,
        now: Instant,
        peer: PeerKey,
        course: &mut Option<usize>,
    ) -> bool {
        if self
            .download
            .as_mut()
            .is_some_and(|bucket| !bucket.is_open(now))
        {
            self.note_allowance(now);
            return false;
        }
        let again = self.again_of_silent(peer);
        let found = again
            .or_else(|| self.next_block(now, peer, course))
            .map(|number| (number, Mark::Ordinary));
        let Some((number, mark)) = found.or_else(|| self.next_endgame_block(now, peer)) else {
            return false;
        };
        let block = self.config.geometry.numbered(number);
        if let Some(bucket) = self.download.as_mut() {
            bucket.take(now, block.length);
        }
        self.traffic_id(peer);
        if self.asked(peer, |asked| asked.expect_recent(now, number, mark)) == Some(true) {
            return true;
        }
        self.asked(peer, |asked| asked.ask(now, number, mark));
        // A silent peer gets a request in case it delivers again. The request does not count, so
        // that the block stays free for other peers.
        if self.turn_of(peer) == Turn::Silent {
            self.give_up_requests(peer, Mark::Overdue);
        }
        self.send(now, peer, Message::Request(block));
        true
    }

    /// Picks a block that is not requested yet: usually from a begun piece (Cohen 2003 §2.4.1,
    /// strict priority), otherwise from a piece that the picker chooses.
    ///
    /// `course` speeds up calls in a row between which nothing else happens. It is the begun piece
    /// that the last call chose and the next call would choose again, as long as the piece has free
    /// blocks. `None` at first.
    fn next_block(
        &mut self,
        now: Instant,
        peer: PeerKey,
        course: &mut Option<usize>,
    ) -> Option<u32> {
        if !self.has_free_blocks(peer) {
            return self.next_copy(peer);
        }
        let conn = &self.conns[peer.0 as usize];
        let (of_seed, doubtful) = (self.is_seed(peer, conn), conn.delivery != Delivery::Prompt);
        let habits = self.picker.habits();
        let allowed = self.allowed(peer);
        let allowed = allowed.as_ref();
        let keeps = habits.whole_within.is_some();
        if keeps && let Some(slot) = self.partials.kept_for(peer) {
            return self.take_from(slot, of_seed, doubtful);
        }
        let row = self.row(now, peer, habits);
        let same = course.take().filter(|_| row == 0);
        let same = same.filter(|slot| self.partials.at(*slot).free > 0);
        let begun = same.or_else(|| {
            if row > 0 {
                return self.begun(peer, allowed, |slot| self.is_sole(peer, slot), habits);
            }
            let spares = of_seed && habits.spares_seeds;
            let fits = |slot| !spares || self.partials.at(slot).of_seed;
            self.begun(peer, allowed, fits, habits)
        });
        let progress = self.progress(peer);
        let anew = begun.is_some_and(|slot| self.begins_anew(peer, allowed, slot, progress));
        if let Some(slot) = begun.filter(|_| !anew) {
            if row > 0 {
                self.partials.keep(slot, peer);
            }
            *course = Some(slot);
            return self.take_from(slot, of_seed, doubtful);
        }
        if let Some(number) = self.next_copy(peer) {
            return Some(number);
        }
        let Some(piece) = self.pick_piece(peer, allowed, progress) else {
            let slot = self.begun(peer, allowed, |_| true, habits)?;
            return self.take_from(slot, of_seed, doubtful);
        };
        assert!(
            self.unbegun.remove(piece),
            "the picker chose piece {piece}, which is begun or had"
        );
        let only = self.suspects.suspects(piece).then_some(peer);
        let slot = self
            .partials
            .begin(&self.config.geometry, piece, only, millis(now));
        if row > 0 {
            self.keep_row(now, peer, allowed, slot, row);
        }
        // The next call can go on with the new piece only if there was no other begun piece.
        *course = Some(slot).filter(|_| begun.is_none());
        self.take_from(slot, of_seed, doubtful)
    }

    /// Whether the peer has a piece that is not begun, or that is begun and has free blocks.
    fn has_free_blocks(&self, peer: PeerKey) -> bool {
        let begun = self.partials.with_free();
        self.remotes.has_of(peer, self.unbegun.words())
            || self.partials.free_blocks() > 0 && self.remotes.has_of(peer, begun)
    }

    /// Whether the picker begins a piece with the peer instead of continuing the one in `slot`.
    fn begins_anew(
        &self,
        peer: PeerKey,
        allowed: Option<&Bitfield>,
        slot: usize,
        progress: Progress,
    ) -> bool {
        let unbegun = allowed.map(|it| it.both(&self.unbegun));
        let partial = self.partials.at(slot);
        let begun = Begun {
            piece: partial.piece,
            copies: self.availability[partial.piece.0 as usize],
            free: partial.free,
        };
        let view = PickView {
            unbegun: unbegun.as_ref().unwrap_or(&self.unbegun).words(),
            peer_has: self.remotes.set(peer),
            availability: &self.availability,
            progress,
        };
        self.picker.begins_anew(begun, &view)
    }

    pub(super) fn progress(&self, peer: PeerKey) -> Progress {
        let begun = self.partials.slots().len();
        let conn = &self.conns[peer.0 as usize];
        Progress {
            have_count: self.have_count,
            begun_count: u32::try_from(begun).expect("fewer than 2^32 pieces"),
            piece_blocks: self.config.geometry.most_blocks(),
            peer_count: self.open,
            peer,
            choked: conn.peer_choking,
            snubbed: conn.delivery == Delivery::Snubbed,
        }
    }

    /// A begun piece that `suits` and that the peer can continue: the one with the fewest copies,
    /// unless the picker's habits say otherwise.
    fn begun(
        &self,
        peer: PeerKey,
        allowed: Option<&Bitfield>,
        suits: impl Fn(usize) -> bool,
        habits: Habits,
    ) -> Option<usize> {
        if self.partials.free_blocks() == 0 {
            return None; // Quick: the sets below are long if there are many pieces.
        }
        let fits = |slot: &usize| {
            let partial = self.partials.at(*slot);
            allowed.is_none_or(|it| it.has(partial.piece))
                && partial.only.is_none_or(|only| only == peer)
                && partial.kept_for.is_none_or(|it| it == peer)
                && suits(*slot)
                && !self.is_barred(peer, partial.piece)
        };
        let reverse = habits.reverses_for_snubbed
            && self.conns[peer.0 as usize].delivery == Delivery::Snubbed;
        let order = |slot: &usize| {
            let partial = self.partials.at(*slot);
            let copies = self.availability[partial.piece.0 as usize];
            let copies = if reverse { u16::MAX - copies } else { copies };
            let free = if habits.fullest_first {
                partial.free
            } else {
                0
            };
            (self.rank(partial.piece), copies, free, *slot)
        };
        let pieces = self.remotes.pieces_of(peer, self.partials.with_free());
        let slots = pieces.filter_map(|it| self.partials.slot_of(it));
        slots.filter(fits).min_by_key(order)
    }

    fn take_from(&mut self, slot: usize, of_seed: bool, doubtful: bool) -> Option<u32> {
        let piece = self.partials.at(slot).piece;
        self.partials
            .take_free(slot, of_seed, doubtful)
            .map(|block| self.config.geometry.number(piece, block))
    }

    pub(super) fn on_block(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let Some(index) = self.config.geometry.block_index(block) else {
            return self.unrequested(peer, block);
        };
        let number = self.config.geometry.number(block.piece, index);
        let answer = self.asked(peer, |asked| asked.answer(now, number));
        let Some(answer) = answer.flatten() else {
            return self.unrequested(peer, block);
        };
        let (estimator, pace) = (self.estimator, self.pace());
        let traffic = self.traffic_mut(peer);
        traffic.down_bytes += u64::from(block.length);
        traffic.down_round = traffic.down_round.saturating_add(block.length);
        traffic.down_meter.add(estimator, now, block.length);
        traffic.pipeline_meter.add(pace, now, block.length);
        traffic.last_block_at = now;
        self.growth_of_block(now, peer, block.length);
        self.keep_or_waste(now, peer, block, index, answer.request);
        self.block_trigger(now, peer);
        if self.ordered && matches!(self.order, UploadOrder::ByPolicy { .. }) {
            self.schedule_uploads(now); // A policy may owe the sender a block now.
        }
        self.fill(now, peer);
        if answer.frees {
            self.fill_starving(now);
        }
    }

    fn keep_or_waste(
        &mut self,
        now: Instant,
        peer: PeerKey,
        block: BlockRef,
        index: u32,
        pending: Pending,
    ) {
        let slot = self.partials.slot_of(block.piece);
        let needed = slot.filter(|slot| !self.partials.blocks(*slot)[index as usize].is_received());
        let Some(slot) = needed else {
            let cause = pending.mark().waste();
            return self.waste(peer, cause, block.length);
        };
        let overdue = self.partials.is_overdue(slot, index);
        let others = self.partials.receive(slot, index, peer);
        let others = others.saturating_sub(u8::from(pending.is_live()));
        self.ledgers.count(peer, |ledger| {
            ledger.payload_useful += u64::from(block.length);
        });
        self.outputs.push_back(Output::StoreBlock { peer, block });
        if others > 0 || overdue {
            self.cancel(now, pending, others > 0, overdue);
        }
        if self.partials.at(slot).missing == 0 {
            let want_blocks = self.suspects.suspects(block.piece);
            self.outputs.push_back(Output::VerifyPiece {
                piece: block.piece,
                want_blocks,
            });
        }
    }

    /// The block is here: cancel the requests for it at other peers. If there are `others`, these
    /// are live requests; `overdue` ones may still be answered.
    fn cancel(&mut self, now: Instant, answered: Pending, others: bool, overdue: bool) {
        let number = answered.number();
        let block = self.config.geometry.numbered(number);
        for peer in self.owing.within(self.conns.len()) {
            let conn = &self.conns[peer.0 as usize];
            let overdue = overdue && conn.overdue;
            if conn.closing || !overdue && (!others || conn.live == 0) {
                continue;
            }
            if overdue {
                self.asked(peer, |asked| asked.recount_overdue());
            }
            let lost = self.asked(peer, |asked| asked.lose(number, answered.mark()));
            let lost = lost.unwrap_or(0);
            for _ in 0..lost {
                self.send(now, peer, Message::Cancel(block));
            }
            if lost > 0 {
                self.fill(now, peer);
            }
        }
    }

    fn waste(&mut self, peer: PeerKey, cause: Waste, bytes: u32) {
        self.ledgers.count(peer, |ledger| {
            ledger.payload_wasted[cause as usize] += u64::from(bytes);
        });
    }

    fn unrequested(&mut self, peer: PeerKey, block: BlockRef) {
        self.waste(peer, Waste::Unrequested, block.length);
        let conn = &mut self.conns[peer.0 as usize];
        conn.unrequested = conn.unrequested.saturating_add(1);
        let count = u32::from(conn.unrequested);
        if count > self.config.limits.unrequested_blocks {
            self.violation(peer, ProtocolViolation::Unrequested(count));
        }
    }

    pub(super) fn on_choke(&mut self, now: Instant, peer: PeerKey) {
        self.growth_settles(now, peer);
        let conn = &mut self.conns[peer.0 as usize];
        if core::mem::replace(&mut conn.peer_choking, true) {
            return;
        }
        let fast = conn.agreed.fast();
        // With BEP 6 a reject follows for each request. Without BEP 6 the peer drops them silently.
        if !fast {
            self.give_up_requests(peer, Mark::Choked);
        }
        self.end_exclusivity(peer);
        self.fill_starving(now);
        self.free_pending(peer);
    }

    /// Frees the memory of the queue of a peer that chokes us, for use by others.
    fn free_pending(&mut self, peer: PeerKey) {
        let conn = &self.conns[peer.0 as usize];
        let traffic = self.traffic.get_mut(conn.traffic);
        if let Some(traffic) = traffic.filter(|it| conn.peer_choking && it.pending.is_empty()) {
            traffic.pending = VecDeque::new();
        }
    }

    pub(super) fn on_unchoke(&mut self, now: Instant, peer: PeerKey) {
        self.growth_settles(now, peer);
        let conn = &mut self.conns[peer.0 as usize];
        if !core::mem::replace(&mut conn.peer_choking, false) {
            return;
        }
        if !conn.agreed.fast() {
            // Messages arrive in order, so requests that were not answered before the choke never
            // will be.
            self.asked(peer, |asked| asked.forget());
        }
        // If the peer changes its mind too often, its pipeline is filled at the next upkeep.
        if !self.is_costly(peer, 1) {
            self.fill(now, peer);
        }
    }

    pub(super) fn on_reject(&mut self, now: Instant, peer: PeerKey, block: BlockRef) {
        let Some(index) = self.config.geometry.block_index(block) else {
            return;
        };
        let number = self.config.geometry.number(block.piece, index);
        let before = self.conns[peer.0 as usize].live;
        let frees = self.asked(peer, |asked| asked.reject(number)) == Some(true);
        let conn = &self.conns[peer.0 as usize];
        let (was_live, refuses) = (conn.live < before, !conn.peer_choking);
        if was_live && !refuses {
            self.forget_allowed(peer, block.piece);
        }
        if was_live && let Some(bucket) = self.download.as_mut() {
            bucket.put_back(block.length);
        }
        // A peer that rejects a request although it does not choke us is asked after the peers that
        // deliver.
        if was_live && refuses && self.is_prompt(peer) {
            self.asked(peer, |asked| asked.become_unproven());
        }
        // And not at once: we would request the same block again and again.
        if refuses {
            self.keep_no_longer(peer);
            self.no_longer_starving(peer);
        }
        let released = self.partials.release(block.piece, peer);
        if released {
            self.suspects.default_of(block.piece, peer);
        }
        if frees || released {
            self.fill_starving(now);
        }
        self.free_pending(peer);
        if was_live && !refuses {
            self.fill(now, peer);
        }
    }

    /// No answer to the requests of this peer is expected any more; other peers may be asked.
    pub(super) fn give_up_requests(&mut self, peer: PeerKey, mark: Mark) {
        self.asked(peer, |asked| asked.give_up(mark));
        self.end_exclusivity(peer);
    }
}
