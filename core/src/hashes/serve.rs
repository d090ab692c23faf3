//! The side that has the hashes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::MAX_LENGTH;
use crate::geometry::Geometry;
use crate::ids::PieceIndex;
use crate::merkle::{self, Hash, Layers};
use crate::message::{HashRequest, Hashes, Message};
use crate::metainfo::Version2;
use crate::time::Instant;

/// Most answers to send at once after a pause: 8 MiB.
const BURST: u32 = 512;
/// Time between answers when the burst is used up: 4 MiB/s. So repeated requests cannot displace
/// the payload.
const INTERVAL: Duration = Duration::from_millis(4);

/// Most bytes of layers to keep, apart from those of the last file: the layers of 130 000 pieces.
const KEPT_BYTES: usize = 8 << 20;

/// Making the layers of this many pieces uses up the time of one answer; of a large file, at most
/// half of the burst. So nobody can keep us busy by asking for large files in turn.
const PIECES_AN_ANSWER: u32 = 1024;

/// Most bytes of pieces to read for hashes of blocks, per second and at once. Peers need them only
/// to find out which block of a piece was wrong.
const BLOCK_BYTES_PER_S: u64 = 16 << 20;
const BLOCK_BURST: Duration = Duration::from_secs(4);

/// Answers requests for piece layers, within a limit for all peers together. Hashes of blocks are
/// not kept: the driver makes them from the data on disk, see [`Self::blocks_for`]. Requests for
/// other layers are rejected.
#[derive(Debug)]
pub struct Serve {
    version_2: Arc<Version2>,
    geometry: Geometry,
    /// The layers of files of recent requests, the latest last.
    kept: Vec<(Hash, Layers)>,
    /// When the full burst is available again.
    rested_at: Instant,
    /// The same for hashes of blocks.
    blocks_rested_at: Instant,
}

impl Serve {
    /// For a torrent of this geometry whose hashes are all known.
    #[must_use]
    pub fn new(version_2: Arc<Version2>, geometry: Geometry) -> Self {
        Self {
            version_2,
            geometry,
            kept: Vec::new(),
            rested_at: Instant::START,
            blocks_rested_at: Instant::START,
        }
    }

    /// The piece whose blocks `request` is about, if it can be answered and the limit allows it.
    /// Hash all blocks of the piece and call [`Self::answer_blocks`]. `None`: call
    /// [`Self::answer`], also if we do not have the piece.
    pub fn blocks_for(&mut self, now: Instant, request: &HashRequest) -> Option<PieceIndex> {
        let piece = self.piece_of(request)?;
        if self.blocks_rested_at > now.after(BLOCK_BURST) {
            return None;
        }
        let bytes = u64::from(self.geometry.piece_len(piece));
        let took = Duration::from_nanos(bytes * 1_000_000_000 / BLOCK_BYTES_PER_S);
        self.blocks_rested_at = self.blocks_rested_at.max(now).after(took);
        Some(piece)
    }

    /// The answer to `request` from the hashes of all blocks of its piece.
    pub fn answer_blocks(&mut self, request: &HashRequest, blocks: &[Hash]) -> Message {
        hashes_or_reject(self.block_hashes(request, blocks), request)
    }

    /// A request for hashes of blocks must be about a single piece. Deployed clients make no others.
    fn piece_of(&self, request: &HashRequest) -> Option<PieceIndex> {
        let layer = self.version_2.piece_layer();
        if request.base != 0 || layer == 0 || !is_fine(request) {
            return None;
        }
        let tree = self.version_2.by_root(&request.root)?;
        let piece = request.index >> layer;
        let fits = piece < tree.piece_count && request.length <= 1 << layer;
        fits.then(|| PieceIndex(tree.first_piece + piece))
    }

    fn block_hashes(&mut self, request: &HashRequest, blocks: &[Hash]) -> Option<Vec<Hash>> {
        let piece = self.piece_of(request)?;
        let version_2 = Arc::clone(&self.version_2);
        let tree = version_2.by_root(&request.root)?;
        let expected = version_2.expected(piece);
        let height = expected.height;
        let mut leaves = blocks.to_vec();
        leaves.resize(1 << height, merkle::nothing(0));
        // The data on disk may have changed since the piece was verified.
        if merkle::root(&leaves, 0) != expected.root {
            return None;
        }
        let index = piece.0 - tree.first_piece;
        let within = request.index - (index << version_2.piece_layer());
        let leaves = Layers::above(&leaves, 0);
        let mut hashes = leaves.part(within, request.length, request.proofs.min(height))?;
        if tree.piece_count == 1 {
            return (request.proofs <= height).then_some(hashes);
        }
        // The rest of the proof is above the piece: one hash from each layer.
        if let Some(rest) = request.proofs.checked_sub(height) {
            let proof = self.layers_of(request)?.part(index, 1, rest)?;
            hashes.extend(&proof[1..]);
        }
        Some(hashes)
    }

    /// The layers of the file of a request, from its piece layer up.
    fn layers_of(&mut self, request: &HashRequest) -> Option<&Layers> {
        let tree = self.version_2.by_root(&request.root)?;
        let found = self.kept.iter().position(|it| it.0 == tree.root);
        let latest = if let Some(place) = found {
            self.kept.remove(place)
        } else {
            let answers = (tree.piece_count / PIECES_AN_ANSWER).min(BURST / 2);
            let took = INTERVAL.saturating_mul(answers);
            // Which of the two limits allowed this request is not known here.
            self.rested_at = self.rested_at.after(took);
            self.blocks_rested_at = self.blocks_rested_at.after(took);
            let base = self.version_2.piece_layer();
            (tree.root, Layers::above(self.version_2.layer(tree), base))
        };
        let mut bytes = latest.1.bytes();
        let mut fits = |it: &(Hash, Layers)| {
            bytes += it.1.bytes();
            bytes <= KEPT_BYTES
        };
        let keeps = self.kept.iter().rev().take_while(|it| fits(it)).count();
        self.kept.drain(..self.kept.len() - keeps);
        self.kept.push(latest);
        self.kept.last().map(|it| &it.1)
    }

    /// The answer to `request`. Send it at once; every request gets one.
    pub fn answer(&mut self, now: Instant, request: &HashRequest) -> Message {
        hashes_or_reject(self.hashes(now, request), request)
    }

    fn hashes(&mut self, now: Instant, request: &HashRequest) -> Option<Vec<Hash>> {
        let fine = is_fine(request) && request.base == self.version_2.piece_layer();
        if !fine || !self.may_answer(now) {
            return None;
        }
        if self.version_2.by_root(&request.root)?.piece_count == 1 {
            return None;
        }
        let layers = self.layers_of(request)?;
        layers.part(request.index, request.length, request.proofs)
    }

    fn may_answer(&mut self, now: Instant) -> bool {
        let burst = INTERVAL.saturating_mul(BURST);
        let used = self.rested_at.max(now).after(INTERVAL);
        let fits = used <= now.after(burst);
        if fits {
            self.rested_at = used;
        }
        fits
    }
}

/// Whether the numbers are as BEP 52 demands.
fn is_fine(request: &HashRequest) -> bool {
    request.length.is_power_of_two()
        && (2..=MAX_LENGTH).contains(&request.length)
        && request.index.is_multiple_of(request.length)
}

fn hashes_or_reject(hashes: Option<Vec<Hash>>, request: &HashRequest) -> Message {
    match hashes {
        Some(hashes) => Message::Hashes(Box::new(Hashes {
            request: *request,
            hashes,
        })),
        None => Message::HashReject(Box::new(*request)),
    }
}
