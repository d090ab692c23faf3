//! A set of pieces as 64-bit words.

use alloc::vec;
use alloc::vec::Vec;

use crate::ids::PieceIndex;

/// A set of pieces. Bit `i % 64` of word `i / 64` stands for piece `i`; spare bits are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitfield {
    words: Vec<u64>,
    piece_count: u32,
}

/// Number of words for `piece_count` bits.
#[must_use]
pub const fn word_count(piece_count: u32) -> usize {
    piece_count.div_ceil(64) as usize
}

/// Whether `piece` is in the set that `words` hold.
#[must_use]
pub fn has_bit(words: &[u64], piece: PieceIndex) -> bool {
    words[piece.0 as usize / 64] >> (piece.0 % 64) & 1 == 1
}

/// Adds `piece`; true if it was not there before.
pub fn set_bit(words: &mut [u64], piece: PieceIndex) -> bool {
    let word = &mut words[piece.0 as usize / 64];
    let mask = 1 << (piece.0 % 64);
    let new = *word & mask == 0;
    *word |= mask;
    new
}

/// Removes `piece`; true if it was there before.
pub fn clear_bit(words: &mut [u64], piece: PieceIndex) -> bool {
    let word = &mut words[piece.0 as usize / 64];
    let mask = 1 << (piece.0 % 64);
    let there = *word & mask != 0;
    *word &= !mask;
    there
}

/// The pieces of a word that starts at piece `64 * word_index`, ascending.
pub fn bits_of(word_index: usize, mut word: u64) -> impl Iterator<Item = PieceIndex> {
    core::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        (word != 0).then(|| {
            word &= word - 1;
            PieceIndex(u32::try_from(word_index).expect("fewer than 2^38 pieces") * 64 + bit)
        })
    })
}

impl Bitfield {
    /// The empty set over `piece_count` pieces.
    #[must_use]
    pub fn empty(piece_count: u32) -> Self {
        Self {
            words: vec![0; word_count(piece_count)],
            piece_count,
        }
    }

    /// All of `piece_count` pieces.
    #[must_use]
    pub fn full(piece_count: u32) -> Self {
        let mut all = Self {
            words: vec![u64::MAX; word_count(piece_count)],
            piece_count,
        };
        all.clear_spare();
        all
    }

    /// Reads the wire form: the high bit of byte 0 is piece 0 (BEP 3). Spare bits are ignored,
    /// because some peers set them. `None` if the length is not `ceil(piece_count / 8)`.
    #[must_use]
    pub fn from_wire(bytes: &[u8], piece_count: u32) -> Option<Self> {
        if bytes.len() != piece_count.div_ceil(8) as usize {
            return None;
        }
        let mut set = Self::empty(piece_count);
        for (i, byte) in bytes.iter().enumerate() {
            set.words[i / 8] |= u64::from(byte.reverse_bits()) << (i % 8 * 8);
        }
        set.clear_spare();
        Some(set)
    }

    /// The wire form: `ceil(piece_count / 8)` bytes, the high bit of byte 0 is piece 0 (BEP 3).
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let bytes = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .map(u8::reverse_bits);
        bytes.take(self.piece_count.div_ceil(8) as usize).collect()
    }

    fn clear_spare(&mut self) {
        if let (Some(last), spare @ 1..) = (self.words.last_mut(), self.piece_count % 64) {
            *last &= (1 << spare) - 1;
        }
    }

    /// Number of pieces of the torrent, in the set or not.
    #[must_use]
    pub fn piece_count(&self) -> u32 {
        self.piece_count
    }

    /// Whether `piece` is in the set.
    #[must_use]
    pub fn has(&self, piece: PieceIndex) -> bool {
        has_bit(&self.words, piece)
    }

    /// Adds `piece`; true if it was not there before.
    pub fn insert(&mut self, piece: PieceIndex) -> bool {
        assert!(
            piece.0 < self.piece_count,
            "piece {piece} of {}",
            self.piece_count
        );
        set_bit(&mut self.words, piece)
    }

    /// Removes `piece`; true if it was there before.
    pub fn remove(&mut self, piece: PieceIndex) -> bool {
        clear_bit(&mut self.words, piece)
    }

    /// Number of pieces in the set.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// The pieces that are also in `other`, which must belong to the same torrent.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        assert_eq!(self.piece_count, other.piece_count, "of two torrents");
        let words = self.words.iter().zip(&other.words);
        Self {
            words: words.map(|(one, other)| one & other).collect(),
            piece_count: self.piece_count,
        }
    }

    /// Whether every piece is in the set.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() == self.piece_count
    }

    /// The words, spare bits zero.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The pieces in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(i, word)| bits_of(i, *word))
    }
}
