//! Bencode, the data format of .torrent files, trackers and extension messages. BEP 3, *bencoding*.
//!
//! The decoder is strict, borrows its input and does not recurse. It keeps the span of every value,
//! so that the info dictionary is hashed as found and never after encoding it again. Points where
//! clients differ:
//!
//! * Leading zeros (`i03e`, `03:abc`), `-0` and integers beyond `i64` are refused. BEP 3 forbids
//!   the first two; the third keeps every integer representable.
//! * Dictionary keys out of order or duplicate are accepted and reported by
//!   [`Document::canonical`]: such files exist, and hashing the span needs no order. [`Dict::get`]
//!   takes the first of equal keys; readers that must not be ambiguous use [`Dict::unique`].
//! * Bytes after the value: [`decode`] refuses them, [`decode_prefix`] leaves them to the caller.
//!
//! ```
//! use unchoke_core::bencode::{DictBuilder, Limits, decode};
//!
//! let text = DictBuilder::new().int("port", 6881).bytes("name", "a").finish();
//! assert_eq!(text, b"d4:name1:a4:porti6881ee");
//! let document = decode(&text, Limits::TORRENT_FILE)?;
//! let dict = document.root().as_dict().expect("a dictionary");
//! assert_eq!(dict.get(b"port").and_then(|it| it.as_int()), Some(6881));
//! # Ok::<(), unchoke_core::bencode::DecodeError>(())
//! ```

mod decode;
mod encode;
mod value;

pub use decode::{decode, decode_prefix};
pub use encode::{DictBuilder, ListBuilder, encode_bytes, encode_int};
pub use value::{Dict, Document, List, Value};

/// Limits beyond which the decoder refuses its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most nested lists and dictionaries.
    pub depth: u32,
    /// Most values and keys.
    pub tokens: u32,
    /// Most bytes of input.
    pub bytes: u32,
}

impl Limits {
    /// For .torrent files. Depth and number of values as in libtorrent's `load_torrent_limits`. The
    /// bytes suffice for the hashes of 2^21 pieces (42 MB) and the names of 200 000 files.
    pub const TORRENT_FILE: Self = Self {
        depth: 100,
        tokens: 3_000_000,
        bytes: 64 << 20,
    };
}

/// Where and why the input is not bencode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid bencode at byte {at}: {problem}")]
pub struct DecodeError {
    /// Bytes before the wrong one.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The input stops before its value is complete.
    #[error("the data ends in the middle of a value")]
    End,
    /// A byte that does not start a value.
    #[error("byte {0:#04x} does not start a value")]
    Byte(u8),
    /// An integer without digits, or with other characters.
    #[error("malformed integer")]
    Integer,
    /// An integer that does not fit 64 bits.
    #[error("integer beyond 64 bits")]
    IntegerRange,
    /// A number with a leading zero.
    #[error("number with a leading zero")]
    LeadingZero,
    /// The integer `-0`.
    #[error("integer -0")]
    NegativeZero,
    /// A string length that is not a number or above 32 bits.
    #[error("malformed string length")]
    StringLength,
    /// A dictionary key that is not a string.
    #[error("dictionary key that is not a string")]
    KeyNotString,
    /// The last key of a dictionary has no value.
    #[error("dictionary key without a value")]
    KeyWithoutValue,
    /// A duplicate key where that would be ambiguous.
    #[error("dictionary key there twice")]
    DuplicateKey,
    /// More nesting than [`Limits::depth`].
    #[error("nested deeper than {0}")]
    Depth(u32),
    /// More values than [`Limits::tokens`].
    #[error("more than {0} values")]
    Tokens(u32),
    /// More input than [`Limits::bytes`].
    #[error("longer than {0} bytes")]
    Bytes(u32),
    /// Bytes after the value.
    #[error("data after the end of the value")]
    Trailing,
}
