//! Hashes of pieces, and short digests of blocks that show which peer sent a wrong block.

use std::sync::Arc;

use sha1::{Digest as _, Sha1};
use unchoke_core::geometry::{BLOCK_BYTES, Geometry};
use unchoke_core::ids::PieceIndex;
use unchoke_core::merkle::{Growing, Hash, leaf};
use unchoke_core::metainfo::{Metainfo, Version2};
use unchoke_core::torrent::BlockDigest;

use crate::storage::{Storage, StorageError};

/// The expected hash of each piece, by version 1, version 2 or both. Clones share the hashes.
#[derive(Clone, Debug)]
pub struct PieceHashes {
    version_1: Option<Arc<[[u8; 20]]>>,
    version_2: Option<Arc<Version2>>,
}

/// Whether a piece matches its expected hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Good,
    Bad,
    /// It matches the hash of one version but not of the other: the torrent contradicts itself.
    Torn,
}

impl PieceHashes {
    /// The hashes of a torrent. If a hybrid came by a magnet link of version 1 and lacks its
    /// version 2 layers, version 2 is ignored.
    #[must_use]
    pub fn of(metainfo: &Metainfo) -> Self {
        let version_1 = metainfo.hashes();
        let version_2 = metainfo.version_2.as_ref().filter(|it| it.is_complete());
        Self {
            version_1: (!version_1.is_empty()).then(|| version_1.into()),
            version_2: version_2.cloned(),
        }
    }

    /// Hashes of version 1: the SHA-1 of each piece.
    #[must_use]
    pub fn version_1(hashes: Arc<[[u8; 20]]>) -> Self {
        Self {
            version_1: Some(hashes),
            version_2: None,
        }
    }

    /// Starts the hash of a piece, for each version that is needed.
    pub(crate) fn begin(&self) -> PieceHash {
        PieceHash::new(self.version_1.is_some(), self.version_2.is_some())
    }

    /// Compares the finished hash of `piece` with the expected hashes.
    pub(crate) fn judge(&self, geometry: &Geometry, piece: PieceIndex, hash: PieceHash) -> Fit {
        let (first, tree) = hash.finish(geometry, piece);
        let first = self.version_1.as_ref().zip(first);
        let first = first.map(|(expected, found)| expected[piece.0 as usize] == found);
        let second = self.version_2.as_ref().zip(tree).map(|(it, found)| {
            let expected = it.expected(piece);
            found.root(0, expected.height) == expected.root
        });
        match (first, second) {
            (Some(one), Some(two)) if one != two => Fit::Torn,
            (Some(true), _) | (None, Some(true)) => Fit::Good,
            _ => Fit::Bad,
        }
    }
}

/// The hash of the bytes of a piece so far.
#[derive(Clone, Debug)]
pub(crate) struct PieceHash {
    version_1: Option<Sha1>,
    version_2: Option<Growing>,
}

impl PieceHash {
    pub(crate) fn new(version_1: bool, version_2: bool) -> Self {
        Self {
            version_1: version_1.then(Sha1::new),
            version_2: version_2.then(Growing::default),
        }
    }

    /// Adds the next bytes: whole blocks, except at the end of the piece.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.version_1 {
            hash.update(bytes);
        }
        if let Some(tree) = &mut self.version_2 {
            let blocks = bytes.chunks(BLOCK_BYTES as usize);
            blocks.for_each(|it| tree.push(leaf(it)));
        }
    }

    /// Finishes both hashes: SHA-1, which includes padding after the end of a file, and the tree,
    /// which does not.
    pub(crate) fn finish(
        mut self,
        geometry: &Geometry,
        piece: PieceIndex,
    ) -> (Option<[u8; 20]>, Option<Growing>) {
        const ZEROS: [u8; 1 << 14] = [0; 1 << 14];
        let mut padding = (geometry.piece_span(piece) - geometry.piece_len(piece)) as usize;
        if let Some(hash) = &mut self.version_1 {
            while padding > 0 {
                let step = padding.min(ZEROS.len());
                hash.update(&ZEROS[..step]);
                padding -= step;
            }
        }
        let first = self.version_1.map(|it| it.finalize().into());
        (first, self.version_2)
    }
}

