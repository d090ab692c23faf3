//! Converts bytes to messages, however the socket divides the stream.

use alloc::boxed::Box;

use super::hashes::{HASH_BYTES, REQUEST_BYTES, decode_hashes, decode_request};
use super::{MAX_BLOCK_BYTES, MAX_MESSAGE_BYTES, PIECE_HEADER_BYTES, WireError, extended, id};
use crate::bitfield::Bitfield;
use crate::ids::{BlockRef, PieceIndex};
use crate::message::Message;

/// The start of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// No complete message. Read until the buffer holds at least `need` bytes.
    Incomplete {
        /// More than the buffer has, and never more than one message can have.
        need: usize,
    },
    /// A message. [`Message::Piece`] is followed by `block.length` bytes of payload.
    Message {
        /// The message.
        message: Message,
        /// Bytes it took.
        used: usize,
    },
    /// A message with an unknown id: skip the `skip` bytes after it.
    Unknown {
        /// Message id.
        id: u8,
        /// Bytes of its header.
        used: usize,
        /// Bytes of its body, at most those of one message.
        skip: u32,
    },
}

/// Reads the messages of one connection. It stores no bytes: the caller has the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// `None` while it is not known.
    piece_count: Option<u32>,
    limit: u32,
}

impl Decoder {
    /// For a torrent of `piece_count` pieces.
    #[must_use]
    pub fn new(piece_count: u32) -> Self {
        Self {
            piece_count: Some(piece_count),
            limit: MAX_MESSAGE_BYTES.max(1 + piece_count.div_ceil(8)),
        }
    }

    /// For a torrent whose info dictionary is not known yet: bitfields are skipped.
    #[must_use]
    pub fn without_metadata() -> Self {
        Self {
            piece_count: None,
            limit: MAX_MESSAGE_BYTES,
        }
    }

    /// Reads the message at the start of `bytes`. Length and id are checked as soon as they are
    /// there, so that the caller does not wait or allocate for a message that will be refused.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, WireError> {
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Ok(Decoded::Incomplete { need: 4 });
        };
        let length = u32::from_be_bytes(*length);
        if length > self.limit {
            return Err(WireError::TooLong {
                length,
                limit: self.limit,
            });
        }
        if length == 0 {
            return Ok(Decoded::Message {
                message: Message::KeepAlive,
                used: 4,
            });
        }
        let Some((id, rest)) = rest.split_first() else {
            return Ok(Decoded::Incomplete { need: 5 });
        };
        self.check_length(*id, length)?;
        let body = match *id {
            id::PIECE => PIECE_HEADER_BYTES - 5,
            id::BITFIELD if self.piece_count.is_none() => {
                return Ok(Decoded::Unknown {
                    id: id::BITFIELD,
                    used: 5,
                    skip: length - 1,
                });
            }
            id::CHOKE..=id::PORT
            | id::SUGGEST..=id::ALLOWED_FAST
            | id::EXTENDED..=id::HASH_REJECT => length - 1,
            id => {
                return Ok(Decoded::Unknown {
                    id,
                    used: 5,
                    skip: length - 1,
                });
            }
        };
        let used = 5 + body as usize;
        match rest.get(..body as usize) {
            None => Ok(Decoded::Incomplete { need: used }),
            Some(body) => Ok(Decoded::Message {
                message: self.message(*id, length, body)?,
                used,
            }),
        }
    }

    fn check_length(self, id: u8, length: u32) -> Result<(), WireError> {
        let fits = match id {
            id::CHOKE..=id::NOT_INTERESTED | id::HAVE_ALL | id::HAVE_NONE => length == 1,
            id::HAVE | id::SUGGEST | id::ALLOWED_FAST => length == 5,
            id::BITFIELD => {
                let expected = self.piece_count.map(|it| 1 + it.div_ceil(8));
                expected.is_none_or(|it| it == length)
            }
            id::REQUEST | id::CANCEL | id::REJECT => length == 13,
            id::PIECE => (9..=9 + MAX_BLOCK_BYTES).contains(&length),
            id::PORT => length == 3,
            id::EXTENDED => length >= 2,
            id::HASH_REQUEST | id::HASH_REJECT => length as usize == 1 + REQUEST_BYTES,
            id::HASHES => (length as usize)
                .checked_sub(1 + REQUEST_BYTES)
                .is_some_and(|it| it.is_multiple_of(HASH_BYTES)),
            _ => true,
        };
        if fits {
            Ok(())
        } else {
            Err(WireError::Length { id, length })
        }
    }

    /// `body` has the length that `check_length` and the header of a block allow.
    fn message(self, id: u8, length: u32, body: &[u8]) -> Result<Message, WireError> {
        Ok(match id {
            id::CHOKE => Message::Choke,
            id::UNCHOKE => Message::Unchoke,
            id::INTERESTED => Message::Interested,
            id::NOT_INTERESTED => Message::NotInterested,
            id::HAVE => Message::Have(PieceIndex(word(body, 0))),
            id::BITFIELD => Message::Bitfield(Box::new(
                self.piece_count
                    .and_then(|it| Bitfield::from_wire(body, it))
                    .ok_or(WireError::Length { id, length })?,
            )),
            id::REQUEST => Message::Request(block(body, word(body, 8))),
            id::PIECE => Message::Piece(block(body, length - 9)),
            id::CANCEL => Message::Cancel(block(body, word(body, 8))),
            id::PORT => Message::Port(u16::from_be_bytes([body[0], body[1]])),
            id::SUGGEST => Message::Suggest(PieceIndex(word(body, 0))),
            id::HAVE_ALL => Message::HaveAll,
            id::HAVE_NONE => Message::HaveNone,
            id::REJECT => Message::Reject(block(body, word(body, 8))),
            id::ALLOWED_FAST => Message::AllowedFast(PieceIndex(word(body, 0))),
            id::HASH_REQUEST => Message::HashRequest(Box::new(decode_request(body))),
            id::HASHES => Message::Hashes(Box::new(decode_hashes(body))),
            id::HASH_REJECT => Message::HashReject(Box::new(decode_request(body))),
            _ => Message::Extended(Box::new(extended::decode(body))),
        })
    }
}

fn word(body: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(body[at..at + 4].try_into().expect("4 bytes"))
}

fn block(body: &[u8], length: u32) -> BlockRef {
    BlockRef {
        piece: PieceIndex(word(body, 0)),
        begin: word(body, 4),
        length,
    }
}
