//! Requests for the same block at several peers: in the endgame (BEP 3, *endgame*), and always for
//! some pickers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::partial::Block;
use super::patience::{DOUBT, span_millis};
use super::pending::Mark;
use super::{Endgame, Torrent};
use crate::ids::PeerKey;
use crate::time::Instant;

/// Capped endgame: most requests for one block.
const ENDGAME_COPIES: u8 = 2;

/// Strict endgame: most requests for one block. The source has no limit.
const MOST_COPIES: u8 = 200;

impl Torrent {
    /// For pickers that always request the same block from several peers.
    pub(super) fn next_copy(&mut self, peer: PeerKey) -> Option<u32> {
        let copies = self.picker.copies();
        if copies > 1 {
            self.another_copy(peer, |_, it| it.asked() < copies)
        } else {
            None
        }
    }

    /// Picks a block that is requested already and may also be requested from `peer`, as
    /// [`Endgame`] says. BEP 3, *endgame*. In the capped endgame, a peer that delivers ignores
    /// requests to peers that may never answer.
    pub(super) fn next_endgame_block(
        &mut self,
        now: Instant,
        peer: PeerKey,
    ) -> Option<(u32, Mark)> {
        let all_begun = self.unbegun.words().iter().all(|it| *it == 0);
        let live = self.conns[peer.0 as usize].live;
        if !all_begun {
            return None;
        }
        let few = live < self.config.pipeline.min;
        let copies = if few { ENDGAME_COPIES } else { 1 };
        let all_asked = self.partials.free_blocks() == 0;
        // If `peer` has many requests outstanding, request a block again only if its other request
        // may never be answered.
        let enough = !few && self.partials.doubtful() == 0;
        let number = match self.config.endgame {
            Endgame::Capped if !all_asked || enough => None,
            Endgame::Capped if self.is_prompt(peer) => {
                self.another_copy(peer, |_, it| it.firmly_asked() < copies)
            }
            Endgame::Capped => self.another_copy(peer, |_, it| it.asked() < copies),
            Endgame::Strict if live == 0 => self.random_copy(peer),
            Endgame::Off if live == 0 && all_asked && self.is_prompt(peer) => {
                self.copy_of_silent(now, peer)
            }
            _ => None,
        };
        number.map(|number| (number, Mark::EndgameCopy))
    }

    /// Without an endgame: a block that was requested only from peers that have never answered and
    /// have been silent for [`DOUBT`]. The second request does not serve speed. Without it, the
    /// last blocks would wait until each of these requests times out.
    fn copy_of_silent(&mut self, now: Instant, peer: PeerKey) -> Option<u32> {
        let mut owed = BTreeMap::<u32, u8>::new();
        for other in self.keys().filter(|it| *it != peer) {
            if self.conns[other.0 as usize].live == 0 {
                continue;
            }
            let traffic = self.traffic(other);
            // A peer that has answered before is only slow.
            if traffic.latency != 0 || traffic.silence(now) <= span_millis(DOUBT) {
                continue;
            }
            for request in &traffic.pending {
                let owing = owed.entry(request.number()).or_default();
                *owing = owing.saturating_add(1);
            }
        }
        if owed.is_empty() {
            return None;
        }
        let owing = |number: u32| owed.get(&number).copied().unwrap_or(0);
        self.another_copy(peer, |number, it| it.asked() <= owing(number))
    }

    /// Strict endgame: a random block of a random piece, as in libtorrent, `piece_picker.cpp`. Only
    /// pieces without free blocks for `peer` count: all their blocks are requested or here, or the
    /// piece is kept for another peer.
    fn random_copy(&mut self, peer: PeerKey) -> Option<u32> {
        let allowed = self.allowed(peer);
        let full = |slot: &usize| {
            let partial = self.partials.at(*slot);
            let has = self.remotes.has(peer, partial.piece)
                && allowed.as_ref().is_none_or(|it| it.has(partial.piece));
            let full = partial.free == 0 || partial.kept_for.is_some_and(|it| it != peer);
            has && full && partial.missing > 0 && partial.only.is_none()
        };
        let mut slots: Vec<usize> = self.partials.slots().filter(full).collect();
        while !slots.is_empty() {
            let slot = slots.swap_remove(self.pick_rng.index(slots.len()));
            let piece = self.partials.at(slot).piece;
            let pending = &self.traffic(peer).pending;
            let numbered = (0..).zip(self.partials.blocks(slot));
            let numbered = numbered.filter(|(block, state)| {
                let number = self.config.geometry.number(piece, *block);
                let open = !state.is_received() && state.asked() < MOST_COPIES;
                open && !pending.iter().any(|it| it.number() == number)
            });
            let blocks: Vec<u32> = numbered.map(|it| it.0).collect();
            if !blocks.is_empty() {
                let block = blocks[self.pick_rng.index(blocks.len())];
                let doubtful = !self.is_prompt(peer);
                if !self.partials.take(piece, block, peer, doubtful) {
                    self.partials.ask_again(slot, block, doubtful);
                }
                return Some(self.config.geometry.number(piece, block));
            }
        }
        None
    }

    /// A block that is requested from others but not from `peer` and that `fits`. Searches from the
    /// block requested last, because the earlier ones are likely to arrive before a copy could.
    fn another_copy(&mut self, peer: PeerKey, fits: impl Fn(u32, Block) -> bool) -> Option<u32> {
        let pending = &self.traffic(peer).pending;
        let allowed = self.allowed(peer);
        let may_copy = |slot: &usize| {
            let partial = self.partials.at(*slot);
            let has = self.remotes.has(peer, partial.piece)
                && allowed.as_ref().is_none_or(|it| it.has(partial.piece));
            has && partial.missing > 0 && partial.only.is_none()
        };
        let found = self
            .partials
            .slots()
            .rev()
            .filter(may_copy)
            .find_map(|slot| {
                let partial = self.partials.at(slot);
                let states = self.partials.blocks(slot);
                let blocks = (0..u32::try_from(states.len()).expect("fewer than 2^30")).rev();
                let mut numbered =
                    blocks.map(|block| (block, self.config.geometry.number(partial.piece, block)));
                let wanted = numbered.find(|(block, number)| {
                    let state = states[*block as usize];
                    !state.is_received()
                        && state.asked() > 0
                        && fits(*number, state)
                        && !pending.iter().any(|it| it.number() == *number)
                });
                wanted.map(|(block, number)| (slot, block, number))
            });
        let (slot, block, number) = found?;
        let doubtful = !self.is_prompt(peer);
        self.partials.ask_again(slot, block, doubtful);
        Some(number)
    }
}
