//! The info dictionary: fetching, serving, and the search for peers that have it.

mod fetch;
mod search;
mod serve;

use std::sync::Arc;

use sha1::{Digest as _, Sha1};
use unchoke_core::ids::InfoHash;
use unchoke_core::message::MetadataMessage;
use unchoke_core::metadata::METADATA_PIECE_BYTES;

/// A dictionary of this many bytes with arbitrary content, and its hash.
fn dictionary(bytes: usize) -> (Vec<u8>, InfoHash) {
    let byte = |it| u8::try_from(it * it % 251).expect("below 251");
    let info: Vec<u8> = (0..bytes).map(byte).collect();
    let hash = InfoHash(Sha1::digest(&info).into());
    (info, hash)
}

/// A piece of `info` as a peer sends it.
fn data(info: &[u8], piece: u32) -> MetadataMessage {
    let parts = info.chunks(METADATA_PIECE_BYTES as usize);
    let bytes = parts.skip(piece as usize).map(Arc::from).next();
    MetadataMessage::Data {
        piece,
        total_bytes: u32::try_from(info.len()).expect("small"),
        bytes: bytes.expect("a piece of it"),
    }
}
