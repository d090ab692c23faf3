//! Several blocks in one read. A peer sends the blocks that it was asked for one after the other, so
//! a whole block is most likely followed by the header and the payload of the next. Both are read to
//! where they belong, and nothing is copied. If other bytes came instead, they are moved.

use unchoke_core::ids::BlockRef;
use unchoke_core::message::Message;
use unchoke_core::wire::{Decoded, Decoder, PIECE_HEADER_BYTES};

use crate::buffers::{BUFFER_BYTES, Buffer, Pool};

/// Most blocks to read together with the rest of another.
const MOST: usize = 3;

/// Bytes before the payload of a block.
pub(super) const HEADER: usize = PIECE_HEADER_BYTES as usize;

/// Room for a block that may follow, and how much of it was read.
pub(super) struct Place {
    pub(super) header: [u8; HEADER],
    pub(super) buffer: Buffer,
    pub(super) header_read: usize,
    pub(super) buffer_read: usize,
}

/// A block whose header was read together with the block before.
pub(super) struct Follower {
    pub(super) block: BlockRef,
    pub(super) buffer: Buffer,
    /// Bytes of its payload that were read.
    pub(super) filled: usize,
}

/// How many blocks to expect in a read.
#[derive(Debug)]
pub(super) struct Expected(usize);

impl Expected {
    pub(super) fn new() -> Self {
        Self(1)
    }

    /// Room for one block more than the last read had; less if the pool is in use.
    pub(super) fn places(&self, pool: &Pool) -> Vec<Place> {
        let buffers = std::iter::from_fn(|| pool.try_take(BUFFER_BYTES));
        let place = |buffer| Place {
            header: [0; HEADER],
            buffer,
            header_read: 0,
            buffer_read: 0,
        };
        buffers.take(self.0).map(place).collect()
    }

    pub(super) fn learn(&mut self, followers: usize) {
        self.0 = (followers + 1).min(MOST);
    }
}

impl Place {
    /// The header, if it is that of a whole block.
    fn whole_block(&self, decoder: Decoder) -> Option<BlockRef> {
        let header = &self.header[..self.header_read];
        match decoder.decode(header) {
            Ok(Decoded::Message {
                message: Message::Piece(block),
                ..
            }) => Some(block).filter(|it| it.length as usize == BUFFER_BYTES),
            _ => None,
        }
    }
}

/// Sorts what was read: blocks up to the first place that holds something else, and the bytes from
/// there on.
pub(super) fn sort(
    places: Vec<Place>,
    decoder: Decoder,
    followers: &mut impl Extend<Follower>,
) -> Vec<u8> {
    let mut others = Vec::new();
    for place in places.into_iter().take_while(|it| it.header_read > 0) {
        if let Some(block) = place.whole_block(decoder).filter(|_| others.is_empty()) {
            followers.extend([Follower {
                block,
                buffer: place.buffer,
                filled: place.buffer_read,
            }]);
        } else {
            others.extend_from_slice(&place.header[..place.header_read]);
            others.extend_from_slice(&place.buffer[..place.buffer_read]);
        }
    }
    others
}
