//! The received part of an info dictionary of a certain size.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::{METADATA_PIECE_BYTES, metadata_pieces};
use crate::ids::PeerKey;
use crate::magnet::Expected;

/// The received pieces, with their senders. Peers that claim another size contribute to another
/// draft: one of the two sizes is false, and only the hash can show which.
#[derive(Debug)]
pub(super) struct Draft {
    pieces: BTreeMap<u32, (Arc<[u8]>, Option<PeerKey>)>,
    count: u32,
    /// The only peer that is asked, after pieces of several peers did not match the hash. Another
    /// wrong hash then shows that this peer sent wrong data.
    pub(super) only: Option<PeerKey>,
    /// A hash was wrong, so pieces of several peers are never mixed again.
    pub(super) mistrust: bool,
}

/// Result of checking a complete draft.
pub(super) enum Verdict {
    /// The info dictionary.
    Good(Vec<u8>),
    /// The hash is wrong. The senders; `None` for peers that disconnected.
    Bad(BTreeSet<Option<PeerKey>>),
}

impl Draft {
    pub(super) fn new(size: u32) -> Self {
        Self {
            pieces: BTreeMap::new(),
            count: metadata_pieces(size),
            only: None,
            mistrust: false,
        }
    }

    pub(super) fn has(&self, piece: u32) -> bool {
        self.pieces.contains_key(&piece)
    }

    /// The missing pieces, ascending.
    pub(super) fn missing(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.count).filter(|piece| !self.has(*piece))
    }

    pub(super) fn keep(&mut self, piece: u32, bytes: Arc<[u8]>, from: PeerKey) {
        self.pieces.entry(piece).or_insert((bytes, Some(from)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Upper bound of the kept bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.len() as u64 * u64::from(METADATA_PIECE_BYTES)
    }

    /// The connection is closed. Its key may soon belong to another peer, which must not be blamed.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        if self.only == Some(peer) {
            self.give_up();
        }
        for (_, from) in self.pieces.values_mut() {
            *from = from.filter(|it| *it != peer);
        }
    }

    /// Starts again with another single peer.
    pub(super) fn give_up(&mut self) {
        self.only = None;
        self.pieces.clear();
    }

    fn hash<H: Digest>(&self) -> Vec<u8> {
        let mut hash = H::new();
        for (bytes, _) in self.pieces.values() {
            hash.update(bytes);
        }
        hash.finalize().to_vec()
    }

    /// Checks the draft once it is complete; a bad one is emptied.
    pub(super) fn judge(&mut self, expected: Expected) -> Option<Verdict> {
        if (self.pieces.len() as u64) < u64::from(self.count) {
            return None;
        }
        let first = expected
            .version_1
            .is_none_or(|it| self.hash::<Sha1>()[..] == it.0);
        let second = expected
            .version_2
            .is_none_or(|it| self.hash::<Sha256>()[..] == it.0);
        if first && second {
            let parts = self.pieces.values().flat_map(|(bytes, _)| bytes.iter());
            return Some(Verdict::Good(parts.copied().collect()));
        }
        let from = self.pieces.values().map(|(_, from)| *from).collect();
        self.pieces.clear();
        Some(Verdict::Bad(from))
    }
}
