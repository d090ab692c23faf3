//! Messages about hashes of merkle trees. BEP 52.

use alloc::vec::Vec;

use crate::message::{HashRequest, Hashes};

/// Bytes of a request after its id.
pub(super) const REQUEST_BYTES: usize = 48;
/// Bytes of a hash.
pub(super) const HASH_BYTES: usize = 32;

pub(super) fn encode_request(request: &HashRequest) -> Vec<u8> {
    let mut out = request.root.to_vec();
    for number in [request.base, request.index, request.length, request.proofs] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out
}

pub(super) fn encode_hashes(hashes: &Hashes) -> Vec<u8> {
    let mut out = encode_request(&hashes.request);
    out.extend_from_slice(hashes.hashes.as_flattened());
    out
}

/// `body` must have [`REQUEST_BYTES`] at least.
pub(super) fn decode_request(body: &[u8]) -> HashRequest {
    let (root, rest) = body.split_first_chunk().expect("a whole request");
    let numbers: Vec<u32> = rest
        .as_chunks()
        .0
        .iter()
        .map(|it| u32::from_be_bytes(*it))
        .collect();
    HashRequest {
        root: *root,
        base: numbers[0],
        index: numbers[1],
        length: numbers[2],
        proofs: numbers[3],
    }
}

/// `body` must be a request and whole hashes.
pub(super) fn decode_hashes(body: &[u8]) -> Hashes {
    let (request, hashes) = body.split_at(REQUEST_BYTES);
    Hashes {
        request: decode_request(request),
        hashes: hashes.as_chunks().0.to_vec(),
    }
}