/// The first eight bytes of the SHA-1 of a block.
#[must_use]
pub fn block_digest(bytes: &[u8]) -> BlockDigest {
    let hash = Sha1::digest(bytes);
    let head = hash.first_chunk().expect("SHA-1 has 20 bytes");
    BlockDigest(u64::from_be_bytes(*head))
}

/// Adds the rest of `piece`, from byte `from` on, to `hash`. `scratch` must hold whole blocks.
pub(crate) fn hash_rest(
    storage: &Storage,
    geometry: &Geometry,
    piece: PieceIndex,
    from: u32,
    hash: &mut PieceHash,
    scratch: &mut [u8],
) -> Result<(), StorageError> {
    let start = u64::from(piece.0) * u64::from(geometry.piece_bytes());
    let length = geometry.piece_len(piece);
    let mut at = from;
    while at < length {
        let step = (length - at).min(u32::try_from(scratch.len()).unwrap_or(u32::MAX));
        let part = &mut scratch[..step as usize];
        storage.read(start + u64::from(at), part)?;
        hash.update(part);
        at += step;
    }
    Ok(())
}

/// Digests of all blocks of `piece`, as they are on disk.
pub(crate) fn digests(
    storage: &Storage,
    geometry: &Geometry,
    piece: PieceIndex,
    scratch: &mut [u8],
) -> Result<Vec<BlockDigest>, StorageError> {
    of_blocks(storage, geometry, piece, scratch, block_digest)
}

/// The hashes of version 2 of all blocks of `piece`, as they are on disk.
pub(super) fn leaves(
    storage: &Storage,
    geometry: &Geometry,
    piece: PieceIndex,
    scratch: &mut [u8],
) -> Result<Vec<Hash>, StorageError> {
    of_blocks(storage, geometry, piece, scratch, leaf)
}

fn of_blocks<T>(
    storage: &Storage,
    geometry: &Geometry,
    piece: PieceIndex,
    scratch: &mut [u8],
    hash: fn(&[u8]) -> T,
) -> Result<Vec<T>, StorageError> {
    assert!(scratch.len() >= BLOCK_BYTES as usize, "room for a block");
    let blocks = (0..geometry.blocks_in(piece)).map(|index| geometry.block(piece, index));
    blocks
        .map(|block| {
            let part = &mut scratch[..block.length as usize];
            storage.read(geometry.offset(block), part)?;
            Ok(hash(part))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use unchoke_core::metainfo::{Builder, Format, PieceDigests};

    use super::*;

    const CONTENT: &[u8] = b"hello";

    /// A torrent with one file of one piece, which has the given SHA-1.
    fn torrent(format: Format, version_1: Option<[u8; 20]>) -> Metainfo {
        let builder = Builder {
            format,
            name: "a".into(),
            length: CONTENT.len() as u64,
            piece_bytes: BLOCK_BYTES,
            ..Builder::default()
        };
        let digests = PieceDigests {
            version_1: version_1.into_iter().collect(),
            version_2: vec![leaf(CONTENT)],
        };
        let torrent = builder.encode_digests(&digests).expect("a torrent");
        Metainfo::parse(&torrent).expect("our own")
    }

    #[test]
    fn a_piece_of_a_hybrid_must_be_good_by_both_versions() {
        let right = Sha1::digest(CONTENT).into();
        let cases = [
            (Format::Version2, None, CONTENT, Fit::Good),
            (Format::Version2, None, &b"hallo"[..], Fit::Bad),
            (Format::Hybrid, Some(right), CONTENT, Fit::Good),
            (Format::Hybrid, Some(right), &b"hallo"[..], Fit::Bad),
            (Format::Hybrid, Some([0; 20]), CONTENT, Fit::Torn),
        ];
        for (format, version_1, content, fit) in cases {
            let torrent = torrent(format, version_1);
            let hashes = PieceHashes::of(&torrent);
            let mut hash = hashes.begin();
            hash.update(content);
            let found = hashes.judge(&torrent.geometry, PieceIndex(0), hash);
            assert_eq!(found, fit, "{format:?} {version_1:?}");
        }
    }
}
