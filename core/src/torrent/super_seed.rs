//! Super-seeding, BEP 16: a seed hides its pieces and reveals them to each peer one at a time. So
//! it uploads little more than one copy before other seeds exist.
//!
//! A peer gets its next piece when another peer has announced the previous one. Two rules come from
//! practice (libtorrent). First, the seed reveals the piece with the fewest copies and prefers
//! pieces not yet offered to others. Second, a peer that has had nothing to request for ten seconds
//! is offered another piece. Without the second rule two kinds of peers would wait for ever: a peer
//! that does not send `have`s, and a peer whose piece no other peer is present to confirm.
//!
//! The smart seed ([`Disclosure::WhenReceived`]) reveals the next piece as soon as the peer itself
//! has announced the previous one. When all pieces are out, it continues with the pieces that have
//! the fewest copies.

use alloc::vec::Vec;
use core::time::Duration;

use super::Torrent;
use crate::bitfield::{has_bit, set_bit};
use crate::choke::Disclosure;
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// libtorrent: a peer that is not interested for this long is offered another piece.
const PATIENCE: Duration = Duration::from_secs(10);

/// A peer that is idle for this long is also offered pieces that other peers have: it may not be
/// connected to those peers.
const LAST_RESORT: Duration = Duration::from_mins(1);

/// Which pieces were revealed to which peers.
#[derive(Debug)]
pub(super) struct SuperSeed {
    rule: Disclosure,
    /// Indexed by `PeerKey`.
    offers: Vec<Offer>,
    /// Pieces revealed to each peer: `words` words for each slot of `offers`.
    revealed: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    /// The last piece revealed; `None` for a slot without a connection.
    piece: Option<PieceIndex>,
    at: Instant,
}

impl SuperSeed {
    pub(super) fn new(rule: Disclosure) -> Self {
        let (offers, revealed) = (Vec::new(), Vec::new());
        Self {
            rule,
            offers,
            revealed,
        }
    }
}

impl Torrent {
    /// Whether we hide our pieces.
    pub(super) fn hides_pieces(&self) -> bool {
        self.super_seed.is_some()
    }

    /// Whether super-seeding allows `peer` to request `piece`.
    pub(super) fn is_revealed(&self, peer: PeerKey, piece: PieceIndex) -> bool {
        let words = self.remotes.words();
        self.super_seed.as_ref().is_none_or(|state| {
            let start = peer.0 as usize * words;
            state
                .revealed
                .get(start..start + words)
                .is_some_and(|set| has_bit(set, piece))
        })
    }

    pub(super) fn forget_offers(&mut self, peer: PeerKey) {
        let words = self.remotes.words();
        let Some(state) = self.super_seed.as_mut() else {
            return;
        };
        if let Some(offer) = state.offers.get_mut(peer.0 as usize) {
            *offer = Offer::default();
            let start = peer.0 as usize * words;
            state.revealed[start..start + words].fill(0);
        }
    }

    /// Reveals one more piece to `peer`, but only one that no peer has or was offered: we would
    /// upload any other piece twice. If there is none, the peer waits and gets the other pieces
    /// from other peers. A smart seed goes on with the pieces that have the fewest copies.
    pub(super) fn reveal(&mut self, now: Instant, peer: PeerKey) {
        if self.goes_round_again() {
            self.reveal_if(now, peer, |_| true);
        } else {
            self.reveal_if(now, peer, |(on_offer, copies)| !on_offer && copies == 0);
        }
    }

    /// Whether this is a smart seed and every piece has a copy elsewhere.
    fn goes_round_again(&self) -> bool {
        let rule = self.super_seed.as_ref().map(|it| it.rule);
        rule == Some(Disclosure::WhenReceived) && self.availability.iter().all(|it| *it > 0)
    }

    fn reveal_if(&mut self, now: Instant, peer: PeerKey, fits: fn((bool, u16)) -> bool) {
        let Some(piece) = self.next_to_reveal(peer, fits) else {
            return;
        };
        let (slot, words) = (peer.0 as usize, self.remotes.words());
        let state = self
            .super_seed
            .as_mut()
            .expect("only a super-seed has something to reveal");
        if state.offers.len() <= slot {
            state.offers.resize(slot + 1, Offer::default());
            state.revealed.resize((slot + 1) * words, 0);
        }
        state.offers[slot] = Offer {
            piece: Some(piece),
            at: now,
        };
        set_bit(&mut state.revealed[slot * words..(slot + 1) * words], piece);
        self.send(now, peer, Message::Have(piece));
    }

    /// The piece with the fewest copies. Pieces on offer to other peers come last; ties are broken
    /// at random.
    fn next_to_reveal(
        &mut self,
        peer: PeerKey,
        fits: fn((bool, u16)) -> bool,
    ) -> Option<PieceIndex> {
        let state = self.super_seed.as_ref()?;
        let on_offer = |piece: PieceIndex| state.offers.iter().any(|it| it.piece == Some(piece));
        let unknown = |piece: &PieceIndex| {
            let had = self.remotes.has(peer, *piece) || !self.have.has(*piece);
            !had && !self.is_revealed(peer, *piece)
        };
        let cost = |piece: PieceIndex| (on_offer(piece), self.availability[piece.0 as usize]);
        let pieces = (0..self.config.geometry.piece_count())
            .map(PieceIndex)
            .filter(unknown);
        let costs: Vec<_> = pieces.map(|piece| (cost(piece), piece)).collect();
        let least = costs.iter().map(|it| it.0).min().filter(|it| fits(*it))?;
        let ties: Vec<PieceIndex> = costs
            .iter()
            .filter(|it| it.0 == least)
            .map(|it| it.1)
            .collect();
        Some(ties[self.pick_rng.index(ties.len())])
    }

    /// `from` announced `piece`. Every other peer that was offered `piece` has passed it on and
    /// gets its next piece. A smart seed reveals the next piece to `from` itself.
    pub(super) fn piece_was_passed_on(&mut self, now: Instant, from: PeerKey, piece: PieceIndex) {
        let Some(state) = self.super_seed.as_ref() else {
            return;
        };
        if state.rule == Disclosure::WhenReceived {
            let offer = state.offers.get(from.0 as usize);
            if offer.is_some_and(|it| it.piece == Some(piece)) {
                self.reveal(now, from);
            }
            return;
        }
        let offered = |it: &(u32, &Offer)| it.1.piece == Some(piece) && it.0 != from.0;
        let waiting: Vec<u32> = (0..)
            .zip(&state.offers)
            .filter(offered)
            .map(|it| it.0)
            .collect();
        for peer in waiting {
            self.reveal(now, PeerKey(peer));
        }
    }

    /// Offers another piece to a peer that has had nothing to request.
    pub(super) fn reveal_to_the_idle(&mut self, now: Instant, peer: PeerKey) {
        let Some(state) = self.super_seed.as_ref() else {
            return;
        };
        let conn = &self.conns[peer.0 as usize];
        let offer = state
            .offers
            .get(peer.0 as usize)
            .copied()
            .unwrap_or_default();
        if !conn.open || conn.closing || conn.peer_interested {
            return;
        }
        match now - offer.at {
            idle if idle >= LAST_RESORT => self.reveal_if(now, peer, |_| true),
            idle if idle >= PATIENCE && state.rule == Disclosure::WhenReceived => {
                self.reveal(now, peer);
            }
            idle if idle >= PATIENCE => self.reveal_if(now, peer, |(_, copies)| copies == 0),
            _ => {}
        }
    }
}
