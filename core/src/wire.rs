//! The peer protocol as bytes: handshake and messages. BEP 3, *peer protocol*; BEP 6; BEP 10.
//!
//! Block payload never passes through this module. The 13 bytes of [`Message::Piece`] are followed
//! by `block.length` bytes of payload, which a reader takes from its buffer or directly from the
//! socket. A writer sends the 13 bytes and then the payload.
//!
//! Messages with unknown ids are skipped, not refused: they do no harm. Known ids must have exactly
//! the length that BEP 3, 5, 6, 10 and 52 give them.
//!
//! ```
//! use unchoke_core::ids::PieceIndex;
//! use unchoke_core::message::Message;
//! use unchoke_core::wire::{Decoded, Decoder, encode};
//!
//! let mut bytes = Vec::new();
//! encode(&Message::Have(PieceIndex(7)), &mut bytes);
//! let decoder = Decoder::new(100);
//! // A socket cuts where it likes: the decoder says how much it needs.
//! assert_eq!(decoder.decode(&bytes[..3])?, Decoded::Incomplete { need: 4 });
//! let message = Message::Have(PieceIndex(7));
//! assert_eq!(decoder.decode(&bytes)?, Decoded::Message { message, used: 9 });
//! # Ok::<(), unchoke_core::wire::WireError>(())
//! ```

mod decode;
mod encode;
mod extended;
mod handshake;
mod hashes;
mod metadata;
mod pex;

pub use decode::{Decoded, Decoder};
pub use encode::{encode, wire_len};
pub use extended::{decode_extended_handshake, encode_extended_handshake};
pub use handshake::{HANDSHAKE_BYTES, HANDSHAKE_HEAD_BYTES, Handshake, Reserved};
pub use metadata::{METADATA_ID, METADATA_NAME, decode_metadata, encode_metadata};
pub use pex::{MAX_CONTACTS, PEX_ID, PEX_NAME, decode_pex, encode_pex};

use crate::message::Message;
use crate::text::counted;

/// Bytes before the payload of a block: length prefix, id, piece, begin. BEP 3.
pub const PIECE_HEADER_BYTES: u32 = 13;

/// Bytes of a request. BEP 3: length prefix, id, piece, begin, length.
pub const REQUEST_BYTES: u32 = 17;

/// Most bytes of a message after its length prefix, unless a bitfield of the torrent is longer.
/// libtorrent: 1 MiB.
pub const MAX_MESSAGE_BYTES: u32 = 1 << 20;

/// Most payload bytes of one block. Usual requests are for 16 KiB; older clients request up to 128
/// KiB.
pub const MAX_BLOCK_BYTES: u32 = 1 << 17;

/// Invalid bytes from a peer. The connection cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The connection does not start with the name of the protocol.
    #[error("not a BitTorrent handshake")]
    NotBitTorrent,
    /// A length prefix above [`MAX_MESSAGE_BYTES`]; negative values are above it, too.
    #[error("message of {}, at most {limit} are accepted", counted(u64::from(*length), "byte"))]
    TooLong {
        /// The length prefix.
        length: u32,
        /// The largest accepted value.
        limit: u32,
    },
    /// A known message id with a length it cannot have.
    #[error("message with id {id} of {}, which it cannot have", counted(u64::from(*length), "byte"))]
    Length {
        /// Message id.
        id: u8,
        /// The length prefix.
        length: u32,
    },
}

/// Message ids. BEP 3, *peer messages*; 9: BEP 5; 13 to 17: BEP 6; 20: BEP 10; 21 to 23: BEP 52.
mod id {
    pub(super) const CHOKE: u8 = 0;
    pub(super) const UNCHOKE: u8 = 1;
    pub(super) const INTERESTED: u8 = 2;
    pub(super) const NOT_INTERESTED: u8 = 3;
    pub(super) const HAVE: u8 = 4;
    pub(super) const BITFIELD: u8 = 5;
    pub(super) const REQUEST: u8 = 6;
    pub(super) const PIECE: u8 = 7;
    pub(super) const CANCEL: u8 = 8;
    pub(super) const PORT: u8 = 9;
    pub(super) const SUGGEST: u8 = 13;
    pub(super) const HAVE_ALL: u8 = 14;
    pub(super) const HAVE_NONE: u8 = 15;
    pub(super) const REJECT: u8 = 16;
    pub(super) const ALLOWED_FAST: u8 = 17;
    pub(super) const EXTENDED: u8 = 20;
    pub(super) const HASH_REQUEST: u8 = 21;
    pub(super) const HASHES: u8 = 22;
    pub(super) const HASH_REJECT: u8 = 23;
}
