//! SHA-1 of pieces, and the short digests of blocks that tell who sent a wrong one.

use std::sync::Arc;

use sha1::{Digest as _, Sha1};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::PieceIndex;
use unchoke_core::torrent::BlockDigest;

use crate::storage::{Storage, StorageError};

/// Expected SHA-1 of each piece. Cloning shares them.
pub type PieceHashes = Arc<[[u8; 20]]>;

/// First eight bytes of the SHA-1 of a block.
#[must_use]
pub fn block_digest(bytes: &[u8]) -> BlockDigest {
    let hash = Sha1::digest(bytes);
    let head = hash.first_chunk().expect("SHA-1 has 20 bytes");
    BlockDigest(u64::from_be_bytes(*head))
}

/// Hashes the part of `piece` from byte `from` on into `hash`, block by block.
pub(crate) fn hash_rest(
    storage: &Storage,
    geometry: Geometry,
    piece: PieceIndex,
    from: u32,
    hash: &mut Sha1,
    scratch: &mut [u8],
) -> Result<(), StorageError> {
    let start = u64::from(piece.0) * u64::from(geometry.piece_bytes());
    let length = geometry.piece_len(piece);
    let mut at = from;
    while at < length {
        let step = (length - at).min(u32::try_from(scratch.len()).unwrap_or(u32::MAX));
        let part = &mut scratch[..step as usize];
        storage.read(start + u64::from(at), part)?;
        hash.update(&*part);
        at += step;
    }
    Ok(())
}

/// Digests of every block of `piece`, as they are on disk.
pub(crate) fn digests(
    storage: &Storage,
    geometry: Geometry,
    piece: PieceIndex,
    scratch: &mut [u8],
) -> Result<Vec<BlockDigest>, StorageError> {
    assert!(scratch.len() >= BLOCK_BYTES as usize, "room for a block");
    let blocks = (0..geometry.blocks_in(piece)).map(|index| geometry.block(piece, index));
    blocks
        .map(|block| {
            let part = &mut scratch[..block.length as usize];
            storage.read(geometry.offset(block), part)?;
            Ok(block_digest(part))
        })
        .collect()
}
