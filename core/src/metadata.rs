//! Exchange of the info dictionary between peers. It is for peers that have only its hash. BEP 9,
//! *extension message*.
//!
//! [`Fetch`] requests pieces of the dictionary from several peers until the result has the right
//! hash. [`Serve`] answers requests of peers. [`search`] decides which peers to connect to for
//! that. All are pure: a driver hands in messages of peers, carries out what is returned, and calls
//! again when [`Fetch::poll_timeout`] or [`Serve::poll_timeout`] has come. The dictionary is small
//! enough to be kept here.

mod draft;
mod fetch;
pub mod search;
mod serve;

pub use fetch::{Fetch, Violation};
pub use serve::Serve;

use crate::bencode::Limits;

/// Bytes of a piece of the info dictionary, except the last. BEP 9.
pub const METADATA_PIECE_BYTES: u32 = 1 << 14;

/// Most bytes of an info dictionary: the same as in a .torrent file. The hashes of 2^21 pieces
/// alone are 42 MB. libtorrent: 4 MiB in a handshake, 30 MiB otherwise; rqbit: 32 MiB. Memory is
/// allocated only for received pieces, so a false claim costs nothing.
pub const MAX_METADATA_BYTES: u32 = Limits::TORRENT_FILE.bytes;

/// Number of pieces of an info dictionary of this size.
#[must_use]
pub const fn metadata_pieces(bytes: u32) -> u32 {
    bytes.div_ceil(METADATA_PIECE_BYTES)
}

/// Bytes of `piece`, which must exist, of an info dictionary of `total` bytes.
fn piece_bytes(total: u32, piece: u32) -> u32 {
    (total - piece * METADATA_PIECE_BYTES).min(METADATA_PIECE_BYTES)
}
