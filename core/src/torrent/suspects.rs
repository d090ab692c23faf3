//! Who sent corrupt blocks. libtorrent calls it smart ban: the blocks of a failed piece are
//! remembered by digest and sender, and compared when the piece passes later.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::io::BlockDigest;
use crate::ids::{PeerKey, PieceIndex};

/// Blocks remembered for one piece, or those of its last failure if they are more.
const MOST_RECORDS: usize = 4096;

/// Pieces that failed, with what each peer sent for each of their blocks.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    failed: BTreeMap<PieceIndex, Failed>,
}

/// What is known of a piece that failed.
#[derive(Debug, Default)]
struct Failed {
    sent: Vec<(u32, PeerKey, BlockDigest)>,
    /// Who had the piece to itself and did not deliver it.
    defaulted: Vec<PeerKey>,
}

impl Suspects {
    /// Whether the piece has failed and not passed since.
    pub(super) fn suspects(&self, piece: PieceIndex) -> bool {
        !self.failed.is_empty() && self.failed.contains_key(&piece)
    }

    /// The piece failed. Names the culprit if only one peer had a part in it; `None` among the
    /// senders stands for somebody who is gone.
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

    /// The piece passed. Names, in ascending order, the peers that had sent something else.
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

    /// Whether something of this peer may still turn out to be corrupt.
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

    /// Whether it did so, and the piece has not passed since.
    pub(super) fn has_defaulted(&self, piece: PieceIndex, peer: PeerKey) -> bool {
        let failed = self.failed.get(&piece);
        failed.is_some_and(|it| it.defaulted.contains(&peer))
    }

    /// The pieces of which that is so.
    pub(super) fn defaults_of(&self, peer: PeerKey) -> impl Iterator<Item = PieceIndex> {
        let failed = self.failed.iter();
        failed.filter_map(move |(piece, it)| it.defaulted.contains(&peer).then_some(*piece))
    }

    /// The key of the peer names another from now on.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        for failed in self.failed.values_mut() {
            failed.sent.retain(|it| it.1 != peer);
            failed.defaulted.retain(|it| *it != peer);
        }
    }
}
