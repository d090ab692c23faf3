//! Converts messages to bytes.

use alloc::vec::Vec;

use super::hashes::{HASH_BYTES, REQUEST_BYTES, encode_hashes, encode_request};
use super::{
    Message, PIECE_HEADER_BYTES, encode_extended_handshake, encode_metadata, encode_pex, id,
};
use crate::ids::BlockRef;
use crate::message::Extended;

/// Appends `message`. For [`Message::Piece`] this is the header; the payload must follow it.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::KeepAlive => out.extend_from_slice(&[0; 4]),
        Message::Choke => put(out, id::CHOKE, &[]),
        Message::Unchoke => put(out, id::UNCHOKE, &[]),
        Message::Interested => put(out, id::INTERESTED, &[]),
        Message::NotInterested => put(out, id::NOT_INTERESTED, &[]),
        Message::Have(piece) => put(out, id::HAVE, &piece.0.to_be_bytes()),
        Message::Bitfield(pieces) => put(out, id::BITFIELD, &pieces.to_wire()),
        Message::Request(block) => put(out, id::REQUEST, &triple(*block)),
        Message::Piece(block) => {
            out.extend_from_slice(&(9 + block.length).to_be_bytes());
            out.push(id::PIECE);
            out.extend_from_slice(&triple(*block)[..8]);
        }
        Message::Cancel(block) => put(out, id::CANCEL, &triple(*block)),
        Message::Port(port) => put(out, id::PORT, &port.to_be_bytes()),
        Message::Suggest(piece) => put(out, id::SUGGEST, &piece.0.to_be_bytes()),
        Message::HaveAll => put(out, id::HAVE_ALL, &[]),
        Message::HaveNone => put(out, id::HAVE_NONE, &[]),
        Message::Reject(block) => put(out, id::REJECT, &triple(*block)),
        Message::AllowedFast(piece) => put(out, id::ALLOWED_FAST, &piece.0.to_be_bytes()),
        Message::Extended(extended) => {
            let (extended_id, body) = match &**extended {
                Extended::Handshake(handshake) => (0, &encode_extended_handshake(handshake)),
                Extended::Pex { id, changes } => (*id, &encode_pex(changes)),
                Extended::Metadata { id, message } => (*id, &encode_metadata(message)),
                Extended::Unknown { id, payload } => (*id, payload),
            };
            put_length(out, 2 + body.len());
            out.extend_from_slice(&[id::EXTENDED, extended_id]);
            out.extend_from_slice(body);
        }
        Message::HashRequest(request) => put(out, id::HASH_REQUEST, &encode_request(request)),
        Message::Hashes(hashes) => put(out, id::HASHES, &encode_hashes(hashes)),
        Message::HashReject(request) => put(out, id::HASH_REJECT, &encode_request(request)),
    }
}

/// Number of bytes that [`encode`] appends. Only extension messages are encoded to find it.
#[must_use]
#[inline]
pub fn wire_len(message: &Message) -> u32 {
    match message {
        Message::KeepAlive => 4,
        Message::Choke
        | Message::Unchoke
        | Message::Interested
        | Message::NotInterested
        | Message::HaveAll
        | Message::HaveNone => 5,
        Message::Have(_) | Message::Suggest(_) | Message::AllowedFast(_) => 9,
        Message::Bitfield(pieces) => 5 + pieces.piece_count().div_ceil(8),
        Message::Request(_) | Message::Cancel(_) | Message::Reject(_) => super::REQUEST_BYTES,
        Message::Piece(_) => PIECE_HEADER_BYTES,
        Message::Port(_) => 7,
        Message::HashRequest(_) | Message::HashReject(_) => 5 + length(REQUEST_BYTES),
        Message::Hashes(hashes) => 5 + length(REQUEST_BYTES + hashes.hashes.len() * HASH_BYTES),
        Message::Extended(extended) => extended_len(extended),
    }
}

/// The same for an extension message. It is a separate function so that the rest is small enough to
/// be inlined.
#[cold]
fn extended_len(extended: &Extended) -> u32 {
    6 + length(match extended {
        Extended::Handshake(handshake) => encode_extended_handshake(handshake).len(),
        Extended::Pex { changes, .. } => encode_pex(changes).len(),
        Extended::Metadata { message, .. } => encode_metadata(message).len(),
        Extended::Unknown { payload, .. } => payload.len(),
    })
}

fn put(out: &mut Vec<u8>, id: u8, body: &[u8]) {
    put_length(out, 1 + body.len());
    out.push(id);
    out.extend_from_slice(body);
}

fn put_length(out: &mut Vec<u8>, bytes: usize) {
    out.extend_from_slice(&length(bytes).to_be_bytes());
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("messages that we make are far below 4 GiB")
}

fn triple(block: BlockRef) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&block.piece.0.to_be_bytes());
    bytes[4..8].copy_from_slice(&block.begin.to_be_bytes());
    bytes[8..].copy_from_slice(&block.length.to_be_bytes());
    bytes
}
