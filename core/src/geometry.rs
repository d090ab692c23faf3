//! Arithmetic of pieces and blocks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PieceIndex};

/// Bytes of a request. BEP 3, *peer messages*: "all current implementations use 2^14".
pub const BLOCK_BYTES: u32 = 1 << 14;

/// Most blocks in a torrent: block numbers share a 32-bit word with three flag bits (8 TiB).
pub const MAX_BLOCKS: u64 = 1 << 29;

/// Consecutive blocks of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRun {
    /// The first block.
    pub first: BlockRef,
    /// Number of blocks.
    pub count: u32,
}

impl BlockRun {
    /// A single block.
    #[must_use]
    pub const fn of(block: BlockRef) -> Self {
        let (first, count) = (block, 1);
        Self { first, count }
    }

    /// Appends `next` if its first block comes right after the last one here; false if it does not.
    #[inline]
    pub fn append(&mut self, next: Self) -> bool {
        let end = u64::from(self.first.begin) + u64::from(self.count) * u64::from(BLOCK_BYTES);
        let follows = self.first.piece == next.first.piece && u64::from(next.first.begin) == end;
        self.count += if follows { next.count } else { 0 };
        follows
    }
}

/// Size of a torrent and its division. The last piece and the last block of a piece may be short.
/// In a torrent of version 2 the last piece of each file may be short (BEP 52): the gap up to the
/// next piece is not payload and is not requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// End of the last piece, including gaps between files.
    end: u64,
    piece_bytes: u32,
    piece_count: u32,
    blocks_per_piece: u32,
    /// Version 2: the short pieces. Shared, because a torrent may have many files.
    short: Option<Arc<Short>>,
}

/// Pieces that are short because a file ends in them.
#[derive(Debug, PartialEq, Eq)]
struct Short {
    total_bytes: u64,
    /// Piece index and bytes, in order.
    pieces: Vec<(u32, u32)>,
    /// Number of blocks of the longest piece.
    most_blocks: u32,
}

