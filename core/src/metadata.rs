//! The info dictionary from peers, for those who have only its hash, and to them. BEP 9, *extension
//! message*.
//!
//! [`Fetch`] asks several peers for pieces of the dictionary until what came has the right hash;
//! [`Serve`] answers peers that ask; [`search`] says whom to connect to for that. All are pure: a
//! driver hands in what peers say, carries out what is asked for, and calls again when
//! [`Fetch::poll_timeout`] or [`Serve::poll_timeout`] has come. Payload is small enough to be kept here.

mod draft;
mod fetch;
pub mod search;
mod serve;

pub use fetch::{Fetch, Violation};
pub use serve::Serve;

use crate::bencode::Limits;

/// Bytes of a piece of the info dictionary, except the last. BEP 9.
pub const METADATA_PIECE_BYTES: u32 = 1 << 14;

/// Most bytes of an info dictionary: what could be read from a .torrent file. The hashes of 2^21
/// pieces alone are 42 MB. libtorrent: 4 MiB in a handshake, 30 MiB otherwise; rqbit: 32 MiB. Nothing
/// is allocated before it has come, so a false claim costs nothing.
pub const MAX_METADATA_BYTES: u32 = Limits::TORRENT_FILE.bytes;

/// Pieces of an info dictionary of so many bytes.
#[must_use]
pub const fn metadata_pieces(bytes: u32) -> u32 {
    bytes.div_ceil(METADATA_PIECE_BYTES)
}

/// Bytes of `piece` of an info dictionary of `total` bytes. It must be one of its pieces.
fn piece_bytes(total: u32, piece: u32) -> u32 {
    (total - piece * METADATA_PIECE_BYTES).min(METADATA_PIECE_BYTES)
}
