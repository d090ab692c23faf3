//! The side that wants the piece layers.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::MAX_LENGTH;
use crate::ids::PeerKey;
use crate::merkle::{self, proven_root};
use crate::message::{HashRequest, Hashes};
use crate::metainfo::Version2;
use crate::time::Instant;

/// Most outstanding requests at a peer. libtorrent has 2.
const WINDOW: usize = 4;
/// A request without an answer for this time counts as lost.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which a peer that rejected or lost a request is asked again. libtorrent: 1 min.
const PAUSE: Duration = Duration::from_mins(1);

/// Why a connection must no longer be used for hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An answer without a request.
    #[error("hashes that were not asked for")]
    Unasked,
    /// Too many or too few hashes.
    #[error("{0} hashes, where {1} were asked for")]
    Count(usize, usize),
    /// The hashes do not match the root.
    #[error("wrong hashes")]
    Wrong,
}

/// A part of a layer that is requested at a time.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Index of its tree.
    tree: u32,
    /// Index of the first hash, and number of hashes, including those after the end of the file.
    index: u32,
    length: u32,
}

#[derive(Debug)]
struct Peer {
    /// Requested parts, and when.
    asked: BTreeMap<u32, Instant>,
    /// Parts whose request was given up; the answer may still come.
    late: BTreeSet<u32>,
    pause_until: Instant,
}

/// Fetches the hashes of all pieces. Each answer is proven separately, so a peer that sends wrong
/// hashes is known at once.
#[derive(Debug)]
pub struct Fetch {
    version_2: Arc<Version2>,
    parts: Vec<Part>,
    missing: BTreeSet<u32>,
    peers: BTreeMap<PeerKey, Peer>,
    /// Time of the last [`Self::poll_request`].
    polled_at: Instant,
}

impl Fetch {
    /// Starts without peers.
    #[must_use]
    pub fn new(version_2: Arc<Version2>) -> Self {
        let mut parts = Vec::new();
        if !version_2.is_complete() {
            for (tree, it) in (0..).zip(version_2.trees()) {
                let length = it.piece_count.next_power_of_two().min(MAX_LENGTH);
                let starts = (0..it.piece_count).step_by(length as usize);
                let several = it.piece_count > 1;
                parts.extend(starts.filter(|_| several).map(|index| Part {
                    tree,
                    index,
                    length,
                }));
            }
        }
        Self {
            version_2,
            missing: (0..).take(parts.len()).collect(),
            parts,
            peers: BTreeMap::new(),
            polled_at: Instant::START,
        }
    }

    /// Adds a connection on which such messages may be sent.
    pub fn join(&mut self, peer: PeerKey) {
        self.peers.entry(peer).or_insert_with(|| Peer {
            asked: BTreeMap::new(),
            late: BTreeSet::new(),
            pause_until: Instant::START,
        });
    }

    /// The connection is closed.
    pub fn leave(&mut self, peer: PeerKey) {
        self.peers.remove(&peer);
    }

    /// Number of peers that can be asked.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Number of parts that are here, and of all parts.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        let count = |it: usize| u32::try_from(it).expect("at most one a piece");
        let all = self.parts.len();
        (count(all - self.missing.len()), count(all))
    }

    /// The trees with all hashes, once they are here.
    #[must_use]
    pub fn done(&self) -> Option<&Arc<Version2>> {
        self.missing.is_empty().then_some(&self.version_2)
    }

    fn request(&self, part: u32) -> HashRequest {
        let part = self.parts[part as usize];
        let tree = &self.version_2.trees()[part.tree as usize];
        HashRequest {
            root: tree.root,
            base: self.version_2.piece_layer(),
            index: part.index,
            length: part.length,
            // Proofs from all layers up to the one below the root.
            proofs: merkle::height(tree.piece_count) - 1,
        }
    }

    /// Which of the parts requested from `peer` the message is about.
    fn about(&self, peer: PeerKey, request: &HashRequest) -> Option<u32> {
        let peer = self.peers.get(&peer)?;
        let mut asked = peer.asked.keys().chain(&peer.late).copied();
        asked.find(|it| self.request(*it) == *request)
    }

    /// Hashes from a peer. After an error its connection must be closed.
    pub fn on_hashes(&mut self, peer: PeerKey, hashes: &Hashes) -> Result<(), Violation> {
        let about = self.about(peer, &hashes.request);
        let (Some(number), Some(known)) = (about, self.peers.get_mut(&peer)) else {
            self.leave(peer);
            return Err(Violation::Unasked);
        };
        known.asked.remove(&number);
        known.late.remove(&number);
        let part = self.parts[number as usize];
        let tree = self.version_2.trees()[part.tree as usize];
        let uncles = merkle::height(tree.piece_count) - part.length.trailing_zeros();
        let count = (part.length + uncles) as usize;
        if hashes.hashes.len() != count {
            self.leave(peer);
            return Err(Violation::Count(hashes.hashes.len(), count));
        }
        if proven_root(&hashes.hashes, part.index, part.length) != Some(tree.root) {
            self.leave(peer);
            return Err(Violation::Wrong);
        }
        if self.missing.remove(&number) {
            let real = part.length.min(tree.piece_count - part.index) as usize;
            let complete = self.missing.is_empty();
            let first = tree.first_piece + part.index;
            Arc::make_mut(&mut self.version_2).learn(first, &hashes.hashes[..real], complete);
        }
        Ok(())
    }

    /// A peer rejects a request. A reject without a request is harmless.
    pub fn on_reject(&mut self, now: Instant, peer: PeerKey, request: &HashRequest) {
        let about = self.about(peer, request);
        if let (Some(number), Some(known)) = (about, self.peers.get_mut(&peer)) {
            known.asked.remove(&number);
            known.late.remove(&number);
            known.pause_until = now.after(PAUSE);
        }
    }

    /// Gives up requests that were not answered in time.
    fn expire(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            if peer
                .asked
                .values()
                .any(|it| it.after(REQUEST_TIMEOUT) <= now)
            {
                peer.late.extend(peer.asked.keys());
                peer.asked.clear();
                peer.pause_until = now.after(PAUSE);
            }
        }
    }

    /// A request to send now, and the peer.
    pub fn poll_request(&mut self, now: Instant) -> Option<(PeerKey, HashRequest)> {
        self.polled_at = now;
        self.expire(now);
        let able = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.pause_until <= now && peer.asked.len() < WINDOW);
        let peer = *able.min_by_key(|(key, peer)| (peer.asked.len(), **key))?.0;
        let asked: BTreeSet<u32> = self
            .peers
            .values()
            .flat_map(|it| it.asked.keys().copied())
            .collect();
        let part = *self.missing.iter().find(|it| !asked.contains(it))?;
        let known = self.peers.get_mut(&peer)?;
        known.late.remove(&part);
        known.asked.insert(part, now);
        Some((peer, self.request(part)))
    }

    /// When [`Self::poll_request`] may have a new request.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let paused = self.peers.values().map(|it| it.pause_until);
        let asked = self.peers.values().flat_map(|it| it.asked.values());
        let asked = asked.map(|at| at.after(REQUEST_TIMEOUT));
        paused.chain(asked).filter(|at| *at > self.polled_at).min()
    }
}