/// Why sizes are not possible.
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
                end: total_bytes,
                piece_bytes,
                piece_count: u32::try_from(pieces).expect("at most 2^29"),
                blocks_per_piece,
                short: None,
            }),
            _ => Err(GeometryError::TooLarge(total_bytes)),
        }
    }

    /// Files of these `lengths`, each of which begins with a new piece. BEP 52. The last piece
    /// reaches to `end`, if that is given and less than its full length.
    pub fn aligned(
        lengths: impl IntoIterator<Item = u64>,
        piece_bytes: u32,
        end: Option<u64>,
    ) -> Result<Self, GeometryError> {
        let size = u64::from(piece_bytes.max(1));
        let (mut total, mut pieces) = (0_u64, 0_u64);
        let (mut short, mut longest) = (Vec::new(), 0);
        for length in lengths.into_iter().filter(|it| *it > 0) {
            total = total
                .checked_add(length)
                .ok_or(GeometryError::TooLarge(u64::MAX))?;
            pieces += length.div_ceil(size);
            if pieces > MAX_BLOCKS {
                return Err(GeometryError::TooLarge(total));
            }
            let rest = u32::try_from(length % size).expect("less than piece_bytes");
            if rest > 0 {
                let last = u32::try_from(pieces - 1).expect("at most 2^29");
                short.push((last, rest));
            }
            longest = length.min(size).max(longest);
        }
        let full = pieces * size;
        let mut geometry = Self::new(full, piece_bytes)?;
        geometry.end = end
            .filter(|it| *it > full - size)
            .map_or(full, |it| it.min(full));
        let longest = u32::try_from(longest).expect("at most piece_bytes");
        geometry.short = Some(Arc::new(Short {
            total_bytes: total,
            pieces: short,
            most_blocks: longest.div_ceil(BLOCK_BYTES),
        }));
        Ok(geometry)
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.short.as_ref().map_or(self.end, |it| it.total_bytes)
    }

    /// End of the last piece, including gaps between files.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Lengths of files from which [`Self::aligned`] makes this geometry; `None` if it was made
    /// otherwise.
    #[must_use]
    pub fn aligned_lengths(&self) -> Option<Vec<u64>> {
        let short = self.short.as_ref()?;
        let size = u64::from(self.piece_bytes);
        let (mut lengths, mut next) = (Vec::new(), 0);
        for (piece, bytes) in &short.pieces {
            lengths.push(u64::from(piece - next) * size + u64::from(*bytes));
            next = piece + 1;
        }
        lengths.push(u64::from(self.piece_count - next) * size);
        Some(lengths)
    }

    /// Bytes of the payload in the pieces of `set`.
    #[must_use]
    pub fn bytes_in(&self, set: &Bitfield) -> u64 {
        let size = u64::from(self.piece_bytes);
        let whole = u64::from(set.count()) * size;
        let missing = |piece: u32| {
            let piece = PieceIndex(piece);
            let there = set.has(piece);
            if there {
                size - u64::from(self.piece_len(piece))
            } else {
                0
            }
        };
        let missing: u64 = match &self.short {
            None => missing(self.piece_count - 1),
            Some(short) => short.pieces.iter().map(|it| missing(it.0)).sum(),
        };
        whole - missing
    }

    /// Bytes of every piece except the last one of the torrent or of a file.
    #[must_use]
    pub const fn piece_bytes(&self) -> u32 {
        self.piece_bytes
    }

    /// Number of pieces.
    #[must_use]
    pub const fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Number of blocks of every piece but the last.
    #[must_use]
    pub const fn blocks_per_piece(&self) -> u32 {
        self.blocks_per_piece
    }

    /// Number of blocks of the longest piece.
    #[must_use]
    pub fn most_blocks(&self) -> u32 {
        match &self.short {
            None => self.blocks_in(PieceIndex(0)),
            Some(short) => short.most_blocks,
        }
    }

    /// The pieces that hold these bytes of the payload. Bytes behind its end are in no piece.
    #[must_use]
    pub fn pieces_in(&self, bytes: Range<u64>) -> Range<u32> {
        if bytes.is_empty() {
            return 0..0;
        }
        let size = u64::from(self.piece_bytes());
        let number = |it| u32::try_from(it).expect("a piece of the torrent");
        let end = bytes.end.min(self.end()).div_ceil(size);
        number((bytes.start / size).min(end))..number(end)
    }

    /// Bytes of payload in `piece`.
    #[must_use]
    pub fn piece_len(&self, piece: PieceIndex) -> u32 {
        let span = self.piece_span(piece);
        let Some(short) = &self.short else {
            return span;
        };
        let found = short.pieces.binary_search_by_key(&piece.0, |it| it.0);
        found.map_or(self.piece_bytes, |at| short.pieces[at].1)
    }

    /// Bytes of `piece`, including the gap after the end of its file. Version 1 counts so when
    /// padding fills the gaps. BEP 47.
    #[must_use]
    pub fn piece_span(&self, piece: PieceIndex) -> u32 {
        assert!(
            piece.0 < self.piece_count,
            "piece {piece} of {}",
            self.piece_count
        );
        let start = u64::from(piece.0) * u64::from(self.piece_bytes);
        u32::try_from((self.end - start).min(u64::from(self.piece_bytes)))
            .expect("at most piece_bytes")
    }

    /// Number of blocks of `piece`.
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

    /// Index of the block within its piece, if `block` is exactly one of our blocks.
    #[must_use]
    pub fn block_index(&self, block: BlockRef) -> Option<u32> {
        let within = block.piece.0 < self.piece_count
            && block.begin.is_multiple_of(BLOCK_BYTES)
            && block.begin < self.piece_len(block.piece);
        let index = block.begin / BLOCK_BYTES;
        (within && self.block(block.piece, index) == block).then_some(index)
    }

    /// The number of block `block` of `piece` among all blocks, counted as if each piece had as
    /// many as the first: below [`MAX_BLOCKS`]. Both must belong to the torrent.
    #[must_use]
    pub fn number(&self, piece: PieceIndex, block: u32) -> u32 {
        piece.0 * self.blocks_per_piece + block
    }

    /// Piece and block with this number: the inverse of [`Self::number`].
    #[must_use]
    pub fn split(&self, number: u32) -> (PieceIndex, u32) {
        let per_piece = self.blocks_per_piece;
        (PieceIndex(number / per_piece), number % per_piece)
    }

    /// The block with this number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> BlockRef {
        let (piece, block) = self.split(number);
        self.block(piece, block)
    }

    /// Whether `block` is not empty, lies in one piece and is not longer than a request may be. It
    /// may reach into the gap after a file, because libtorrent requests whole blocks there.
    #[must_use]
    pub fn may_request(&self, block: BlockRef) -> bool {
        block.piece.0 < self.piece_count
            && (1..=BLOCK_BYTES).contains(&block.length)
            && u64::from(block.begin) + u64::from(block.length)
                <= u64::from(self.piece_span(block.piece))
    }

    /// First byte of `block` in the payload.
    #[must_use]
    pub fn offset(&self, block: BlockRef) -> u64 {
        u64::from(block.piece.0) * u64::from(self.piece_bytes) + u64::from(block.begin)
    }
}
