//! Pieces that may be requested under a choke. BEP 6, *allowed fast*.
//!
//! What we grant, as libtorrent 2.0: we send the set when the peer first says that it is
//! interested, without the pieces it has. We send none if we hide our pieces, and none to a peer
//! that only uploads. The peer may request each block of the set three times. How we use a grant,
//! as libtorrent 2.0: we look for a piece to request on a choked connection when we become
//! interested, when a piece is granted, and after each answer. If a block is rejected, we do not
//! request its piece again.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Torrent;
use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// libtorrent: how often a block of a granted piece may be requested, on average.
const TIMES: u32 = 3;

/// Most granted pieces that we remember for a peer; ten are usual.
const MOST_TAKEN: usize = 32;

/// Pieces allowed under a choke on one connection.
#[derive(Debug, Default)]
struct Terms {
    address: Option<IpAddr>,
    /// The set was sent, or there was a reason to send none.
    offered: bool,
    /// Pieces that the peer may request, each with the number of blocks requested so far.
    granted: Vec<(PieceIndex, u32)>,
    /// Pieces that we may request.
    taken: Vec<PieceIndex>,
}

/// Pieces allowed under a choke on all connections.
#[derive(Debug, Default)]
pub(super) struct Allowances {
    /// Indexed by `PeerKey`.
    peers: Vec<Terms>,
}

impl Allowances {
    fn terms(&mut self, peer: PeerKey) -> &mut Terms {
        let slot = peer.0 as usize;
        if self.peers.len() <= slot {
            self.peers.resize_with(slot + 1, Terms::default);
        }
        &mut self.peers[slot]
    }
}

impl Torrent {
    /// A connection with the peer at `address` is established.
    pub(super) fn allowances_begin(&mut self, peer: PeerKey, address: Option<IpAddr>) {
        let usual = self.config.allowed_fast;
        if usual.grants > 0 || usual.takes {
            let all = self.allowances.get_or_insert_with(Box::default);
            *all.terms(peer) = Terms {
                address,
                ..Terms::default()
            };
        }
    }

    pub(super) fn allowances_end(&mut self, peer: PeerKey) {
        if let Some(all) = self.allowances.as_mut() {
            *all.terms(peer) = Terms::default();
        }
    }

    /// The peer says that it is interested. Sends the set, but only once per connection.
    pub(super) fn grant(&mut self, now: Instant, peer: PeerKey) {
        let usual = self.config.allowed_fast;
        let conn = &self.conns[peer.0 as usize];
        if usual.grants == 0 || !conn.agreed.fast() || self.hides_pieces() {
            return;
        }
        let only_uploads = self.is_seed(peer, conn);
        let Some(all) = self.allowances.as_mut() else {
            return;
        };
        let terms = all.terms(peer);
        let address = terms.address;
        if core::mem::replace(&mut terms.offered, true) || only_uploads {
            return;
        }
        let Some(address) = address else { return };
        let mut set = usual.set(address, self.config.geometry.piece_count());
        set.retain(|piece| !self.remotes.has(peer, *piece));
        for piece in &set {
            self.send(now, peer, Message::AllowedFast(*piece));
        }
        self.conns[peer.0 as usize].agreed.grants(!set.is_empty());
        if let Some(all) = self.allowances.as_mut() {
            all.terms(peer).granted = set.into_iter().map(|it| (it, 0)).collect();
        }
    }

    /// Whether the peer may request a block of `piece` although we choke it. Counts the request.
    pub(super) fn uses_grant(&mut self, peer: PeerKey, piece: PieceIndex) -> bool {
        if !self.conns[peer.0 as usize].agreed.granted() {
            return false;
        }
        let most = TIMES * self.config.geometry.blocks_in(piece);
        let all = self.allowances.as_mut();
        let granted = all.map(|it| &mut it.terms(peer).granted);
        let granted = granted.and_then(|it| it.iter_mut().find(|it| it.0 == piece));
        granted.is_some_and(|(_, asked)| {
            *asked = asked.saturating_add(1);
            *asked <= most
        })
    }

    /// Whether `piece` was granted to the peer. Its queued requests for granted pieces survive a
    /// choke.
    pub(super) fn is_granted(&mut self, peer: PeerKey, block: BlockRef) -> bool {
        let all = self.allowances.as_mut();
        let granted = all.map(|it| &it.terms(peer).granted);
        granted.is_some_and(|it| it.iter().any(|it| it.0 == block.piece))
    }

    /// The peer allows us to request `piece` while it chokes us. A piece out of range is ignored,
    /// as in libtorrent.
    pub(super) fn on_allowed_fast(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) {
        let in_range = piece.0 < self.config.geometry.piece_count();
        if !self.config.allowed_fast.takes || !in_range || self.settled().has(piece) {
            return;
        }
        let Some(all) = self.allowances.as_mut() else {
            return;
        };
        let taken = &mut all.terms(peer).taken;
        if taken.len() >= MOST_TAKEN || taken.contains(&piece) {
            return;
        }
        taken.push(piece);
        self.conns[peer.0 as usize].agreed.takes(true);
        self.fill(now, peer);
    }

    /// The peer rejected a block of a piece it had allowed. The piece is no longer allowed.
    pub(super) fn forget_allowed(&mut self, peer: PeerKey, piece: PieceIndex) {
        if let Some(all) = self.allowances.as_mut() {
            let taken = &mut all.terms(peer).taken;
            taken.retain(|it| *it != piece);
            let none = taken.is_empty();
            self.conns[peer.0 as usize].agreed.takes(!none);
        }
    }

    /// The pieces we may request from the peer; `None` if it may be any piece.
    #[inline]
    pub(super) fn allowed(&self, peer: PeerKey) -> Option<Bitfield> {
        let choked = self.conns[peer.0 as usize].peer_choking;
        choked.then(|| self.allowed_under_choke(peer))
    }

    #[cold]
    fn allowed_under_choke(&self, peer: PeerKey) -> Bitfield {
        let mut set = Bitfield::empty(self.config.geometry.piece_count());
        let terms = self.allowances.as_ref();
        let terms = terms.and_then(|it| it.peers.get(peer.0 as usize));
        for piece in terms.into_iter().flat_map(|it| &it.taken) {
            set.insert(*piece);
        }
        set
    }
}
