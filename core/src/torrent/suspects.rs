//! Finds peers that sent corrupt blocks. libtorrent calls this smart ban: remember the blocks of a
//! failed piece by digest and sender, and compare them when the piece passes later.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::io::BlockDigest;
use crate::ids::{PeerKey, PieceIndex};

/// Most blocks to remember for one piece. If its last failure alone has more blocks, those are
/// kept.
const MOST_RECORDS: usize = 4096;

/// Pieces that failed, with the blocks that each peer sent.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    failed: BTreeMap<PieceIndex, Failed>,
}

/// Records of one piece that failed.
#[derive(Debug, Default)]
struct Failed {
    sent: Vec<(u32, PeerKey, BlockDigest)>,
    /// Peers that had the piece to themselves and did not deliver it.
    defaulted: Vec<PeerKey>,
}

impl Suspects {
    /// Whether the piece has failed and not passed since.
    pub(super) fn suspects(&self, piece: PieceIndex) -> bool {
        !self.failed.is_empty() && self.failed.contains_key(&piece)
    }

    /// The piece failed. Returns the culprit if all blocks came from one peer. `None` among the
    /// senders stands for a peer that disconnected.
    pub(super) fn failed(
        &mut self,
        piece: PieceIndex,
        senders: &[Option<PeerKey>],
        digests: &[BlockDigest],
    ) -> Option<PeerKey> {
        let sent = (0..).zip(senders).zip(digests);
        let records =
            sent.filter_map(|((block, sender), digest)| Some((block, (*sender)?, *digest)));
        let known = &mut self.failed.entry(piece).or_default().sent;
        known.extend(records);
        let excess = known.len().saturating_sub(MOST_RECORDS.max(senders.len()));
        known.drain(..excess);
        let first = *senders.first()?;
        first.filter(|_| senders.iter().all(|it| *it == first))
    }

    /// The piece passed. Returns, in ascending order, the peers that had sent different blocks.
    pub(super) fn passed(&mut self, piece: PieceIndex, digests: &[BlockDigest]) -> Vec<PeerKey> {
        if self.failed.is_empty() {
            return Vec::new();
        }
        let records = self.failed.remove(&piece).unwrap_or_default();
        let differs = |(block, _, digest): &&(u32, PeerKey, BlockDigest)| {
            digests
                .get(*block as usize)
                .is_some_and(|good| good != digest)
        };
        let mut culprits: Vec<PeerKey> =
            records.sent.iter().filter(differs).map(|it| it.1).collect();
        culprits.sort_unstable();
        culprits.dedup();
        culprits
    }

    /// Whether a block of this peer may still turn out to be corrupt.
    pub(super) fn names(&self, peer: PeerKey) -> bool {
        let mut sent = self.failed.values().flat_map(|it| &it.sent);
        sent.any(|it| it.1 == peer)
    }

    /// `peer` had the piece to itself and did not deliver it.
    pub(super) fn default_of(&mut self, piece: PieceIndex, peer: PeerKey) {
        let failed = self.failed.get_mut(&piece);
        if let Some(failed) = failed.filter(|it| !it.defaulted.contains(&peer)) {
            failed.defaulted.push(peer);
        }
    }

    /// Whether `peer` defaulted on the piece and the piece has not passed since.
    pub(super) fn has_defaulted(&self, piece: PieceIndex, peer: PeerKey) -> bool {
        let failed = self.failed.get(&piece);
        failed.is_some_and(|it| it.defaulted.contains(&peer))
    }

    /// The pieces that `peer` defaulted on and that have not passed since.
    pub(super) fn defaults_of(&self, peer: PeerKey) -> impl Iterator<Item = PieceIndex> {
        let failed = self.failed.iter();
        failed.filter_map(move |(piece, it)| it.defaulted.contains(&peer).then_some(*piece))
    }

    /// Forgets the peer: its key now belongs to another peer.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        for failed in self.failed.values_mut() {
            failed.sent.retain(|it| it.1 != peer);
            failed.defaulted.retain(|it| *it != peer);
        }
    }
}
