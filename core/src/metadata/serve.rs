//! The side that has the info dictionary.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{MAX_METADATA_BYTES, METADATA_PIECE_BYTES};
use crate::ids::PeerKey;
use crate::message::MetadataMessage;
use crate::time::Instant;

/// Most waiting requests of a peer; more are rejected. Transmission queues 64.
const QUEUED: usize = 64;
/// Most pieces to send at once after a pause: 4 MiB.
const BURST: u32 = 256;
/// Time between pieces when the burst is used up: 4 MiB/s. So a swarm that requests the dictionary
/// repeatedly cannot displace the payload.
const INTERVAL: Duration = Duration::from_micros(3_906);
/// Number of times that a connection may request the whole dictionary. Later requests are not
/// answered.
const COPIES: u64 = 2;
/// The same limit in pieces, for small dictionaries.
const FEWEST: u64 = 16;

/// Requests of a peer.
#[derive(Debug, Default)]
struct Client {
    waiting: VecDeque<u32>,
    asked: u64,
}

/// Serves the info dictionary, within limits for each connection and for all together.
#[derive(Debug)]
pub struct Serve {
    total_bytes: u32,
    pieces: Vec<Arc<[u8]>>,
    clients: BTreeMap<PeerKey, Client>,
    /// The peer served last.
    last: Option<PeerKey>,
    /// When the full burst is available again.
    rested_at: Instant,
}

impl Serve {
    /// For this info dictionary. `None` if it is empty or larger than [`MAX_METADATA_BYTES`]: peers
    /// would not accept it.
    #[must_use]
    pub fn new(info: &[u8]) -> Option<Self> {
        let total_bytes = u32::try_from(info.len()).ok()?;
        (1..=MAX_METADATA_BYTES)
            .contains(&total_bytes)
            .then(|| Self {
                total_bytes,
                pieces: info
                    .chunks(METADATA_PIECE_BYTES as usize)
                    .map(Arc::from)
                    .collect(),
                clients: BTreeMap::new(),
                last: None,
                rested_at: Instant::START,
            })
    }

    /// Bytes of the dictionary, for the extension handshake.
    #[must_use]
    pub fn total_bytes(&self) -> u32 {
        self.total_bytes
    }

    /// A peer requests a piece. Returns a message to send at once: a reject, or none.
    pub fn on_request(&mut self, peer: PeerKey, piece: u32) -> Option<MetadataMessage> {
        let limit = (self.pieces.len() as u64 * COPIES).max(FEWEST);
        let client = self.clients.entry(peer).or_default();
        client.asked = client.asked.saturating_add(1);
        if client.asked > limit * 2 {
            // The peer ignores rejects, so send no more of them.
            return None;
        }
        let fine = (piece as usize) < self.pieces.len()
            && client.asked <= limit
            && client.waiting.len() < QUEUED;
        if fine {
            client.waiting.push_back(piece);
            return None;
        }
        Some(MetadataMessage::Reject(piece))
    }

    /// The connection is closed.
    pub fn leave(&mut self, peer: PeerKey) {
        self.clients.remove(&peer);
    }

    /// A piece to send now, and the peer. Peers take turns.
    pub fn poll_answer(&mut self, now: Instant) -> Option<(PeerKey, MetadataMessage)> {
        if self.opens_at() > now {
            return None;
        }
        let waiting = |it: &(&PeerKey, &Client)| !it.1.waiting.is_empty();
        let after = self.last.map_or(0, |it| it.0.saturating_add(1));
        let later = self.clients.range(PeerKey(after)..).find(waiting);
        let peer = *later.or_else(|| self.clients.iter().find(waiting))?.0;
        let piece = self.clients.get_mut(&peer)?.waiting.pop_front()?;
        self.last = Some(peer);
        self.rested_at = self.rested_at.max(now).after(INTERVAL);
        let bytes = Arc::clone(&self.pieces[piece as usize]);
        let total_bytes = self.total_bytes;
        let data = MetadataMessage::Data {
            piece,
            total_bytes,
            bytes,
        };
        Some((peer, data))
    }

    /// When the next waiting request may be answered.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.clients.values().any(|it| !it.waiting.is_empty());
        waiting.then(|| self.opens_at())
    }

    /// When the burst allows another piece.
    fn opens_at(&self) -> Instant {
        let earlier = INTERVAL.saturating_mul(BURST - 1).as_nanos();
        let earlier = u64::try_from(earlier).unwrap_or(u64::MAX);
        Instant::from_nanos(self.rested_at.as_nanos().saturating_sub(earlier))
    }
}
