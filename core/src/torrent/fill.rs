//! Fills request pipelines: which peer first, when, and how far.

use super::Torrent;
use super::conn::Delivery;
use super::traffic::TrafficId;
use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::time::Instant;

/// Order in which peers are asked when blocks become free: `Delivers` first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Delivers,
    /// The peer has not shown yet whether it delivers. It comes before silent peers, because an
    /// idle new peer would otherwise never get a block.
    MayDeliver,
    Silent,
}

impl Turn {
    const ALL: [Self; 3] = [Self::Delivers, Self::MayDeliver, Self::Silent];
}

impl Torrent {
    /// Estimator of the rate at which a peer delivers.
    pub(super) fn pace(&self) -> Estimator {
        Estimator::Ema { weight: self.pace }
    }

    /// Requests to keep outstanding at a peer: enough for `queue_time` at the measured rate.
    fn depth(&self, now: Instant, peer: PeerKey) -> u16 {
        let conn = &self.conns[peer.0 as usize];
        if conn.delivery >= Delivery::Stalled {
            return 1; // libtorrent: a snubbed peer is asked for one block at a time.
        }
        let pipeline = &self.config.pipeline;
        let meter = &self.traffic[conn.traffic].pipeline_meter;
        let rate = u128::from(meter.rate(self.pace(), now));
        let bytes = rate * pipeline.queue_time.as_millis() / 1000;
        let blocks = u16::try_from(bytes / u128::from(BLOCK_BYTES)).unwrap_or(u16::MAX);
        let most = pipeline.max.min(conn.request_queue);
        let least = pipeline.min.max(self.least_of_web(conn));
        let depth = self.grown(peer).unwrap_or(blocks.saturating_add(1));
        let depth = depth.max(least).min(most);
        (depth >> conn.halvings).max(1)
    }

    /// Fills the pipeline of one peer once a part of it is free (see [`Self::batches`]; a quarter
    /// for most peers). So requests go out in small batches instead of one for each block.
    pub(super) fn fill(&mut self, now: Instant, peer: PeerKey) {
        let Some(conn) = self.conn(peer) else { return };
        let choked = conn.peer_choking;
        if choked && !conn.agreed.taken() || !conn.am_interested {
            return;
        }
        let (live, id) = (conn.live, conn.traffic);
        if conn.delivery >= Delivery::Stalled && self.awaits_overdue(now, id) {
            return;
        }
        self.growth_settles(now, peer);
        let depth = self.depth(now, peer);
        if live > depth - depth.div_ceil(self.batches(peer)) {
            return;
        }
        let (mut course, mut left) = (None, depth.saturating_sub(live));
        while left > 0 {
            if !self.request_one(now, peer, &mut course) {
                if !choked {
                    self.note_starving(peer);
                }
                return;
            }
            left -= 1;
            if let Some(slot) = course {
                left -= self.request_more(now, peer, slot, left);
            }
        }
    }

    /// Whether a stalled peer may still deliver the blocks it owes. More requests, or repeated
    /// ones, would make a slow link slower. But the peer may also have dropped the requests, as
    /// clients without BEP 6 do silently. So we ask it again after a longer silence.
    fn awaits_overdue(&self, now: Instant, id: TrafficId) -> bool {
        let traffic = &self.traffic[id];
        let last = traffic.pending.back();
        let since_last = last.map_or(u32::MAX, |it| it.age(now));
        let silence = traffic.silence(now);
        since_last.min(silence) <= self.probe_after(traffic.latency, silence)
            && traffic.pending.iter().any(|it| it.is_overdue())
    }

    /// Remembers that the peer would deliver, but all blocks it has are requested already.
    fn note_starving(&mut self, peer: PeerKey) {
        let conn = &mut self.conns[peer.0 as usize];
        if !core::mem::replace(&mut conn.starving, true) {
            self.starving.push(peer);
        }
    }

    /// Removes the peer from the list of peers that wait for a free block. The next upkeep checks
    /// it again.
    pub(super) fn no_longer_starving(&mut self, peer: PeerKey) {
        if core::mem::take(&mut self.conns[peer.0 as usize].starving) {
            self.starving.retain(|it| *it != peer);
        }
    }

    /// Gives blocks that became free to peers without work: first to those that deliver, last to
    /// silent ones.
    pub(super) fn fill_starving(&mut self, now: Instant) {
        for turn in Turn::ALL {
            for _ in 0..self.starving.len() {
                if self.partials.free_blocks() == 0 {
                    return;
                }
                let peer = self.starving.remove(0);
                if self.turn_of(peer) == turn {
                    self.conns[peer.0 as usize].starving = false;
                    self.fill(now, peer);
                } else {
                    self.starving.push(peer);
                }
            }
        }
    }

    pub(super) fn is_prompt(&self, peer: PeerKey) -> bool {
        self.conns[peer.0 as usize].delivery == Delivery::Prompt
    }

    pub(super) fn turn_of(&self, peer: PeerKey) -> Turn {
        match self.conns[peer.0 as usize].delivery {
            Delivery::Prompt => Turn::Delivers,
            Delivery::Unproven => Turn::MayDeliver,
            Delivery::Stalled | Delivery::Snubbed => Turn::Silent,
        }
    }

    /// Fills the pipeline of every peer that may deliver, after blocks became free or a cap opened.
    /// The order is that of [`Self::fill_starving`].
    pub(super) fn fill_all(&mut self, now: Instant) {
        for turn in Turn::ALL {
            for peer in self.keys() {
                if self.turn_of(peer) == turn {
                    self.fill(now, peer);
                }
            }
        }
    }

    /// The block that we requested last from a silent peer, if we may request it again. A slow peer
    /// answers its oldest request first. A peer that answers this one has lost the others.
    pub(super) fn again_of_silent(&mut self, peer: PeerKey) -> Option<u32> {
        if self.turn_of(peer) != Turn::Silent {
            return None;
        }
        let allowed = self.allowed(peer);
        let id = self.conns[peer.0 as usize].traffic;
        for at in (0..self.traffic[id].pending.len()).rev() {
            let request = self.traffic[id].pending[at];
            let (piece, block) = self.config.geometry.split(request.number());
            let may = self.remotes.has(peer, piece)
                && !self.is_barred(peer, piece)
                && allowed.as_ref().is_none_or(|it| it.has(piece));
            if request.is_overdue() && may && self.partials.take(piece, block, peer, true) {
                return Some(request.number());
            }
        }
        None
    }
}
