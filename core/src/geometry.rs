//! Arithmetic of pieces and blocks.

use crate::ids::{BlockRef, PieceIndex};

/// Bytes of a request. BEP 3, *peer messages*: "all current implementations use 2^14".
pub const BLOCK_BYTES: u32 = 1 << 14;

/// Most blocks in a torrent: block numbers share a 32-bit word with three flag bits (8 TiB).
pub const MAX_BLOCKS: u64 = 1 << 29;

/// Size and division of a torrent. The last piece and the last block of a piece may be short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    total_bytes: u64,
    piece_bytes: u32,
    piece_count: u32,
    blocks_per_piece: u32,
}

/// Why sizes do not make a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// No payload.
    #[error("total size is 0, so that there is nothing to transfer")]
    Empty,
    /// Piece length 0.
    #[error("piece length is 0")]
    ZeroPiece,
    /// More than [`MAX_BLOCKS`] blocks.
    #[error("{0} bytes are more than 2^29 blocks of 16 KiB")]
    TooLarge(u64),
}

impl Geometry {
    /// A torrent of `total_bytes` in pieces of `piece_bytes`.
    pub fn new(total_bytes: u64, piece_bytes: u32) -> Result<Self, GeometryError> {
        if total_bytes == 0 {
            return Err(GeometryError::Empty);
        }
        if piece_bytes == 0 {
            return Err(GeometryError::ZeroPiece);
        }
        let blocks_per_piece = piece_bytes.div_ceil(BLOCK_BYTES);
        let pieces = total_bytes.div_ceil(u64::from(piece_bytes));
        match pieces.checked_mul(u64::from(blocks_per_piece)) {
            Some(blocks) if blocks <= MAX_BLOCKS => Ok(Self {
                total_bytes,
                piece_bytes,
                piece_count: u32::try_from(pieces).expect("at most 2^29"),
                blocks_per_piece,
            }),
            _ => Err(GeometryError::TooLarge(total_bytes)),
        }
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes of every piece but the last.
    #[must_use]
    pub const fn piece_bytes(&self) -> u32 {
        self.piece_bytes
    }

    /// Pieces.
    #[must_use]
    pub const fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Blocks of every piece but the last.
    #[must_use]
    pub const fn blocks_per_piece(&self) -> u32 {
        self.blocks_per_piece
    }

    /// Bytes of `piece`.
    #[must_use]
    pub fn piece_len(&self, piece: PieceIndex) -> u32 {
        assert!(
            piece.0 < self.piece_count,
            "piece {piece} of {}",
            self.piece_count
        );
        let start = u64::from(piece.0) * u64::from(self.piece_bytes);
        u32::try_from((self.total_bytes - start).min(u64::from(self.piece_bytes)))
            .expect("at most piece_bytes")
    }

    /// Blocks of `piece`.
    #[must_use]
    pub fn blocks_in(&self, piece: PieceIndex) -> u32 {
        self.piece_len(piece).div_ceil(BLOCK_BYTES)
    }

    /// Block number `block` of `piece`.
    #[must_use]
    pub fn block(&self, piece: PieceIndex, block: u32) -> BlockRef {
        let begin = block * BLOCK_BYTES;
        let length = (self.piece_len(piece) - begin).min(BLOCK_BYTES);
        BlockRef {
            piece,
            begin,
            length,
        }
    }

    /// Number of the block within its piece, if `block` is exactly one of ours.
    #[must_use]
    pub fn block_index(&self, block: BlockRef) -> Option<u32> {
        let within = block.piece.0 < self.piece_count
            && block.begin.is_multiple_of(BLOCK_BYTES)
            && block.begin < self.piece_len(block.piece);
        let index = block.begin / BLOCK_BYTES;
        (within && self.block(block.piece, index) == block).then_some(index)
    }

    /// The number of block number `block` of `piece` among all blocks, if each piece had as many as
    /// the first: below [`MAX_BLOCKS`]. Both must be of the torrent.
    #[must_use]
    pub fn number(&self, piece: PieceIndex, block: u32) -> u32 {
        piece.0 * self.blocks_per_piece + block
    }

    /// Piece and block of such a number: the inverse of [`Self::number`].
    #[must_use]
    pub fn split(&self, number: u32) -> (PieceIndex, u32) {
        let per_piece = self.blocks_per_piece;
        (PieceIndex(number / per_piece), number % per_piece)
    }

    /// The block of such a number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> BlockRef {
        let (piece, block) = self.split(number);
        self.block(piece, block)
    }

    /// Whether `block` is not empty, lies in one piece and is no longer than a request may be.
    #[must_use]
    pub fn may_request(&self, block: BlockRef) -> bool {
        block.piece.0 < self.piece_count
            && (1..=BLOCK_BYTES).contains(&block.length)
            && u64::from(block.begin) + u64::from(block.length)
                <= u64::from(self.piece_len(block.piece))
    }

    /// First byte of `block` in the payload.
    #[must_use]
    pub fn offset(&self, block: BlockRef) -> u64 {
        u64::from(block.piece.0) * u64::from(self.piece_bytes) + u64::from(block.begin)
    }
}
